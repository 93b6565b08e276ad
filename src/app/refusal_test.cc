#include "app/refusal.h"

#include <gtest/gtest.h>

namespace binbus::app {
namespace {

TEST(Refusal, EverybodyGetsTheReasonAsAnErrorPacket) {
  const auto refusal = Refusal::open("127.0.0.1:0", "stream shop: it broke");
  ASSERT_TRUE(refusal) << refusal.error().message;
  for (int i = 0; i < 2; ++i) {
    const auto client = io::connect("127.0.0.1:" + std::to_string((*refusal)->port()), 1000);
    ASSERT_TRUE(client) << client.error().message;
    std::string got;
    uint8_t buffer[256];
    while (const auto count = (*client)->read_some(buffer))
      got += as_text(Bytes(buffer).first(*count));
    const std::string payload = std::string("\xff\xd4\x04", 3) + "binbus: stream shop: it broke";
    EXPECT_EQ(got, std::string({static_cast<char>(payload.size()), 0, 0, 0}) + payload);
  }
}

TEST(Refusal, ATakenPortIsAnError) {
  const auto first = Refusal::open("127.0.0.1:0", "x");
  ASSERT_TRUE(first);
  EXPECT_FALSE(Refusal::open("127.0.0.1:" + std::to_string((*first)->port()), "x"));
}

}  // namespace
}  // namespace binbus::app
