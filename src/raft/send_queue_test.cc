#include "raft/send_queue.h"

#include <gtest/gtest.h>
#include <poll.h>

namespace binbus::raft {
namespace {

std::unique_ptr<SendQueue> make_queue(size_t bytes_max, size_t messages_max) {
  return SendQueue::make({.bytes_max = bytes_max, .messages_max = messages_max}).value();
}

Outgoing message(const std::string& group, size_t head_bytes = 0, size_t body_bytes = 0) {
  return {.group = group, .head = ByteVector(head_bytes), .load = {}, .body_bytes = body_bytes};
}

bool ready(const SendQueue& queue) {
  pollfd entry{queue.descriptor(), POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

TEST(SendQueue, GivesInOrder) {
  const auto queue = make_queue(1000, 10);
  queue->open(2);
  for (const char* group : {"a", "b", "c"}) EXPECT_TRUE(queue->offer(2, message(group)));
  EXPECT_EQ(queue->messages(), 3u);
  for (const char* group : {"a", "b", "c"}) EXPECT_EQ(queue->take()->group, group);
  EXPECT_FALSE(queue->take());
  EXPECT_EQ(queue->bytes(), 0u);
}

TEST(SendQueue, TakesNothingWhileClosedOrForAnotherNode) {
  const auto queue = make_queue(1000, 10);
  EXPECT_FALSE(queue->offer(2, message("a")));
  EXPECT_FALSE(queue->offer(0, message("a")));
  queue->open(2);
  EXPECT_EQ(queue->open_to(), 2u);
  EXPECT_FALSE(queue->offer(3, message("a")));
  queue->close();
  EXPECT_FALSE(queue->offer(2, message("a")));
}

TEST(SendQueue, MessagesAreBounded) {
  const auto queue = make_queue(1000, 2);
  queue->open(2);
  EXPECT_TRUE(queue->offer(2, message("a")));
  EXPECT_TRUE(queue->offer(2, message("a")));
  EXPECT_FALSE(queue->offer(2, message("a")));
  queue->take();
  EXPECT_TRUE(queue->offer(2, message("a")));
}

TEST(SendQueue, BytesAreBoundedWithTheBodiesNotYetLoaded) {
  const auto queue = make_queue(100, 10);
  queue->open(2);
  EXPECT_TRUE(queue->offer(2, message("a", 9, 80)));
  EXPECT_EQ(queue->bytes(), 90u);
  EXPECT_FALSE(queue->offer(2, message("a", 10)));
  EXPECT_TRUE(queue->offer(2, message("a", 9)));
}

TEST(SendQueue, AnEmptyQueueTakesAMessageOfAnySize) {
  const auto queue = make_queue(100, 10);
  queue->open(2);
  EXPECT_TRUE(queue->offer(2, message("a", 10, 1000)));
  EXPECT_FALSE(queue->offer(2, message("a")));
}

TEST(SendQueue, ClosingNamesEachGroupOnce) {
  const auto queue = make_queue(1000, 10);
  queue->open(2);
  for (const char* group : {"b", "a", "b"}) EXPECT_TRUE(queue->offer(2, message(group)));
  EXPECT_EQ(queue->close(), (std::set<std::string>{"a", "b"}));
  EXPECT_EQ(queue->messages(), 0u);
  EXPECT_EQ(queue->bytes(), 0u);
  EXPECT_EQ(queue->open_to(), 0u);
}

TEST(SendQueue, ItsDescriptorIsReadableWhileSomethingWaits) {
  const auto queue = make_queue(1000, 10);
  queue->open(2);
  EXPECT_FALSE(ready(*queue));
  EXPECT_TRUE(queue->offer(2, message("a")));
  EXPECT_TRUE(queue->offer(2, message("a")));
  EXPECT_TRUE(ready(*queue));
  queue->take();
  EXPECT_TRUE(ready(*queue));
  queue->take();
  EXPECT_FALSE(ready(*queue));
  EXPECT_TRUE(queue->offer(2, message("a")));
  queue->close();
  EXPECT_FALSE(ready(*queue));
}

}  // namespace
}  // namespace binbus::raft
