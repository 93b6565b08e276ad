// Text with names in braces: "{database}.{table}", "orders-{column:region}-{shard:8}".
//
//   {stream} {sink}                 names of the configuration
//   {database} {table}              of the change, as it is delivered; "" when it is about none
//   {operation}                     insert, update, delete, truncate, ddl, begin, commit
//   {column:NAME}                   the value of a column, as SELECT prints it in UTC; NULL is ""
//   {key}                           the message's key (in topics and routing keys)
//   {shard:N}                       0 to N-1, always the same for the same key (in topics and routing keys)
//   {primary_key}                   the values of the primary key, joined as columns of keys are
//   {format_key}                    the key as the format writes it: Debezium's and Maxwell's JSON
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace binbus::sink {

struct TemplatePart {
  enum class Kind : uint8_t {
    kText,
    kDatabase,
    kTable,
    kOperation,
    kColumn,
    kKey,
    kShard,
    kPrimaryKey,
    kFormatKey,
  };
  Kind kind = Kind::kText;
  std::string text;     // kText; kColumn: its name
  uint32_t number = 0;  // kShard: N; kColumn: its ordinal, once bound to a table
};
using Template = std::vector<TemplatePart>;

// kInvalid for a brace that is not closed and an unknown name. `stream` and `sink` go in as text.
Result<Template> parse_template(std::string_view text, std::string_view stream,
                                std::string_view sink);

}  // namespace binbus::sink
