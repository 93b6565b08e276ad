#include "store/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/simulated_disk.h"
#include "store/log_testing.h"

namespace binbus::store {
namespace {

const SourceSpan kSpan = {
    {7, 120}, "3e11fa47-71ca-11e1-9e33-c80aa9429562", 42, "8.0.32", "binlog.000009", 5'000'000'000};

class StateFileTest : public testing::Test {
 protected:
  void write(Bytes bytes) {
    if (disk_.exists("d/s")) {
      ASSERT_TRUE(disk_.remove("d/s"));
    }
    ASSERT_TRUE((*disk_.open("d/s", io::OpenMode::kCreateNew))->write_at(0, bytes));
  }
  io::SimulatedDisk disk_;
};

TEST(ControlRecord, TellsOfASource) {
  const auto record = decode_control(encode_source(kSpan), kSpan.from);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->source, kSpan);
  EXPECT_FALSE(record->schema);
  EXPECT_FALSE(record->cursor);
}

TEST(ControlRecord, TellsOfASchemaBaseline) {
  const SchemaRecord schema{{{7, 120}, {6, 4}}, "", 17, 0xfffffffe};
  const ByteVector document = encode_schema(schema);
  EXPECT_EQ(as_text(document), R"({"schema":{"at":[7,120],"bytes":17,"crc":4294967294,)"
                               R"("kind":"catalog","origin":[6,4]}})");
  const auto record = decode_control(document, {1, 2});
  ASSERT_TRUE(record);
  EXPECT_EQ(record->schema, schema);
  EXPECT_FALSE(record->same);
  EXPECT_FALSE(record->source);
  EXPECT_EQ(decode_control(encode_schema(schema, Position{6, 4}), {1, 2})->same, (Position{6, 4}));
  EXPECT_FALSE(decode_control(as_bytes(R"({"schema":{"kind":"later"}})"), {1, 2})->schema);
  EXPECT_EQ(decode_control(as_bytes(R"({"schema":{"kind":"catalog"}})"), {1, 2}).error().code,
            Code::kCorrupt);
}

TEST(ControlRecord, TellsOfACursor) {
  const auto put = decode_control(encode_cursor({"sink/x", "a place"}), {1, 2});
  EXPECT_EQ(put->cursor->name, "sink/x");
  EXPECT_EQ(put->cursor->value, "a place");
  const auto removed = decode_control(encode_cursor({"sink/x", std::nullopt}), {1, 2});
  EXPECT_EQ(removed->cursor->name, "sink/x");
  EXPECT_EQ(removed->cursor->value, std::nullopt);
}

TEST(ControlRecord, TellsWhatSegmentBegins) {
  SourceSpan from = kSpan;
  from.from = {12, 0};
  const auto with = decode_control(encode_begin("binlog.000012", kSpan), {});
  EXPECT_EQ(with->begin, "binlog.000012");
  EXPECT_EQ(with->source, from);
  const auto without = decode_control(encode_begin("binlog.000012", std::nullopt), {});
  EXPECT_EQ(without->begin, "binlog.000012");
  EXPECT_FALSE(without->source);
  EXPECT_EQ(decode_control(encode_begin("../binlog.000012", std::nullopt), {}).error().code,
            Code::kCorrupt);
}

TEST(ControlRecord, OfALaterVersionTellsNothing) {
  const auto record = decode_control(as_bytes(R"({"later": {"name": "x"}})"), {1, 2});
  ASSERT_TRUE(record);
  EXPECT_FALSE(record->source || record->schema || record->cursor);
}

TEST(ControlRecord, KeepsWhatIsNoUtf8Readable) {
  SourceSpan span = kSpan;
  span.file = "bin\xfflog.000009";
  EXPECT_TRUE(decode_control(encode_source(span), span.from)->source);
}

TEST(ControlRecord, ThatIsDamagedIsRefused) {
  for (const char* document : {"", "{", R"({"source": 1})", R"({"source": {"file": "x"}})",
                               R"({"source": {"file": 1, "offset": "x"}})"}) {
    const auto record = decode_control(as_bytes(document), {1, 2});
    ASSERT_FALSE(record) << document;
    EXPECT_EQ(record.error().code, Code::kCorrupt);
  }
}

TEST_F(StateFileTest, ReadsBackHeaderAndDocument) {
  const StateHeader header{1000, 3, 6, 1 << 20, 1'700'000'000'000'000};
  for (const auto& set :
       {mysql::Executed(), executed({mysql_gtid(1), mysql_gtid(5)}),
        executed({mariadb_gtid(9, 2), mariadb_gtid(4, 1), mariadb_gtid(7, 1, 5)})}) {
    const SchemaRecord schema{{{6, 4}, {6, 4}}, "binlog.000006.57.schema", 2, 3};
    const Members members{{1, 2}, {3}, {4}, {5}, true};
    write(encode_state(header, {{kSpan, kSpan}, set, {schema}, {{"sink/x", "y"}}, members}));
    const auto read = read_state_header(disk_, "d/s");
    const auto state = read_state_document(disk_, "d/s");
    ASSERT_TRUE(read && state);
    EXPECT_EQ(*read, header);
    EXPECT_EQ(state->sources, (std::vector{kSpan, kSpan}));
    EXPECT_EQ(state->executed, set);
    EXPECT_EQ(state->schemas, std::vector{schema});
    EXPECT_EQ(state->cursors, (std::map<std::string, std::string>{{"sink/x", "y"}}));
    EXPECT_EQ(state->members, members);
  }
}

// The worked example of docs/formats/segment.md.
TEST_F(StateFileTest, BytesAreAsDocumented) {
  const ByteVector state = encode_state({7, 1, 6, 1024, 5'000'000}, {});
  const uint8_t header[] = {
      0x62, 0x69, 0x6e, 0x62, 0x75, 0x73, 0x53, 0x54, 0x02, 0, 0, 0, 0xcb, 0xc6, 0x74, 0xf5,  //
      0x07, 0,    0,    0,    0,    0,    0,    0,    0x01, 0, 0, 0, 0,    0,    0,    0,     //
      0x06, 0,    0,    0,    0,    0,    0,    0,    0,    4, 0, 0, 0,    0,    0,    0,     //
      0x40, 0x4b, 0x4c, 0,    0,    0,    0,    0,    0x35, 0, 0, 0, 0x2e, 0x9a, 0x6f, 0x2c,
  };
  EXPECT_THAT(Bytes(state).first(64), testing::ElementsAreArray(header));
  EXPECT_EQ(as_text(Bytes(state).subspan(64)),
            R"({"executed":{"flavor":"mysql","set":""},"sources":[]})");
}

TEST_F(StateFileTest, NoticesEveryChangedByte) {
  const ByteVector good = encode_state({}, {{kSpan}, executed({mysql_gtid(1)})});
  for (size_t i = 0; i < good.size(); ++i) {
    ByteVector changed = good;
    changed[i] ^= 0x20;
    write(changed);
    EXPECT_FALSE(read_state_document(disk_, "d/s")) << i;
  }
  for (size_t size = 0; size < good.size(); ++size) {
    write(Bytes(good).first(size));
    const auto state = read_state_document(disk_, "d/s");
    ASSERT_FALSE(state) << size;
    EXPECT_THAT(state.error().message, testing::StartsWith("d/s: "));
  }
}

}  // namespace
}  // namespace binbus::store
