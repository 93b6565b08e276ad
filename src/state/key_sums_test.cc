#include "state/key_sums.h"

#include <gtest/gtest.h>

#include <string>

namespace binbus::state {
namespace {

TEST(KeySums, TellWhichKeysMayBeInOneOnly) {
  KeySums here, there;
  for (int i = 0; i < 100'000; ++i) here.add(KeySums::hash("key " + std::to_string(i)));
  for (int i = 99'999; i >= 0; --i) there.add(KeySums::hash("key " + std::to_string(i)));
  EXPECT_EQ(here, there);
  const uint64_t other = KeySums::hash("other");
  here.add(other);
  EXPECT_NE(here, there);
  EXPECT_TRUE(here.differ_at(there, other));
  int to_ask = 0;
  for (int i = 0; i < 100'000; ++i)
    to_ask += here.differ_at(there, KeySums::hash("key " + std::to_string(i))) ? 1 : 0;
  EXPECT_LT(to_ask, 20);  // those of one bucket
}

// {1, 2} and {0, 3} have the same sum, and many hashes that show it.
TEST(KeySums, SimilarKeysDoNotMakeUpForEachOther) {
  for (int a = 0; a < 64; ++a) {
    KeySums here, there;
    for (const int i : {4 * a + 1, 4 * a + 2}) here.add(KeySums::hash(std::string(1, char(i))));
    for (const int i : {4 * a, 4 * a + 3}) there.add(KeySums::hash(std::string(1, char(i))));
    EXPECT_NE(here, there);
  }
}

TEST(KeySums, RowsThatAreThereSeveralTimes) {
  KeySums here, there;
  here.add(KeySums::hash("a"), 3);
  for (int i = 0; i < 3; ++i) there.add(KeySums::hash("a"));
  EXPECT_EQ(here, there);
}

}  // namespace
}  // namespace binbus::state
