// The service in the test's process, and a client as any language's would be.
#include "feed/server.h"

#include <binbus/feed/v1/feed.grpc.pb.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include "feed/place.h"
#include "feed/tail.h"
#include "format/change_testing.h"
#include "io/simulated_disk.h"
#include "store/log_testing.h"

namespace binbus::feed {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint64_t kSecondUs = 1'000'000;

// Rows 1, 2, ... of a table shop.a, as of a place.
class MadeRows final : public state::KeptTables {
 public:
  MadeRows(uint64_t rows, const state::Place& at) {
    char folder[] = "/tmp/binbus-feed-XXXXXX";
    folder_ = ::mkdtemp(folder);
    auto store = state::TableStore::open({.folder = folder_});
    EXPECT_TRUE(store);
    auto tables = state::Tables::open("shop", std::move(*store));
    EXPECT_TRUE(tables);
    tables_ = std::move(*tables);
    format::TableMaker maker("shop", "a");
    maker.add(format::integer_cell("id", schema::SqlType::kInt, "int", 0)).key({0});
    state::Tables::Table& table = tables_->add(maker.table(), state::Phase::kReady);
    for (uint64_t id = 1; id <= rows; ++id) {
      EXPECT_TRUE(tables_->insert(table, maker.row({{.bytes = format::little_endian(id, 4)}})));
    }
    move_to(at);
  }
  ~MadeRows() override {
    tables_.reset();
    std::filesystem::remove_all(folder_);
  }
  void move_to(const state::Place& at) {
    tables_->set_place(at);
    EXPECT_TRUE(tables_->commit());
  }
  state::KeeperStatus status() const override { return {}; }
  bool keeps(std::string_view, std::string_view) const override { return true; }
  std::shared_ptr<const state::TablesView> view() const override { return tables_->view(); }
  changes::FillRow filler() const override { return {}; }

 private:
  std::string folder_;
  std::unique_ptr<state::Tables> tables_;
};

// Half a second goes by whenever it is looked at.
class HastyClock final : public io::Clock {
 public:
  uint64_t wall_us() override { return io::system_clock().wall_us(); }
  uint64_t monotonic_us() override { return now_us_ += kSecondUs / 2; }

 private:
  std::atomic<uint64_t> now_us_ = 0;
};

// A stream "shop" whose log is made up, and whose tables its statements tell.
class MadeStreams final : public Streams {
 public:
  MadeStreams() {
    maker_.start("binlog.000001", {});
    open_log("log");
    store_file();
    auto files = open_cursor_files(disk_, "feed");
    EXPECT_TRUE(files);
    cursors_ = std::make_shared<CursorTable>(std::move(*files), io::system_clock(), 0);
  }
  Result<Stream> feed(const std::string& stream) override {
    if (stream != "shop") return fail(Code::kNotFound, "no stream \"" + stream + "\"");
    if (!is_open) return fail(Code::kUnavailable, "not open yet");
    Stream out;
    out.keep = cursors_;
    out.log = log_.get();
    out.schema_at = [this](binlog::Position at) -> Result<changes::SchemaThere> {
      changes::SchemaThere there;
      schema::StatementContext context;
      context.database = "shop";
      for (const auto& [offset, text] : statements_) {
        if (offset < at.offset) BINBUS_RETURN_IF_ERROR(there.catalog.apply(text, context));
      }
      return there;
    };
    out.state = rows.get();
    out.cursors = cursors_;
    out.subscribers = subscribers;
    out.tails = tails;
    out.closing = closing.get_token();
    return out;
  }
  std::vector<Node> feed_nodes() const override { return {{"n1", "a:1"}, {"n2", "b:2"}}; }

  void open_log(std::string folder) {
    auto opened =
        store::LocalLog::open(disk_, io::system_clock(), {.directory = std::move(folder)}, nullptr);
    EXPECT_TRUE(opened);
    log_ = std::move(*opened);
  }
  // What a log begins with.
  void store_file() { EXPECT_TRUE(store::store_file(*log_, maker_.file())); }
  void statement(std::string_view text) {
    statements_.emplace_back(maker_.file().bytes.size(), text);
    append([&](const mysql::AnyGtid& gtid) {
      maker_.statement(gtid, kSecondUs * number_, "shop", text);
    });
  }
  void insert(std::string_view table) {
    append([&](const mysql::AnyGtid& gtid) {
      maker_.insert(gtid, kSecondUs * number_, "shop", table, 1, 1, "INSERT ...");
    });
  }

  // The place behind all that is in the log.
  state::Place end() const {
    state::Place place;
    place.at = log_->visible_end();
    place.text = "binlog.000001:" + std::to_string(place.at.offset);
    return place;
  }

  std::atomic<bool> is_open = true;
  std::stop_source closing;
  std::unique_ptr<MadeRows> rows;
  const std::shared_ptr<Subscribers> subscribers = std::make_shared<Subscribers>();
  const std::shared_ptr<Tails> tails = std::make_shared<Tails>();

