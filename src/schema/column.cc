#include "schema/column.h"

#include <array>

namespace binbus::schema {

std::string_view sql_type_name(SqlType type) {
  static constexpr std::array<std::string_view, 42> kNames = {"tinyint",
                                                              "smallint",
                                                              "mediumint",
                                                              "int",
                                                              "bigint",
                                                              "float",
                                                              "double",
                                                              "decimal",
                                                              "bit",
                                                              "year",
                                                              "date",
                                                              "time",
                                                              "datetime",
                                                              "timestamp",
                                                              "char",
                                                              "varchar",
                                                              "tinytext",
                                                              "text",
                                                              "mediumtext",
                                                              "longtext",
                                                              "binary",
                                                              "varbinary",
                                                              "tinyblob",
                                                              "blob",
                                                              "mediumblob",
                                                              "longblob",
                                                              "enum",
                                                              "set",
                                                              "json",
                                                              "geometry",
                                                              "point",
                                                              "linestring",
                                                              "polygon",
                                                              "multipoint",
                                                              "multilinestring",
                                                              "multipolygon",
                                                              "geometrycollection",
                                                              "vector",
                                                              "inet4",
                                                              "inet6",
                                                              "uuid",
                                                              "unknown"};
  static_assert(kNames.size() == static_cast<size_t>(SqlType::kUnknown) + 1);
  return kNames[static_cast<size_t>(type)];
}

}  // namespace binbus::schema
