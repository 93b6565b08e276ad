// A log that begins anew from another node's snapshot.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/simulated_disk.h"
#include "store/log_testing.h"

namespace binbus::store {
namespace {

class LogRestoreTest : public testing::Test {
 protected:
  LogRestoreTest() {
    options_.directory = "log";
    options_.keep_free_bytes = 0;
    options_.retain_bytes = 1;
  }
  std::unique_ptr<LocalLog> open(io::SimulatedDisk& disk) {
    auto opened = LocalLog::open(disk, io::system_clock(), options_, nullptr);
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(*opened);
  }
  // Of a log whose first files are gone, and with them the baselines that its oldest `.state` tells of.
  ByteVector snapshot() {
    io::SimulatedDisk disk;
    const auto log = open(disk);
    for (const MadeFile& file : files_) {
      EXPECT_TRUE(store_file(*log, file));
      if (file.name == files_.back().name) break;
      kept_ = {log->end(), log->end()};
      EXPECT_TRUE(log->record_schema(kept_, as_bytes("baseline of " + file.name)));
    }
    EXPECT_EQ(log->apply_retention(0)->size(), 2U);
    first_index_ = log->first_index();
    auto encoded = log->encode_snapshot();
    EXPECT_TRUE(encoded) << encoded.error().message;
    return *encoded;
  }
  std::unique_ptr<LocalLog> other(io::SimulatedDisk& disk) {
    auto log = open(disk);
    EXPECT_TRUE(store_file(*log, files_[0]));
    return log;
  }

  LogOptions options_;
  const std::vector<MadeFile> files_ = make_files(mysql::Flavor::kMysql, 3, 10, 300);
  SchemaPlace kept_;
  uint64_t first_index_ = 0;
};

TEST_F(LogRestoreTest, BeginsWithTheBaselinesThatAreLeft) {
  const ByteVector from = snapshot();
  io::SimulatedDisk disk;
  auto log = other(disk);
  const Status restored = log->restore(from);
  ASSERT_TRUE(restored) << restored.error().message;
  for (int round = 0; round < 2; ++round, log.reset(), log = open(disk)) {
    EXPECT_EQ(log->first_index(), first_index_);
    EXPECT_EQ(log->schemas(), std::vector{kept_});
    EXPECT_EQ(as_text(*log->read_schema(kept_.at)), "baseline of binlog.000002");
  }
}

// Wherever it was cut short, there is all of the log of before, or the new one.
TEST_F(LogRestoreTest, IsDoneOrNot) {
  const ByteVector from = snapshot();
  int kept = 0, replaced = 0;
  bool failed = true;
  for (uint64_t failing = 1; failed; ++failing) {
    io::SimulatedDisk disk;
    auto log = other(disk);
    const Position end = log->end();
    disk.fail_sync(failing);
    const Status restored = log->restore(from);
    failed = !restored;
    if (failed) {
      EXPECT_EQ(restored.error().code, Code::kIo) << failing;
      EXPECT_EQ(log->end(), end) << failing;  // who writes it may ask before he learns of it
    }
    log.reset();
    disk.crash(failing);
    disk.fail_sync(0);
    log = open(disk);
    if (log->first_index() == first_index_) {
      ++replaced;
      EXPECT_EQ(log->schemas(), std::vector{kept_}) << failing;
      continue;
    }
    ++kept;
    EXPECT_TRUE(failed);
    ASSERT_EQ(log->visible_end(), end) << failing;
    EXPECT_EQ(*read_all(**log->reader({1, 0})), files_[0].bytes) << failing;
  }
  EXPECT_GT(kept, 0);
  EXPECT_GT(replaced, 1) << "none failed when it had begun";
}

TEST_F(LogRestoreTest, AFullDiskLeavesTheLogAsItWas) {
  const ByteVector from = snapshot();
  io::SimulatedDisk disk;
  auto log = other(disk);
  const Position end = log->end();
  disk.set_capacity(UINT64_MAX - *disk.free_bytes("log") + from.size() / 2);
  EXPECT_EQ(log->restore(from).error().code, Code::kDiskFull);
  EXPECT_TRUE(log->alive());
  EXPECT_EQ(log->visible_end(), end);
  EXPECT_EQ(*read_all(**log->reader({1, 0})), files_[0].bytes);
  disk.set_capacity(UINT64_MAX);
  ASSERT_TRUE(log->restore(from));
  EXPECT_EQ(log->first_index(), first_index_);
}

}  // namespace
}  // namespace binbus::store
