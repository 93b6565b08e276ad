#include "schema/row_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "schema/fields_testing.h"

namespace binbus::schema {
namespace {

using namespace testing_fields;

// A table map of MySQL 9.7, i int, j json, k json, and its layout.
struct Table {
  explicit Table(std::string_view map_body =
                     "6c0000000000 0100 0174 00 016a 00 03 03f5f5 020404 06 0406 0169 016a 016b")
      : event(event_of(binlog::kTableMapEvent, map_body)) {
    const auto map = parse_table_map(event, format);
    EXPECT_TRUE(map) << map.error().message;
    auto made = RowLayout::make(*map, std::make_shared<const TableVersion>(*describe(*map)));
    EXPECT_TRUE(made) << made.error().message;
    layout = std::move(*made);
  }
  binlog::FormatDescription format = format_of("9.7.4");
  ByteVector event;
  RowLayout layout;
};

std::string image_text(std::span<const Field> fields) {
  std::string text;
  for (const Field& field : fields) {
    if (field.state == Field::State::kAbsent) continue;
    text += (text.empty() ? "" : ", ") + field.column->name + '=';
    if (field.state == Field::State::kNull) {
      text += "NULL";
    } else if (field.state == Field::State::kPartial) {
      text += "partial";
    } else if (const Status done = append_text(text, field); !done) {
      text += "error: " + done.error().message;
    }
  }
  return text;
}

// "insert {i=1}", one line per row; an error's message ends it.
std::string rows_of(const Table& table, Bytes event, RowReader::Limits limits = {}) {
  static constexpr const char* kOperations[] = {"insert", "update", "delete"};
  RowReader reader(limits);
  std::string text;
  const auto head = parse_rows_head(event, table.format);
  Status status = head ? reader.open(table.layout, *head, event) : Status(fail(head.error()));
  while (status) {
    const auto more = reader.next();
    if (!more) status = fail(more.error());
    if (!more || !*more) break;
    text += kOperations[static_cast<size_t>(reader.operation())];
    if (!reader.before().empty()) text += " {" + image_text(reader.before()) + '}';
    if (!reader.after().empty()) text += " {" + image_text(reader.after()) + '}';
    text += '\n';
  }
  return status ? text : text + "error: " + status.error().message;
}

std::string rows_of(const Table& table, uint8_t type, std::string_view body) {
  return rows_of(table, event_of(type, body));
}

const std::string kHead = "6c0000000000 0100 ";

struct RowsCase {
  const char* name;
  uint8_t type;
  std::string body;
  const char* want;
};
void PrintTo(const RowsCase& test, std::ostream* out) { *out << test.name; }

const RowsCase kRows[] = {
    {"insert_v1", 23, kHead + "03 07 00 01000000 02000000 0401 02000000 0400",
     "insert {i=1, j=true, k=null}\n"},
    {"insert_v2", 30, kHead + "0200 03 07 02 01000000 02000000 0400",
     "insert {i=1, j=NULL, k=null}\n"},
    {"insert_v2_extra", 30, kHead + "0500 010203 03 07 06 01000000",
     "insert {i=1, j=NULL, k=NULL}\n"},
    {"two_inserts", 30, kHead + "0200 03 07 06 01000000 06 02000000",
     "insert {i=1, j=NULL, k=NULL}\ninsert {i=2, j=NULL, k=NULL}\n"},
    {"minimal_insert", 30, kHead + "0200 03 01 00 05000000", "insert {i=5}\n"},
    {"insert_of_defaults", 30, kHead + "0200 03 00", "insert {}\n"},
    {"delete", 32, kHead + "0200 03 01 00 05000000", "delete {i=5}\n"},
    {"minimal_update", 31, kHead + "0200 03 01 04 00 05000000 01", "update {i=5} {k=NULL}\n"},
    {"update_v0_has_one_bitmap", 21, kHead + "03 01 00 05000000 00 06000000",
     "update {i=5} {i=6}\n"},
    {"partial_event_with_whole_documents", 39,
     kHead + "0200 03 03 02 00 01000000 02000000 0400 00 00 02000000 0401",
     "update {i=1, j=null} {j=true}\n"},
    {"partial_without_document", 39,
     kHead + "0200 03 01 02 00 01000000 01 01 00 05000000 0203242e6b",
     "update {i=1} {j=partial}\n"},
    {"partial_of_null", 39, kHead + "0200 03 03 02 02 01000000 01 01 00 05000000 0203242e6b",
     "error: update in t.j, row 1 of the event: column j: an update of NULL as a document"},
    {"partial_of_new_options", 39, kHead + "0200 03 01 02 00 01000000 02",
     "error: update in t.j, row 1 of the event: options 2 of a partial update"},
    {"other_width", 30, kHead + "0200 04 0f 00",
     "error: rows event with 4 columns after a table map with 3"},
    {"row_of_nothing", 30, kHead + "0200 03 00 00",
     "error: insert in t.j, row 1 of the event: a row of no bytes"},
    {"value_cut", 30, kHead + "0200 03 07 06 0100",
     "error: insert in t.j, row 1 of the event: column i: value"},
    {"length_cut", 30, kHead + "0200 03 02 00 0100",
     "error: insert in t.j, row 1 of the event: column j: length"},
    {"length_too_long", 30, kHead + "0200 03 02 00 ffffffff 00",
     "error: insert in t.j, row 1 of the event: column j: value"},
    {"second_row_cut", 30, kHead + "0200 03 01 00 05000000 00",
     "insert {i=5}\nerror: insert in t.j, row 2 of the event: column i: value"},
    {"extra_shorter_than_itself", 30, kHead + "0100 03 07",
     "error: extra row information shorter than its length"},
    {"no_rows_event", 2, kHead, "error: event type 2 as one of rows"},
};

class Rows : public testing::TestWithParam<RowsCase> {};

TEST_P(Rows, AreWalked) {
  EXPECT_EQ(rows_of(Table(), GetParam().type, GetParam().body), GetParam().want);
}

INSTANTIATE_TEST_SUITE_P(Events, Rows, testing::ValuesIn(kRows),
                         [](const auto& test) { return test.param.name; });

// As MySQL 9.7 wrote it: json_set(j, '$.b[1]', 5, '$.c', 7) in {"a": "0...", "b": [1, 2, 3]}, and an empty update of [1].
const char* const kPartialUpdate =
    "6c0000000000 0100 0200 03 ff ff 00 01000000"
    "4b000000 "
    "0002004a0012000100130001000c1400023d0061622830313233343536373839303132333435363738393031323334"
    "353637383930313233"
    "3435363738390 3000d000501000502000503000800000002010007000501 00"
    "01 03 00 01000000 15000000 0006242e625b315d03050500 0103242e6303050700 00000000";

TEST(PartialUpdate, OfARealServer) {
  EXPECT_EQ(rows_of(Table(), 39, kPartialUpdate),
            "update {i=1, j={\"a\": \"0123456789012345678901234567890123456789\", \"b\": [1, 2, "
            "3]}, k=[1]} "
            "{i=1, j={\"a\": \"0123456789012345678901234567890123456789\", \"b\": [1, 5, 3], "
            "\"c\": 7}, k=[1]}\n");
}

TEST(Rows, CutAnywhereDoNotCrash) {
  const Table table;
  const ByteVector event = event_of(39, kPartialUpdate);
  for (size_t size = 0; size < event.size(); ++size) {
    EXPECT_THAT(rows_of(table, Bytes(event).first(size)),
                testing::Not(testing::HasSubstr("\"c\": 7")))
        << size;
  }
}

// MariaDB 10.11, log_bin_compress: head 0x81, one byte of length, a zlib stream of the two rows {1}, {2}.
TEST(CompressedRows, AreUncompressedWithinTheLimit) {
  const Table table("6c0000000000 0100 0174 00 016a 00 01 03 00 01 0402 0169");
  const std::string head = "6c0000000000 0100 01 01 81 0a ";
  EXPECT_EQ(rows_of(table, 166, head + "789cfbc7c8c0c0f08f094800000efd0200"),
            "insert {i=1}\ninsert {i=2}\n");
  EXPECT_EQ(rows_of(table, 166, head + "789cfbc7c8c0c0f08f094800000efd0201"),
            "error: compressed bytes that are no zlib stream of their length");
  const ByteVector event = event_of(166, "6c0000000000 0100 01 01 81 ff");
  EXPECT_THAT(rows_of(table, event, {.uncompressed_bytes_max = 100}),
              testing::HasSubstr("over the limit of 100"));
  EXPECT_THAT(rows_of(table, event), testing::HasSubstr("longer than they can be"));
  EXPECT_THAT(rows_of(table, 166, "6c0000000000 0100 01 01 91 0a"),
              testing::HasSubstr("compression 1 of an event"));
}

}  // namespace
}  // namespace binbus::schema
