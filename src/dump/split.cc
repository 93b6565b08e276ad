#include "dump/split.h"

#include <algorithm>
#include <optional>

namespace binbus::dump {
namespace {

constexpr int kStepsMax = 4096;  // towards where rows are, of keys that have much in common

// Halfway, keys taken for the digits behind a point.
std::string middle(std::string_view low, std::string_view high) {
  const size_t size = std::max(low.size(), high.size()) + 1;
  const auto digit = [](std::string_view key, size_t i) {
    return i < key.size() ? static_cast<unsigned>(static_cast<uint8_t>(key[i])) : 0U;
  };
  std::vector<unsigned> sum(size + 1);  // the first is what carries over
  unsigned carry = 0;
  for (size_t i = size; i-- > 0;) {
    carry += digit(low, i) + digit(high, i);
    sum[i + 1] = carry % 256;
    carry /= 256;
  }
  sum[0] = carry;
  std::string half(size, '\0');
  for (size_t i = 0; i < size; ++i)
    half[i] = static_cast<char>((sum[i] % 2 * 256 + sum[i + 1]) / 2);
  half.erase(half.find_last_not_of('\0') + 1);
  return half;
}

class Splitter {
 public:
  Splitter(const state::StoreView& store, uint64_t part_bytes)
      : store_(store), part_bytes_(part_bytes) {}

  // Appends the keys at which [low, high) is to be cut, ascending.
  void cut(std::string low, std::string high, std::vector<std::string>& keys) const {
    for (int step = 0; step < kStepsMax; ++step) {
      if (store_.bytes_between(low, high) <= part_bytes_) return;
      const auto first = first_key(low, high);
      if (!first || !first_key(*first + '\0', high)) return;  // nothing, or one row
      const std::string half = middle(low, high);
      if (half <= low) return;
      const auto upper = first_key(half, high);
      if (!upper) {
        high = half;
      } else if (*upper == *first) {
        low = half;
      } else {
        cut(low, *upper, keys);
        keys.push_back(*upper);
        cut(*upper, high, keys);
        return;
      }
    }
  }

 private:
  std::optional<std::string> first_key(std::string_view from, std::string_view to) const {
    const auto at = store_.iterate(from, to);
    if (!at->valid()) return std::nullopt;
    return std::string(at->key());
  }

  const state::StoreView& store_;
  const uint64_t part_bytes_;
};

}  // namespace

std::vector<std::string> split(const state::StoreView& store, std::string from, std::string to,
                               uint64_t part_bytes) {
  std::vector<std::string> keys{from};
  Splitter(store, part_bytes).cut(from, to, keys);
  keys.push_back(std::move(to));
  return keys;
}

}  // namespace binbus::dump