 private:
  template <class Make>
  void append(const Make& make) {
    const uint64_t from = maker_.file().bytes.size();
    make(store::mysql_gtid(++number_));
    const uint64_t to = maker_.file().bytes.size();
    ASSERT_TRUE(
        log_->append(Bytes(maker_.file().bytes).subspan(from), maker_.file().ends_in(from, to)));
    ASSERT_TRUE(log_->sync());
  }

  io::SimulatedDisk disk_;
  store::FileMaker maker_{mysql::Flavor::kMysql, binlog::Checksum::kCrc32};
  uint64_t number_ = 0;
  std::vector<std::pair<uint64_t, std::string>> statements_;  // by where they begin
  std::unique_ptr<store::LocalLog> log_;
  std::shared_ptr<CursorTable> cursors_;
};

// A Subscribe call.
class TestClient {
 public:
  explicit TestClient(v1::Feed::Stub& stub, const std::string& token = "sesame") {
    if (!token.empty()) context_.AddMetadata("authorization", "Bearer " + token);
    stream_ = stub.Subscribe(&context_);
  }
  ~TestClient() {
    context_.TryCancel();
    if (!finished_) static_cast<void>(stream_->Finish());
  }
  void start(v1::Start start) {
    v1::SubscribeRequest request;
    *request.mutable_start() = std::move(start);
    stream_->Write(request);
  }
  void credit(uint64_t bytes) {
    v1::SubscribeRequest request;
    request.mutable_credit()->set_bytes(bytes);
    stream_->Write(request);
  }
  void commit(const std::string& position) {
    v1::SubscribeRequest request;
    request.mutable_commit()->set_position(position);
    stream_->Write(request);
  }
  void leave() {
    v1::SubscribeRequest request;
    request.mutable_leave();
    stream_->Write(request);
  }
  void half_close() { stream_->WritesDone(); }
  v1::SubscribeResponse any() {
    v1::SubscribeResponse message;
    return stream_->Read(&message) ? message : v1::SubscribeResponse();
  }
  // The next message of that kind; those between are passed over.
  v1::SubscribeResponse next(v1::SubscribeResponse::MessageCase kind) {
    v1::SubscribeResponse message;
    while (message.message_case() != kind) {
      if (!stream_->Read(&message)) return {};
    }
    return message;
  }
  // Up to and with the change at which there is nothing left for now.
  std::vector<v1::Change> changes(size_t count) {
    std::vector<v1::Change> out;
    while (out.size() < count) {
      const v1::SubscribeResponse message = next(v1::SubscribeResponse::kBatch);
      if (message.message_case() == v1::SubscribeResponse::MESSAGE_NOT_SET) break;
      for (const v1::Table& table : message.batch().tables()) {
        EXPECT_FALSE(tables.contains(table.id()));
        tables[table.id()] = table;
      }
      out.insert(out.end(), message.batch().changes().begin(), message.batch().changes().end());
    }
    return out;
  }
  grpc::Status end() {
    v1::SubscribeResponse message;
    while (stream_->Read(&message)) {
    }
    finished_ = true;
    return stream_->Finish();
  }

  std::map<uint32_t, v1::Table> tables;

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::SubscribeRequest, v1::SubscribeResponse>> stream_;
  bool finished_ = false;
};

// Whether it comes true within a minute.
bool soon(const std::function<bool()>& true_now) {
  for (const uint64_t until_us = io::system_clock().monotonic_us() + 60 * kSecondUs; !true_now();) {
    if (io::system_clock().monotonic_us() > until_us) return false;
    std::this_thread::yield();
  }
  return true;
}

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    auto opened = Server::open({.listen = "127.0.0.1:0", .node = "n1", .token = "sesame"}, streams_,
                               io::system_clock());
    EXPECT_TRUE(opened) << opened.error().message;
    server_ = std::move(*opened);
    stub_ = v1::Feed::NewStub(grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->port()),
                                                  grpc::InsecureChannelCredentials()));
  }
  // Two rows between statements.
  void make_changes() {
    streams_.statement("CREATE TABLE a (id INT PRIMARY KEY)");
    streams_.insert("a");
    streams_.statement("CREATE TABLE b (id INT)");
    streams_.insert("a");
  }
  // How many clients share the log's end with who starts so.
  long in_tail(const v1::Start& start) const {
    v1::Start wants;
    *wants.mutable_filter() = start.filter();
    const auto tail = streams_.tails->find(wants.SerializeAsString());
    return tail == nullptr ? 0 : tail.use_count() - 1;
  }
  static v1::Start from(const std::string& where) {
    v1::Start start;
    start.set_stream("shop");
    start.set_from(where);
    return start;
  }
  static std::vector<std::string> told(const std::vector<v1::Change>& changes) {
    std::vector<std::string> out;
    for (const v1::Change& change : changes) {
      out.push_back(change.operation() == v1::DDL ? change.ddl().statement()
                                                  : v1::Operation_Name(change.operation()));
    }
    return out;
  }

  MadeStreams streams_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::Feed::Stub> stub_;
};

