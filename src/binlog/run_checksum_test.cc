#include "binlog/run_checksum.h"

#include <gtest/gtest.h>

#include <random>

namespace binbus::binlog {
namespace {

struct Events {
  ByteVector bytes;
  std::vector<uint16_t> ends;

  bool match() const { return run_checksums_match(bytes, ends); }
  // As the events' own checksums say, one by one.
  bool match_each() const {
    size_t begin = 0;
    for (const uint16_t end : ends) {
      if (!checksum_matches(Bytes(bytes).subspan(begin, end - begin))) return false;
      begin = end;
    }
    return true;
  }
};

class RunChecksum : public testing::Test {
 protected:
  size_t below(size_t limit) { return random_() % limit; }

  // Random events with right checksums, as many of up to `size_max` bytes as there is room for.
  Events random_run(size_t size_max) {
    Events run;
    while (true) {
      const size_t size = kHeaderBytes + kChecksumBytes + below(size_max - 22);
      if (run.bytes.size() + size > kRunBytesMax) return run;
      const size_t begin = run.bytes.size();
      for (size_t i = 0; i < size; ++i) run.bytes.push_back(static_cast<uint8_t>(random_()));
      run.bytes[begin + 4] = kQueryEvent;  // a format description has a rule of its own
      write_checksum(std::span(run.bytes).subspan(begin));
      run.ends.push_back(static_cast<uint16_t>(run.bytes.size()));
    }
  }

  std::mt19937 random_{1};
};

TEST_F(RunChecksum, AgreesWithTheEventsOwn) {
  for (int round = 0; round < 1000; ++round) {
    Events run = random_run(23 + below(1000));
    ASSERT_TRUE(run.match_each() && run.match());
    for (size_t changes = 1 + below(3); changes > 0; --changes) {
      run.bytes[below(run.bytes.size())] ^= static_cast<uint8_t>(1 + below(255));
    }
    ASSERT_EQ(run.match(), run.match_each()) << round;
  }
}

TEST_F(RunChecksum, NoticesEveryBit) {
  Events run = random_run(200);
  for (size_t bit = 0; bit < run.bytes.size() * 8; ++bit) {
    run.bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    ASSERT_FALSE(run.match()) << bit;
    run.bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
}

// What one XOR over all checksums would not see.
TEST_F(RunChecksum, NoticesTwoWithTheSameDamageOrEachOthersChecksums) {
  const Events good = random_run(200);
  for (size_t first = 0; first < good.ends.size(); ++first) {
    for (size_t second = first + 1; second < good.ends.size(); ++second) {
      Events same = good, swapped = good;
      for (size_t i = 1; i <= kChecksumBytes; ++i) {
        same.bytes[good.ends[first] - i] ^= 0x5a;
        same.bytes[good.ends[second] - i] ^= 0x5a;
        std::swap(swapped.bytes[good.ends[first] - i], swapped.bytes[good.ends[second] - i]);
      }
      ASSERT_FALSE(same.match()) << first << " " << second;
      ASSERT_FALSE(swapped.match()) << first << " " << second;
    }
  }
}

TEST_F(RunChecksum, OfOneEventAndOfTheLargestRun) {
  for (const size_t size : {size_t{23}, size_t{24}, kRunBytesMax - 1, kRunBytesMax}) {
    Events run{ByteVector(size, 'x'), {static_cast<uint16_t>(size)}};
    EXPECT_FALSE(run.match()) << size;
    write_checksum(run.bytes);
    EXPECT_TRUE(run.match()) << size;
  }
}

}  // namespace
}  // namespace binbus::binlog
