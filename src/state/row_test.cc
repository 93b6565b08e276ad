// Rows kept and read again, and their keys; of every golden binlog file, and by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "changes/change_reader.h"
#include "changes/file_source.h"
#include "schema/fields_testing.h"
#include "state/row_codec.h"
#include "state/row_key.h"

namespace binbus::state {
namespace {

using schema::Field;
using schema::SqlType;
using schema::testing_fields::bytes_of;
using schema::testing_fields::column_of;
using schema::testing_fields::Value;
using testing::ElementsAre;
using testing::HasSubstr;

// As it prints, and whether it is there.
std::string text_of(std::span<const Field> row) {
  std::string all;
  for (const Field& field : row) {
    all += field.state == Field::State::kNull ? "NULL" : "";
    if (field.state == Field::State::kValue) {
      const Status done = append_text(all, field);
      if (!done) all += "error: " + done.error().message;
    }
    all += '|';
  }
  return all;
}

ByteVector stored(std::span<const Field> row) {
  ByteWriter out;
  EXPECT_TRUE(store_row(out, row));
  return out.take();
}

std::string key_of(const std::vector<Field>& row, const std::vector<uint32_t>& columns = {}) {
  std::string key;
  const Status done = append_key(key, row, columns);
  EXPECT_TRUE(done) << done.error().message;
  return key;
}

Field valueless(Field::State state, const schema::Column& column) {
  Field field;
  field.state = state;
  field.column = &column;
  return field;
}
Field null_of(const schema::Column& column) { return valueless(Field::State::kNull, column); }

class GoldenRowsKept : public testing::TestWithParam<std::string> {};

TEST_P(GoldenRowsKept, PrintAsTheyDid) {
  const std::vector<std::string> paths = {GetParam()};
  changes::ReaderOptions options;
  options.open = [&](changes::Position at) {
    return changes::FileSource::open(io::posix_file_system(), paths, at);
  };
  options.oldest = [] { return changes::Position{1, 0}; };
  options.losses = changes::LossPolicy::kSkip;
  options.number_columns = true;
  changes::ChangeReader reader(std::move(options), {1, 0}, schema::Catalog());
  size_t rows = 0;
  const auto emit = [&](const schema::Change& change) -> Status {
    for (const auto row : {change.before, change.after}) {
      const bool partial = std::ranges::any_of(
          row, [](const Field& field) { return field.state == Field::State::kPartial; });
      if (row.empty() || partial) continue;
      const ByteVector bytes = stored(row);
      StoredRowReader again(change.table);
      BINBUS_TRY(read, again.read(bytes));
      EXPECT_EQ(text_of(read), text_of(row));
      std::string key;
      BINBUS_RETURN_IF_ERROR(append_key(key, read, {}));
      EXPECT_FALSE(key.empty());
      ++rows;
    }
    return ok();
  };
  while (true) {
    const auto more = reader.read(emit);
    ASSERT_TRUE(more) << more.error().message;
    if (!*more) break;
  }
  EXPECT_GT(rows, 0U);
}

std::vector<std::string> golden_files() {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator("tests/golden/binlog")) {
    if (entry.path().extension() == ".binlog") found.push_back(entry.path());
  }
  return found;
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenRowsKept, testing::ValuesIn(golden_files()),
                         [](const auto& test) {
                           std::string name = std::filesystem::path(test.param).stem();
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(StoredRow, NullAbsentAndLaterColumns) {
  auto table = std::make_shared<schema::TableVersion>();
  table->columns = {column_of(SqlType::kInt), column_of(SqlType::kInt), column_of(SqlType::kInt),
                    column_of(SqlType::kInt)};
  const Value one{table->columns[0], {schema::kWireLong, 0}, bytes_of("01 00 00 00")};
  const std::vector<Field> row = {one.field(), null_of(table->columns[1]),
                                  valueless(Field::State::kAbsent, table->columns[2])};
  const ByteVector bytes = stored(row);
  StoredRowReader reader(table);
  const auto read = reader.read(bytes);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 4U);
  EXPECT_EQ(text_of(*read), "1|NULL|||");
  EXPECT_EQ((*read)[2].state, Field::State::kAbsent);
  EXPECT_EQ((*read)[3].state, Field::State::kAbsent);
}

TEST(StoredRow, BytesThatAreNoneAreRefused) {
  auto table = std::make_shared<schema::TableVersion>();
  table->columns = {column_of(SqlType::kInt)};
  StoredRowReader reader(table);
  const Value one{table->columns[0], {schema::kWireLong, 0}, bytes_of("01 00 00 00")};
  const std::vector<Field> row = {one.field()};
  const ByteVector whole = stored(row);
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_EQ(reader.read(Bytes(whole).first(length)).error().code, Code::kTruncated) << length;
  for (const char* wrong : {"02 00 00", "01 09", "01 02 03 00 00 01 00 00"})
    EXPECT_EQ(reader.read(bytes_of(wrong)).error().code, Code::kCorrupt) << wrong;
}

TEST(StoredRow, APartOfADocumentIsNotKept) {
  const schema::Column column = column_of(SqlType::kJson);
  const std::vector<Field> row = {valueless(Field::State::kPartial, column)};
  ByteWriter out;
  const Status done = store_row(out, row);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kUnsupported);
  EXPECT_THAT(done.error().message, HasSubstr("binlog_row_value_options"));
}

TEST(RowKey, IntegersAreOrderedWhateverTheirWidth) {
  schema::Column is_signed = column_of(SqlType::kBigint), big = column_of(SqlType::kBigint),
                 tiny = column_of(SqlType::kTinyint);
  big.is_unsigned = true;
  const Value minus_two{is_signed, {schema::kWireLonglong, 0}, bytes_of("feffffffffffffff")};
  const Value minus_one{tiny, {schema::kWireTiny, 0}, bytes_of("ff")};
  const Value one{tiny, {schema::kWireTiny, 0}, bytes_of("01")};
  const Value wide_one{big, {schema::kWireLonglong, 0}, bytes_of("0100000000000000")};
  const Value most{big, {schema::kWireLonglong, 0}, bytes_of("ffffffffffffffff")};
  EXPECT_LT(key_of({minus_two.field()}), key_of({minus_one.field()}));
  EXPECT_LT(key_of({minus_one.field()}), key_of({one.field()}));
  EXPECT_EQ(key_of({one.field()}), key_of({wide_one.field()}));
  EXPECT_LT(key_of({one.field()}), key_of({most.field()}));
  EXPECT_LT(key_of({null_of(tiny)}), key_of({minus_two.field()}));
}

TEST(RowKey, StringsEndWhereTheyEnd) {
  const schema::Column text = column_of(SqlType::kVarchar, "utf8mb4");
  const schema::Column fixed = column_of(SqlType::kChar, "utf8mb4");
  const Value a{text, {schema::kWireVarchar, 40}, bytes_of("61")};
  const Value same{fixed, {schema::kWireString, 40}, bytes_of("61")};
  const Value a_zero{text, {schema::kWireVarchar, 40}, bytes_of("61 00")};
  const Value ab{text, {schema::kWireVarchar, 40}, bytes_of("61 62")};
  const Value b{text, {schema::kWireVarchar, 40}, bytes_of("62")};
  EXPECT_EQ(key_of({a.field()}), key_of({same.field()}));
  EXPECT_LT(key_of({a.field()}), key_of({a_zero.field()}));
  EXPECT_LT(key_of({a_zero.field()}), key_of({ab.field()}));
  EXPECT_LT(key_of({ab.field()}), key_of({b.field()}));
  EXPECT_NE(key_of({a.field(), ab.field()}), key_of({ab.field(), a.field()}));
  EXPECT_NE(key_of({a.field(), b.field()}), key_of({ab.field(), null_of(text)}));
}

TEST(RowKey, ABinaryIsWithItsPadding) {
  schema::Column fixed = column_of(SqlType::kBinary, "binary");
  fixed.length = 2;
  const schema::Column varying = column_of(SqlType::kVarbinary, "binary");
  const Value stripped{fixed, {schema::kWireString, 2}, bytes_of("61")};
  const Value whole{varying, {schema::kWireVarchar, 2}, bytes_of("61 00")};
  EXPECT_EQ(key_of({stripped.field()}), key_of({whole.field()}));
}

TEST(RowKey, ACompressedValueIsWhatItStandsFor) {
  schema::Column text = column_of(SqlType::kVarchar, "latin1");
  const Value plain{text, {schema::kWireVarchar, 9}, bytes_of("61 00")};
  const Value compressed{text, {schema::kWireVarcharCompressed, 10}, bytes_of("00 61 00")};
  const Value broken{text, {schema::kWireVarcharCompressed, 10}, bytes_of("10 61")};
  EXPECT_EQ(key_of({plain.field()}), key_of({compressed.field()}));
  std::string key;
  const std::vector<Field> row = {broken.field()};
  EXPECT_EQ(append_key(key, row, {}).error().code, Code::kUnsupported);
}

TEST(RowKey, OfAllColumnsIsOneOfThoseThatAreNotGenerated) {
  const schema::Column column = column_of(SqlType::kTinyint);
  schema::Column generated = column;
  generated.generated = true;
  const Value one{column, {schema::kWireTiny, 0}, bytes_of("01")};
  const Value twice{generated, {schema::kWireTiny, 0}, bytes_of("02")};
  EXPECT_EQ(key_of({one.field(), twice.field()}), key_of({one.field()}));
  EXPECT_EQ(key_of({one.field(), null_of(generated)}), key_of({one.field()}));
  EXPECT_NE(key_of({one.field(), twice.field()}, {1}), key_of({one.field()}));
}

TEST(RowKey, NamesTheColumnThatIsMissing) {
  const schema::Column column = column_of(SqlType::kInt);
  const std::vector<Field> row = {valueless(Field::State::kAbsent, column)};
  std::string key;
  const std::vector<uint32_t> columns = {0};
  const Status done = append_key(key, row, columns);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kNotFound);
  EXPECT_THAT(done.error().message, HasSubstr("column c of its key"));
}

TEST(KeyColumns, ThePrimaryKeyOrTheUniqueOneInItsPlace) {
  schema::TableVersion table;
  EXPECT_THAT(key_columns(table), ElementsAre());
  table.unique_key = {2, 1};
  EXPECT_THAT(key_columns(table), ElementsAre(2, 1));
  table.primary_key = {1};
  EXPECT_THAT(key_columns(table), ElementsAre(1));
}

}  // namespace
}  // namespace binbus::state
