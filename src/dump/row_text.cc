#include "dump/row_text.h"

#include <fmt/format.h>

#include "dump/row_change.h"
#include "format/writer.h"

namespace binbus::dump {
namespace {

// The messages that `binbus get` prints.
class JsonLines final : public RowText {
 public:
  JsonLines(const RowTextOptions& options, std::unique_ptr<format::Writer> writer)
      : change_(options.place, options.table), writer_(std::move(writer)) {}

  void begin(std::string&) override {}
  Status add(std::string& out, std::span<const schema::Field> row, uint64_t count) override {
    for (uint64_t i = 0; i < count; ++i) {
      BINBUS_RETURN_IF_ERROR(writer_->write(out, change_.of(row)));
      out += '\n';
    }
    return ok();
  }
  void end(std::string&) override {}

 private:
  RowChange change_;
  const std::unique_ptr<format::Writer> writer_;
};

}  // namespace

Result<std::unique_ptr<RowText>> make_row_text(std::string_view format,
                                               const RowTextOptions& options) {
  if (format == "sql") return make_sql_text(options);
  if (format == "csv") return make_csv_text(options);
  if (format == "jsonl") {
    BINBUS_TRY(writer, format::make_writer("binbus", {.stream = options.stream}));
    return std::make_unique<JsonLines>(options, std::move(writer));
  }
  return fail(Code::kInvalid, fmt::format("format \"{}\" is none of: sql, csv, jsonl", format));
}

}  // namespace binbus::dump