TEST_F(ServerTest, TellsTablesOnceAndRowsByTheirOrdinals) {
  make_changes();
  TestClient client(*stub_);
  client.start(from("earliest"));
  const auto changes = client.changes(4);
  EXPECT_THAT(told(changes), ElementsAre("CREATE TABLE a (id INT PRIMARY KEY)", "INSERT",
                                         "CREATE TABLE b (id INT)", "INSERT"));
  const v1::Table& a = client.tables.at(changes[1].table());
  EXPECT_EQ(a.table(), "a");
  EXPECT_EQ(a.columns(0).name(), "id");
  EXPECT_THAT(a.key(), ElementsAre(0));
  EXPECT_EQ(changes[0].ddl().table_after(), changes[1].table());
  EXPECT_EQ(changes[0].ddl().table_before(), 0U);
  EXPECT_EQ(changes[3].table(), changes[1].table());
  EXPECT_EQ(changes[1].after().values(0), "1");
  EXPECT_EQ(client.tables.size(), 2U);
}

TEST_F(ServerTest, GoesOnBehindEachPosition) {
  make_changes();
  v1::Start start = from("earliest");
  start.set_transactions(true);
  TestClient all(*stub_);
  all.start(start);
  const auto changes = all.changes(8);  // rows with BEGIN and COMMIT
  ASSERT_EQ(changes.size(), 8U);
  for (size_t i = 0; i + 1 < changes.size(); ++i) {
    TestClient client(*stub_);
    start.set_resume(changes[i].position());
    client.start(start);
    // A BEGIN comes again when nothing of its transaction was taken.
    const size_t again = changes[i].operation() == v1::BEGIN ? i : i + 1;
    const auto rest = client.changes(changes.size() - again);
    ASSERT_EQ(rest.size(), changes.size() - again) << i;
    for (size_t j = 0; j < rest.size(); ++j)
      EXPECT_EQ(rest[j].position(), changes[again + j].position()) << i;
  }
}

TEST_F(ServerTest, LeavesOutWhatTheSetHas) {
  make_changes();
  TestClient client(*stub_);
  const std::string second = mysql::to_string(store::mysql_gtid(2));
  client.start(from("gtid:" + second.substr(0, second.rfind(':')) + ":1-2:4"));
  streams_.statement("DROP TABLE b");
  EXPECT_THAT(told(client.changes(2)), ElementsAre("CREATE TABLE b (id INT)", "DROP TABLE b"));
}

TEST_F(ServerTest, FollowsAndSaysWhereItIs) {
  make_changes();
  TestClient client(*stub_);
  v1::Start start = from("now");
  start.mutable_filter()->add_tables("shop.b");
  client.start(start);
  const auto subscribed = client.next(v1::SubscribeResponse::kSubscribed).subscribed();
  EXPECT_EQ(subscribed.node(), "n1");
  streams_.insert("a");  // which is not wanted
  v1::Heartbeat heartbeat;
  while (heartbeat.position() == subscribed.position() || heartbeat.position().empty())
    heartbeat = client.next(v1::SubscribeResponse::kHeartbeat).heartbeat();
  EXPECT_EQ(heartbeat.source_time_us(), 5 * kSecondUs);
  start.set_resume(heartbeat.position());
  start.mutable_filter()->clear_tables();
  TestClient behind(*stub_);
  behind.start(start);
  streams_.statement("DROP TABLE a");
  EXPECT_THAT(told(behind.changes(1)), ElementsAre("DROP TABLE a"));
}

TEST_F(ServerTest, NowIsAPlaceEvenBeforeTheLogHasAnything) {
  streams_.open_log("empty");
  TestClient client(*stub_);
  client.start(from("now"));
  EXPECT_THAT(client.next(v1::SubscribeResponse::kWaiting).waiting().reason(),
              HasSubstr("the log has nothing yet"));
  streams_.store_file();
  EXPECT_THAT(client.next(v1::SubscribeResponse::kSubscribed).subscribed().position(),
              testing::StartsWith("binlog.000001:"));
}

TEST_F(ServerTest, TellsWhoIsServedAndHowFar) {
  make_changes();
  {
    TestClient client(*stub_);
    v1::Start start = from("earliest");
    start.set_cursor("app");
    start.set_client("ann");
    client.start(start);
    client.changes(4);
    client.next(v1::SubscribeResponse::kHeartbeat);
    const auto all = streams_.subscribers->list();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].client, "ann");
    EXPECT_EQ(all[0].cursor, "app");
    EXPECT_EQ(all[0].state, "caught_up");
    EXPECT_EQ(all[0].position, streams_.end().text);
    EXPECT_EQ(all[0].read, streams_.end().at);
    EXPECT_THAT(all[0].peer, testing::StartsWith("127.0.0.1:"));
    EXPECT_GT(all[0].bytes_sent, 100U);
  }
  server_->stop();
  EXPECT_TRUE(streams_.subscribers->list().empty());
  EXPECT_GT(streams_.subscribers->bytes_sent(), 100U);
}

