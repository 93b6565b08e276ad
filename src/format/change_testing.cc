#include "format/change_testing.h"

#include "schema/charset.h"

namespace binbus::format {

using schema::Change;
using schema::Column;
using schema::Field;
using schema::Operation;
using schema::SqlType;
using schema::WireType;

namespace {

std::string big_endian(uint64_t value, size_t size) {
  std::string bytes = little_endian(value, size);
  return {bytes.rbegin(), bytes.rend()};
}

// A fraction of `decimals` digits in its bytes.
uint64_t fraction(uint32_t microsecond, int decimals) {
  if (decimals <= 2) return microsecond / 10'000;
  return decimals <= 4 ? microsecond / 100 : microsecond;
}
size_t fraction_bytes(int decimals) { return static_cast<size_t>(decimals + 1) / 2; }

}  // namespace

std::string little_endian(uint64_t value, size_t size) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) bytes += static_cast<char>(i < 8 ? value >> (8 * i) : 0);
  return bytes;
}

std::string date_bytes(uint32_t year, uint32_t month, uint32_t day) {
  return little_endian(year << 9 | month << 5 | day, 3);
}

std::string datetime_bytes(uint32_t year, uint32_t month, uint32_t day, Clock clock, int decimals) {
  const uint64_t days = (uint64_t{year} * 13 + month) << 5 | day;
  const uint64_t packed = days << 17 | clock.hour << 12 | clock.minute << 6 | clock.second;
  return big_endian(packed + 0x8000000000, 5) +
         big_endian(fraction(clock.microsecond, decimals), fraction_bytes(decimals));
}

std::string timestamp_bytes(uint32_t seconds, uint32_t microsecond, int decimals) {
  return big_endian(seconds, 4) +
         big_endian(fraction(microsecond, decimals), fraction_bytes(decimals));
}

std::string time_bytes(bool negative, Clock clock, int decimals) {
  const size_t size = fraction_bytes(decimals);
  const int64_t packed = static_cast<int64_t>(clock.hour << 12 | clock.minute << 6 | clock.second)
                             << (8 * size) |
                         static_cast<int64_t>(fraction(clock.microsecond, decimals));
  const int64_t zero = int64_t{0x800000} << (8 * size);
  return big_endian(static_cast<uint64_t>(zero + (negative ? -packed : packed)), 3 + size);
}

Column make_column(std::string name, SqlType type, std::string type_text) {
  Column column;
  column.name = std::move(name);
  column.type = type;
  column.is_unsigned = type_text.find("unsigned") != std::string::npos;
  column.type_text = std::move(type_text);
  return column;
}

Cell integer_cell(std::string name, SqlType type, std::string type_text, uint64_t value) {
  const auto [wire, size] = type == SqlType::kTinyint     ? std::pair{schema::kWireTiny, 1U}
                            : type == SqlType::kSmallint  ? std::pair{schema::kWireShort, 2U}
                            : type == SqlType::kMediumint ? std::pair{schema::kWireInt24, 3U}
                            : type == SqlType::kInt       ? std::pair{schema::kWireLong, 4U}
                                                          : std::pair{schema::kWireLonglong, 8U};
  return {make_column(std::move(name), type, std::move(type_text)),
          {wire, 0, true},
          little_endian(value, size)};
}

Cell text_cell(std::string name, std::string text, std::string charset) {
  Cell cell{make_column(std::move(name), SqlType::kVarchar, "varchar(40)"),
            {schema::kWireVarchar, 160, true},
            std::move(text)};
  cell.column.length = 40;
  cell.column.charset = std::move(charset);
  return cell;
}

TableMaker::TableMaker(std::string database, std::string table)
    : table_(std::make_shared<schema::TableVersion>()) {
  table_->database = std::move(database);
  table_->table = std::move(table);
  table_->charset = "utf8mb4";
}

TableMaker& TableMaker::add(const Cell& cell) {
  table_->columns.push_back(cell.column);
  wires_.push_back(cell.wire);
  return *this;
}

TableMaker& TableMaker::key(std::vector<uint32_t> ordinals) {
  for (const uint32_t ordinal : ordinals) table_->columns[ordinal].nullable = false;
  table_->primary_key = std::move(ordinals);
  return *this;
}

std::span<const Field> TableMaker::row(std::vector<Value> values) {
  std::vector<Field>& fields = rows_.emplace_back();
  for (size_t i = 0; i < values.size(); ++i) {
    Field field;
    field.state = values[i].state;
    field.wire = wires_[i];
    field.column = &table_->columns[i];
    field.charset = schema::Charset::find(field.column->charset);
    field.bytes = as_bytes(bytes_.emplace_back(std::move(values[i].bytes)));
    fields.push_back(field);
  }
  return fields;
}

