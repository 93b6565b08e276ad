// Nodes that talk: several transports in one process, over real sockets.
#include "raft/transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

#include "raft/node_testing.h"

namespace binbus::raft {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using Texts = std::vector<std::string>;

// --- messages --------------------------------------------------------------------------------------------------------

TEST(Transport, CarriesMessagesInOrderOnBothLanes) {
  TestNode a(1), b(2);
  a.connect_to(b);
  for (const Lane lane : {Lane::kUrgent, Lane::kBulk}) {
    const std::string group = lane == Lane::kUrgent ? "votes" : "entries";
    Texts want;
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(a.send(2, lane, group, std::to_string(i), "body"));
      want.push_back(" " + std::to_string(i) + "+body");
    }
    // How they are given together is not known; that the order stays is.
    const auto got = [&] {
      std::string all;
      for (const std::string& text : b.handler.received()) {
        if (text.starts_with("1 " + group + ":"))
          all += (all.empty() ? "" : " |") + text.substr(text.find(':') + 1);
      }
      return all;
    };
    std::string all;
    for (const std::string& one : want) all += (all.empty() ? "" : " |") + one;
    EXPECT_TRUE(eventually([&] { return got().size() >= all.size(); }));
    EXPECT_EQ(got(), all);
  }
}

TEST(Transport, BothSidesDialEachOther) {
  TestNode a(1), b(2), c(3);
  a.connect_to({b.address(), c.address()});
  b.connect_to({a.address(), c.address()});
  c.connect_to({a.address(), b.address()});
  for (TestNode* from : {&a, &b, &c}) {
    for (TestNode* to : {&a, &b, &c}) {
      if (from == to) continue;
      ASSERT_TRUE(eventually([&] { return from->connected(to->id()); }));
      EXPECT_TRUE(from->send(to->id(), Lane::kUrgent, "g", "from " + std::to_string(from->id())));
    }
  }
  for (TestNode* to : {&a, &b, &c})
    EXPECT_TRUE(eventually([&] { return to->handler.received().size() == 2; }));
  EXPECT_THAT(c.handler.received(), testing::UnorderedElementsAre("1 g: from 1", "2 g: from 2"));
}

TEST(Transport, MessagesOfAGroupThatHadArrivedAreGivenTogether) {
  TestNode a(1), b(2);
  a.connect_to(b);
  b.handler.hold("g");
  ASSERT_TRUE(a.send(2, Lane::kBulk, "g", "1"));
  ASSERT_TRUE(eventually([&] { return b.handler.held() == 1; }));
  const uint64_t before = a.peer().bulk.bytes_sent;
  for (const char* head : {"2", "3", "4"}) ASSERT_TRUE(a.send(2, Lane::kBulk, "g", head, "x"));
  for (const char* head : {"5", "6"}) ASSERT_TRUE(a.send(2, Lane::kBulk, "h", head));
  ASSERT_TRUE(a.send(2, Lane::kBulk, "g", "7"));
  // What was written to a socket of the same machine has arrived.
  const uint64_t sent = before + 3 * 23 + 3 * 22;
  ASSERT_TRUE(eventually([&] { return a.peer().bulk.bytes_sent == sent; }));
  b.handler.release("g");
  ASSERT_TRUE(eventually([&] { return b.handler.received().size() == 4; }));
  EXPECT_THAT(b.handler.received(),
              ElementsAre("1 g: 1", "1 g: 2+x | 3+x | 4+x", "1 h: 5 | 6", "1 g: 7"));
}

TEST(Transport, LargeBodiesArriveWhole) {
  TestNode a(1), b(2);
  a.connect_to(b);
  const std::string body(10 << 20, 'x');
  ASSERT_TRUE(a.send(2, Lane::kBulk, "g", "h", body));
  ASSERT_TRUE(eventually([&] { return b.handler.received().size() == 1; }));
  EXPECT_TRUE(b.handler.received()[0] == "1 g: h+" + body);
}

