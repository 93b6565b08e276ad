// Patterns of tables: "shop.orders_*" with `*` (any characters) and `?` (one), or "/regular expression/" as RE2 has them.
// Both must match the whole of "database.table", in the case it is written.
//
// Thread: const functions from any.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace binbus::sink {

class PatternSet {
 public:
  // kInvalid names the pattern that is none.
  static Result<PatternSet> compile(std::span<const std::string> patterns);
  PatternSet(PatternSet&&) noexcept;
  PatternSet& operator=(PatternSet&&) noexcept;
  ~PatternSet();

  // The first pattern, in the order given, that the table fits; none.
  std::optional<size_t> first(std::string_view database, std::string_view table) const;
  bool matches(std::string_view database, std::string_view table) const {
    return first(database, table).has_value();
  }

 private:
  struct Regexes;
  PatternSet();
  // Names without wildcards are looked up, the others asked all at once.
  std::unordered_map<std::string, size_t> exact_;
  std::unique_ptr<Regexes> regexes_;
};

}  // namespace binbus::sink
