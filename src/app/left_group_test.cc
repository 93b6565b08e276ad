#include "app/left_group.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "io/durable_file.h"
#include "raft/hard_state_file.h"

namespace binbus::app {
namespace {

namespace fs = std::filesystem;

class LeftGroupTest : public ::testing::Test {
 protected:
  LeftGroupTest() : root_(fs::path(::testing::TempDir()) / ("left." + std::to_string(::getpid()))) {
    fs::create_directories(root_ / "control");
    for (const char* file :
         {"binlog.000001", "binlog.000001.entries", "binlog.000001.index", "binlog.000001.7.schema",
          "server_uuid", "sinks/a.dead", "state/CURRENT", "snapshots/one/CURRENT"}) {
      fs::create_directories((root_ / "shop" / file).parent_path());
      std::ofstream(root_ / "shop" / file) << "x";
    }
    EXPECT_TRUE(raft::HardStateFile::create(files_, stream_, {.term = 7, .vote = 3, .commit = 40}));
  }
  ~LeftGroupTest() override { fs::remove_all(root_); }

  std::set<std::string> there() const {
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(stream_)) {
      if (entry.is_regular_file()) names.insert(fs::relative(entry.path(), stream_).string());
    }
    return names;
  }

  io::FileSystem& files_ = io::posix_file_system();
  const fs::path root_;
  const std::string stream_ = (root_ / "shop").string();
  LeftGroup left_{files_, (root_ / "control").string(), "shop"};
};

const std::set<std::string> kRest = {"raft", "server_uuid", "sinks/a.dead",
                                     "snapshots/one/CURRENT"};

TEST_F(LeftGroupTest, TheLogGoesAndTheVoteStays) {
  ASSERT_TRUE(left_.come_back(stream_));  // it has not left
  EXPECT_EQ(there().size(), 9U);
  ASSERT_TRUE(left_.leave(stream_));
  EXPECT_TRUE(left_.is_left());
  EXPECT_EQ(there(), kRest);
  const auto kept = raft::HardStateFile::open(files_, stream_);
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ((*kept)->state().term, 7U);
  EXPECT_EQ((*kept)->state().vote, 3U);
  EXPECT_EQ((*kept)->state().commit, 0U);
  ASSERT_TRUE(left_.come_back(stream_));
  EXPECT_FALSE(left_.is_left());
  EXPECT_EQ(there(), kRest);
}

TEST_F(LeftGroupTest, WhatWasCutShortIsEndedBeforeItComesBack) {
  std::ofstream(root_ / "control/shop.left") << "";  // and nothing more was done
  ASSERT_TRUE(left_.come_back(stream_));
  EXPECT_EQ(there(), kRest);
}

TEST_F(LeftGroupTest, InANewClusterTheVoteMeansNothing) {
  std::ofstream(root_ / "control/shop.began") << "";
  ASSERT_TRUE(left_.leave(stream_));
  ASSERT_TRUE(left_.forget(stream_));
  EXPECT_FALSE(fs::exists(root_ / "control/shop.began"));
  EXPECT_FALSE(left_.is_left());
  EXPECT_FALSE(fs::exists(root_ / "shop/raft"));
}

}  // namespace
}  // namespace binbus::app