TEST_F(ServerTest, SaysThatItGoesOnWhereNoRowFits) {
  make_changes();
  streams_.rows = std::make_unique<MadeRows>(5'000, streams_.end());
  HastyClock clock;
  auto hasty = Server::open({.listen = "127.0.0.1:0", .node = "n1", .token = ""}, streams_, clock);
  ASSERT_TRUE(hasty);
  const auto stub = v1::Feed::NewStub(grpc::CreateChannel(
      "127.0.0.1:" + std::to_string((*hasty)->port()), grpc::InsecureChannelCredentials()));
  v1::Start start = from("snapshot");
  start.mutable_filter()->add_tables("shop.a");
  start.mutable_filter()->set_where("id > 4999");
  TestClient client(*stub, "");
  client.start(start);
  client.next(v1::SubscribeResponse::kSnapshotBegin);
  EXPECT_THAT(client.next(v1::SubscribeResponse::kWaiting).waiting().reason(), HasSubstr("rows"));
  EXPECT_EQ(client.changes(1).front().after().values(0), "5000");
  client.next(v1::SubscribeResponse::kSnapshotEnd);
}

TEST_F(ServerTest, ForgetsTheCursorOfASnapshotThatBeginsAnew) {
  make_changes();
  streams_.rows = std::make_unique<MadeRows>(3, streams_.end());
  v1::Start start = from("snapshot");
  start.mutable_filter()->add_tables("shop.a");
  start.set_cursor("app");
  start.set_client("ann");
  {
    TestClient client(*stub_);
    client.start(start);
    const auto rows = client.changes(3);
    client.commit(rows[1].position());
    client.next(v1::SubscribeResponse::kCommitted);
  }
  const auto position = [this] {
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer sesame");
    v1::ListCursorsRequest list;
    list.set_stream("shop");
    v1::ListCursorsResponse cursors;
    EXPECT_TRUE(stub_->ListCursors(&context, list, &cursors).ok());
    return cursors.cursors_size() == 1 ? cursors.cursors(0).position() : "no cursor";
  };
  EXPECT_THAT(position(), HasSubstr("/shop.a"));
  streams_.statement("ALTER TABLE a ADD COLUMN more INT");
  streams_.rows->move_to(streams_.end());
  TestClient client(*stub_);
  client.start(start);
  EXPECT_TRUE(client.next(v1::SubscribeResponse::kSnapshotBegin).snapshot_begin().anew());
  EXPECT_EQ(position(), "");
}

TEST_F(ServerTest, ReadsTheLogsEndOnceForAllWhoWantTheSame) {
  make_changes();
  v1::Start start = from("now"), with_transactions = from("earliest");
  start.mutable_filter()->add_tables("shop.a");
  with_transactions.set_transactions(true);
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<TestClient>(*stub_));
    clients.back()->start(start);
    clients.back()->next(v1::SubscribeResponse::kSubscribed);
  }
  TestClient other(*stub_);
  other.start(with_transactions);
  ASSERT_TRUE(soon([&] { return in_tail(start) >= 5; }));
  std::vector<std::string> positions;
  for (int i = 0; i < 20; ++i) {
    streams_.insert("a");
    if (i == 10) clients.erase(clients.begin());  // whoever makes the pieces may go
    std::string position;
    for (const auto& client : clients) {
      const auto changes = client->changes(1);
      ASSERT_EQ(changes.size(), 1U);
      EXPECT_EQ(client->tables.at(changes[0].table()).table(), "a");
      if (position.empty()) position = changes[0].position();
      EXPECT_EQ(changes[0].position(), position);
    }
    positions.push_back(position);
  }
  EXPECT_EQ(std::set(positions.begin(), positions.end()).size(), 20U);
  // One that comes late, from where another one was.
  v1::Start late = start;
  late.set_resume(positions[4]);
  TestClient behind(*stub_);
  behind.start(late);
  const auto rest = behind.changes(15);
  ASSERT_EQ(rest.size(), 15U);
  for (size_t i = 0; i < rest.size(); ++i) EXPECT_EQ(rest[i].position(), positions[i + 5]);
  ASSERT_TRUE(soon([&] { return in_tail(start) >= 5; }));
  EXPECT_EQ(other.changes(8 + 20 * 3).size(), 8U + 20 * 3);
}

TEST_F(ServerTest, OneThatFallsBehindTheOthersReadsForItself) {
  make_changes();
  v1::Start start = from("now");
  start.mutable_filter()->add_tables("shop.a");
  TestClient fast(*stub_), slow(*stub_);
  fast.start(start);
  fast.next(v1::SubscribeResponse::kSubscribed);
  start.set_credit_bytes(1);
  slow.start(start);
  slow.next(v1::SubscribeResponse::kSubscribed);
  const size_t count = Tail::kPiecesMax + 50;
  std::vector<std::string> positions;
  for (size_t i = 0; i < count; ++i) {
    streams_.insert("a");
    positions.push_back(fast.changes(1).at(0).position());
  }
  slow.credit(1 << 20);
  const auto changes = slow.changes(count);
  ASSERT_EQ(changes.size(), count);
  for (size_t i = 0; i < count; ++i) ASSERT_EQ(changes[i].position(), positions[i]) << i;
  streams_.insert("a");
  EXPECT_EQ(slow.changes(1).at(0).position(), fast.changes(1).at(0).position());
}