TEST(Transport, AStuckBulkLaneDoesNotDelayTheUrgentOne) {
  TestNode a(1), b(2);
  a.connect_to(b);
  b.handler.hold("entries");
  // More than the sockets hold: the lane's thread is stuck in a write.
  for (int i = 0; i < 32; ++i)
    ASSERT_TRUE(a.send(2, Lane::kBulk, "entries", "h", std::string(1 << 20, 'x')));
  ASSERT_TRUE(eventually([&] { return b.handler.held() == 1; }));
  ASSERT_TRUE(a.send(2, Lane::kUrgent, "votes", "vote"));
  EXPECT_TRUE(eventually([&] { return b.handler.received().back() == "1 votes: vote"; }));
  EXPECT_GT(a.peer().bulk.queued_messages, 0u);
  b.handler.release("entries");
  EXPECT_TRUE(eventually([&] { return a.peer().bulk.queued_messages == 0; }));
}

TEST(Transport, ALimitedPaceChangesNothingOfWhatArrives) {
  TestNode a(1), b(2);
  ASSERT_TRUE(a.transport->set_peers({{"b", b.address(), 1 << 30}}));
  ASSERT_TRUE(eventually([&] { return a.connected(2); }));
  const std::string body = std::string(200'000, 'x') + "end";
  ASSERT_TRUE(a.send(2, Lane::kBulk, "g", "h", body));
  ASSERT_TRUE(eventually([&] { return b.handler.received().size() == 1; }));
  EXPECT_TRUE(b.handler.received()[0] == "1 g: h+" + body);
}

TEST(Transport, APaceOfNothingHoldsUpNeitherTheUrgentLaneNorStopping) {
  TestNode a(1), b(2);
  ASSERT_TRUE(a.transport->set_peers({{"b", b.address(), 1}}));
  ASSERT_TRUE(eventually([&] { return a.connected(2); }));
  ASSERT_TRUE(
      a.send(2, Lane::kBulk, "entries", "1"));  // the first goes, what follows would take days
  ASSERT_TRUE(a.send(2, Lane::kBulk, "entries", "2", std::string(1 << 20, 'x')));
  ASSERT_TRUE(a.send(2, Lane::kUrgent, "votes", "vote"));
  EXPECT_TRUE(eventually(
      [&] { return b.handler.received().size() == 2 && a.peer().bulk.queued_messages == 0; }));
  a.connect_to(std::vector<std::string>{});  // stops the lane
  EXPECT_TRUE(eventually([&] { return a.handler.count("unreachable 2 entries") == 1; }));
  EXPECT_THAT(b.handler.received(), testing::UnorderedElementsAre("1 entries: 1", "1 votes: vote"));
}

// --- what load() is asked for ----------------------------------------------------------------------------------------

TEST(Transport, ABodyIsLoadedWhenItsMessageIsNext) {
  TestNode a(1), b(2);
  a.connect_to(b);
  std::latch first_may_go(1);
  std::atomic<int> loaded = 0;
  const auto message = [&](int number) {
    return Outgoing{.group = "g",
                    .head = to_owned(as_bytes(std::to_string(number))),
                    .load =
                        [&, number](ByteVector& body) {
                          ++loaded;
                          if (number == 1) first_may_go.wait();
                          body.push_back('b');
                          return ok();
                        },
                    .body_bytes = kLongBody};
  };
  ASSERT_TRUE(a.transport->send(2, Lane::kBulk, message(1)));
  ASSERT_TRUE(a.transport->send(2, Lane::kBulk, message(2)));
  ASSERT_TRUE(eventually([&] { return loaded == 1; }));
  EXPECT_EQ(a.peer().bulk.queued_messages, 1u);
  EXPECT_EQ(loaded, 1);
  first_may_go.count_down();
  EXPECT_TRUE(eventually([&] { return loaded == 2; }));
  EXPECT_TRUE(eventually([&] {
    Texts got = b.handler.received();
    return got == Texts{"1 g: 1+b | 2+b"} || got == Texts{"1 g: 1+b", "1 g: 2+b"};
  }));
}

TEST(Transport, ASmallMessageIsSentByWhoHasIt) {
  TestNode a(1), b(2);
  a.connect_to(b);
  std::atomic<std::thread::id> by;
  EXPECT_TRUE(eventually([&] {  // but while the lane's thread is at it
    a.transport->send(2, Lane::kUrgent, {.group = "g", .head = {}, .load = [&](ByteVector&) {
                                           by = std::this_thread::get_id();
                                           return ok();
                                         }});
    return by.load() == std::this_thread::get_id();
  }));
  EXPECT_TRUE(eventually([&] { return !b.handler.received().empty(); }));
}

TEST(Transport, AMessageThatCannotBeLoadedIsDroppedAlone) {
  TestNode a(1), b(2);
  a.connect_to(b);
  ASSERT_TRUE(a.transport->send(2, Lane::kBulk, {.group = "g", .head = {}, .load = [](ByteVector&) {
                                                   return Status(
                                                       fail(Code::kPurged, "the entries are gone"));
                                                 }}));
  ASSERT_TRUE(a.transport->send(2, Lane::kBulk,
                                {.group = "h", .head = ByteVector(kFrameHeadBytesMax + 1)}));
  ASSERT_TRUE(a.send(2, Lane::kBulk, "i", "next"));
  EXPECT_TRUE(eventually([&] { return b.handler.received() == Texts{"1 i: next"}; }));
  EXPECT_TRUE(eventually([&] {
    return a.handler.count("unreachable 2 g") == 1 && a.handler.count("unreachable 2 h") == 1;
  }));
}

TEST(Transport, AFullLaneRefuses) {
  TestNode a(1, [](TransportOptions& options) { options.bulk = {1000, 3}; });
  TestNode b(2);
  a.connect_to(b);
  HeldMessage first;
  ASSERT_TRUE(a.transport->send(2, Lane::kBulk, first.of("g")));
  ASSERT_TRUE(eventually([&] { return first.loading.load(); }));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(a.send(2, Lane::kBulk, "g", "h"));
  EXPECT_FALSE(a.send(2, Lane::kBulk, "g", "h"));
  EXPECT_TRUE(a.send(2, Lane::kUrgent, "g", "h"));  // the other lane has a budget of its own
  EXPECT_EQ(a.peer().bulk.queued_messages, 3u);
  EXPECT_EQ(a.peer().bulk.queued_bytes, 6u);
  first.may_go.count_down();
  EXPECT_TRUE(eventually([&] { return a.send(2, Lane::kBulk, "g", "h"); }));
}

TEST(Transport, WhoIsNotConnectedGetsNothing) {
  TestNode a(1), b(2);
  EXPECT_FALSE(a.send(2, Lane::kUrgent, "g", "h"));
  EXPECT_FALSE(a.send(0, Lane::kUrgent, "g", "h"));
  a.connect_to(b);
  EXPECT_FALSE(a.send(3, Lane::kUrgent, "g", "h"));
  EXPECT_FALSE(b.send(1, Lane::kUrgent, "g", "h"));  // it was dialed and did not dial
}

// --- peers -----------------------------------------------------------------------------------------------------------

TEST(Transport, APeerIsSeenWithItsIdentityAndLostWhenItLeavesTheList) {
  TestNode a(1), b(2);
  a.connect_to(b);
  EXPECT_TRUE(eventually([&] { return a.handler.events() == Texts{"seen 2 b shop"}; }));
  EXPECT_EQ(a.handler.last_address(), b.address());
  EXPECT_EQ(a.peer().urgent.peer, b.transport->self());
  a.connect_to(std::vector<std::string>{});
  EXPECT_TRUE(eventually([&] { return a.handler.events() == Texts{"seen 2 b shop", "lost 2"}; }));
  EXPECT_FALSE(a.send(2, Lane::kUrgent, "g", "h"));
  EXPECT_THAT(a.transport->status(), SizeIs(0));
  EXPECT_THAT(b.handler.events(), SizeIs(0));  // who is dialed has no peer by that
}

TEST(Transport, PeersThatStayKeepTheirConnections) {
  TestNode a(1), b(2), c(3);
  a.connect_to(b);
  const uint64_t since_us = a.peer().urgent.since_us;
  a.connect_to({b.address(), c.address(), b.address()});
  ASSERT_TRUE(eventually([&] { return a.connected(3); }));
  ASSERT_THAT(a.transport->status(), SizeIs(2));
  for (const PeerStatus& one : a.transport->status()) {
    if (one.peer.address == b.address()) {
      EXPECT_EQ(one.urgent.since_us, since_us);
    }
  }
  EXPECT_TRUE(eventually([&] { return a.handler.events().size() == 2; }));
  EXPECT_EQ(a.handler.count("seen 2 b shop"), 1u);
}

TEST(Transport, ItsOwnAddressIsLeftOut) {
  TestNode a(1);
  a.connect_to({a.address()});
  EXPECT_THAT(a.transport->status(), SizeIs(0));
}

TEST(Transport, ACopiedNodeIsRefused) {
  TestNode a(1), copy(1);
  a.connect_to({copy.address()});
  ASSERT_TRUE(eventually([&] { return !a.error().empty(); }));
  EXPECT_THAT(a.error(), HasSubstr("both nodes have the same id"));
}

TEST(Transport, AnsweredPingsAreMeasured) {
  TestNode a(1, [](TransportOptions& options) { options.ping_ms = 5; });
  TestNode b(2);
  a.connect_to(b);
  const uint64_t heard_us = a.peer().urgent.heard_us;
  EXPECT_TRUE(eventually([&] { return a.peer().urgent.heard_us > heard_us; }));
  EXPECT_TRUE(eventually([&] { return a.peer().urgent.rtt_us > 0; }));
}

TEST(Transport, WhatAPeerSentIsCounted) {
  TestNode a(1), b(2);
  a.connect_to(b);
  b.connect_to(a);
  const uint64_t before = b.peer().bytes_received;  // pings
  ASSERT_TRUE(a.send(2, Lane::kBulk, "g", "h", std::string(1000, 'x')));
  EXPECT_TRUE(eventually([&] { return b.peer().bytes_received >= before + 1022; }));
  EXPECT_TRUE(eventually(
      [&] { return a.peer().bulk.bytes_sent == 1022; }));  // counted after it is on its way
}

TEST(Transport, AClusterThatBecomesKnownIsToldToTheOthers) {
  const auto nowhere = [](TransportOptions& options) { options.self.cluster = ""; };
  TestNode a(1, nowhere), b(2, nowhere);
  a.connect_to(b);
  EXPECT_TRUE(eventually([&] { return a.handler.count("seen 2 b ") == 1; }));
  b.transport->set_cluster("shop");
  EXPECT_TRUE(eventually([&] { return a.handler.count("seen 2 b shop") == 1; }));
  EXPECT_EQ(a.handler.count("lost 2"), 0u);
  a.transport->set_cluster("office");
  EXPECT_TRUE(eventually([&] { return a.error().find("of cluster 'shop'") != std::string::npos; }));
}

TEST(Transport, LaterCallsKnowTheCluster) {
  TestNode a(1, [](TransportOptions&options) { options.self.cluster = ""; }), b(2);
  EXPECT_EQ(a.call(b.address(), "who").value(), "a of  at " + a.address());
  a.transport->set_cluster("shop");
  EXPECT_EQ(a.call(b.address(), "who").value(), "a of shop at " + a.address());
}

TEST(Transport, ACallUnderWayOutlivesThatTheClusterBecomesKnown) {
  TestNode a(1), b(2, [](TransportOptions&options) { options.self.cluster = ""; });
  b.handler.hold("echo");
  Result<std::string> answer = "";
  std::thread caller([&] { answer = a.call(b.address(), "echo", "x"); });
  EXPECT_TRUE(eventually([&] { return b.handler.held() == 1; }));
  b.transport->set_cluster("shop");
  b.handler.release("echo");
  caller.join();
  EXPECT_EQ(answer.value(), "x");
}

TEST(Transport, StoppingTwiceIsStoppingOnce) {
  TestNode a(1), b(2);
  a.connect_to(b);
  a.stop();
  a.stop();
  EXPECT_FALSE(a.send(2, Lane::kUrgent, "g", "h"));
  EXPECT_EQ(a.transport->set_peers({}).error().code, Code::kStopped);
}

TEST(Transport, OptionsThatMakeNoSenseAreNamed) {
  Recorder handler;
  TransportOptions options;
  options.self = {1, "a", "", ""};
  options.listen = ":0";
  auto opened = Transport::open(options, handler, io::system_clock());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kInvalid);
  EXPECT_THAT(opened.error().message, HasSubstr("listens for others on all addresses"));
  options.self.address = "db1:3400";
  opened = Transport::open(options, handler, io::system_clock());
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ((*opened)->self().address, "db1:3400");
  options.self.id = 0;
  EXPECT_EQ(Transport::open(options, handler, io::system_clock()).error().code, Code::kInvalid);
}

