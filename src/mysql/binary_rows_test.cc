// A server that says what it is told to, and what is made of it.
#include "mysql/binary_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "mysql/packet.h"
#include "mysql/server_handshake.h"
#include "mysql/server_replies.h"

namespace binbus::mysql {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Answer = std::vector<ByteVector>;  // packets

// One connection: lets anybody in, and answers each command with what comes next; then it closes.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<Answer> script)
      : listener_(std::move(io::Listener::open("127.0.0.1:0").value())),
        thread_([this, script = std::move(script)] { run(script); }) {}
  ~ScriptedServer() {
    listener_->stop();
    thread_.join();
  }

  std::unique_ptr<Client> connect() const {
    ConnectOptions options;
    options.address = "127.0.0.1:" + std::to_string(listener_->port());
    options.user = "any";
    options.tls = TlsMode::kDisabled;
    auto client = Client::connect(options);
    EXPECT_TRUE(client) << client.error().message;
    return std::move(*client);
  }
  // What the client asked; after it has gone.
  const std::vector<ByteVector>& asked() {
    listener_->stop();
    thread_.join();
    thread_ = std::thread([] {});
    return asked_;
  }

 private:
  void run(const std::vector<Answer>& script) {
    auto stream = listener_->accept();
    if (!stream) return;
    PacketChannel channel(std::move(*stream));
    (void)talk(channel, script);
  }

  Status talk(PacketChannel& channel, const std::vector<Answer>& script) {
    const uint32_t capabilities = kClientLongPassword | kClientProtocol41 | kClientTransactions |
                                  kClientSecureConnection | kClientPluginAuth;
    BINBUS_RETURN_IF_ERROR(channel.write(encode(Greeting{.version = "8.0.99",
                                                         .connection_id = 1,
                                                         .capabilities = capabilities,
                                                         .plugin = kNativePassword,
                                                         .nonce = make_nonce()})));
    BINBUS_RETURN_IF_ERROR(channel.flush());
    BINBUS_RETURN_IF_ERROR(channel.read(1 << 20));
    BINBUS_RETURN_IF_ERROR(write_ok(channel));
    BINBUS_RETURN_IF_ERROR(channel.flush());
    for (const Answer& answer : script) {
      BINBUS_RETURN_IF_ERROR(read(channel));
      for (const ByteVector& packet : answer) BINBUS_RETURN_IF_ERROR(channel.write(packet));
      BINBUS_RETURN_IF_ERROR(channel.flush());
    }
    return ok();
  }

  Status read(PacketChannel& channel) {
    channel.set_sequence(0);
    BINBUS_TRY(packet, channel.read(1 << 20));
    asked_.push_back(to_owned(packet));
    return ok();
  }

  std::unique_ptr<io::Listener> listener_;
  std::vector<ByteVector> asked_;
  std::thread thread_;
};

ByteVector text(std::string_view bytes) { return to_owned(as_bytes(bytes)); }
const ByteVector kEofPacket = {0xfe, 0, 0, 2, 0};
const ByteVector kOkAtTheEnd = {0xfe, 0, 0, 2, 0, 0, 0};
const ByteVector kRow = {0, 0, 5};

ByteVector definition(std::string_view name, std::string_view extra = "") {
  ByteWriter out;
  out.lenenc_text("def").lenenc_text("d").lenenc_text("t").lenenc_text("t").lenenc_text(name);
  out.lenenc_text(name).text(extra);
  out.lenenc(12).u16(63).u32(4).u8(1).u16(32).u8(0).u16(0);
  return out.take();
}

Answer prepared(uint16_t columns = 1, uint16_t parameters = 0) {
  ByteWriter head;
  head.u8(0).u32(7).u16(columns).u16(parameters).u8(0).u16(0);
  Answer answer = {head.take()};
  for (uint16_t i = 0; i < columns; ++i) answer.push_back(definition("c"));
  if (columns > 0) answer.push_back(kEofPacket);
  return answer;
}

Answer executed(std::vector<ByteVector> rows) {
  Answer answer = {{1}, definition("c"), kEofPacket};
  for (ByteVector& row : rows) answer.push_back(std::move(row));
  return answer;
}

ByteVector error_packet(uint16_t number, std::string_view message) {
  ByteWriter out;
  out.u8(0xff).u16(number).text("#40001").text(message);
  return out.take();
}

// All rows, up to the end or an error.
Result<std::vector<ByteVector>> rows_of(Client& client) {
  BINBUS_TRY(rows, BinaryRows::open(client, "SELECT c FROM d.t"));
  std::vector<ByteVector> all;
  while (true) {
    BINBUS_TRY(row, rows->next());
    if (!row) return all;
    all.push_back(to_owned(*row));
  }
}

TEST(BinaryRows, AreTheServersPackets) {
  for (const ByteVector& end : {kEofPacket, kOkAtTheEnd}) {
    ScriptedServer server({prepared(), executed({kRow, {0, 4}, end}), {}, {text("\1ok")}});
    const auto client = server.connect();
    auto rows = BinaryRows::open(*client, "SELECT c FROM d.t");
    ASSERT_TRUE(rows) << rows.error().message;
    ASSERT_EQ((*rows)->columns().size(), 1U);
    EXPECT_EQ((*rows)->columns()[0].name, "c");
    EXPECT_EQ((*rows)->columns()[0].type, 1);
    EXPECT_TRUE((*rows)->columns()[0].is_unsigned());
    EXPECT_EQ(to_owned(**(*rows)->next()), kRow);
    EXPECT_EQ(to_owned(**(*rows)->next()), (ByteVector{0, 4}));
    EXPECT_EQ(*(*rows)->next(), std::nullopt);
    EXPECT_EQ(*(*rows)->next(), std::nullopt);
  }
}

