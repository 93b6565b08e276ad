// The log on disks that are full, fail, or hold more than 4 GiB in a file.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/simulated_disk.h"
#include "store/control.h"
#include "store/entry_builder.h"
#include "store/index.h"
#include "store/log_testing.h"

namespace binbus::store {
namespace {

using testing::HasSubstr;

class LogDiskTest : public testing::Test {
 protected:
  LogDiskTest() {
    options_.directory = "log";
    options_.keep_free_bytes = 0;
  }
  void open() {
    log_.reset();
    auto opened = LocalLog::open(disk_, io::system_clock(), options_, nullptr);
    ASSERT_TRUE(opened) << opened.error().message;
    log_ = std::move(*opened);
  }
  Status append(const MadeFile& file, uint64_t from, uint64_t to) {
    return log_->append(Bytes(file.bytes).subspan(from, to - from), file.ends_in(from, to));
  }
  uint64_t used() const {
    return UINT64_MAX - *const_cast<io::SimulatedDisk&>(disk_).free_bytes("log");
  }

  io::SimulatedDisk disk_;
  LogOptions options_;
  std::unique_ptr<LocalLog> log_;
};

// In whichever of its syncs, and however much of what was not synced is gone.
TEST_F(LogDiskTest, ARemovalThatAPowerCutEndsLeavesNoGap) {
  const auto files = make_files(mysql::Flavor::kMysql, 3, 5, 100);
  options_.retain_bytes = 1;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    io::SimulatedDisk disk;
    auto log = *LocalLog::open(disk, io::system_clock(), options_, nullptr);
    for (const MadeFile& file : files) ASSERT_TRUE(store_file(*log, file));
    int left = static_cast<int>(seed % 7);
    disk.on_sync([&left] { return left-- > 0 ? ok() : fail(Code::kIo, "the power failed"); });
    EXPECT_EQ(log->apply_retention(0).has_value(), seed % 7 == 6);
    log.reset();
    disk.on_sync(nullptr);
    disk.crash(seed);

    auto opened = LocalLog::open(disk, io::system_clock(), options_, nullptr);
    ASSERT_TRUE(opened) << opened.error().message;
    log = std::move(*opened);
    EXPECT_EQ(log->visible_end(), (Position{3, files[2].bytes.size()}));
    for (uint64_t at = log->first_index(); at <= log->last_index(); ++at) {
      const auto entries = log->entries(at, at + 1, 1);
      ASSERT_TRUE(entries) << entries.error().message;
      EXPECT_EQ(entries->front().index, at);
    }
    ASSERT_TRUE(log->apply_retention(0));
    EXPECT_EQ(log->segments().size(), 1U);
    EXPECT_FALSE(disk.exists("log/start.entries"));
  }
}

// What a segment exists with is gone, and whether durably is not known: it is not in the log any more.
TEST_F(LogDiskTest, ARemovalThatFailedLeavesNothingWithoutItsFiles) {
  const auto files = make_files(mysql::Flavor::kMysql, 3, 5, 100);
  options_.retain_bytes = 1;
  open();
  for (const MadeFile& file : files) ASSERT_TRUE(store_file(*log_, file));
  for (int left : {0, 1, 0}) {
    disk_.on_sync([&left] { return left-- > 0 ? ok() : fail(Code::kLimit, "too many files"); });
    EXPECT_FALSE(log_->apply_retention(0));
    const uint64_t first = log_->first_index();
    EXPECT_TRUE(log_->entries(first, first + 1, 1)) << first;
    EXPECT_TRUE(log_->encode_snapshot());
  }
  disk_.on_sync(nullptr);
  ASSERT_TRUE(log_->apply_retention(0));
  EXPECT_EQ(log_->segments().size(), 1U);
}

// A message may have been made before, by a leader that is none any more.
TEST_F(LogDiskTest, WhatHasGivenWayIsNotThereToBeSent) {
  const auto files = make_files(mysql::Flavor::kMysql, 1, 5, 100);
  open();
  ASSERT_TRUE(store_file(*log_, files[0]));
  for (const uint64_t behind : {uint64_t{1}, uint64_t{1000}}) {
    const Entry entry{
        .index = log_->last_index() + behind, .length = 8, .kind = EntryKind::kControl};
    EXPECT_EQ(log_->payload(entry).error().code, Code::kNotFound);
  }
}

// A message may have been made before, and wait for room on the disk.
TEST_F(LogDiskTest, WhatRetentionHasTakenIsNotThereToBeSent) {
  const auto files = make_files(mysql::Flavor::kMysql, 2, 5, 100);
  options_.retain_bytes = 1;
  open();
  for (const MadeFile& file : files) ASSERT_TRUE(store_file(*log_, file));
  const uint64_t first = log_->first_index();
  std::vector<Entry> entries;
  for (uint64_t at = first; at <= log_->last_index(); ++at)
    entries.push_back(log_->entries(at, at + 1, 1)->front());
  ASSERT_EQ(log_->apply_retention(0)->size(), 1U);
  ASSERT_GT(log_->first_index(), first + 1);
  for (const Entry& entry : entries) {
    const auto payload = log_->payload(entry);
    if (entry.index >= log_->first_index()) {
      EXPECT_TRUE(payload) << payload.error().message;
    } else {
      EXPECT_EQ(payload.error().code, Code::kPurged);
    }
  }
}

TEST_F(LogDiskTest, AFullDiskLeavesTheLogAsLastSynced) {
  const MadeFile file = make_files(mysql::Flavor::kMysql, 1, 50, 1000)[0];
  open();
  ASSERT_TRUE(log_->begin_segment(file.name));
  ASSERT_TRUE(append(file, 0, 10'000));
  ASSERT_TRUE(log_->sync());
  const Position before = log_->visible_end();
  auto reader = log_->reader({1, 0});

  disk_.set_capacity(used() + 5'000);
  EXPECT_EQ(append(file, 10'000, 20'000).error().code, Code::kDiskFull);
  EXPECT_EQ(log_->end(), (Position{1, 10'000}));
  EXPECT_EQ(log_->visible_end(), before);
  EXPECT_EQ(read_all(**reader)->size(), before.offset);
  EXPECT_EQ(append(file, 10'000, 20'000).error().code, Code::kDiskFull) << "still full";

  disk_.set_capacity(UINT64_MAX);
  ASSERT_TRUE(append(file, 10'000, file.bytes.size()));
  ASSERT_TRUE(log_->sync());
  EXPECT_EQ(read_all(**reader)->size(), file.bytes.size() - before.offset);
  reader->reset();
  open();
  EXPECT_EQ(log_->end(), (Position{1, file.bytes.size()}));
}

TEST_F(LogDiskTest, KeepsSomeSpaceFree) {
  const MadeFile file = make_files(mysql::Flavor::kMysql, 1, 50, 30'000)[0];
  options_.keep_free_bytes = 1 << 20;
  disk_.set_capacity(2 << 20);
  open();
  ASSERT_TRUE(log_->begin_segment(file.name));
  const Status full = append(file, 0, file.bytes.size());
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::kDiskFull);
  EXPECT_THAT(full.error().message, HasSubstr("keep_free is"));
  EXPECT_EQ(log_->end(), (Position{1, 0}));
}

TEST_F(LogDiskTest, LooksUpWithoutReadingASegment) {
  options_.index_bytes = 64 * 1024;
  const auto files = make_files(mysql::Flavor::kMysql, 2, 200, 20'000);
  open();
  for (const MadeFile& file : files) ASSERT_TRUE(store_file(*log_, file));
  const auto few = files[0].bytes.size() / 16;
  for (int round = 0; round < 2; ++round, open()) {
    ASSERT_TRUE(log_->find_time(1)) << "completes the first segment's index";
    mysql::Executed executed;
    for (uint64_t number = 1; number < 400; ++number) {
      executed.add(mysql_gtid(number));
      if (number % 40 != 10) continue;  // each of some places in both
      const uint64_t before = disk_.bytes_read();
      const auto by_time = log_->find_time(number * 1'000'000 + 1);
      const uint64_t between = disk_.bytes_read();
      const auto by_gtids = log_->find_gtids(executed);
      ASSERT_TRUE(by_time && by_gtids) << number;
      EXPECT_LE(*by_gtids, *by_time) << number;
      EXPECT_LE(log_->bytes_between(*by_gtids, *by_time), 2 * options_.index_bytes) << number;
      EXPECT_LT(between - before, few) << "by time, " << number;
      EXPECT_LT(disk_.bytes_read() - between, few) << "by GTIDs, " << number;
    }
  }
}

TEST_F(LogDiskTest, AFailedSyncIsTheEndOfWritingButNotOfReading) {
  const MadeFile file = make_files(mysql::Flavor::kMysql, 1, 10, 1000)[0];
  open();
  ASSERT_TRUE(log_->begin_segment(file.name));
  ASSERT_TRUE(append(file, 0, 5'000));
  ASSERT_TRUE(log_->sync());
  const Position durable = log_->visible_end();
  auto reader = log_->reader({1, 0});

  ASSERT_TRUE(append(file, 5'000, 10'000));
  disk_.fail_sync(1);
  EXPECT_EQ(log_->sync().error().code, Code::kIo);
  for (const Status& status : {append(file, 5'000, 6'000), log_->sync(), log_->abort_transaction(),
                               log_->begin_segment("binlog.000002"), log_->record_source({})}) {
    EXPECT_EQ(status.error().code, Code::kIo);
    EXPECT_THAT(status.error().message, HasSubstr("restarted"));
  }
  EXPECT_EQ(log_->visible_end(), durable);
  EXPECT_EQ(read_all(**reader)->size(), durable.offset);

  reader->reset();
  log_.reset();
  disk_.crash(1);
  open();
  EXPECT_EQ(log_->end(), durable);
}

// Commits cost one sync while event checksums can prove them, two otherwise.
TEST_F(LogDiskTest, SyncsOncePerCommit) {
  for (const auto& [checksum, want] :
       {std::pair{binlog::Checksum::kCrc32, 1}, {binlog::Checksum::kNone, 2}}) {
    const MadeFile file = make_files(mysql::Flavor::kMysql, 1, 10, 100, checksum)[0];
    options_.directory = "log" + std::to_string(want);
    open();
    ASSERT_TRUE(log_->begin_segment(file.name));
    ASSERT_TRUE(append(file, 0, 500));
    ASSERT_TRUE(log_->sync());
    const uint64_t before = disk_.syncs();
    ASSERT_TRUE(append(file, 500, 1000));
    ASSERT_TRUE(log_->sync());
    ASSERT_TRUE(log_->sync()) << "nothing to do";
    EXPECT_EQ(disk_.syncs() - before, static_cast<uint64_t>(want));
  }
}

TEST_F(LogDiskTest, ASchemaBaselineThatDoesNotFitIsNotThere) {
  const MadeFile file = make_files(mysql::Flavor::kMysql, 1, 10, 100)[0];
  open();
  ASSERT_TRUE(store_file(*log_, file));
  ASSERT_TRUE(log_->record_schema({log_->end(), log_->end()}, as_bytes("first")));
  disk_.set_capacity(used() + 1000);
  EXPECT_EQ(log_->record_schema({log_->end(), log_->end()}, ByteVector(5000, 1)).error().code,
            Code::kDiskFull);
  disk_.set_capacity(UINT64_MAX);
  EXPECT_EQ(as_text(*log_->read_schema(log_->end())), "first");
  ASSERT_TRUE(log_->record_schema({log_->end(), log_->end()}, as_bytes("second")));
  log_.reset();
  disk_.crash(7);
  open();
  EXPECT_EQ(as_text(*log_->read_schema(log_->end())), "second");
}

TEST_F(LogDiskTest, PositionsGoPast4GiB) {
  constexpr uint64_t kFar = 5ULL << 30;
  FileMaker maker(mysql::Flavor::kMysql, binlog::Checksum::kCrc32);
  maker.start("binlog.000001", {});
  const MadeFile head = maker.file();
  maker.transaction(mysql_gtid(7), 7'000'000, 100);
  maker.transaction(mysql_gtid(8), 8'000'000, 100);
  const MadeFile whole = maker.file();
  const auto transaction = [&](size_t i) {
    return Bytes(whole.bytes)
        .subspan(whole.ends[1 + i].offset, whole.ends[2 + i].offset - whole.ends[1 + i].offset);
  };

  // As if 5 GiB had been stored: what is between is never read.
  const auto create = [&](const char* suffix) {
    return *disk_.open(std::string("log/binlog.000001") + suffix, io::OpenMode::kCreateNew);
  };
  ASSERT_TRUE(create(".state")->write_at(0, encode_state({}, {})));
  const auto segment = create("");
  ASSERT_TRUE(segment->write_at(0, head.bytes));
  ASSERT_TRUE(segment->write_at(kFar, transaction(0)));
  ByteWriter entries;
  store_entries_header(entries, kFirstIndex);
  constexpr uint8_t kEnd = kEndsTransaction | kStartsBatch;
  constexpr uint32_t kHalf = kFar / 2;
  store_entry(entries, {2, 1, 0, kHalf, 0, EntryKind::kEvents, kEnd});
  store_entry(entries, {3, 1, kHalf, kHalf, 0, EntryKind::kEvents, kEnd});
  store_entry(entries, {4, 1, kFar, static_cast<uint32_t>(transaction(0).size()),
                        binlog::crc32(0, transaction(0)), EntryKind::kEvents, kEnd});
  ASSERT_TRUE(create(".entries")->write_at(0, entries.view()));
  IndexWriter index = IndexWriter::create(disk_, "log/binlog.000001.index", 1000);
  index.add({kFar, mysql_gtid(6), 6'000'000, true});
  options_.verify_bytes = 0;
  options_.index_bytes = 100;

  open();
  const uint64_t end = kFar + transaction(0).size();
  EXPECT_EQ(log_->end(), (Position{1, end}));
  EXPECT_EQ(log_->executed(), executed({mysql_gtid(6), mysql_gtid(7)}));
  const TransactionEnd appended{transaction(1).size(), mysql_gtid(8), 8'000'000, true};
  ASSERT_TRUE(log_->record_source({{}, "A", 1, "8.0.32", "binlog.000009", end + kFar}));
  ASSERT_TRUE(log_->append(transaction(1), {&appended, 1}));
  ASSERT_TRUE(log_->sync());
  open();
  EXPECT_EQ(log_->visible_end(), (Position{1, end + transaction(1).size()}));
  auto reader = log_->reader({1, end});
  EXPECT_EQ(*read_all(**reader), to_owned(transaction(1)));
  EXPECT_EQ(log_->executed(), executed({mysql_gtid(6), mysql_gtid(7), mysql_gtid(8)}));
  EXPECT_EQ(*log_->find_time(7'500'000), (Position{1, end}));
  EXPECT_EQ(log_->to_source({1, end + 10})->offset, end + kFar + 10);
}

}  // namespace
}  // namespace binbus::store