TEST_F(ServerTest, OneThatTakesNothingIsLeftBehind) {
  make_changes();
  v1::Start start = from("now");
  start.mutable_filter()->add_tables("shop.a");
  v1::Start stuck_start = start;
  stuck_start.set_credit_bytes(1);
  TestClient stuck(*stub_);
  stuck.start(stuck_start);
  stuck.next(v1::SubscribeResponse::kSubscribed);
  ASSERT_TRUE(soon([&] { return in_tail(start) >= 1; }));
  const uint64_t begin = streams_.end().at.offset;
  while (streams_.end().at.offset < begin + 2 * Tail::kLeftBehindBytes) streams_.insert("a");
  TestClient one(*stub_), other(*stub_);
  for (TestClient* client : {&one, &other}) {
    client->start(start);
    client->next(v1::SubscribeResponse::kSubscribed);
  }
  ASSERT_TRUE(soon([&] { return in_tail(start) >= 2; }));
  streams_.insert("a");
  EXPECT_EQ(one.changes(1).at(0).position(), other.changes(1).at(0).position());
}

TEST_F(ServerTest, GoesOnWithinATransactionThatIsYetToComeHere) {
  make_changes();
  TestClient first(*stub_);
  v1::Start start = from("earliest");
  start.set_transactions(true);
  first.start(start);
  const auto changes = first.changes(8);
  const auto insert = std::ranges::find(changes, v1::INSERT, &v1::Change::operation);
  ASSERT_NE(insert, changes.end());
  start.set_transactions(false);
  start.set_resume(streams_.end().text + insert->position().substr(insert->position().find('/')));
  TestClient client(*stub_), other(*stub_);
  other.start(from("now"));  // wants the same, and all of the transaction
  other.next(v1::SubscribeResponse::kHeartbeat);
  client.start(start);
  client.next(v1::SubscribeResponse::kSubscribed);
  EXPECT_EQ(client.next(v1::SubscribeResponse::kHeartbeat).heartbeat().position(), start.resume());
  streams_.insert("a");  // which the client has, from a node that was ahead
  streams_.insert("a");
  EXPECT_EQ(client.changes(1).at(0).position(), streams_.end().text);
  EXPECT_EQ(other.changes(2).size(), 2U);
}

TEST_F(ServerTest, SendsNoMoreThanItHasCreditFor) {
  make_changes();
  TestClient client(*stub_);
  v1::Start start = from("earliest");
  start.set_credit_bytes(1);
  client.start(start);
  EXPECT_EQ(client.changes(1).size(), 4U);  // what is there makes one batch, and may take too much
  streams_.insert("a");
  EXPECT_THAT(client.next(v1::SubscribeResponse::kWaiting).waiting().reason(), HasSubstr("credit"));
  client.credit(100'000);
  EXPECT_EQ(client.changes(1).size(), 1U);
}

TEST_F(ServerTest, KeepsWhatIsCommittedForTheNext) {
  make_changes();
  v1::Start start = from("earliest");
  start.set_cursor("app");
  start.set_client("ann");
  auto first = std::make_unique<TestClient>(*stub_);
  first->start(start);
  const auto changes = first->changes(4);
  first->commit(changes[1].position());
  EXPECT_EQ(first->next(v1::SubscribeResponse::kCommitted).committed().position(),
            changes[1].position());
  TestClient second(*stub_);
  start.set_client("bob");
  start.clear_from();
  second.start(start);
  EXPECT_THAT(second.next(v1::SubscribeResponse::kWaiting).waiting().reason(),
              HasSubstr("leased to ann"));
  first.reset();
  EXPECT_EQ(second.next(v1::SubscribeResponse::kSubscribed).subscribed().position(),
            changes[1].position());
  EXPECT_EQ(told(second.changes(2)).front(), "CREATE TABLE b (id INT)");
}

TEST_F(ServerTest, EndsOneWhoseCommitIsNone) {
  v1::Start start = from("now");
  start.set_cursor("app");
  TestClient client(*stub_);
  client.start(start);
  client.next(v1::SubscribeResponse::kSubscribed);
  client.commit("here");
  const grpc::Status status = client.end();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("\"here\" is no position"));
}

TEST_F(ServerTest, EndsOneWhoSaysWhatItMustNot) {
  make_changes();
  v1::Start start = from("now"), with_cursor = from("now");
  with_cursor.set_cursor("app");
  const auto ends = [this](const v1::Start& begin, const std::function<void(TestClient&)>& say) {
    TestClient client(*stub_);
    client.start(begin);
    client.next(v1::SubscribeResponse::kSubscribed);
    say(client);
    const grpc::Status status = client.end();
    return std::to_string(status.error_code()) + " " + status.error_message();
  };
  EXPECT_THAT(ends(start, [&](TestClient& client) { client.start(start); }),
              testing::StartsWith("3 Start is the first message"));
  EXPECT_THAT(ends(with_cursor, [](TestClient& client) { client.commit("binlog.000009:4"); }),
              testing::StartsWith("5 commit: binlog.000009:4 is not in the log"));
  EXPECT_THAT(ends(with_cursor, [](TestClient& client) { client.commit("binlog.000001:400000"); }),
              testing::StartsWith("5 commit: binlog.000001:400000: the log has "));
  v1::Start within = start;
  within.set_resume("binlog.000001:" + std::to_string(streams_.end().at.offset - 1));
  TestClient client(*stub_);
  client.start(within);
  EXPECT_THAT(client.end().error_message(), HasSubstr("is no position"));
}

