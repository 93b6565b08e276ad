#include "serve/server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "mysql/client.h"
#include "serve/log_testing.h"

namespace binbus::serve {
namespace {

struct RunningServer {
  TestLog log{store::make_files(mysql::Flavor::kMysql, 2, 2, 60)};
  std::unique_ptr<Server> server;

  explicit RunningServer(size_t connections_max = 100) {
    ServerOptions options = log.options;
    options.stream = "shop";
    options.listen = "127.0.0.1:0";
    options.connections_max = connections_max;
    options.accounts = {{"repl", mysql::StoredPassword::from_plain("secret"), false},
                        {"other", mysql::StoredPassword::from_plain("secret"), false}};
    auto started =
        Server::start(options, *log.log, io::system_clock(), [] { return SourceFacts(); });
    if (!started) ADD_FAILURE() << started.error().message;
    server = std::move(*started);
  }
  Result<std::unique_ptr<mysql::Client>> connect(mysql::TlsMode tls = mysql::TlsMode::kDisabled,
                                                 const std::string& user = "repl",
                                                 const std::string& password = "secret") const {
    mysql::ConnectOptions options;
    options.address = "127.0.0.1:" + std::to_string(server->port());
    options.user = user;
    options.password = password;
    options.tls = tls;
    return mysql::Client::connect(options);
  }
};

// A dump that waits for more, by a reader of this id.
std::unique_ptr<io::Stream> follow(std::unique_ptr<mysql::Client> client, uint32_t server_id) {
  EXPECT_TRUE(client->query("SET @master_binlog_checksum = 'CRC32'"));
  ByteWriter body;
  body.u32(4).u16(0).u32(server_id);
  auto stream = mysql::Client::hand_over(std::move(client), 0x12, body.view());
  if (!stream) ADD_FAILURE() << stream.error().message;
  return std::move(*stream);
}

// Waits for what other threads bring about.
template <class Condition>
bool eventually(Condition condition, int milliseconds = 30'000) {
  for (int i = 0; i < milliseconds; i++) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

size_t following(const Server& server) {
  const auto replicas = server.replicas();
  return static_cast<size_t>(std::ranges::count_if(
      replicas, [](const ReplicaStatus& replica) { return !replica.mode.empty(); }));
}

TEST(Server, LetsKnownUsersInAndAnswers) {
  RunningServer running;
  for (const auto tls : {mysql::TlsMode::kDisabled, mysql::TlsMode::kRequired}) {
    auto client = running.connect(tls);
    ASSERT_TRUE(client) << client.error().message;
    EXPECT_EQ((*client)->server_version(), "8.0.32");
    EXPECT_EQ((*client)->tls_version().empty(), tls == mysql::TlsMode::kDisabled);
    const auto table = (*client)->query("SHOW BINARY LOGS");
    ASSERT_TRUE(table);
    EXPECT_EQ(table->rows.size(), 2u);
    const auto refused = (*client)->query("SELECT * FROM t");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().mysql_errno, 1064);
  }
  EXPECT_EQ(running.connect(mysql::TlsMode::kDisabled, "repl", "wrong").error().code, Code::kAuth);
}

TEST(Server, ShowsWhoFollows) {
  RunningServer running;
  auto client = running.connect();
  ASSERT_TRUE(client);
  EXPECT_TRUE((*client)->query("SET @slave_uuid = 'u77'"));
  const auto stream = follow(std::move(*client), 77);
  const auto caught_up = [&] {
    const auto replicas = running.server->replicas();
    return replicas.size() == 1 && replicas[0].caught_up;
  };
  ASSERT_TRUE(eventually(caught_up));
  const ReplicaStatus replica = running.server->replicas()[0];
  EXPECT_EQ(replica.user, "repl");
  EXPECT_EQ(replica.server_id, 77u);
  EXPECT_EQ(replica.server_uuid, "u77");
  EXPECT_EQ(replica.mode, "position");
  EXPECT_EQ(replica.position, running.log.log->visible_end());
  EXPECT_EQ(replica.lag_bytes, 0u);
  stream->shutdown();
  EXPECT_TRUE(eventually([&] { return running.server->replicas().empty(); }));
}

TEST(Server, ASecondReaderOfTheSameIdEndsTheFirst) {
  RunningServer running;
  const auto first = follow(std::move(*running.connect()), 77);
  const auto other = follow(std::move(*running.connect()), 78);
  ASSERT_TRUE(eventually([&] { return running.server->replicas().size() == 2; }));
  const auto second = follow(std::move(*running.connect()), 77);
  const auto only_new_ones = [&] {
    return following(*running.server) == 2 && running.server->replicas().back().server_id == 77;
  };
  EXPECT_TRUE(eventually(only_new_ones));
  // The first one's connection is gone, after what it had to be told.
  first->set_read_timeout(30'000);
  uint8_t buffer[4096];
  Result<size_t> count = 0;
  while (count) count = first->read_some(buffer);
  EXPECT_EQ(count.error().code, Code::kNetwork);
  EXPECT_EQ(running.server->replicas().size(), 2u);
}

TEST(Server, OfReadersOfTheSameIdThatComeAtOnceOneStays) {
  RunningServer running;
  constexpr size_t kReaders = 8;
  std::vector<std::unique_ptr<mysql::Client>> clients;
  for (size_t i = 0; i < kReaders; i++) clients.push_back(std::move(*running.connect()));
  std::vector<std::unique_ptr<io::Stream>> streams(kReaders);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kReaders; i++)
    threads.emplace_back([&, i] { streams[i] = follow(std::move(clients[i]), 77); });
  for (std::thread& thread : threads) thread.join();
  const auto one = [&] { return following(*running.server) == 1; };
  EXPECT_TRUE(eventually([&] { return one() && !eventually([&] { return !one(); }, 50); }, 600));
}

TEST(Server, KillEndsOnesOwnConnections) {
  RunningServer running;
  auto mine = running.connect();
  auto another = running.connect();
  auto stranger = running.connect(mysql::TlsMode::kDisabled, "other");
  ASSERT_TRUE(mine && another && stranger);
  const auto kill = [](mysql::Client& client, const mysql::Client& whom) {
    return client.query("KILL " + std::to_string(whom.connection_id())).has_value();
  };
  EXPECT_FALSE(kill(**stranger, **mine));
  EXPECT_TRUE(kill(**mine, **another));
  EXPECT_FALSE((*another)->query("SELECT 1"));
  EXPECT_TRUE((*mine)->query("SELECT 1"));
}

TEST(Server, RefusesMoreConnectionsThanAllowed) {
  RunningServer running(1);
  auto first = running.connect();
  ASSERT_TRUE(first);
  const auto second = running.connect();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().mysql_errno, 1040);
  first->reset();
  EXPECT_TRUE(eventually([&] { return running.connect().has_value(); }));
}

TEST(Server, StopEndsEverybody) {
  RunningServer running;
  const auto following = follow(std::move(*running.connect()), 77);
  auto asking = running.connect();
  ASSERT_TRUE(asking);
  running.server->stop();
  running.server->stop();
  EXPECT_FALSE((*asking)->query("SELECT 1"));
  EXPECT_TRUE(running.server->replicas().empty());
  EXPECT_FALSE(running.connect());
}

// Until the first event can be sent, whatever is known of the source already.
TEST(Server, WithNothingFromTheSourceItAsksToComeBack) {
  TestLog log({});
  ServerOptions options = log.options;
  options.listen = "127.0.0.1:0";
  options.accounts = {{"repl", mysql::StoredPassword::from_plain("secret"), false}};
  const auto server = Server::start(options, *log.log, io::system_clock(), [] {
    return SourceFacts{.version = "9.7.0", .gtid_mode = "ON", .variables = {}};
  });
  ASSERT_TRUE(server);
  const auto connect = [&] {
    mysql::ConnectOptions to;
    to.address = "127.0.0.1:" + std::to_string((*server)->port());
    to.user = "repl";
    to.password = "secret";
    return mysql::Client::connect(to);
  };
  const auto expect_refused = [&] {
    const auto client = connect();
    ASSERT_FALSE(client);
    EXPECT_NE(client.error().message.find("nothing from its source yet"), std::string::npos);
  };
  expect_refused();
  const auto files = store::make_files(mysql::Flavor::kMysql, 1, 1, 60);
  ASSERT_TRUE(log.log->begin_segment(files[0].name));
  expect_refused();
  log.add(files[0]);
  EXPECT_TRUE(connect());
}

TEST(Server, AnAddressThatIsTakenIsNamed) {
  RunningServer running;
  ServerOptions options = running.log.options;
  options.listen = "127.0.0.1:" + std::to_string(running.server->port());
  const auto second =
      Server::start(options, *running.log.log, io::system_clock(), [] { return SourceFacts(); });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kExists);
}

}  // namespace
}  // namespace binbus::serve
