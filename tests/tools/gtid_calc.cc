// Lets a script calculate with GTID sets: per line of input one calculation, per line of output its result.
//
//   subset A B     1 or 0: whether every GTID of A is in B, as GTID_SUBSET(A, B)
//   subtract A B   as GTID_SUBTRACT(A, B)
//   union A B
//   mariadb A      the position again, domains sorted
//
// Words are separated by tabs; the sets are in text. Before use, each goes through its binary encoding and back. A set that
// is refused makes the result "error: ...".
#include <iostream>
#include <string>

#include "mysql/gtid_set.h"
#include "mysql/mariadb_gtid_set.h"

namespace binbus::mysql {
namespace {

Result<GtidSet> read_set(const std::string& text) {
  BINBUS_TRY(set, GtidSet::parse(text));
  return GtidSet::decode(set.encode());
}

Result<std::string> mariadb_position(const std::string& text) {
  BINBUS_TRY(parsed, MariadbGtidSet::parse(text));
  BINBUS_TRY(set, MariadbGtidSet::decode(parsed.encode()));
  return set.to_string();
}

Result<std::string> calculate(const std::string& line) {
  const size_t first = line.find('\t');
  const size_t second = std::min(line.find('\t', first + 1), line.size());
  if (first == line.npos) return fail(Code::kInvalid, "no tab in the line");
  const std::string operation = line.substr(0, first);
  const std::string left_text = line.substr(first + 1, second - first - 1);
  if (operation == "mariadb") return mariadb_position(left_text);
  if (second == line.size()) return fail(Code::kInvalid, "one set where two are needed");
  BINBUS_TRY(left, read_set(left_text));
  BINBUS_TRY(right, read_set(line.substr(second + 1)));
  if (operation == "subset") return std::string(right.contains(left) ? "1" : "0");
  if (operation == "subtract") return difference(left, right).to_string();
  if (operation != "union") return fail(Code::kInvalid, "unknown operation " + operation);
  left.add(right);
  return left.to_string();
}

}  // namespace
}  // namespace binbus::mysql

int main() {
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    const auto result = binbus::mysql::calculate(line);
    std::cout << (result ? *result : "error: " + result.error().message) << '\n';
  }
}
