#include "app/fenced_target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace binbus::app {
namespace {

using sink::Checkpoint;
using sink::Message;
using testing::HasSubstr;

// One that another has shut out.
class ShutOut final : public sink::Target {
 public:
  Result<std::optional<Checkpoint>> open(const std::stop_token&) override { return refuse(); }
  Status send(const Message&) override { return refuse(); }
  Status commit(const Checkpoint&) override { return refuse(); }

 private:
  static tl::unexpected<Error> refuse() { return fail(Code::kExists, "another delivers"); }
};

std::unique_ptr<sink::Target> fenced_target(Status check) {
  const MakeTarget make = [](const sink::SinkOptions&) -> Result<std::unique_ptr<sink::Target>> {
    return std::make_unique<ShutOut>();
  };
  auto made = fenced(
      make,
      [calls = 0, check = std::move(check)]() mutable {
        return ++calls == 1 ? ok() : check;  // its turn ends, if so, while the target works
      },
      "7")(sink::SinkOptions{});
  EXPECT_TRUE(made);
  return std::move(*made);
}

TEST(FencedTarget, ShutOutWhileItIsItsTurnItTriesAgain) {
  for (const Status& done : {Status(fail(fenced_target(ok())->open({}).error())),
                             fenced_target(ok())->send({}), fenced_target(ok())->commit("a:1")}) {
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Code::kUnavailable);
    EXPECT_THAT(done.error().message, HasSubstr("another delivers; it is this node's turn"));
  }
}

TEST(FencedTarget, ShutOutAfterItsTurnItEnds) {
  const Status over = fail(Code::kStopped, "this node does not lead any more");
  const Status done = fenced_target(over)->commit("a:1");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kStopped);
  EXPECT_EQ(done.error().message, "this node does not lead any more");
}

}  // namespace
}  // namespace binbus::app
