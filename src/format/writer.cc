#include "format/writer.h"

#include <array>

#include "format/format_writer.h"

namespace binbus::format {
namespace {

struct Format {
  std::string_view name;
  std::unique_ptr<Writer> (*make)(const WriterOptions&);
};
constexpr std::array<Format, 5> kFormats = {{
    {"maxwell", make_maxwell_writer},
    {"canal", make_canal_writer},
    {"debezium", make_debezium_writer},
    {"binbus", make_plain_writer},
    {"sql", make_sql_writer},
}};

}  // namespace

Result<std::unique_ptr<Writer>> make_writer(std::string_view format, const WriterOptions& options) {
  std::string names;
  for (const Format& known : kFormats) {
    if (known.name == format) return known.make(options);
    names += names.empty() ? "" : ", ";
    names += known.name;
  }
  return fail(Code::kInvalid, "format \"" + std::string(format) + "\" is none of: " + names);
}

}  // namespace binbus::format