// --- calls -----------------------------------------------------------------------------------------------------------

TEST(TransportCall, ByAddressNeedsNoPeer) {
  TestNode a(1), b(2);
  EXPECT_EQ(a.call(b.address(), "echo", "hello").value(), "hello");
  EXPECT_EQ(a.call(b.address(), "who").value(), "a of shop at " + a.address());
}

TEST(TransportCall, ByIdIsForThePeerThatHasIt) {
  TestNode a(1), b(2);
  EXPECT_EQ(a.transport->call(2, "echo", {}, 1000).error().code, Code::kNotFound);
  a.connect_to(b);
  EXPECT_EQ(a.transport->call(2, "echo", as_bytes("x"), 20'000).value(), to_owned(as_bytes("x")));
}

TEST(TransportCall, AnErrorComesBackAsItIs) {
  TestNode a(1), b(2);
  const auto answer = a.call(b.address(), "dance");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kUnsupported);
  EXPECT_EQ(answer.error().message, "no method dance");
}

TEST(TransportCall, BodiesUpToTheLimit) {
  TestNode a(1), b(2);
  const std::string large(kFrameBodyBytesMax, 'x');
  EXPECT_TRUE(a.call(b.address(), "echo", large).value() == large);
  EXPECT_EQ(a.call(b.address(), "echo", large + "x").error().code, Code::kLimit);
  EXPECT_EQ(a.call(b.address(), "large").error().code, Code::kLimit);
  EXPECT_EQ(a.call(b.address(), std::string(300, 'm')).error().code, Code::kLimit);
}

TEST(TransportCall, WithoutAnAnswerItTimesOut) {
  TestNode a(1), b(2);
  b.handler.hold("echo");
  const auto answer = a.call(b.address(), "echo", "x", 500);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::kTimeout);
  EXPECT_THAT(answer.error().message, HasSubstr("calling echo"));
  b.handler.release("echo");
  EXPECT_EQ(a.call(b.address(), "echo", "y").value(), "y");  // not the first one's answer
}

