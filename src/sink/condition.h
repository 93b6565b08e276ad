// Conditions on a row's values: `status = 'paid' AND (total >= 100.50 OR customer IN (7, 8)) AND note IS NOT NULL`.
//
//   condition  = term { OR term }                      as SQL binds them: NOT, then AND, then OR
//   term       = factor { AND factor }
//   factor     = NOT factor | "(" condition ")" | test
//   test       = column ( = | != | <> | < | <= | > | >= ) literal
//              | column [NOT] IN ( literal, ... ) | column IS [NOT] NULL | column [NOT] LIKE 'pattern'
//   column     = name or `name`; literal = number, 'text' (two quotes for one in it), TRUE, FALSE; words in any case
//
// Numbers compare as numbers, exactly (FLOAT and DOUBLE as doubles). Everything else compares as the text that SELECT prints in
// UTC, byte by byte, not by a collation; TIME by its length. LIKE has % and _ and \ before one of them. ENUM and SET compare by
// label with a text, by index with a number. NULL is neither true nor false, as in SQL.
//
// Thread: const functions from any.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/field.h"

namespace binbus::sink {

struct ConditionNode;

class Condition {
 public:
  // kInvalid says where and what was expected.
  static Result<std::shared_ptr<const Condition>> parse(std::string_view text);
  explicit Condition(std::unique_ptr<const ConditionNode> root);
  ~Condition();

  // Where its columns are in a table. kInvalid for a column that the table does not have and a number compared with text.
  Result<std::vector<uint32_t>> bind(const schema::TableVersion& table) const;

  // Whether the row fulfils it, by the columns that bind() told. A row of which it cannot be told, because its image lacks
  // columns, does: nothing is lost that might be wanted. `other` is the row's other image, used for what `row` lacks; empty: none.
  Result<bool> fulfilled(std::span<const uint32_t> columns, std::span<const schema::Field> row,
                         std::span<const schema::Field> other) const;

 private:
  std::unique_ptr<const ConditionNode> root_;
};

}  // namespace binbus::sink