TEST_F(ServerTest, TellsTheTableThatATruncateEmpties) {
  make_changes();
  streams_.statement("TRUNCATE TABLE a");
  TestClient client(*stub_);
  client.start(from("earliest"));
  const v1::Change truncate = client.changes(5).at(4);
  EXPECT_TRUE(truncate.ddl().truncate());
  EXPECT_EQ(client.tables.at(truncate.table()).table(), "a");
  EXPECT_EQ(truncate.ddl().table_before(), truncate.table());
  EXPECT_EQ(truncate.ddl().table_after(), truncate.table());
}

TEST_F(ServerTest, ASnapshotOfATableThatIsNotThereIsAnError) {
  make_changes();
  streams_.rows = std::make_unique<MadeRows>(3, streams_.end());
  v1::Start start = from("snapshot");
  start.mutable_filter()->add_tables("shop.A");
  start.mutable_filter()->add_tables("shop.nothing");
  TestClient client(*stub_);
  client.start(start);
  const grpc::Status status = client.end();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("there is no snapshot of shop."));
}

TEST_F(ServerTest, ServesWhoHasNoMoreToSay) {
  TestClient client(*stub_);
  client.start(from("earliest"));
  client.half_close();
  make_changes();
  EXPECT_EQ(client.changes(4).size(), 4U);
}

