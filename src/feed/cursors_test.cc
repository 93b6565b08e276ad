#include "feed/cursors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/simulated_disk.h"

namespace binbus::feed {
namespace {

using testing::HasSubstr;

class SetClock final : public io::Clock {
 public:
  uint64_t wall_us() override { return 0; }
  uint64_t monotonic_us() override { return ms * 1000; }
  uint64_t ms = 1'000'000;
};

const Holder kAnn{"ann", "1"}, kBob{"bob", "2"}, kCid{"cid", "3"};

class CursorsTest : public testing::Test {
 protected:
  std::unique_ptr<CursorTable> open(uint64_t quiet_ms = 0) {
    auto files = open_cursor_files(disk_, "feed");
    EXPECT_TRUE(files);
    return std::make_unique<CursorTable>(std::move(*files), clock_, quiet_ms);
  }
  // The cursor's position, or why it is not the holder's.
  static std::string lease(CursorTable& cursors, const Holder& holder, bool again = false) {
    auto leased = cursors.lease("c", holder, again);
    return leased ? *leased : leased.error().message;
  }

  io::SimulatedDisk disk_;
  SetClock clock_;
};

TEST_F(CursorsTest, KeepsPositionsThroughAPowerFailure) {
  auto cursors = open();
  EXPECT_EQ(lease(*cursors, kAnn), "");
  ASSERT_TRUE(cursors->commit("c", kAnn, "binlog.000001:4"));
  ASSERT_TRUE(cursors->commit("c", kAnn, "binlog.000001:99/0.1"));
  cursors.reset();
  disk_.crash(1);
  cursors = open();
  EXPECT_EQ(lease(*cursors, kBob), "binlog.000001:99/0.1");
  cursors->release("c", kBob);
  ASSERT_TRUE(cursors->remove("c"));
  cursors = open();
  EXPECT_TRUE(cursors->list()->empty());
}

TEST_F(CursorsTest, ServesOneAndTheOthersInTurn) {
  auto cursors = open();
  EXPECT_EQ(lease(*cursors, kAnn), "");
  EXPECT_THAT(lease(*cursors, kBob), HasSubstr("leased to ann"));
  EXPECT_THAT(lease(*cursors, kCid), HasSubstr("leased to ann"));
  ASSERT_TRUE(cursors->commit("c", kAnn, "b.1:4"));
  cursors->release("c", kAnn);
  EXPECT_THAT(lease(*cursors, kCid), HasSubstr("waited longer"));
  EXPECT_EQ(lease(*cursors, kBob), "b.1:4");
  EXPECT_THAT(cursors->commit("c", kAnn, "b.1:5").error().message,
              HasSubstr("no longer leased to ann"));
  EXPECT_EQ(cursors->list()->at(0).client, "bob");
}

TEST_F(CursorsTest, PassesOnWhatIsNotRenewed) {
  auto cursors = open();
  EXPECT_EQ(lease(*cursors, kAnn), "");
  clock_.ms += Cursors::kLeaseMs - 1;
  EXPECT_THAT(lease(*cursors, kBob), HasSubstr("leased to ann"));
  ASSERT_TRUE(cursors->renew("c", kAnn));
  clock_.ms += Cursors::kLeaseMs - 1;
  EXPECT_THAT(lease(*cursors, kBob), HasSubstr("leased to ann"));
  clock_.ms += 1;
  EXPECT_EQ(lease(*cursors, kBob), "");
  EXPECT_EQ(cursors->renew("c", kAnn).error().code, Code::kExists);
}

TEST_F(CursorsTest, PassesOverWhoAsksNoMore) {
  auto cursors = open();
  EXPECT_EQ(lease(*cursors, kAnn), "");
  EXPECT_NE(lease(*cursors, kBob), "");
  clock_.ms += 2 * Cursors::kRenewMs + 1;
  EXPECT_NE(lease(*cursors, kCid), "");
  cursors->release("c", kAnn);
  EXPECT_EQ(lease(*cursors, kCid), "");
}

// The earlier call of a client whose connection broke is not known to be dead yet.
TEST_F(CursorsTest, GivesALeaseToTheClientsNewCall) {
  auto cursors = open();
  EXPECT_EQ(lease(*cursors, kAnn), "");
  const Holder later{"ann", "9"};
  EXPECT_EQ(lease(*cursors, later, true), "");
  EXPECT_FALSE(cursors->commit("c", kAnn, "b.1:4"));
  cursors->release("c", kAnn);
  EXPECT_TRUE(cursors->commit("c", later, "b.1:4"));
}

TEST_F(CursorsTest, WaitsForLeasesThatAnotherPlaceGave) {
  auto cursors = open(Cursors::kLeaseMs);
  EXPECT_THAT(lease(*cursors, kBob), HasSubstr("may be out"));
  EXPECT_EQ(lease(*cursors, kAnn, true), "");
  EXPECT_THAT(lease(*cursors, kBob), HasSubstr("leased to ann"));
  cursors->release("c", kAnn);
  clock_.ms += Cursors::kLeaseMs;
  EXPECT_EQ(lease(*cursors, kBob), "");
}

TEST_F(CursorsTest, RefusesToRemoveWhatIsInUse) {
  auto cursors = open();
  EXPECT_EQ(lease(*cursors, kAnn), "");
  EXPECT_EQ(cursors->remove("c").error().code, Code::kExists);
  EXPECT_EQ(cursors->remove("d").error().code, Code::kNotFound);
  EXPECT_FALSE(check_cursor_name("../c"));
  EXPECT_FALSE(check_cursor_name(""));
  EXPECT_TRUE(check_cursor_name("my-app.1_x"));
}

TEST_F(CursorsTest, KeepsASharedOneThroughAPowerFailure) {
  auto cursors = open();
  PartPlaces places;
  places.add("b.1:4", 0xff);
  EXPECT_EQ(cursors->join("c", kAnn)->print(), "@ffffffffffffffff");
  ASSERT_TRUE(cursors->commit_parts("c", kAnn, places));
  EXPECT_EQ(cursors->join("c", kBob).error().code, Code::kUnavailable);
  cursors.reset();
  disk_.crash(1);
  cursors = open();
  // Ann has six seconds to come back.
  EXPECT_EQ(cursors->join("c", kBob).error().code, Code::kUnavailable);
  clock_.ms += Cursors::kLeaseMs;
  EXPECT_EQ(cursors->join("c", kBob)->print(), "b.1:4@ff+@ffffffffffffff00");
  EXPECT_EQ(cursors->commit_parts("c", kAnn, places).error().code, Code::kExists);
  EXPECT_EQ(*cursors->stay("c", kAnn, kAllParts), Stay::kLost);
  const CursorStatus listed = cursors->list()->at(0);
  EXPECT_TRUE(listed.shared);
  EXPECT_EQ(listed.workers, std::vector<Worker>({{"bob", kAllParts}}));
  EXPECT_EQ(cursors->remove("c").error().code, Code::kExists);
  cursors->leave("c", kBob);
  ASSERT_TRUE(cursors->remove("c"));
  EXPECT_TRUE(open()->list()->empty());
}

// Nobody has parts whose being given out is not durable.
TEST_F(CursorsTest, GivesNoPartsThatItCannotKeep) {
  auto cursors = open();
  disk_.set_capacity(0);
  EXPECT_FALSE(cursors->join("c", kAnn));
  EXPECT_EQ(*cursors->stay("c", kAnn, 0), Stay::kLost);
  disk_.set_capacity(UINT64_MAX);
  EXPECT_TRUE(cursors->join("c", kBob));
}

TEST_F(CursorsTest, IsSharedOrNot) {
  auto cursors = open();
  EXPECT_EQ(lease(*cursors, kAnn), "");
  EXPECT_EQ(cursors->join("c", kBob).error().code, Code::kDiverged);
  ASSERT_TRUE(cursors->commit("c", kAnn, "b.1:4"));
  cursors->release("c", kAnn);
  EXPECT_EQ(cursors->join("c", kBob).error().code, Code::kDiverged);
  ASSERT_TRUE(cursors->remove("c"));
  ASSERT_TRUE(cursors->join("c", kBob));
  EXPECT_THAT(lease(*cursors, kAnn), HasSubstr("shared by workers"));
  cursors->leave("c", kBob);
  EXPECT_EQ(lease(*cursors, kAnn), "");  // nothing was committed
}

}  // namespace
}  // namespace binbus::feed
