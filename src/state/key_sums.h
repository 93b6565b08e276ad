// Two sets of rows by their keys, in memory that does not grow: which keys may be in one of them only.
//
// Each key falls into one of many buckets, which have the sum of its keys' hashes. Where both have the same sum, they have the same
// keys (but for one case in 2^64); where they have not, each key of the bucket must be looked at.
//
// Pure values; 512 KiB each.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace binbus::state {

class KeySums {
 public:
  static uint64_t hash(std::string_view key) {
    uint64_t bits = std::hash<std::string_view>{}(key);
    // Sums are to tell sets of similar keys apart: every bit of the key changes half of the hash's.
    bits = (bits ^ (bits >> 33)) * 0xff51afd7ed558ccdULL;
    bits = (bits ^ (bits >> 33)) * 0xc4ceb9fe1a85ec53ULL;
    return bits ^ (bits >> 33);
  }
  void add(uint64_t hash, uint64_t times = 1) { sums_[bucket(hash)] += hash * times; }
  bool differ_at(const KeySums& other, uint64_t hash) const {
    return sums_[bucket(hash)] != other.sums_[bucket(hash)];
  }
  bool operator==(const KeySums&) const = default;

 private:
  static constexpr uint64_t kBuckets = 1 << 16;
  static size_t bucket(uint64_t hash) { return static_cast<size_t>(hash % kBuckets); }

  std::vector<uint64_t> sums_ = std::vector<uint64_t>(kBuckets);
};

}  // namespace binbus::state
