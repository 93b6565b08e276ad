// SQL: INSERT statements of many rows each, that any mysql client loads into a table of the same columns.
#include "dump/row_text.h"
#include "format/sql_literal.h"
#include "schema/identifier.h"

namespace binbus::dump {
namespace {

using schema::Field;

// Servers take statements of 1 MiB at the least, unless they are told otherwise.
constexpr size_t kStatementBytes = 512 << 10;

// Literals then mean the same wherever they are loaded: see format/sql_literal.h.
constexpr std::string_view kSession =
    "SET NAMES utf8mb4;\n"
    "SET time_zone='+00:00', sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', "
    "foreign_key_checks=0, unique_checks=0;\n";

class SqlText final : public RowText {
 public:
  explicit SqlText(const RowTextOptions& options)
      : options_(options), columns_(format::shown_plans(*options.table)) {
    schema::append_identifier(name_, options.table->database);
    name_ += '.';
    schema::append_identifier(name_, options.table->table);
  }

  void begin(std::string& out) override {
    out += "-- binbus: rows of stream " + options_.stream + " as of " + options_.place.text + "\n";
    out += kSession;
  }

  Status add(std::string& out, std::span<const Field> row, uint64_t count) override {
    values_.clear();
    BINBUS_RETURN_IF_ERROR(append_values(row));
    for (uint64_t i = 0; i < count; ++i) append_row(out, row);
    return ok();
  }

  void end(std::string& out) override {
    if (statement_bytes_ > 0) out += ";\n";
    statement_bytes_ = 0;
  }

 private:
  // What is generated is the target's to calculate.
  bool is_written(std::span<const Field> row, size_t i) const {
    return !format::is_absent(row[i]) && !columns_[i].column->generated;
  }

  Status append_values(std::span<const Field> row) {
    values_ += '(';
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (!is_written(row, i)) continue;
      if (values_.size() > 1) values_ += ',';
      if (Status value = literals_.append(values_, columns_[i], row[i]); !value)
        return fail_in("column " + columns_[i].column->name, value.error());
    }
    values_ += ')';
    return ok();
  }

  // Behind the others, unless they are too many or have other columns.
  void append_row(std::string& out, std::span<const Field> row) {
    written_now_.clear();
    for (size_t i = 0; i < columns_.size(); ++i) written_now_.push_back(is_written(row, i));
    if (written_now_ != written_ || statement_bytes_ + values_.size() > kStatementBytes) end(out);
    const size_t start = out.size();
    if (statement_bytes_ == 0) {
      written_ = written_now_;
      append_head(out);
    } else {
      out += ",\n";
    }
    out += values_;
    statement_bytes_ += out.size() - start;
  }

  void append_head(std::string& out) const {
    out += "INSERT INTO ";
    out += name_;
    const char* separator = " (";
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (!written_[i]) continue;
      out += separator;
      schema::append_identifier(out, columns_[i].column->name);
      separator = ",";
    }
    out += *separator == ' ' ? " () VALUES\n" : ") VALUES\n";
  }

  const RowTextOptions options_;
  const std::vector<format::ColumnPlan> columns_;
  std::string name_;
  format::SqlLiterals literals_;
  std::string values_;  // of the row at hand
  // Which columns the statement under way has, and the row at hand.
  std::vector<bool> written_, written_now_;
  size_t statement_bytes_ = 0;  // 0: none is under way
};

}  // namespace

std::unique_ptr<RowText> make_sql_text(const RowTextOptions& options) {
  return std::make_unique<SqlText>(options);
}

}  // namespace binbus::dump
