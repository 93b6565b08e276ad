// The SELECT of a table's next rows in the order of its key, behind the last one that was read.
//
// Pure.
#pragma once

#include "schema/field.h"

namespace binbus::state {

// `column` `expression`s are given by the caller as they are to be selected: "`id`, `name`". `last` is the last row that was read, at
// least its key; empty: none was. An empty `key`: the whole table, in no order, and no limit.
// kUnsupported, naming the column, for a key by which no order can be asked for.
Result<std::string> chunk_query(const schema::TableVersion& table, std::string_view select_list,
                                std::span<const uint32_t> key, std::span<const schema::Field> last,
                                uint64_t rows_max);

// The SELECT of the rows that fit one of these conditions, at least one, and the condition for those that have the key of `row`: one
// row, whose key the source takes for that one.
std::string rows_query(const schema::TableVersion& table, std::string_view select_list,
                       std::span<const std::string> conditions);
Result<std::string> key_condition(std::span<const uint32_t> key,
                                  std::span<const schema::Field> row);

}  // namespace binbus::state