TEST(TransportCall, StoppingEndsIt) {
  TestNode a(1), b(2);
  b.handler.hold("echo");
  Result<std::string> answer = "";
  std::thread caller([&] { answer = a.call(b.address(), "echo"); });
  ASSERT_TRUE(eventually([&] { return b.handler.held() == 1; }));
  a.stop();
  caller.join();
  EXPECT_EQ(answer.error().code, Code::kStopped);
  EXPECT_EQ(a.call(b.address(), "echo").error().code, Code::kStopped);
  b.handler.release("echo");
}

TEST(TransportCall, PeersMayChangeUnderWay) {
  TestNode a(1), b(2), c(3);
  a.connect_to(b);
  b.handler.hold("echo");
  std::string answer;
  std::thread caller([&] {
    const auto got = a.transport->call(2, "echo", as_bytes("here"), 20'000);
    if (got) answer = as_text(*got);
  });
  ASSERT_TRUE(eventually([&] { return b.handler.held() == 1; }));
  for (int i = 0; i < 3; ++i) {  // the peers of when it was asked are no more
    ASSERT_TRUE(a.transport->set_peers({{"b", b.address()}, {"c", c.address()}}));
    ASSERT_TRUE(a.transport->set_peers({{"b", b.address()}}));
  }
  b.handler.release("echo");
  caller.join();
  EXPECT_EQ(answer, "here");
}

TEST(TransportCall, ManyAtOnce) {
  TestNode a(1), b(2);
  std::atomic<int> right = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&, i] {
      for (int j = 0; j < 20; ++j) {
        const std::string body = std::to_string(i) + "." + std::to_string(j);
        if (const auto answer = a.call(b.address(), "echo", body); answer && *answer == body)
          ++right;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(right, 160);
}

}  // namespace
}  // namespace binbus::raft
