#include "sink/condition.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "sink/condition_parser.h"
#include "sink/names.h"

namespace binbus::sink {

using schema::Column;
using schema::Field;
using schema::SqlType;

namespace {

// What may be the outcome of a node: one of them, or, where an image lacks columns, any.
using Outcomes = uint8_t;
constexpr Outcomes kFalse = 1;
constexpr Outcomes kUnknown = 2;  // SQL's, from NULL
constexpr Outcomes kTrue = 4;
constexpr Outcomes kAny = kFalse | kUnknown | kTrue;

Outcomes outcome(bool value) { return value ? kTrue : kFalse; }

// False < unknown < true: AND is the least, OR the greatest of both sides.
Outcomes combine(Outcomes left, Outcomes right, bool least) {
  Outcomes out = 0;
  for (const Outcomes l : {kFalse, kUnknown, kTrue}) {
    for (const Outcomes r : {kFalse, kUnknown, kTrue}) {
      if ((left & l) != 0 && (right & r) != 0) out |= least ? std::min(l, r) : std::max(l, r);
    }
  }
  return out;
}

Outcomes negated(Outcomes outcomes) {
  return static_cast<Outcomes>((outcomes & kUnknown) | ((outcomes & kFalse) != 0 ? kTrue : 0) |
                               ((outcomes & kTrue) != 0 ? kFalse : 0));
}

bool is_float(SqlType type) { return type == SqlType::kFloat || type == SqlType::kDouble; }
bool is_label(SqlType type) { return type == SqlType::kEnum || type == SqlType::kSet; }
bool is_number(SqlType type) {
  return type <= SqlType::kYear;  // the numeric types come first
}
static_assert(SqlType::kTinyint < SqlType::kYear && SqlType::kBit < SqlType::kYear &&
              SqlType::kDate > SqlType::kYear);

struct Decimal {
  bool negative = false;
  std::string_view whole, fraction;  // without zeros that mean nothing
};

Decimal decimal_of(std::string_view text) {
  Decimal out;
  if (text.starts_with('-') || text.starts_with('+')) {
    out.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  const size_t point = std::min(text.find('.'), text.size());
  out.whole = text.substr(0, point);
  if (point < text.size()) out.fraction = text.substr(point + 1);
  while (out.whole.starts_with('0')) out.whole.remove_prefix(1);
  while (out.fraction.ends_with('0')) out.fraction.remove_suffix(1);
  if (out.whole.empty() && out.fraction.empty()) out.negative = false;
  return out;
}

int sign(int order) { return order < 0 ? -1 : order > 0 ? 1 : 0; }

int compare_decimals(std::string_view left_text, std::string_view right_text) {
  const Decimal left = decimal_of(left_text);
  const Decimal right = decimal_of(right_text);
  if (left.negative != right.negative) return left.negative ? -1 : 1;
  int order = left.whole.size() != right.whole.size()
                  ? (left.whole.size() < right.whole.size() ? -1 : 1)
                  : sign(left.whole.compare(right.whole));
  if (order == 0) order = sign(left.fraction.compare(right.fraction));
  return left.negative ? -order : order;
}

// "-12:30:00.5" in microseconds; none when it is no time.
std::optional<int64_t> time_us(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  int64_t seconds = 0;
  for (int part = 0; part < 3; ++part) {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number < 0) return std::nullopt;
    seconds = seconds * 60 + number;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (part < 2) {
      if (!text.starts_with(':')) return std::nullopt;
      text.remove_prefix(1);
    }
  }
  int64_t fraction = 0;
  if (text.starts_with('.')) {
    std::string digits(text.substr(1, 6));
    digits.resize(6, '0');
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), fraction);
    if (error != std::errc() || end != digits.data() + 6) return std::nullopt;
  } else if (!text.empty()) {
    return std::nullopt;
  }
  const int64_t all = seconds * 1'000'000 + fraction;
  return negative ? -all : all;
}

// Whole characters of UTF-8: how many bytes the first has.
size_t character_bytes(std::string_view text) {
  size_t bytes = 1;
  while (bytes < text.size() && (static_cast<uint8_t>(text[bytes]) & 0xc0) == 0x80) ++bytes;
  return bytes;
}

bool like(std::string_view text, std::string_view pattern) {
  // Where to go on when what follows the last % does not fit: one character later.
  std::string_view text_again, pattern_again;
  bool again = false;
  for (;;) {
    if (pattern.starts_with('%')) {
      pattern.remove_prefix(1);
      text_again = text;
      pattern_again = pattern;
      again = true;
      continue;
    }
    if (text.empty() && pattern.empty()) return true;
    if (!text.empty() && !pattern.empty()) {
      if (pattern[0] == '_') {
        text.remove_prefix(character_bytes(text));
        pattern.remove_prefix(1);
        continue;
      }
      const size_t escape = pattern[0] == '\\' && pattern.size() > 1 ? 1 : 0;
      if (pattern[escape] == text[0]) {
        text.remove_prefix(1);
        pattern.remove_prefix(1 + escape);
        continue;
      }
    }
    if (!again || text_again.empty()) return false;
    text_again.remove_prefix(1);
    text = text_again;
    pattern = pattern_again;
  }
}

