#include "app/fenced_target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace binbus::app {
namespace {

using sink::Checkpoint;
using sink::Message;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Writes down what it is told.
class Recorder final : public sink::Target {
 public:
  explicit Recorder(std::vector<std::string>& calls) : calls_(calls) {}
  Result<std::optional<Checkpoint>> open(const std::stop_token&) override {
    calls_.emplace_back("open");
    return std::nullopt;
  }
  Status send(const Message& message) override {
    std::string& call = calls_.emplace_back("send " + std::string(message.id));
    for (const auto& [name, value] : message.headers)
      call += " " + std::string(name) + "=" + std::string(value);
    return ok();
  }
  Status commit(const Checkpoint& checkpoint) override {
    calls_.push_back("commit " + checkpoint);
    return ok();
  }

 private:
  std::vector<std::string>& calls_;
};

// One that another has shut out.
class ShutOut final : public sink::Target {
 public:
  Result<std::optional<Checkpoint>> open(const std::stop_token&) override { return refuse(); }
  Status send(const Message&) override { return refuse(); }
  Status commit(const Checkpoint&) override { return refuse(); }

 private:
  static tl::unexpected<Error> refuse() { return fail(Code::kExists, "another delivers"); }
};

std::unique_ptr<sink::Target> fenced_target(std::unique_ptr<sink::Target> target,
                                            std::function<Status()> check) {
  const MakeTarget make = [&](const sink::SinkOptions&) -> Result<std::unique_ptr<sink::Target>> {
    return std::move(target);
  };
  auto made = fenced(make, std::move(check), "7")(sink::SinkOptions{});
  EXPECT_TRUE(made);
  return std::move(*made);
}

std::unique_ptr<sink::Target> shut_out_target(Status check) {
  return fenced_target(
      std::make_unique<ShutOut>(), [calls = 0, check = std::move(check)]() mutable {
        return ++calls == 1 ? ok() : check;  // its turn ends, if so, while the target works
      });
}

Status open(sink::Target& target) {
  const auto kept = target.open({});
  return kept ? ok() : Status(fail(kept.error()));
}

const Error kOver = {Code::kStopped, "this node does not lead any more"};

TEST(FencedTarget, OutOfItsTurnTheTargetIsNotCalled) {
  std::vector<std::string> calls;
  const auto target =
      fenced_target(std::make_unique<Recorder>(calls), [] { return Status(fail(kOver)); });
  for (const Status& done : {open(*target), target->send({}), target->commit("a:1")}) {
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().message, kOver.message);
  }
  EXPECT_THAT(calls, IsEmpty());
}

TEST(FencedTarget, WhatIsSentCarriesTheEpoch) {
  std::vector<std::string> calls;
  const auto target = fenced_target(std::make_unique<Recorder>(calls), [] { return ok(); });
  ASSERT_TRUE(target->open({}));
  const std::pair<std::string_view, std::string_view> headers[] = {{"a", "1"}, {"b", "2"}};
  Message message;
  message.id = "x";
  message.headers = headers;
  ASSERT_TRUE(target->send(message));
  message.id = "y";
  message.headers = {};
  ASSERT_TRUE(target->send(message));
  ASSERT_TRUE(target->commit("a:1"));
  EXPECT_THAT(calls, ElementsAre("open", "send x a=1 b=2 epoch=7", "send y epoch=7", "commit a:1"));
}

TEST(FencedTarget, ShutOutWhileItIsItsTurnItTriesAgain) {
  for (const Status& done : {open(*shut_out_target(ok())), shut_out_target(ok())->send({}),
                             shut_out_target(ok())->commit("a:1")}) {
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Code::kUnavailable);
    EXPECT_THAT(done.error().message, HasSubstr("another delivers; it is this node's turn"));
  }
}

TEST(FencedTarget, ShutOutAfterItsTurnItEnds) {
  const Status done = shut_out_target(fail(kOver))->commit("a:1");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kStopped);
  EXPECT_EQ(done.error().message, kOver.message);
}

}  // namespace
}  // namespace binbus::app
