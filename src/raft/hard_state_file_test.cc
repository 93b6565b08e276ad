#include "raft/hard_state_file.h"

#include <gtest/gtest.h>

#include "io/simulated_disk.h"

namespace binbus::raft {
namespace {

constexpr char kDirectory[] = "log";

class HardStateFileTest : public testing::Test {
 protected:
  HardStateFile create(const HardState& state) {
    return std::move(*HardStateFile::create(*disk_, kDirectory, state));
  }
  HardStateFile open() {
    auto opened = HardStateFile::open(*disk_, kDirectory);
    EXPECT_TRUE(opened && *opened);
    return std::move(**opened);
  }

  std::optional<io::SimulatedDisk> disk_{std::in_place};
};

TEST_F(HardStateFileTest, IsWhatWasStored) {
  EXPECT_FALSE(*HardStateFile::open(*disk_, kDirectory));
  const HardState first{.term = 1, .vote = 0, .commit = 7}, second{3, 2, 9};
  HardStateFile file = create(first);
  EXPECT_EQ(open().state(), first);
  ASSERT_TRUE(file.store(second));
  EXPECT_EQ(file.state(), second);
  EXPECT_EQ(open().state(), second);
}

TEST_F(HardStateFileTest, AVoteIsDurableAndACommitIndexWhenSynced) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    disk_.emplace();
    HardStateFile file = create({.term = 1, .vote = 0, .commit = 1});
    ASSERT_TRUE(file.store({2, 3, 1}));
    ASSERT_TRUE(file.store({2, 3, 5}));
    ASSERT_TRUE(file.sync());
    disk_->crash(seed);
    EXPECT_EQ(open().state(), (HardState{2, 3, 5})) << seed;
  }
}

// Whatever a power cut leaves of what was written since.
TEST_F(HardStateFileTest, ATornWriteLeavesWhatWasDurable) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    disk_.emplace();
    HardStateFile file = create({.term = 1, .vote = 0, .commit = 1});
    for (const uint64_t commit : {4U, 5U, 6U}) ASSERT_TRUE(file.store({1, 0, commit}));
    ASSERT_TRUE(file.sync());
    for (const uint64_t commit : {7U, 8U, 9U}) ASSERT_TRUE(file.store({1, 0, commit}));
    disk_->crash(seed);
    HardStateFile again = open();
    EXPECT_GE(again.state().commit, 6u) << seed;
    // Nor does the next one take it with it.
    const HardState kept = again.state();
    ASSERT_TRUE(again.store({kept.term, kept.vote, kept.commit + 1}));
    disk_->crash(seed);
    EXPECT_GE(open().state().commit, kept.commit) << seed;
  }
}

TEST_F(HardStateFileTest, AFullDiskKeepsNobodyFromVoting) {
  HardStateFile file = create({.term = 1, .vote = 0, .commit = 1});
  disk_->set_capacity(0);
  for (uint64_t term = 2; term < 6; ++term) {
    const HardState state{term, 3, term + 10};
    ASSERT_TRUE(file.store(state)) << term;
    EXPECT_EQ(open().state(), state);
  }
}

TEST_F(HardStateFileTest, DamageInBothSlotsIsNamed) {
  create({.term = 1, .vote = 0, .commit = 1});
  const auto damaged = *disk_->open("log/raft", io::OpenMode::kWrite);
  ASSERT_TRUE(damaged->write_at(512, as_bytes("nothing")));
  const auto opened = HardStateFile::open(*disk_, kDirectory);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kCorrupt);
  EXPECT_NE(opened.error().message.find("wipe its stream's folder"), std::string::npos);
}

}  // namespace
}  // namespace binbus::raft