// <0, 0, >0; none when a literal cannot be compared with what is there (a NaN).
Result<std::optional<int>> compare(const Field& field, const std::string& text,
                                   const Literal& literal) {
  const SqlType type = field.column->type;
  if (is_float(type)) {
    BINBUS_TRY(value, schema::read_double(field));
    double other = 0;
    std::from_chars(literal.text.data(), literal.text.data() + literal.text.size(), other);
    if (std::isnan(value)) return std::nullopt;
    return value < other ? -1 : value > other ? 1 : 0;
  }
  if (type == SqlType::kBit || (is_label(type) && literal.number)) {
    BINBUS_TRY(value, schema::read_integer(field));
    return compare_decimals(std::to_string(value.bits), literal.text);
  }
  if (is_number(type)) return compare_decimals(text, literal.text);
  if (type == SqlType::kTime) {
    const std::optional<int64_t> left = time_us(text);
    const std::optional<int64_t> right = time_us(literal.text);
    if (left && right) return *left < *right ? -1 : *left > *right ? 1 : 0;
  }
  return sign(text.compare(literal.text));
}

bool holds(Comparison comparison, int order) {
  switch (comparison) {
    case Comparison::kEqual:
    case Comparison::kIn:
      return order == 0;
    case Comparison::kNotEqual:
      return order != 0;
    case Comparison::kLess:
      return order < 0;
    case Comparison::kLessEqual:
      return order <= 0;
    case Comparison::kGreater:
      return order > 0;
    case Comparison::kGreaterEqual:
      return order >= 0;
    case Comparison::kIsNull:
    case Comparison::kLike:
      break;
  }
  return false;
}

bool is_told(const Field& field) {
  return field.state == Field::State::kNull || field.state == Field::State::kValue;
}

struct Evaluation {
  std::span<const uint32_t> columns;
  std::span<const Field> row, other;

  Result<Outcomes> test(const ConditionNode& node) const {
    const uint32_t ordinal = columns[node.column];
    const Field* field = &row[ordinal];
    if (!is_told(*field) && ordinal < other.size()) field = &other[ordinal];
    if (!is_told(*field)) return kAny;
    const bool null = field->state == Field::State::kNull;
    if (node.comparison == Comparison::kIsNull) return outcome(null);
    if (null) return kUnknown;
    std::string text;
    BINBUS_RETURN_IF_ERROR(schema::append_text(text, *field));
    if (node.comparison == Comparison::kLike) return outcome(like(text, node.literals[0].text));
    for (const Literal& literal : node.literals) {
      BINBUS_TRY(order, compare(*field, text, literal));
      if (order && holds(node.comparison, *order)) return kTrue;
    }
    return kFalse;
  }

  Result<Outcomes> of(const ConditionNode& node) const {
    if (node.kind == ConditionNode::Kind::kTest) return test(node);
    BINBUS_TRY(left, of(*node.left));
    if (node.kind == ConditionNode::Kind::kNot) return negated(left);
    const bool least = node.kind == ConditionNode::Kind::kAnd;
    if (left == (least ? kFalse : kTrue)) return left;
    BINBUS_TRY(right, of(*node.right));
    return combine(left, right, least);
  }
};

Status check_literals(const ConditionNode& node, const Column& column) {
  const auto wrong = [&](const Literal& literal, const char* what) {
    return fail(Code::kInvalid, "condition: column `" + column.name + "` is " + what + ", and " +
                                    (literal.number ? literal.text : "'" + literal.text + "'") +
                                    " is none");
  };
  if (node.comparison == Comparison::kLike) return ok();
  for (const Literal& literal : node.literals) {
    if (is_number(column.type) && !is_number_text(literal.text)) {
      return wrong(literal, "a number");
    }
    if (!is_number(column.type) && !is_label(column.type) && literal.number) {
      return wrong(literal, "text, which is written in quotes");
    }
  }
  return ok();
}

Status bind_node(const ConditionNode& node, const schema::TableVersion& table,
                 std::vector<uint32_t>& columns) {
  if (node.kind != ConditionNode::Kind::kTest) {
    BINBUS_RETURN_IF_ERROR(bind_node(*node.left, table, columns));
    return node.right == nullptr ? ok() : bind_node(*node.right, table, columns);
  }
  const std::optional<uint32_t> found = find_column(table, node.name);
  if (!found) {
    return fail(Code::kInvalid, "condition: table " + shown(table) + " has no column `" +
                                    node.name +
                                    "`; mend `where`, or give that table a [[sink.table]] of its "
                                    "own");
  }
  BINBUS_RETURN_IF_ERROR(check_literals(node, table.columns[*found]));
  columns.resize(std::max<size_t>(columns.size(), size_t{node.column} + 1));
  columns[node.column] = *found;
  return ok();
}

}  // namespace

Condition::Condition(std::unique_ptr<const ConditionNode> root) : root_(std::move(root)) {}
Condition::~Condition() = default;

Result<std::shared_ptr<const Condition>> Condition::parse(std::string_view text) {
  BINBUS_TRY(root, parse_condition(text));
  return std::make_shared<const Condition>(std::move(root));
}

Result<std::vector<uint32_t>> Condition::bind(const schema::TableVersion& table) const {
  std::vector<uint32_t> columns;
  BINBUS_RETURN_IF_ERROR(bind_node(*root_, table, columns));
  return columns;
}

Result<bool> Condition::fulfilled(std::span<const uint32_t> columns, std::span<const Field> row,
                                  std::span<const Field> other) const {
  BINBUS_TRY(outcomes, Evaluation{columns, row, other}.of(*root_));
  return (outcomes & kTrue) != 0;
}

}  // namespace binbus::sink
