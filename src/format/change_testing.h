// Changes made by hand, with values as rows of the log have them.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "format/writer.h"
#include "schema/change.h"

namespace binbus::format {

// A value of a column, in the log's bytes.
struct Cell {
  schema::Column column;
  schema::WireColumn wire;
  std::string bytes;
};

// Values as the log has them.
std::string little_endian(uint64_t value, size_t size);
std::string date_bytes(uint32_t year, uint32_t month, uint32_t day);
struct Clock {
  uint32_t hour = 0, minute = 0, second = 0, microsecond = 0;
};
std::string datetime_bytes(uint32_t year, uint32_t month, uint32_t day, Clock clock, int decimals);
std::string timestamp_bytes(uint32_t seconds, uint32_t microsecond, int decimals);
std::string time_bytes(bool negative, Clock clock, int decimals);

// Columns, nullable unless told otherwise.
schema::Column make_column(std::string name, schema::SqlType type, std::string type_text);
Cell integer_cell(std::string name, schema::SqlType type, std::string type_text, uint64_t value);
Cell text_cell(std::string name, std::string text, std::string charset = "utf8mb4");

// A table, and rows of it. Fields view what is in here.
class TableMaker {
 public:
  TableMaker(std::string database, std::string table);
  // Adds the cell's column.
  TableMaker& add(const Cell& cell);
  TableMaker& key(std::vector<uint32_t> ordinals);

  schema::TablePtr table() const { return table_; }
  // One cell per column: values, null or absent.
  struct Value {
    schema::Field::State state = schema::Field::State::kValue;
    std::string bytes;
  };
  static Value value(const Cell& cell) { return {schema::Field::State::kValue, cell.bytes}; }
  static Value null() { return {schema::Field::State::kNull, ""}; }
  static Value absent() { return {schema::Field::State::kAbsent, ""}; }
  std::span<const schema::Field> row(std::vector<Value> values);

 private:
  std::shared_ptr<schema::TableVersion> table_;
  std::vector<schema::WireColumn> wires_;
  std::deque<std::string> bytes_;
  std::deque<std::vector<schema::Field>> rows_;
};

// A table `shop`.`orders` with a key, and changes of it in one transaction: what the examples of the documentation show.
class OrdersExample {
 public:
  OrdersExample();

  schema::Change insert();
  schema::Change update();
  schema::Change minimal_update();
  schema::Change remove();
  schema::Change truncate();
  schema::Change begin();
  schema::Change commit();
  schema::Change create_table();
  schema::Change add_column();
  schema::Change drop_table();

  schema::TransactionInfo transaction;
  TableMaker maker{"shop", "orders"};

 private:
  schema::Change change(schema::Operation operation, uint64_t offset, uint64_t number);
  std::vector<TableMaker::Value> first_, second_;
};

// What the format prints; "(nothing)" and errors as such.
std::string printed(Writer& writer, const schema::Change& change);
std::string printed(std::string_view format, const WriterOptions& options,
                    const schema::Change& change);
std::string printed_key(std::string_view format, const WriterOptions& options,
                        const schema::Change& change);

}  // namespace binbus::format