OrdersExample::OrdersExample() {
  transaction.gtid =
      mysql::Gtid{{*mysql::Uuid::parse("3e11fa47-71ca-11e1-9e33-c80aa9429562"), ""}, 23};
  transaction.begin = {7, 1000};
  transaction.segment = "binlog.000007";
  transaction.commit_us = 1'700'000'000'123'456;
  transaction.xid = 4711;
  transaction.thread_id = 12;
  transaction.changes = 3;

  const Cell id = integer_cell("id", SqlType::kInt, "int unsigned", 1);
  const Cell customer = text_cell("customer", "Zoë \"Z\"");
  Cell total{make_column("total", SqlType::kDecimal, "decimal(10,2)"),
             {schema::kWireNewdecimal, 0x020a, true},
             std::string("\x80\x00\x04\xd2\x38", 5)};
  total.column.length = 10;
  total.column.decimals = 2;
  const Cell note = text_cell("note", "");
  maker.add(id).add(customer).add(total).add(note).key({0});
  first_ = {TableMaker::value(id), TableMaker::value(customer), TableMaker::value(total),
            TableMaker::null()};
  second_ = first_;
  second_[3] = TableMaker::value(text_cell("note", "paid"));
}

Change OrdersExample::change(Operation operation, uint64_t offset, uint64_t number) {
  Change change;
  change.operation = operation;
  change.transaction = &transaction;
  change.position = {7, offset};
  change.number = change.event = number;
  change.timestamp_s = 1'700'000'000;
  change.server_id = 1;
  change.database = "shop";
  return change;
}

Change OrdersExample::insert() {
  Change made = change(Operation::kInsert, 1234, 0);
  made.table = maker.table();
  made.after = maker.row(first_);
  made.sql = "INSERT INTO orders VALUES (1, 'Zoë \"Z\"', 1234.56, NULL)";
  return made;
}

Change OrdersExample::update() {
  Change made = change(Operation::kUpdate, 1400, 1);
  made.table = maker.table();
  made.before = maker.row(first_);
  made.after = maker.row(second_);
  return made;
}

Change OrdersExample::minimal_update() {
  Change made = change(Operation::kUpdate, 1400, 1);
  made.table = maker.table();
  const TableMaker::Value absent = TableMaker::absent();
  made.before = maker.row({first_[0], absent, absent, absent});
  made.after = maker.row({absent, absent, absent, second_[3]});
  return made;
}

Change OrdersExample::remove() {
  Change made = change(Operation::kDelete, 1600, 2);
  made.table = maker.table();
  made.before = maker.row(second_);
  made.last = true;
  return made;
}

Change OrdersExample::truncate() {
  Change made = change(Operation::kTruncate, 2000, 0);
  made.table = maker.table();
  made.statement = "TRUNCATE orders";
  return made;
}

Change OrdersExample::begin() { return change(Operation::kBegin, 1000, 0); }
Change OrdersExample::commit() { return change(Operation::kCommit, 1800, 0); }

Change OrdersExample::create_table() {
  Change made = change(Operation::kDdl, 500, 0);
  made.statement = "CREATE TABLE orders (id INT UNSIGNED PRIMARY KEY, customer VARCHAR(40), ...)";
  made.table_after = maker.table();
  return made;
}

Change OrdersExample::add_column() {
  Change made = change(Operation::kDdl, 2200, 0);
  made.statement = "ALTER TABLE orders ADD due DATE";
  made.table_before = maker.table();
  auto after = std::make_shared<schema::TableVersion>(*maker.table());
  after->columns.push_back(make_column("due", SqlType::kDate, "date"));
  made.table_after = after;
  return made;
}

Change OrdersExample::drop_table() {
  Change made = change(Operation::kDdl, 2400, 0);
  made.statement = "DROP TABLE orders";
  made.table_before = maker.table();
  return made;
}

namespace {

std::string described(const Result<bool>& done, std::string out) {
  if (!done) return "(" + std::string(done.error().message) + ")" + out;
  return *done ? out : "(nothing)" + out;
}

}  // namespace

std::string printed(Writer& writer, const Change& change) {
  std::string out;
  const Result<bool> done = writer.write(out, change);
  return described(done, std::move(out));
}

std::string printed(std::string_view format, const WriterOptions& options, const Change& change) {
  return printed(**make_writer(format, options), change);
}

std::string printed_key(std::string_view format, const WriterOptions& options,
                        const Change& change) {
  std::string out;
  const Result<bool> done = (*make_writer(format, options))->write_key(out, change);
  return described(done, std::move(out));
}

}  // namespace binbus::format
