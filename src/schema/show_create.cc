#include "schema/show_create.h"

#include "schema/identifier.h"

namespace binbus::schema {
namespace {

std::string column_line(const Column& column) {
  std::string line = quoted_identifier(column.name) + " " + column.type_text;
  if (!column.charset.empty()) line += " CHARACTER SET " + column.charset;
  if (!column.collation.empty()) line += " COLLATE " + column.collation;
  if (column.generated)
    line += column.stored ? " /* GENERATED STORED */" : " /* GENERATED VIRTUAL */";
  line += column.nullable ? " NULL" : " NOT NULL";
  if (column.auto_increment) line += " AUTO_INCREMENT";
  if (column.invisible && !column.hidden) line += " INVISIBLE";
  return line;
}

std::string key_line(const TableVersion& version) {
  std::string line = "PRIMARY KEY (";
  for (const uint32_t ordinal : version.primary_key) {
    if (ordinal >= version.columns.size()) continue;
    if (line.back() != '(') line += ",";
    line += quoted_identifier(version.columns[ordinal].name);
  }
  return line + ")";
}

}  // namespace

std::string show_create(const TableVersion& version) {
  std::string out = "CREATE TABLE " + quoted_identifier(version.database) + "." +
                    quoted_identifier(version.table) + " (";
  std::string hidden;
  std::string separator = "\n  ";
  const auto add = [&](const std::string& line) {
    out += separator + line;
    separator = ",\n  ";
  };
  for (const Column& column : version.columns) {
    if (column.hidden) {
      hidden += "\n  -- hidden: " + column_line(column);
    } else {
      add(column_line(column));
    }
  }
  if (!version.primary_key.empty()) add(key_line(version));
  out += hidden + "\n)";
  if (!version.charset.empty()) out += " DEFAULT CHARSET=" + version.charset;
  if (!version.collation.empty()) out += " COLLATE=" + version.collation;
  return out;
}

}  // namespace binbus::schema
