#include "sink/rabbitmq/queues.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace binbus::sink::rabbitmq {
namespace {

using Kind = RabbitmqOptions::Queues;

struct Case {
  const char* name;
  Kind kind;
  const char* exchange;
  const char* type;
  std::vector<std::string> names;
  std::string binding_key, routing_key;  // of the message shop.orders
};
const Case kCases[] = {
    {"none", Kind::kNone, "x", "topic", {}, "", "shop.orders"},
    {"one_of_topic", Kind::kOne, "x", "topic", {"q"}, "#", "shop.orders"},
    {"one_of_fanout", Kind::kOne, "x", "fanout", {"q"}, "", "shop.orders"},
    {"one_of_direct", Kind::kOne, "x", "direct", {"q"}, "q", "q"},
    {"one_of_default", Kind::kOne, "", "topic", {"q"}, "q", "q"},
    {"by_table", Kind::kByTable, "x", "topic", {"q.0", "q.1", "q.2"}, "q.0", "q.2"},
};

TEST(Queues, names_and_keys) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    RabbitmqOptions options;
    options.queues = c.kind;
    options.exchange = c.exchange;
    options.exchange_type = c.type;
    options.queue = "q";
    options.queue_count = 3;
    Queues queues(options);
    EXPECT_EQ(queues.names(), c.names);
    if (!c.names.empty()) {
      EXPECT_EQ(queues.binding_key(0), c.binding_key);
    }
    EXPECT_EQ(queues.routing_key("shop.orders", 1), c.routing_key);
  }
}

TEST(Queues, by_volume_fills_the_emptiest) {
  RabbitmqOptions options;
  options.queues = Kind::kByVolume;
  options.queue = "q";
  options.queue_count = 2;
  Queues queues(options);
  std::vector<std::string> chosen;
  for (const size_t bytes : {1000u, 10u, 10u, 10u, 2000u, 10u})
    chosen.push_back(queues.routing_key("shop.orders", bytes));
  EXPECT_THAT(chosen, testing::ElementsAre("q.0", "q.1", "q.1", "q.1", "q.1", "q.0"));
}

}  // namespace
}  // namespace binbus::sink::rabbitmq
