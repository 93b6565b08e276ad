#include "sink/rabbitmq/confirm_window.h"

#include <gtest/gtest.h>

#include <vector>

namespace binbus::sink::rabbitmq {
namespace {

struct Confirm {
  uint64_t tag;
  bool multiple;
};
struct Case {
  const char* name;
  std::vector<Confirm> confirms;  // after messages of 1, 2, 4 and 8 bytes
  uint64_t count, bytes;
};
const Case kCases[] = {
    {"none", {}, 4, 15},
    {"in_order", {{1, false}, {2, false}}, 2, 12},
    {"out_of_order", {{3, false}, {1, false}}, 2, 10},
    {"multiple", {{3, true}}, 1, 8},
    {"multiple_over_single", {{2, false}, {3, true}}, 1, 8},
    {"single_within_multiple", {{3, true}, {2, false}}, 1, 8},
    {"twice", {{2, false}, {2, false}}, 3, 13},
    {"all", {{4, true}}, 0, 0},
    {"not_sent_yet", {{5, true}}, 4, 15},
    {"tag_0", {{0, false}}, 4, 15},
};

TEST(ConfirmWindow, counts_what_is_under_way) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    ConfirmWindow window;
    for (const uint32_t bytes : {1u, 2u, 4u, 8u}) window.published(bytes);
    for (const Confirm& confirm : c.confirms) window.confirmed(confirm.tag, confirm.multiple);
    EXPECT_EQ(window.count(), c.count);
    EXPECT_EQ(window.bytes(), c.bytes);
  }
}

TEST(ConfirmWindow, goes_on_counting_tags) {
  ConfirmWindow window;
  for (uint64_t tag = 1; tag <= 1000; ++tag) {
    window.published(10);
    window.confirmed(tag, tag % 2 == 0);
    EXPECT_EQ(window.count(), 0u);
  }
}

}  // namespace
}  // namespace binbus::sink::rabbitmq