TEST_F(ServerTest, LetsNobodyInWithoutTheToken) {
  for (const char* token : {"", "simsim", "sesame2"}) {
    TestClient client(*stub_, token);
    client.start(from("earliest"));
    EXPECT_EQ(client.end().error_code(), grpc::StatusCode::UNAUTHENTICATED) << token;
  }
  grpc::ClientContext context;
  v1::NodesResponse nodes;
  EXPECT_EQ(stub_->Nodes(&context, {}, &nodes).error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(ServerTest, RefusesWhatMakesNoSense) {
  v1::Start pattern = from("now"), where = from("now"), client = from("now");
  pattern.mutable_filter()->add_tables("/(/");
  where.mutable_filter()->set_where("total >");
  client.set_client(std::string(200, 'x'));
  const struct {
    v1::Start start;
    grpc::StatusCode code;
    const char* message;
  } cases[] = {
      {{}, grpc::StatusCode::INVALID_ARGUMENT, "name of a stream"},
      {pattern, grpc::StatusCode::INVALID_ARGUMENT, "pattern"},
      {where, grpc::StatusCode::INVALID_ARGUMENT, "condition"},
      {client, grpc::StatusCode::INVALID_ARGUMENT, "at most 100 bytes"},
      {from("noon"), grpc::StatusCode::INVALID_ARGUMENT, "noon: must be"},
      {from("snapshot"), grpc::StatusCode::FAILED_PRECONDITION, "[[state]]"},
      {from("binlog.000009:4"), grpc::StatusCode::NOT_FOUND, "is not in the log"},
  };
  for (const auto& each : cases) {
    TestClient test(*stub_);
    test.start(each.start);
    const grpc::Status status = test.end();
    EXPECT_EQ(status.error_code(), each.code) << each.message;
    EXPECT_THAT(status.error_message(), HasSubstr(each.message));
  }
  TestClient committing(*stub_);
  committing.start(from("now"));
  committing.commit("binlog.000001:4");
  const grpc::Status refused = committing.end();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(refused.error_message(), HasSubstr("has no cursor"));
  TestClient silent(*stub_);
  silent.half_close();
  EXPECT_EQ(silent.end().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ServerTest, EndsAllWhenItStopsOrTheStreamDoes) {
  TestClient of_stream(*stub_), of_server(*stub_);
  of_stream.start(from("now"));
  of_stream.next(v1::SubscribeResponse::kSubscribed);
  EXPECT_EQ(server_->subscribers(), 2U);
  streams_.closing.request_stop();
  EXPECT_EQ(of_stream.end().error_code(), grpc::StatusCode::UNAVAILABLE);
  streams_.closing = std::stop_source();
  of_server.start(from("now"));
  of_server.next(v1::SubscribeResponse::kSubscribed);
  std::jthread stopping([this] { server_->stop(); });
  EXPECT_EQ(of_server.end().error_code(), grpc::StatusCode::UNAVAILABLE);
  stopping.join();
  EXPECT_EQ(server_->subscribers(), 0U);
}

// As SDKs do after a break, when what was committed was not answered.
TEST_F(ServerTest, KeepsWhatIsCommittedBeforeTheStreamIsOpen) {
  make_changes();
  for (const bool shared : {false, true}) {
    streams_.is_open = false;
    v1::Start start = from("earliest");
    start.set_cursor(shared ? "work" : "app");
    start.set_shared(shared);
    const std::string position = streams_.end().text + (shared ? "@f" : "");
    TestClient client(*stub_);
    client.start(start);
    client.commit(position);
    client.next(v1::SubscribeResponse::kWaiting);
    streams_.is_open = true;
    EXPECT_EQ(client.next(v1::SubscribeResponse::kCommitted).committed().position(), position);
  }
}

TEST_F(ServerTest, ListsNodesAndCursors) {
  grpc::ClientContext contexts[4];
  for (auto& context : contexts) context.AddMetadata("authorization", "Bearer sesame");
  v1::NodesResponse nodes;
  ASSERT_TRUE(stub_->Nodes(&contexts[0], {}, &nodes).ok());
  EXPECT_EQ(nodes.nodes(1).address(), "b:2");
  v1::Start start = from("now");
  start.set_cursor("app");
  start.set_client("ann");
  TestClient client(*stub_);
  client.start(start);
  client.next(v1::SubscribeResponse::kSubscribed);
  v1::ListCursorsRequest list;
  list.set_stream("shop");
  v1::ListCursorsResponse cursors;
  ASSERT_TRUE(stub_->ListCursors(&contexts[1], list, &cursors).ok());
  EXPECT_EQ(cursors.cursors(0).client(), "ann");
  v1::DeleteCursorRequest remove;
  v1::DeleteCursorResponse removed;
  remove.set_stream("shop");
  remove.set_cursor("app");
  EXPECT_EQ(stub_->DeleteCursor(&contexts[2], remove, &removed).error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
  remove.set_cursor("other");
  EXPECT_EQ(stub_->DeleteCursor(&contexts[3], remove, &removed).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

// --- workers of a shared cursor ---

class SharedTest : public ServerTest {
 protected:
  SharedTest() {
    for (int i = 0; i < kTables; ++i)
      streams_.statement("CREATE TABLE t" + std::to_string(i) + " (id INT PRIMARY KEY)");
    from_ = streams_.end().text;
  }
  // A row for each table, which make as many keys.
  void insert_rows() {
    for (int i = 0; i < kTables; ++i) streams_.insert("t" + std::to_string(i));
  }
  v1::Start worker(const std::string& client) const {
    v1::Start start = from(from_);
    start.set_cursor("work");
    start.set_client(client);
    start.set_shared(true);
    return start;
  }
  // All that comes up to the log's end, with these parts, and the last position.
  struct Told {
    std::vector<std::string> tables;
    std::vector<std::string> positions;
    std::string end;
  };
  Told rest(TestClient& client, bool commits = true, const std::string& parts = "") {
    Told out;
    const std::string end = streams_.end().text + "@" + parts;
    while (!out.end.starts_with(end)) {
      const v1::SubscribeResponse message = client.any();
      if (message.message_case() == v1::SubscribeResponse::MESSAGE_NOT_SET) break;
      if (message.has_heartbeat()) out.end = message.heartbeat().position();
      for (const v1::Table& table : message.batch().tables()) client.tables[table.id()] = table;
      for (const v1::Change& change : message.batch().changes()) {
        out.tables.push_back(client.tables.at(change.table()).table());
        out.positions.push_back(change.position());
      }
    }
    if (commits) commit(client, out.end);
    return out;
  }
  static void commit(TestClient& client, const std::string& position) {
    client.commit(position);
    EXPECT_EQ(client.next(v1::SubscribeResponse::kCommitted).committed().position(), position);
  }
  // The cursor's position, and its workers' parts.
  std::pair<std::string, std::map<std::string, uint32_t>> cursor() {
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer sesame");
    v1::ListCursorsRequest list;
    list.set_stream("shop");
    v1::ListCursorsResponse cursors;
    EXPECT_TRUE(stub_->ListCursors(&context, list, &cursors).ok());
    if (cursors.cursors_size() != 1) return {"no cursor", {}};
    EXPECT_TRUE(cursors.cursors(0).shared());
    std::map<std::string, uint32_t> workers;
    for (const v1::Worker& its : cursors.cursors(0).workers()) workers[its.client()] = its.parts();
    return {cursors.cursors(0).position(), workers};
  }
  using Workers = std::map<std::string, uint32_t>;

  static constexpr int kTables = 24;
  std::string from_;
};

TEST_F(SharedTest, WorkersDivideKeysAndLeaveThemToOthers) {
  insert_rows();
  TestClient ann(*stub_), bob(*stub_);
  ann.start(worker("ann"));
  EXPECT_EQ(ann.next(v1::SubscribeResponse::kSubscribed).subscribed().position(),
            from_ + "@ffffffffffffffff");
  EXPECT_EQ(rest(ann).tables.size(), static_cast<size_t>(kTables));
  EXPECT_EQ(cursor(), std::pair(streams_.end().text, Workers{{"ann", 64}}));
  bob.start(worker("bob"));
  EXPECT_THAT(ann.next(v1::SubscribeResponse::kWaiting).waiting().reason(),
              HasSubstr("divided anew"));
  EXPECT_EQ(bob.next(v1::SubscribeResponse::kSubscribed).subscribed().position(),
            streams_.end().text + "@ffffffff00000000");
  EXPECT_EQ(cursor().second, (Workers{{"ann", 32}, {"bob", 32}}));
  insert_rows();
  const Told anns = rest(ann), bobs = rest(bob, false);
  EXPECT_EQ(anns.tables.size() + bobs.tables.size(), static_cast<size_t>(kTables));
  std::set<std::string> all(anns.tables.begin(), anns.tables.end());
  all.insert(bobs.tables.begin(), bobs.tables.end());
  EXPECT_EQ(all.size(), static_cast<size_t>(kTables));
  ASSERT_GT(bobs.tables.size(), 2U);
  // The others' keys come to who is left from where they were committed.
  commit(bob, bobs.positions[0]);
  bob.leave();
  EXPECT_TRUE(bob.end().ok());
  EXPECT_EQ(rest(ann, true, "ffffffffffffffff").tables,
            std::vector(bobs.tables.begin() + 1, bobs.tables.end()));
  EXPECT_EQ(cursor(), std::pair(streams_.end().text, Workers{{"ann", 64}}));
}

TEST_F(SharedTest, AWorkerGivesKeysUpOnceWhatItWasToldIsCommitted) {
  insert_rows();
  TestClient ann(*stub_), bob(*stub_);
  ann.start(worker("ann"));
  const Told anns = rest(ann, false);
  bob.start(worker("bob"));
  ann.next(v1::SubscribeResponse::kWaiting);
  bob.next(v1::SubscribeResponse::kWaiting);
  commit(ann, anns.positions[3]);
  EXPECT_THAT(bob.next(v1::SubscribeResponse::kWaiting).waiting().reason(),
              HasSubstr("other workers have all keys"));
  commit(ann, anns.positions.back());
  EXPECT_EQ(bob.next(v1::SubscribeResponse::kSubscribed).subscribed().position(),
            anns.positions.back().substr(0, anns.positions.back().find('@')) + "@ffffffff00000000");
  EXPECT_TRUE(rest(bob).tables.empty());
}

TEST_F(SharedTest, GoesOnBehindWhatTheClientHasOfItsKeys) {
  insert_rows();
  v1::Start start = worker("ann");
  Told anns;
  {
    TestClient ann(*stub_);
    ann.start(start);
    anns = rest(ann, false);
    commit(ann, anns.positions[2]);
  }
  // Its call broke: its keys are its still. Of what it says to have, those count.
  TestClient again(*stub_);
  start.set_resume(anns.positions[9]);
  again.start(start);
  EXPECT_EQ(again.next(v1::SubscribeResponse::kSubscribed).subscribed().position(),
            anns.positions[9]);
  const Told more = rest(again, false);
  EXPECT_EQ(more.tables, std::vector(anns.tables.begin() + 10, anns.tables.end()));
  // What was committed is not taken back by what is committed late.
  commit(again, more.positions[0]);
  const std::string position = cursor().first;
  commit(again, anns.positions[0]);
  EXPECT_EQ(cursor().first, position);
  EXPECT_EQ(position + "@ffffffffffffffff", more.positions[0]);
}

TEST_F(SharedTest, AllBeginWhereTheFirstOneDid) {
  TestClient ann(*stub_);
  v1::Start start = worker("ann");
  start.set_from("now");
  ann.start(start);
  ann.next(v1::SubscribeResponse::kSubscribed);
  const std::string begun = streams_.end().text;
  insert_rows();
  const Told anns = rest(ann, false);
  ann.leave();
  EXPECT_TRUE(ann.end().ok());
  TestClient bob(*stub_);
  start.set_client("bob");
  bob.start(start);
  EXPECT_EQ(bob.next(v1::SubscribeResponse::kSubscribed).subscribed().position(),
            begun + "@ffffffffffffffff");
  EXPECT_EQ(rest(bob).tables, anns.tables);
}

TEST_F(SharedTest, RefusesWhatCannotBe) {
  const auto refused = [this](v1::Start start, const std::string& position = "") {
    TestClient client(*stub_);
    client.start(std::move(start));
    if (!position.empty()) client.commit(position);
    return client.end().error_message();
  };
  v1::Start start = worker("ann");
  start.clear_cursor();
  EXPECT_THAT(refused(start), HasSubstr("name it"));
  start = worker("ann");
  start.set_from("snapshot");
  EXPECT_THAT(refused(start), HasSubstr("begin at its last row's position"));
  for (const char* resume : {"binlog.000001:4", "binlog.000001:4@", "binlog.000001:4@0",
                             "binlog.000001:4@f+binlog.000001:8@1", "x@1",
                             "binlog.000001:4//00/shop.a@1", "binlog.000001:200@1"}) {
    start = worker("ann");
    start.set_resume(resume);
    EXPECT_THAT(refused(start), HasSubstr("no position")) << resume;
  }
  for (const char* position : {"binlog.000001:4", "x@1", "@1"})
    EXPECT_THAT(refused(worker("ann"), position), HasSubstr("no position")) << position;
  EXPECT_THAT(refused(worker("ann"), "binlog.000001:400000@1"), HasSubstr("commit"));
  // Neither kind of cursor is the other.
  TestClient ann(*stub_), plain(*stub_);
  ann.start(worker("ann"));
  ann.next(v1::SubscribeResponse::kSubscribed);
  start = worker("bob");
  start.set_shared(false);
  EXPECT_THAT(refused(start), HasSubstr("shared by workers"));
  start.set_cursor("plain");
  plain.start(start);
  plain.next(v1::SubscribeResponse::kSubscribed);
  start.set_shared(true);
  EXPECT_THAT(refused(start), HasSubstr("choose another name"));
}

}  // namespace
}  // namespace binbus::feed
