// CSV as RFC 4180 has it: a line of names, CR LF, quotes doubled. NULL is \N without quotes; the text \N has them.
#include "dump/row_text.h"
#include "format/json_output.h"
#include "format/value.h"

namespace binbus::dump {
namespace {

using format::Shape;
using schema::Field;

constexpr std::string_view kNull = "\\N";

void append_csv(std::string& out, std::string_view text) {
  const bool plain =
      !text.empty() && text != kNull && text.find_first_of(",\"\r\n") == std::string_view::npos;
  if (plain) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

class CsvText final : public RowText {
 public:
  explicit CsvText(const RowTextOptions& options)
      : table_(options.table), columns_(format::shown_plans(*options.table)) {}

  void begin(std::string& out) override {
    const char* separator = "";
    for (const format::ColumnPlan& plan : columns_) {
      out += separator;
      append_csv(out, plan.column->name);
      separator = ",";
    }
    out += "\r\n";
  }

  Status add(std::string& out, std::span<const Field> row, uint64_t count) override {
    line_.clear();
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) line_ += ',';
      if (Status value = append_value(columns_[i], row[i]); !value)
        return fail_in("column " + columns_[i].column->name, value.error());
    }
    line_ += "\r\n";
    for (uint64_t i = 0; i < count; ++i) out += line_;
    return ok();
  }

  void end(std::string&) override {}

 private:
  // Of a column that the row has not, nothing.
  Status append_value(const format::ColumnPlan& plan, const Field& field) {
    if (format::is_absent(field)) return ok();
    if (format::is_null(field)) {
      line_ += kNull;
      return ok();
    }
    switch (plan.shape) {
      case Shape::kBinary:
      case Shape::kGeometry:
      case Shape::kVector:
      case Shape::kUnknown: {
        BINBUS_TRY(bytes, values_.bytes(plan, field));
        text_.clear();
        format::append_hex(text_, bytes);
        break;
      }
      case Shape::kBit: {
        BINBUS_TRY(integer, schema::read_integer(field));
        text_ = std::to_string(integer.bits);
        break;
      }
      default:
        text_.clear();
        BINBUS_RETURN_IF_ERROR(schema::append_text(text_, field));
    }
    append_csv(line_, text_);
    return ok();
  }

  const schema::TablePtr table_;
  const std::vector<format::ColumnPlan> columns_;
  format::Values values_;
  std::string line_, text_;
};

}  // namespace

std::unique_ptr<RowText> make_csv_text(const RowTextOptions& options) {
  return std::make_unique<CsvText>(options);
}

}  // namespace binbus::dump
