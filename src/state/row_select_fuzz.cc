// A row of SELECT of any bytes: first byte the server's kind, second how many columns, a byte for the kind of each, then the packet.
// What is read prints, keeps and makes a key; only a label's number may be of no label.
#include <array>

#include "base/check.h"
#include "state/row_codec.h"
#include "state/row_key.h"
#include "state/row_select.h"

namespace {

using namespace binbus;
using namespace binbus::schema;
using namespace binbus::state;

struct Kind {
  SqlType type;
  uint32_t length;
  uint8_t decimals;
  uint8_t wire;
  uint32_t result_length = 0;
  uint8_t result_decimals = 0;
};
constexpr Kind kKinds[] = {
    {SqlType::kTinyint, 0, 0, kWireTiny},
    {SqlType::kSmallint, 0, 0, kWireShort},
    {SqlType::kMediumint, 0, 0, kWireInt24},
    {SqlType::kInt, 0, 0, kWireLong},
    {SqlType::kBigint, 0, 0, kWireLonglong},
    {SqlType::kFloat, 0, 0, kWireFloat, 12, 31},
    {SqlType::kDouble, 0, 0, kWireDouble, 22, 31},
    {SqlType::kDecimal, 20, 9, kWireNewdecimal, 22, 9},
    {SqlType::kBit, 9, 0, kWireBit, 9},
    {SqlType::kYear, 4, 0, kWireYear},
    {SqlType::kYear, 2, 0, kWireYear},
    {SqlType::kDate, 0, 0, kWireDate},
    {SqlType::kTime, 0, 3, kWireTime, 0, 3},
    {SqlType::kDatetime, 0, 6, kWireDatetime, 0, 6},
    {SqlType::kTimestamp, 0, 0, kWireTimestamp},
    {SqlType::kBinary, 5, 0, kWireString, 5},
    {SqlType::kVarbinary, 300, 0, kWireVarString, 300},
    {SqlType::kBlob, 0, 0, kWireBlob, 65535},
    {SqlType::kEnum, 0, 0, kWireLong},
    {SqlType::kSet, 0, 0, kWireLonglong},
    {SqlType::kJson, 0, 0, kWireJson},
    {SqlType::kPoint, 0, 0, kWireGeometry},
    {SqlType::kInet6, 0, 0, kWireVarString},
    {SqlType::kUuid, 0, 0, kWireVarString},
};

bool may_have_no_text(const Field& field) {
  return field.column->type == SqlType::kEnum || field.column->type == SqlType::kSet;
}

void use(std::span<const Field> row, const TablePtr& table) {
  std::string all;
  for (const Field& field : row) {
    if (field.state != Field::State::kValue) continue;
    std::string text;
    BINBUS_CHECK(append_text(text, field) || may_have_no_text(field));
    all += text;
  }
  std::string key;
  (void)append_key(key, row, {});
  ByteWriter out;
  BINBUS_CHECK(store_row(out, row));
  StoredRowReader reader(table);
  const auto again = reader.read(out.view());
  BINBUS_CHECK(again);
  for (const Field& field : *again) {
    std::string text;
    if (field.state == Field::State::kValue) (void)append_text(text, field);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)mysql::parse_result_column(Bytes(data, size));
  if (size < 2) return 0;
  const ServerVersion server{.mariadb = (data[0] & 1) != 0, .number = 110800};
  const size_t count = std::min<size_t>(data[1] % 16, size - 2);
  auto table = std::make_shared<TableVersion>();
  std::vector<mysql::ResultColumn> results;
  for (size_t i = 0; i < count; ++i) {
    const Kind& kind = kKinds[data[2 + i] % std::size(kKinds)];
    Column& column = table->columns.emplace_back();
    column.name = std::to_string(i);
    column.type = kind.type;
    column.length = kind.length;
    column.decimals = kind.decimals;
    column.labels = {"a", "b", "c"};
    results.push_back({.name = column.name,
                       .type = kind.wire,
                       .collation = 63,
                       .length = kind.result_length,
                       .decimals = kind.result_decimals});
  }
  auto select = RowSelect::make(table, server);
  BINBUS_CHECK(select);
  BINBUS_CHECK(select->open(results));
  const auto row = select->read(Bytes(data, size).subspan(2 + count));
  if (row) use(*row, table);
  return 0;
}
