#include "feed/shared_cursor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <numeric>
#include <random>

namespace binbus::feed {
namespace {

const Holder kAnn{"ann", "1"}, kBob{"bob", "2"}, kCid{"cid", "3"};

PartPlaces at(std::string_view place, Parts parts) {
  PartPlaces out;
  out.add(place, parts);
  return out;
}

class SharedCursorTest : public testing::Test {
 protected:
  Parts join(const Holder& worker) { return cursor_.join(worker, ms_); }
  Stay stay(const Holder& worker, Parts has = 0) { return cursor_.stay(worker, has, ms_); }
  void restart() { cursor_ = SharedCursor::parse(cursor_.print(), ms_).value(); }
  // Until nobody has anything to do; who they are then have these parts.
  std::vector<Parts> settle(const std::vector<Holder>& workers) {
    std::vector<Parts> out(workers.size());
    for (int round = 0; round < 5; ++round) {
      for (size_t i = 0; i < workers.size(); ++i) {
        const Stay next = stay(workers[i]);
        if (out[i] == 0 || next != Stay::kGoOn) out[i] = join(workers[i]);
      }
    }
    return out;
  }

  SharedCursor cursor_;
  uint64_t ms_ = 1'000'000;
};

TEST_F(SharedCursorTest, OneWorkerHasAllAndGivesUpHalfForAnother) {
  EXPECT_EQ(join(kAnn), kAllParts);
  EXPECT_EQ(stay(kAnn), Stay::kGoOn);
  EXPECT_EQ(join(kBob), 0U);
  EXPECT_EQ(stay(kAnn), Stay::kGiveUp);
  const Parts anns = join(kAnn);
  EXPECT_EQ(std::popcount(anns), 32);
  EXPECT_EQ(join(kBob), ~anns);
  EXPECT_EQ(stay(kAnn), Stay::kGoOn);
  EXPECT_EQ(stay(kBob), Stay::kGoOn);
}

TEST_F(SharedCursorTest, WhatOneLeavesIsTakenOnByTheOthers) {
  settle({kAnn, kBob, kCid});
  cursor_.leave(kBob, ms_);
  EXPECT_EQ(stay(kBob), Stay::kLost);
  EXPECT_EQ(stay(kAnn), Stay::kTakeOn);
  EXPECT_EQ(stay(kCid), Stay::kTakeOn);
  EXPECT_EQ(join(kAnn) | join(kCid), kAllParts);
}

TEST_F(SharedCursorTest, LeasesRunOut) {
  settle({kAnn, kBob});
  ms_ += SharedCursor::kLeaseMs - 1;
  EXPECT_EQ(stay(kAnn), Stay::kGoOn);
  ms_ += 1;
  EXPECT_EQ(stay(kAnn), Stay::kTakeOn);
  EXPECT_EQ(join(kAnn), kAllParts);
  EXPECT_EQ(stay(kBob), Stay::kLost);
  EXPECT_FALSE(cursor_.commit(kBob, at("b.1:9", kAllParts), ms_));
  EXPECT_EQ(cursor_.places(kAllParts).of(0), "");
}

TEST_F(SharedCursorTest, WhoTakesTooLongToGiveUpLosesItsCall) {
  join(kAnn);
  join(kBob);
  for (const uint64_t until = ms_ + SharedCursor::kGiveUpMs; ms_ + 1'000 < until; ms_ += 1'000) {
    EXPECT_EQ(stay(kAnn), Stay::kGiveUp);
    EXPECT_EQ(join(kBob), 0U);
  }
  ms_ += 2'000;
  const Parts bobs = join(kBob);
  EXPECT_EQ(std::popcount(bobs), 32);
  EXPECT_EQ(stay(kAnn), Stay::kLost);
  EXPECT_FALSE(cursor_.commit(kAnn, at("b.1:9", kAllParts), ms_));
  // Its next call has the rest.
  EXPECT_EQ(join({"ann", "9"}), ~bobs);
}

TEST_F(SharedCursorTest, CommitsCountForPartsThatOneHas) {
  const auto parts = settle({kAnn, kBob});
  EXPECT_TRUE(cursor_.commit(kAnn, at("b.1:9", kAllParts), ms_));
  EXPECT_EQ(cursor_.places(parts[0]).print(), "b.1:9@" + print_parts(parts[0]));
  EXPECT_EQ(cursor_.places(parts[1]).print(), "@" + print_parts(parts[1]));
}

TEST_F(SharedCursorTest, ALaterCallOfAClientHasItsParts) {
  const auto parts = settle({kAnn, kBob});
  EXPECT_EQ(join({"ann", "9"}), parts[0]);
  EXPECT_EQ(stay(kAnn), Stay::kLost);
  cursor_.leave(kAnn, ms_);
  EXPECT_EQ(stay({"ann", "9"}), Stay::kGoOn);
}

// It may be about to commit what its earlier call was told.
TEST_F(SharedCursorTest, ALaterCallIsToldToGivePartsUpAsTheEarlierOneWas) {
  join(kAnn);
  join(kBob);
  const Holder later{"ann", "9"};
  EXPECT_EQ(join(later), kAllParts);
  EXPECT_EQ(join(kBob), 0U);
  EXPECT_EQ(stay(later), Stay::kGiveUp);
  EXPECT_EQ(std::popcount(join(later)), 32);
  EXPECT_EQ(std::popcount(join(kBob)), 32);
}

TEST_F(SharedCursorTest, ARestartGivesNobodysPartsToOthers) {
  const auto parts = settle({kAnn, kBob});
  EXPECT_TRUE(cursor_.commit(kBob, at("b.1:9/0.1", parts[1]), ms_));
  restart();
  EXPECT_EQ(join({"bob", "8"}), parts[1]);
  EXPECT_EQ(cursor_.places(parts[1]).of(63), "b.1:9/0.1");
  EXPECT_EQ(stay(kAnn), Stay::kGoOn);  // its call is through another node, and goes on
  restart();
  ms_ += SharedCursor::kLeaseMs - 1;
  EXPECT_EQ(join({"bob", "9"}), parts[1]);
  ms_ += 1;
  EXPECT_EQ(join({"bob", "9"}), kAllParts);
}

// It was given up for it, and then another node became the one that decides.
TEST_F(SharedCursorTest, ACallThatGoesByPartsOfOthersIsLost) {
  join(kAnn);
  join(kBob);
  ms_ += SharedCursor::kLeaseMs - 1;
  EXPECT_EQ(stay(kAnn, kAllParts), Stay::kGiveUp);
  join(kBob);
  ms_ += SharedCursor::kGiveUpMs - SharedCursor::kLeaseMs + 1;
  const Parts bobs = join(kBob);
  EXPECT_EQ(std::popcount(bobs), 32);
  restart();
  EXPECT_EQ(stay(kAnn, kAllParts), Stay::kLost);
}

TEST_F(SharedCursorTest, WhatIsKeptIsRead) {
  EXPECT_EQ(cursor_.print(), "");
  join({"a =\n\xff", "1"});
  cursor_.commit({"a =\n\xff", "1"}, at("my log.1:4", 0xff), ms_);
  EXPECT_EQ(cursor_.print(), "shared\nff my log.1:4\nffffffffffffffff =61203d0aff\n");
  const std::string before = cursor_.print();
  restart();
  EXPECT_EQ(cursor_.print(), before);
  for (const char* text : {"", "binlog.000001:4", "shared", "shared\nff", "shared\nxx b:4\n",
                           "shared\n0 b:4\n", "shared\nff =6\n"})
    EXPECT_FALSE(SharedCursor::parse(text, ms_)) << text;
}

TEST_F(SharedCursorTest, MoreWorkersThanParts) {
  std::vector<Holder> workers;
  for (int i = 0; i < 70; ++i) workers.push_back({"w" + std::to_string(i), "1"});
  const auto parts = settle(workers);
  EXPECT_EQ(std::ranges::count(parts, 0U), 6);
  EXPECT_EQ(cursor_.workers(ms_).size(), 70U);
  for (int i = 0; i < 6; ++i) cursor_.leave(workers[static_cast<size_t>(i)], ms_);
  for (size_t i = 6; i < 70; ++i) EXPECT_EQ(std::popcount(join(workers[i])), 1);
}

// Whatever they do, no part is two workers', and all settle with even shares in the end.
TEST_F(SharedCursorTest, WorkersAtRandom) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    std::mt19937 dice(seed);
    cursor_ = {};
    std::map<std::string, std::pair<Holder, Parts>> working;  // as they know it
    const auto check = [&](const std::string& client, Parts parts) {
      for (const auto& [other, its] : working) {
        if (other == client) continue;
        const bool lost = stay(its.first, its.second) == Stay::kLost;
        EXPECT_EQ(lost ? 0 : its.second & parts, 0U) << "seed " << seed;
      }
      working[client].second = parts;
    };
    for (int step = 0; step < 100; ++step) {
      ms_ += dice() % 1'000;
      const std::string client = "w" + std::to_string(dice() % 6);
      auto& [holder, parts] = working[client];
      switch (dice() % 8) {
        case 0:
          cursor_.leave(holder, ms_);
          parts = 0;
          break;
        case 1:
          if (!cursor_.print().empty()) restart();
          break;
        case 2:
          holder = {client, std::to_string(step)};
          check(client, join(holder));
          break;
        default:
          if (parts == 0 || stay(holder, parts) == Stay::kLost)
            holder = {client, std::to_string(step)};
          check(client, join(holder));
      }
    }
    ms_ += SharedCursor::kLeaseMs + SharedCursor::kGiveUpMs;
    const auto ends = settle({kAnn, kBob, kCid});
    EXPECT_EQ(std::accumulate(ends.begin(), ends.end(), Parts{0}, std::bit_or()), kAllParts);
    for (const Parts parts : ends) EXPECT_GE(std::popcount(parts), 21);
  }
}

}  // namespace
}  // namespace binbus::feed
