// What goes wrong between nodes: restarts, silence, strangers, damage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "binlog/event.h"
#include "raft/node_frame.h"
#include "raft/node_testing.h"

namespace binbus::raft {
namespace {

using testing::HasSubstr;
using Texts = std::vector<std::string>;

// A node of the test's own making: `meet` has each connection to itself, one after the other, until it returns.
class FakeNode {
 public:
  using Meet = std::function<void(std::unique_ptr<io::Stream>&)>;
  explicit FakeNode(Meet meet) : meet_(std::move(meet)) {
    thread_ = std::thread([this] {
      while (auto stream = listener_->accept()) {
        ++met_;
        meet_(*stream);
        met_ones_.push_back(std::move(*stream));  // stays open
      }
    });
  }
  ~FakeNode() {
    listener_->stop();
    thread_.join();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(listener_->port()); }
  int met() const { return met_; }

 private:
  const Meet meet_;
  std::unique_ptr<io::Listener> listener_ = io::Listener::open("127.0.0.1:0").value();
  std::atomic<int> met_ = 0;
  std::vector<std::unique_ptr<io::Stream>> met_ones_;  // the thread's own
  std::thread thread_;
};

const NodeIdentity kFake = {9, "f", "shop", "127.0.0.1:1"};

// What a fake node says; whether the other one still hears it is not its concern.
void greet(std::unique_ptr<io::Stream>& stream) {
  [[maybe_unused]] const auto hello = welcome(stream, kFake, nullptr, 20'000);
}
void say(io::Stream& stream, Bytes bytes) {
  [[maybe_unused]] const Status said = stream.write_all(bytes);
}
void say(io::Stream& stream, const FrameView& frame) {
  [[maybe_unused]] const Status said = write_frame(stream, frame);
}

Dialed dial_as_fake(const TestNode& node, Purpose purpose = Purpose::kBulk) {
  auto dialed = dial(node.address(), purpose, kFake, std::nullopt, 20'000, {});
  EXPECT_TRUE(dialed) << dialed.error().message;
  return std::move(dialed).value();
}

ByteVector frame(const std::string& group, const std::string& head) {
  return frame_without_body({.name = group, .head = as_bytes(head)}).value();
}

// Reads until the other side closes.
bool closed(io::Stream& stream) {
  stream.set_read_timeout(20'000);
  uint8_t byte = 0;
  for (;;) {
    if (const auto read = stream.read_some({&byte, 1}); !read)
      return read.error().code == Code::kNetwork;
  }
}

// --- restarts --------------------------------------------------------------------------------------------------------

TEST(TransportFaults, APeerThatRestartsIsDialedAgain) {
  TestNode a(1);
  auto b = std::make_unique<TestNode>(2);
  const std::string address = b->address();
  a.connect_to(*b);
  EXPECT_EQ(a.call(address, "echo", "x").value(), "x");  // its connection is kept, and gone then
  b.reset();
  ASSERT_TRUE(eventually([&] { return !a.peer().urgent.connected && !a.peer().bulk.connected; }));
  EXPECT_FALSE(a.send(2, Lane::kUrgent, "g", "h"));
  ASSERT_TRUE(eventually([&] { return a.error().find("cannot connect to") != std::string::npos; }));
  b = std::make_unique<TestNode>(2, [&](TransportOptions& options) { options.listen = address; });
  ASSERT_TRUE(eventually([&] { return a.connected(2); }));
  EXPECT_TRUE(a.send(2, Lane::kUrgent, "g", "h"));
  EXPECT_TRUE(eventually([&] { return b->handler.received() == Texts{"1 g: h"}; }));
  EXPECT_EQ(a.call(address, "echo", "y").value(), "y");
  EXPECT_EQ(a.handler.count("lost 2"), 0u);  // it was back soon
}

TEST(TransportFaults, WhatWaitedIsDroppedAndEachGroupToldOnce) {
  TestNode a(1);
  auto b = std::make_unique<TestNode>(2);
  const std::string address = b->address();
  a.connect_to(*b);
  HeldMessage first;
  ASSERT_TRUE(a.transport->send(2, Lane::kBulk, first.of("f")));
  ASSERT_TRUE(eventually([&] { return first.loading.load(); }));
  for (const char* group : {"g", "h", "g"}) ASSERT_TRUE(a.send(2, Lane::kBulk, group, "old"));
  b.reset();
  b = std::make_unique<TestNode>(2, [&](TransportOptions& options) { options.listen = address; });
  first.may_go.count_down();
  ASSERT_TRUE(eventually([&] {
    return a.handler.count("unreachable 2 g") != 0 && a.handler.count("unreachable 2 h") != 0;
  }));
  ASSERT_TRUE(eventually([&] { return a.connected(2) && a.send(2, Lane::kBulk, "i", "new"); }));
  ASSERT_TRUE(eventually([&] { return !b->handler.received().empty(); }));
  EXPECT_EQ(b->handler.received(), Texts{"1 i: new"});
  EXPECT_EQ(a.handler.count("unreachable 2 g"), 1u);
  EXPECT_EQ(a.handler.count("unreachable 2 h"), 1u);
}

TEST(TransportFaults, AnotherNodeAtTheAddressIsSeenAndGetsNothingOfTheOldOnes) {
  TestNode a(1);
  auto b = std::make_unique<TestNode>(2);
  const std::string address = b->address();
  a.connect_to(*b);
  b.reset();
  TestNode c(3, [&](TransportOptions& options) { options.listen = address; });
  ASSERT_TRUE(eventually([&] { return a.connected(3); }));
  EXPECT_TRUE(eventually([&] {
    return a.handler.events() == Texts{"seen 2 b shop", "lost 2", "seen 3 c shop"};
  }));
  EXPECT_FALSE(a.send(2, Lane::kUrgent, "g", "h"));
  EXPECT_TRUE(a.send(3, Lane::kUrgent, "g", "h"));
  EXPECT_EQ(a.transport->call(2, "echo", {}, 1000).error().code, Code::kNotFound);
}

TEST(TransportFaults, ANewConnectionOfALaneEndsTheOldOne) {
  TestNode a(1);
  const Dialed old = dial_as_fake(a), other = dial_as_fake(a, Purpose::kUrgent);
  ASSERT_TRUE(old.stream->write_all(frame("g", "1")));
  ASSERT_TRUE(other.stream->write_all(frame("g", "2")));
  ASSERT_TRUE(eventually([&] { return a.handler.received().size() == 2; }));
  const Dialed fresh = dial_as_fake(a);
  EXPECT_TRUE(closed(*old.stream));
  ASSERT_TRUE(other.stream->write_all(frame("g", "3")));
  EXPECT_TRUE(eventually([&] { return a.handler.received().back() == "9 g: 3"; }));
}

// --- silence ---------------------------------------------------------------------------------------------------------

TEST(TransportFaults, BothSidesKnowWhichLanesStand) {
  TestNode a(1);
  auto b = std::make_unique<TestNode>(2);
  a.connect_to(*b);
  EXPECT_TRUE(eventually([&] { return a.handler.lanes() == Texts{"to 2 begins"}; }));
  EXPECT_TRUE(eventually([&] { return b->handler.lanes() == Texts{"from 1 begins"}; }));
  a.connect_to(std::vector<std::string>{});
  EXPECT_TRUE(eventually([&] {
    return b->handler.lanes() == Texts{"from 1 begins", "from 1 ends"};
  }));
  ASSERT_TRUE(eventually([&] { return a.handler.lanes().size() == 2; }));
  EXPECT_THAT(a.handler.lanes()[1], testing::StartsWith("to 2 ends"));
}

TEST(TransportFaults, ALaneOnWhichNoAnswerComesEndsInSilence) {
  FakeNode frozen(greet);
  TestNode a(1, impatient);
  a.connect_to({frozen.address()});
  EXPECT_TRUE(eventually([&] {
    const Texts lanes = a.handler.lanes();
    return lanes.size() >= 2 && lanes[0] == "to 9 begins" && lanes[1] == "to 9 ends in silence";
  }));
}

TEST(TransportFaults, ALaneOnWhichNoPingComesEndsInSilence) {
  TestNode a(1, impatient);
  const Dialed silent = dial_as_fake(a, Purpose::kUrgent);
  EXPECT_TRUE(closed(*silent.stream));
  EXPECT_TRUE(eventually([&] {
    return a.handler.lanes() == Texts{"from 9 begins", "from 9 ends in silence"};
  }));
}

TEST(TransportFaults, APeerThatStopsAnsweringIsLost) {
  FakeNode frozen(greet);
  TestNode a(1, impatient);
  a.connect_to({frozen.address()});
  EXPECT_TRUE(eventually([&] { return a.handler.count("lost 9") > 0; }));
  EXPECT_EQ(a.handler.events()[0], "seen 9 f shop");
  EXPECT_TRUE(eventually([&] { return a.handler.count("seen 9 f shop") > 1; }));  // and tried again
  EXPECT_THAT(a.error(), HasSubstr("has not answered for 200 ms"));
}

TEST(TransportFaults, APeerThatStopsReadingIsLost) {
  FakeNode frozen(greet);
  TestNode a(1, [](TransportOptions& options) {
    impatient(options);
    options.urgent.bytes_max = 256 << 20;
  });
  a.connect_to({frozen.address()});
  ASSERT_TRUE(
      eventually([&] { return a.send(9, Lane::kUrgent, "g", "h", std::string(32 << 20, 'x')); }));
  EXPECT_TRUE(eventually([&] { return a.handler.count("lost 9") > 0; }));
  EXPECT_TRUE(eventually([&] { return a.handler.count("unreachable 9 g") == 1; }));
}

TEST(TransportFaults, WhenAPeerIsLostItsBulkLaneIsCutToo) {
  FakeNode frozen(greet);
  TestNode a(1, impatient);
  a.connect_to({frozen.address()});
  // Its write has half a minute.
  ASSERT_TRUE(
      eventually([&] { return a.send(9, Lane::kBulk, "g", "h", std::string(32 << 20, 'x')); }));
  EXPECT_TRUE(eventually([&] { return a.handler.count("unreachable 9 g") == 1; }));
}

TEST(TransportFaults, WhoAcceptsAndSaysNothingIsNotSeen) {
  FakeNode silent([](std::unique_ptr<io::Stream>&) {});
  TestNode a(1, [](TransportOptions& options) { options.connect_timeout_ms = 50; });
  a.connect_to({silent.address()});
  EXPECT_TRUE(eventually([&] { return silent.met() >= 4; }));
  EXPECT_THAT(a.error(), HasSubstr("greeting " + silent.address()));
  EXPECT_THAT(a.error(), HasSubstr("timed out"));
  EXPECT_TRUE(a.handler.events().empty());
}

TEST(TransportFaults, StoppingDoesNotWaitForAGreeting) {
  FakeNode silent([](std::unique_ptr<io::Stream>&) {});
  TestNode a(1, [](TransportOptions& options) { options.connect_timeout_ms = 1'000'000; });
  a.connect_to({silent.address()});
  ASSERT_TRUE(eventually([&] { return silent.met() == 2; }));
  a.stop();
}

TEST(TransportFaults, AStrangerThatSaysNothingIsLeft) {
  TestNode a(1, [](TransportOptions& options) { options.connect_timeout_ms = 50; });
  const auto stream = io::connect(a.address(), 20'000).value();
  EXPECT_TRUE(closed(*stream));
}

// --- who does not fit ------------------------------------------------------------------------------------------------

TEST(TransportFaults, AnotherClusterIsRefusedWithBothNames) {
  TestNode a(1), b(2, [](TransportOptions&options) { options.self.cluster = "office"; });
  a.connect_to({b.address()});
  ASSERT_TRUE(eventually([&] { return !a.error().empty(); }));
  EXPECT_THAT(a.error(),
              HasSubstr("refused this node: node 'b' is of cluster 'office', node 'a' of "
                        "'shop'"));
  EXPECT_TRUE(a.handler.events().empty());
  EXPECT_EQ(a.call(b.address(), "echo").error().code, Code::kRemote);
}

TEST(TransportFaults, TheDialerLooksAtTheClusterToo) {
  FakeNode careless([](std::unique_ptr<io::Stream>& stream) {
    [[maybe_unused]] const auto hello = welcome(stream, {9, "f", "", ""}, nullptr, 20'000);
  });
  FakeNode liar([](std::unique_ptr<io::Stream>& stream) {
    say(*stream, encode_hello({Purpose::kUrgent, {9, "f", "office", ""}}));
  });
  TestNode a(1);
  EXPECT_TRUE(dial(careless.address(), Purpose::kBulk, a.transport->self(), {}, 20'000, {}));
  const auto dialed = dial(liar.address(), Purpose::kBulk, a.transport->self(), {}, 20'000, {});
  ASSERT_FALSE(dialed);
  EXPECT_EQ(dialed.error().code, Code::kInvalid);
}

TEST(TransportFaults, AnotherVersionIsNamedOnBothSides) {
  FakeNode newer([](std::unique_ptr<io::Stream>& stream) {
    say(*stream, encode_hello({Purpose::kUrgent, kFake, "", {2, 2}}));
  });
  TestNode a(1);
  a.connect_to({newer.address()});
  ASSERT_TRUE(eventually([&] { return !a.error().empty(); }));
  EXPECT_THAT(a.error(), HasSubstr("speaks version 2"));
  // Who is dialed by a newer one says so in its own version.
  const auto stream = io::connect(a.address(), 20'000).value();
  ASSERT_TRUE(stream->write_all(encode_hello({Purpose::kUrgent, kFake, "", {2, 2}})));
  ByteVector answer(kHelloBytesMax);
  size_t count = 0;
  while (const auto read = stream->read_some(std::span(answer).subspan(count))) count += *read;
  const auto hello = decode_hello(Bytes(answer).first(count));
  ASSERT_TRUE(hello) << hello.error().message;
  EXPECT_THAT(hello->refusal, HasSubstr("upgrade the older binbus"));
}

TEST(TransportFaults, WhoIsNoNodeIsNamed) {
  FakeNode other([](std::unique_ptr<io::Stream>& stream) {
    say(*stream, as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
  });
  TestNode a(1);
  a.connect_to({other.address()});
  ASSERT_TRUE(eventually([&] { return !a.error().empty(); }));
  EXPECT_THAT(a.error(), HasSubstr("no binbus node"));
}

TEST(TransportFaults, MoreConnectionsThanAllowedAreClosed) {
  TestNode a(1, [](TransportOptions& options) { options.connections_max = 1; });
  const Dialed first = dial_as_fake(a);
  const auto second = io::connect(a.address(), 20'000).value();
  EXPECT_TRUE(closed(*second));
  ASSERT_TRUE(first.stream->write_all(frame("g", "h")));
  EXPECT_TRUE(eventually([&] { return a.handler.received().size() == 1; }));
}

// --- damage ----------------------------------------------------------------------------------------------------------

TEST(TransportFaults, ADamagedFrameEndsTheConnectionBehindTheGoodOnes) {
  TestNode a(1);
  const Dialed fake = dial_as_fake(a);
  ByteVector bytes = frame("g", "good"), bad = frame("g", "bad");
  bad.back() ^= 1;
  bytes.insert(bytes.end(), bad.begin(), bad.end());
  ASSERT_TRUE(fake.stream->write_all(bytes));
  EXPECT_TRUE(closed(*fake.stream));
  EXPECT_EQ(a.handler.received(), Texts{"9 g: good"});
}

TEST(TransportFaults, ALengthThatCannotBeEndsTheConnection) {
  TestNode a(1);
  const Dialed fake = dial_as_fake(a);
  ByteVector bytes = frame("g", "h");
  store_le<4>(&bytes[8], UINT32_MAX);
  store_le<4>(&bytes[16], binlog::crc32(0, Bytes(bytes).first(16)));
  ASSERT_TRUE(fake.stream->write_all(bytes));
  EXPECT_TRUE(closed(*fake.stream));
}

TEST(TransportFaults, FramesInTheWrongPlaceEndTheConnection) {
  TestNode a(1);
  const Dialed lane = dial_as_fake(a), calls = dial_as_fake(a, Purpose::kCalls);
  ASSERT_TRUE(write_frame(*lane.stream, {.type = FrameType::kCall, .name = "echo"}));
  EXPECT_TRUE(closed(*lane.stream));
  ASSERT_TRUE(write_frame(*calls.stream, {.type = FrameType::kMessage, .name = "g"}));
  EXPECT_TRUE(closed(*calls.stream));
  EXPECT_TRUE(a.handler.received().empty());
}

TEST(TransportFaults, ADialerThatIsSentNonsenseDialsAgain) {
  FakeNode odd([](std::unique_ptr<io::Stream>& stream) {
    greet(stream);
    say(*stream, FrameView{.type = FrameType::kMessage, .name = "g"});
  });
  TestNode a(1);
  a.connect_to({odd.address()});
  EXPECT_TRUE(eventually([&] { return odd.met() >= 4; }));
  EXPECT_THAT(a.error(), HasSubstr("sent something else than a pong"));
}

TEST(TransportFaults, ACallThatIsAnsweredByNonsenseFails) {
  FakeNode odd([](std::unique_ptr<io::Stream>& stream) {
    greet(stream);
    say(*stream, FrameView{.type = FrameType::kPong});
  });
  TestNode a(1);
  EXPECT_EQ(a.call(odd.address(), "echo").error().code, Code::kCorrupt);
}

TEST(TransportFaults, AnErrorOfALaterVersionIsRemote) {
  FakeNode later([](std::unique_ptr<io::Stream>& stream) {
    greet(stream);
    EXPECT_TRUE(write_frame(
        *stream,
        {.type = FrameType::kRefusal, .name = "out_of_luck", .body = as_bytes("no luck")}));
  });
  TestNode a(1);
  const auto answer = a.call(later.address(), "echo");
  EXPECT_EQ(answer.error().code, Code::kRemote);
  EXPECT_EQ(answer.error().message, "no luck");
}

}  // namespace
}  // namespace binbus::raft
