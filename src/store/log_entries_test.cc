// The log as Raft writes it.

#include <gtest/gtest.h>

#include "io/simulated_disk.h"
#include "store/control.h"
#include "store/log_testing.h"

namespace binbus::store {
namespace {

// A log of a group of three.
class LogEntriesTest : public testing::Test {
 protected:
  LogEntriesTest() { open(UINT64_MAX); }
  void open(uint64_t committed) {
    log_.reset();
    LogOptions options;
    options.directory = "log";
    options.keep_free_bytes = 0;
    options.verify_bytes = 10;
    options.retain_bytes = 1;
    options.members = {.voters = {1, 2, 3}};
    options.node = 1;
    options.committed = committed;
    auto opened = Log::open(disk_, io::system_clock(), options, nullptr);
    ASSERT_TRUE(opened) << opened.error().message;
    log_ = std::move(*opened);
  }
  Status write(EntryKind kind, Bytes payload = {}, uint64_t offset = 0, uint8_t flags = 0) {
    Entry entry{.index = log_->last_index() + 1,
                .term = kFirstTerm,
                .offset = offset,
                .length = static_cast<uint32_t>(payload.size()),
                .payload_crc = binlog::crc32(0, payload),
                .kind = kind,
                .flags = flags};
    return log_->write(entry, payload);
  }

  io::SimulatedDisk disk_;
  std::unique_ptr<Log> log_;
};

// Of Raft's own between them nothing is known: another leader may yet replace them.
TEST_F(LogEntriesTest, WhatFollowsABarrierProvesThatOneCommitted) {
  ASSERT_TRUE(write(EntryKind::kBegin, encode_begin("binlog.000001", {})));
  const uint64_t barrier = log_->last_index();
  ASSERT_TRUE(write(EntryKind::kMembers, ByteVector(3, 1)));
  EXPECT_EQ(log_->waiting_barrier(), barrier);
  ASSERT_TRUE(write(EntryKind::kControl, encode_cursor({"name", "value"})));
  EXPECT_EQ(log_->waiting_barrier(), 0u);
  EXPECT_EQ(log_->commit_index(), barrier);
  EXPECT_EQ(log_->segments().size(), 1u);
  ASSERT_TRUE(log_->truncate(barrier + 1));
}

// Also to those who have asked for them before it took effect.
TEST_F(LogEntriesTest, WhatAnAbortHasCutIsVoidFromThenOn) {
  const MadeFile file = std::move(make_files(mysql::Flavor::kMysql, 1, 2, 100)[0]);
  const uint64_t whole = file.ends[0].offset;
  ASSERT_TRUE(write(EntryKind::kBegin, encode_begin(file.name, {})));
  ASSERT_TRUE(log_->commit(log_->last_index()));
  ASSERT_TRUE(write(EntryKind::kEvents, Bytes(file.bytes).first(whole), 0, kEndsTransaction));
  const uint64_t first = log_->last_index();
  ASSERT_TRUE(log_->sync());
  ASSERT_TRUE(log_->commit(first));
  ASSERT_TRUE(write(EntryKind::kEvents, Bytes(file.bytes).subspan(whole, 50), whole));
  ASSERT_TRUE(write(EntryKind::kAbort, {}, whole));
  ASSERT_TRUE(log_->sync());
  open(first);  // and what is older than its last bytes has to be looked up

  const auto kinds = [&] {
    std::vector<EntryKind> found;
    const auto entries = log_->entries(first, first + 3, SIZE_MAX);
    EXPECT_TRUE(entries) << entries.error().message;
    for (const Entry& entry : *entries) found.push_back(entry.kind);
    return found;
  };
  using enum EntryKind;
  EXPECT_EQ(kinds(), (std::vector{kEvents, kEvents, kAbort}));
  ASSERT_TRUE(log_->commit(first + 2));
  EXPECT_EQ(kinds(), (std::vector{kEvents, kVoid, kAbort}));
}

// A restart may know less of what is committed than the log did when retention took what it had no need of any more.
TEST_F(LogEntriesTest, ABaselineThatIsReplacedGoesAlsoAfterARestart) {
  const auto record_schema = [&](uint64_t segment) {
    const ByteVector bytes(100, static_cast<uint8_t>(segment));
    EXPECT_TRUE(write(EntryKind::kPart, bytes));
    const SchemaRecord record{
        {{segment, 0}, {segment, 0}}, "", bytes.size(), binlog::crc32(0, bytes)};
    EXPECT_TRUE(write(EntryKind::kControl, encode_schema(record)));
    EXPECT_TRUE(log_->sync());
  };
  ASSERT_TRUE(write(EntryKind::kBegin, encode_begin("binlog.000001", {})));
  ASSERT_TRUE(log_->commit(log_->last_index()));
  record_schema(1);
  ASSERT_TRUE(log_->commit(log_->last_index()));
  ASSERT_TRUE(write(EntryKind::kBegin, encode_begin("binlog.000002", {})));
  const uint64_t begun = log_->last_index();
  ASSERT_TRUE(log_->commit(begun));
  record_schema(2);
  ASSERT_TRUE(log_->commit(log_->last_index()));
  const auto files = make_files(mysql::Flavor::kMysql, 1, 1, 100);
  ASSERT_TRUE(write(EntryKind::kEvents, files[0].bytes, 0, kEndsTransaction));
  ASSERT_TRUE(log_->sync());
  ASSERT_TRUE(log_->commit(log_->last_index()));
  const auto removed = log_->apply_retention(0, UINT64_MAX);
  ASSERT_TRUE(removed) << removed.error().message;
  ASSERT_EQ(removed->size(), 1U);
  open(begun);
  ASSERT_TRUE(log_->commit(log_->last_index()));
  ASSERT_EQ(log_->schemas().size(), 1U);
  EXPECT_EQ(log_->schemas()[0].at, (Position{2, 0}));
  const auto snapshot = log_->encode_snapshot();
  EXPECT_TRUE(snapshot) << snapshot.error().message;
}

}  // namespace
}  // namespace binbus::store
