#include "schema/table_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/fields_testing.h"
#include "schema/row_layout.h"

namespace binbus::schema {
namespace {

using namespace testing_fields;

// Of MySQL 9.7 with FULL metadata:
// y year, b bit(5), i int unsigned, f float unsigned, d date, vc varchar(50), vb varbinary(9), tx text charset latin1, j json,
// e enum('a','é') charset latin1, p point, v vector(3), bt boolean, ch char(10) charset ucs2, dc decimal(10,2) unsigned,
// s set('x','y') charset ucs2, g geometry invisible, k int as (i + 1), primary key (vc(3), i)
const std::string kMysql =
    "6b0000000000 0100 017400 016100 12 0d1003040a0f0ffcf5fefff201fef6feff03"
    "14 050004c80009000204f7010404fe140a02f80104 dbff03"
    "0101e8 0307fcff003f083f23 07020100 0d0103"
    "042a 0179 0162 0169 0166 0164 027663 027662 027478 016a 0165 0170 0176 026274 026368 026463 "
    "0173 0167 016b"
    "0b020823 0507020200780200 79 0605 020161 01e9 090405030200 0c03ffff40";
// Of MariaDB 11.8: y year, b bit(5), i int unsigned, f float unsigned, d date, i4 inet4, i6 inet6, u uuid, vc varchar(50) compressed,
// bl blob compressed, tx text compressed charset latin1, j json, e enum('a','b') charset latin1, p point, bt boolean,
// ch char(10) charset latin1, dc decimal(10,2) unsigned
const std::string kMariadb =
    "170000000000 0100 017400 016100 11 0d1003040afefefe8d8c8cfcfeff01fef6"
    "15 050004fe04fe10fe10c900020204f70104fe0a0a02 ffff01"
    "0101e8 020b3f03fc00090508062e0808 070101"
    "042a 0179 0162 0169 0166 0164 026934 026936 0175 027663 02626c 027478 016a 0165 0170 026274 "
    "026368 026463"
    "0a0108 0605 020161 0162";

Result<TableMap> parse(const ByteVector& event, const char* version = "9.7.4") {
  return parse_table_map(event, format_of(version));
}

TEST(TableMap, OfMysqlDescribesItsTable) {
  const ByteVector event = event_of(binlog::kTableMapEvent, kMysql);
  const auto map = parse(event);
  ASSERT_TRUE(map) << map.error().message;
  EXPECT_EQ(map->table_id, 0x6bU);
  const auto version = describe(*map);
  ASSERT_TRUE(version);
  EXPECT_EQ(version->database + '.' + version->table, "t.a");
  EXPECT_THAT(version->primary_key, testing::ElementsAre(5, 2));
  std::string text;
  for (const Column& column : version->columns) {
    text += column.name + ' ' + column.type_text +
            (column.charset.empty() ? "" : ' ' + column.charset) +
            (column.nullable ? "" : " not null") + (column.invisible ? " invisible" : "") + '\n';
  }
  EXPECT_EQ(text,
            "y year\nb bit(5)\ni int unsigned not null\nf float unsigned\nd date\n"
            "vc varchar(50) utf8mb4 not null\nvb varbinary(9)\ntx text latin1\nj json\n"
            "e enum('a','é') latin1\np point\nv vector(3)\nbt tinyint\nch char(10) ucs2\n"
            "dc decimal(10,2) unsigned\ns set('x','y') ucs2\ng geometry invisible\nk int\n");
  EXPECT_TRUE(RowLayout::make(*map, std::make_shared<const TableVersion>(*version)));
}

TEST(TableMap, OfMariadbDescribesItsTable) {
  const ByteVector event = event_of(binlog::kTableMapEvent, kMariadb);
  const auto map = parse(event, "11.8.2-MariaDB-log");
  ASSERT_TRUE(map) << map.error().message;
  const auto version = describe(*map);
  ASSERT_TRUE(version);
  std::string text;
  for (const Column& column : version->columns) {
    text += column.name + ' ' + column.type_text +
            (column.charset.empty() ? "" : ' ' + column.charset) +
            (column.compressed ? " compressed" : "") + '\n';
  }
  EXPECT_EQ(text,
            "y year\nb bit(5)\ni int unsigned\nf float unsigned\nd date\ni4 binary(4)\ni6 "
            "binary(16)\nu binary(16)\n"
            "vc varchar(50) utf8mb4 compressed\nbl blob compressed\ntx text latin1 compressed\nj "
            "longtext utf8mb4\n"
            "e enum('a','b') latin1\np point\nbt tinyint\nch char(10) latin1\ndc decimal(10,2) "
            "unsigned\n");
  EXPECT_TRUE(RowLayout::make(*map, std::make_shared<const TableVersion>(*version)));
}

TEST(TableMap, OfOldServersHasShortIds) {
  binlog::FormatDescription format = format_of("5.1.5");
  format.post_header_bytes[binlog::kTableMapEvent - 1] = 6;
  const ByteVector event =
      event_of(binlog::kTableMapEvent, "0f000000 0100 0164 00 0174 00 01 03 00 01");
  const auto map = parse_table_map(event, format);
  ASSERT_TRUE(map) << map.error().message;
  EXPECT_EQ(map->table_id, 15U);
  EXPECT_EQ(map->columns.size(), 1U);
}

TEST(TableMap, LongCharHasItsLengthInTheTypesBits) {
  const ByteVector event = event_of(
      binlog::kTableMapEvent, "0f0000000000 0100 0164 00 0174 00 03 fefefe 06 ee58 ce00 fe03 07");
  const auto map = parse(event);
  ASSERT_TRUE(map) << map.error().message;
  EXPECT_EQ(map->columns[0].metadata, 0x158);
  EXPECT_EQ(map->columns[1].metadata, 0x300);
  EXPECT_EQ(map->columns[2].metadata, 3);
  EXPECT_EQ(map->columns[0].type, kWireString);
}

TEST(TableMap, CutAnywhereIsAnErrorOrHasLessMetadata) {
  const ByteVector event = event_of(binlog::kTableMapEvent, kMysql);
  constexpr size_t kColumnsEnd = 76;  // of the event, before its optional metadata
  for (size_t size = 0; size < event.size(); ++size) {
    const auto map = parse_table_map(Bytes(event).first(size), format_of("9.7.4"));
    EXPECT_TRUE(size >= kColumnsEnd || !map) << size;
    EXPECT_TRUE(!map || describe(*map)) << size;
  }
}

struct BadMap {
  const char* name;
  const char* body;
  Code code;
  const char* message;
};
const BadMap kBadMaps[] = {
    {"unknown_type", "0f0000000000 0100 0164 00 0174 00 02 03c8 00 01", Code::kUnsupported,
     "column 2: unknown type 200"},
    {"metadata_left", "0f0000000000 0100 0164 00 0174 00 01 03 0100 01", Code::kCorrupt,
     "metadata left over"},
    {"metadata_missing", "0f0000000000 0100 0164 00 0174 00 01 0f 0100 01", Code::kTruncated,
     "column metadata"},
    {"name_of_another_length", "0f0000000000 0100 0164 01 0174 00 01 03 00 01", Code::kCorrupt,
     "does not end"},
    {"names_of_another_number", "0f0000000000 0100 0164 00 0174 00 01 03 00 01 0404 0161 0162",
     Code::kCorrupt, "another number"},
    {"signs_of_another_number", "0f0000000000 0100 0164 00 0174 00 01 03 00 01 01020000",
     Code::kCorrupt, "another number"},
    {"collation_of_no_column", "0f0000000000 0100 0164 00 0174 00 01 03 00 01 0203 080108",
     Code::kCorrupt, "a collation of no column"},
    {"key_of_no_column", "0f0000000000 0100 0164 00 0174 00 01 03 00 01 080101", Code::kCorrupt,
     "a key of no column"},
    {"metadata_twice", "0f0000000000 0100 0164 00 0174 00 01 03 00 01 010100 010100",
     Code::kCorrupt, "twice"},
    {"labels_without_end", "0f0000000000 0100 0164 00 0174 00 01 fe 02f701 01 0603 fcffff",
     Code::kTruncated, "label"},
};

TEST(TableMap, BadOnesAreRefused) {
  for (const BadMap& test : kBadMaps) {
    const auto map = parse(event_of(binlog::kTableMapEvent, test.body));
    ASSERT_FALSE(map) << test.name;
    EXPECT_EQ(map.error().code, test.code) << test.name;
    EXPECT_THAT(map.error().message, testing::HasSubstr(test.message)) << test.name;
  }
}

TEST(TableMap, UnknownMetadataIsSkipped) {
  EXPECT_TRUE(parse(
      event_of(binlog::kTableMapEvent, "0f0000000000 0100 0164 00 0174 00 01 03 00 01 63020102")));
}

struct Mismatch {
  const char* name;
  std::function<void(TableVersion&)> change;
  const char* message;
};
const Mismatch kMismatches[] = {
    {"count", [](TableVersion& t) { t.columns.pop_back(); }, "17 columns here, 18 in the log"},
    {"type", [](TableVersion& t) { t.columns[2].type = SqlType::kBigint; }, "column i is"},
    {"sign", [](TableVersion& t) { t.columns[2].is_unsigned = false; }, "unsigned in the log"},
    {"name", [](TableVersion& t) { t.columns[3].name = "ff"; }, "name f in the log"},
    {"bits", [](TableVersion& t) { t.columns[1].length = 6; }, "column b is"},
    {"characters", [](TableVersion& t) { t.columns[5].length = 51; }, "column vc is"},
    {"bytes", [](TableVersion& t) { t.columns[6].length = 8; }, "column vb is"},
    {"charset", [](TableVersion& t) { t.columns[7].charset = "ascii"; },
     "charset latin1 in the log"},
    {"blob_size", [](TableVersion& t) { t.columns[7].type = SqlType::kLongtext; }, "column tx is"},
    {"precision", [](TableVersion& t) { t.columns[14].length = 11; }, "column dc is"},
    {"many_labels", [](TableVersion& t) { t.columns[9].labels.resize(256); }, "column e is"},
    {"set_labels", [](TableVersion& t) { t.columns[15].labels.resize(9); }, "column s is"},
};

TEST(RowLayout, RefusesAVersionOfOtherColumns) {
  const ByteVector event = event_of(binlog::kTableMapEvent, kMysql);
  const auto map = parse(event);
  for (const Mismatch& test : kMismatches) {
    TableVersion version = *describe(*map);
    test.change(version);
    const auto layout = RowLayout::make(*map, std::make_shared<const TableVersion>(version));
    ASSERT_FALSE(layout) << test.name;
    EXPECT_EQ(layout.error().code, Code::kDiverged) << test.name;
    EXPECT_THAT(layout.error().message, testing::HasSubstr(test.message)) << test.name;
  }
}

TEST(RowLayout, TakesTheNameThatOlderServersHaveForUtf8mb3) {
  std::string digits = kMysql;
  digits.replace(digits.find("c800"), 4, "9600");           // vc's bytes
  digits.replace(digits.find("0307fcff00"), 10, "030521");  // its collation
  const ByteVector event = event_of(binlog::kTableMapEvent, digits);
  const auto map = parse(event);
  ASSERT_TRUE(map) << map.error().message;
  TableVersion version = *describe(*map);
  ASSERT_EQ(version.columns[5].charset, "utf8mb3");
  version.columns[5].charset = "utf8";
  EXPECT_TRUE(RowLayout::make(*map, std::make_shared<const TableVersion>(version)));
}

}  // namespace
}  // namespace binbus::schema
