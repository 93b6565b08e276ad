// The tree of a condition, and its parser.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace binbus::sink {

enum class Comparison : uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kLike,
  kIsNull,
};

struct Literal {
  std::string text;
  bool number = false;  // was written without quotes
};

struct ConditionNode {
  enum class Kind : uint8_t { kOr, kAnd, kNot, kTest };
  Kind kind = Kind::kTest;
  std::unique_ptr<const ConditionNode> left, right;  // kNot: left only
  // kTest
  std::string name;
  uint32_t column = 0;  // number of the test, from 0
  Comparison comparison = Comparison::kEqual;
  std::vector<Literal> literals;
};

Result<std::unique_ptr<const ConditionNode>> parse_condition(std::string_view text);

// "-12.50"; what columns of numbers compare with.
bool is_number_text(std::string_view text);

}  // namespace binbus::sink