TEST(BinaryRows, AsksForNoMoreThanItSays) {
  ScriptedServer server({prepared(), executed({kEofPacket}), {}, {}});
  {
    const auto client = server.connect();
    ASSERT_TRUE(rows_of(*client));
  }
  const ByteVector execute = {0x17, 7, 0, 0, 0, 0, 1, 0, 0, 0};
  const ByteVector close = {0x19, 7, 0, 0, 0};
  EXPECT_THAT(server.asked(),
              ElementsAre(text("\x16SELECT c FROM d.t"), execute, close, ByteVector{0x01}));
}

TEST(BinaryRows, APacketMayBeLongerThanOneOfTheProtocol) {
  std::vector<ByteVector> sent;
  for (const size_t size : {kPacketPayloadMax, kPacketPayloadMax + 1}) {
    sent.emplace_back(size, 'x');
    sent.back()[0] = 0;
  }
  std::vector<ByteVector> answer = sent;
  answer.push_back(kEofPacket);
  ScriptedServer server({prepared(), executed(answer)});
  const auto client = server.connect();
  const auto rows = rows_of(*client);
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_TRUE(*rows == sent);
}

TEST(BinaryRows, ColumnsMayBeToldOnce) {
  // MariaDB with metadata that the client keeps: a byte behind the number of columns.
  for (const Answer& answer : {Answer{{1, 0}, kEofPacket, kRow, kEofPacket},
                               Answer{{1, 1}, definition("c"), kEofPacket, kRow, kEofPacket}}) {
    ScriptedServer server({prepared(), answer});
    const auto client = server.connect();
    auto rows = BinaryRows::open(*client, "SELECT c FROM d.t");
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ((*rows)->columns().size(), 1U);
    EXPECT_EQ(to_owned(**(*rows)->next()), kRow);
    EXPECT_EQ(*(*rows)->next(), std::nullopt);
  }
}

TEST(BinaryRows, TheServersErrorsHaveTheirNumber) {
  const std::pair<const char*, std::vector<Answer>> cases[] = {
      {"when it prepares", {{error_packet(1146, "no such table")}}},
      {"when it executes", {prepared(), {error_packet(1146, "no such table")}, {}}},
      {"in the midst", {prepared(), executed({kRow, error_packet(1146, "no such table")}), {}}},
  };
  for (auto [name, script] : cases) {
    script.insert(script.end(), 2, prepared());  // it is asked again
    script.back() = executed({kRow, kEofPacket});
    ScriptedServer server(script);
    const auto client = server.connect();
    const auto rows = rows_of(*client);
    ASSERT_FALSE(rows) << name;
    EXPECT_EQ(rows.error().code, Code::kRemote) << name;
    EXPECT_EQ(rows.error().mysql_errno, 1146) << name;
    EXPECT_THAT(rows.error().message, HasSubstr("SELECT c FROM d.t: no such table (error 1146)"));
    const auto again = rows_of(*client);
    ASSERT_TRUE(again) << name << ": " << again.error().message;
    EXPECT_THAT(*again, ElementsAre(kRow)) << name;
  }
}

TEST(BinaryRows, AConnectionThatIsLostIsNoEnd) {
  ScriptedServer server({prepared(), executed({kRow})});
  const auto client = server.connect();
  const auto rows = rows_of(*client);
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, Code::kNetwork) << rows.error().message;
  EXPECT_EQ(client->query("SELECT 1").error().code, Code::kNetwork);
}

TEST(BinaryRows, WhoStopsEarlyLeavesNoConnection) {
  // What the server still sends would pass for the answer to what is asked next.
  ScriptedServer server({prepared(), executed({kRow, kRow, kEofPacket}), {{kOkAtTheEnd}}});
  const auto client = server.connect();
  {
    auto rows = BinaryRows::open(*client, "SELECT c FROM d.t");
    ASSERT_TRUE(rows);
    ASSERT_TRUE(*(*rows)->next());
  }
  EXPECT_EQ(client->query("SELECT 1").error().code, Code::kNetwork);
  EXPECT_EQ(rows_of(*client).error().code, Code::kNetwork);
}

TEST(BinaryRows, StatementsWithoutRowsOrWithParametersAreNotForIt) {
  for (const Answer& answer : {prepared(0), prepared(1, 1)}) {
    ScriptedServer server({answer});
    const auto client = server.connect();
    const auto rows = rows_of(*client);
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().code, Code::kInvalid);
    EXPECT_THAT(rows.error().message,
                HasSubstr("want a statement with rows and without parameters"));
  }
}

TEST(BinaryRows, PacketsThatContradictTheProtocolAreRefused) {
  const std::vector<Answer> cases[] = {
      {{{5, 5}}},
      {{prepared()[0], definition("c"), {1}}},
      {{prepared()[0], {3, 'd'}, kEofPacket}},
      {prepared(), {{2}, definition("c"), definition("c"), kEofPacket}},
      {prepared(), executed({kRow, {1, 2, 3}})},
  };
  for (const std::vector<Answer>& script : cases) {
    ScriptedServer server(script);
    const auto client = server.connect();
    const auto rows = rows_of(*client);
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().code, Code::kCorrupt) << rows.error().message;
  }
}

TEST(ResultColumn, NamesOfMariadbsTypesArePassedOver) {
  ByteWriter extra;
  extra.lenenc_text(std::string("\0\4uuid", 6));
  const auto column = parse_result_column(definition("c", as_text(extra.view())));
  ASSERT_TRUE(column);
  EXPECT_EQ(column->name, "c");
  EXPECT_EQ(column->collation, 63);
  const ByteVector whole = definition("c");
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(parse_result_column(Bytes(whole).first(length))) << length;
}

}  // namespace
}  // namespace binbus::mysql
