#include "store/log_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "io/simulated_disk.h"
#include "store/log_testing.h"

namespace binbus::store {
namespace {

// Commits what is proposed when the test, or somebody who waits, says so.
class Slow final : public Agreement {
 public:
  explicit Slow(Log& log) : log_(log) {}
  Tail tail() const override { return {log_.end(), log_.last_end()}; }
  Status stage(Bytes bytes) override { return log_.stage(bytes); }
  Result<uint64_t> propose(std::vector<Proposal> proposals) override {
    if (lost) return fail(Code::kUnavailable, "another leads");
    for (Proposal& proposal : proposals) {
      proposal.entry.index = log_.last_index() + 1;
      proposal.entry.term = kFirstTerm;
      BINBUS_RETURN_IF_ERROR(log_.write(proposal.entry, proposal.payload, proposal.ends));
    }
    BINBUS_RETURN_IF_ERROR(log_.sync());
    proposed.push_back(log_.last_index());
    return log_.last_index();
  }
  Result<bool> settled(uint64_t index) override {
    if (lost) return fail(Code::kUnavailable, "another leads");
    return index <= log_.commit_index();
  }
  Status wait(uint64_t index) override {
    BINBUS_TRY(done, settled(index));
    if (done) return ok();
    ++waited;
    BINBUS_RETURN_IF_ERROR(log_.commit(index));
    return others ? others() : ok();
  }

  std::vector<uint64_t> proposed;
  int waited = 0;
  bool lost = false;
  std::function<Status()> others;  // what they do before one who has waited goes on

 private:
  Log& log_;
};

class LogWriterTest : public testing::Test {
 protected:
  LogWriterTest() {
    LogOptions options;
    options.directory = "log";
    options.keep_free_bytes = 0;
    log_ = std::move(*Log::open(disk_, io::system_clock(), options, nullptr));
    agreement_.emplace(*log_);
    writer_.emplace(*log_, *agreement_);
    FileMaker maker(mysql::Flavor::kMysql, binlog::Checksum::kCrc32);
    maker.start("binlog.000001", {});
    for (uint64_t i = 1; i <= 40; ++i) maker.transaction(mysql_gtid(i), i, 100'000);
    file_ = maker.file();
    EXPECT_TRUE(writer_->begin_segment(file_.name));
    agreement_->proposed.clear();
    agreement_->waited = 0;
  }

  // The next transactions' bytes; returns where they end.
  Position append(size_t transactions) {
    const uint64_t from = writer_->end().offset;
    next_ += transactions;
    const uint64_t to = file_.ends.at(next_ - 1).offset;
    EXPECT_TRUE(
        writer_->append(Bytes(file_.bytes).subspan(from, to - from), file_.ends_in(from, to)));
    return {1, to};
  }
  Position begin(size_t transactions) {
    const Position end = append(transactions);
    EXPECT_TRUE(writer_->begin_sync());
    return end;
  }

  io::SimulatedDisk disk_;
  std::unique_ptr<Log> log_;
  std::optional<Slow> agreement_;
  std::optional<LogWriter> writer_;
  MadeFile file_;
  size_t next_ = 0;
};

TEST_F(LogWriterTest, GoesOnWhileTwoAreUnderWay) {
  const Position before = *writer_->synced();
  const Position first = begin(1), second = begin(1);
  begin(1);
  const Position third = begin(1);
  EXPECT_EQ(agreement_->proposed.size(), 2u) << "the others wait for their turn";
  EXPECT_EQ(*writer_->synced(), before);
  ASSERT_TRUE(log_->commit(agreement_->proposed[0]));
  EXPECT_EQ(*writer_->synced(), first);
  EXPECT_EQ(agreement_->proposed.size(), 3u) << "and go together";
  EXPECT_EQ(log_->visible_end(), first);
  ASSERT_TRUE(log_->commit(agreement_->proposed[1]));
  EXPECT_EQ(*writer_->synced(), second);
  ASSERT_TRUE(log_->commit(agreement_->proposed[2]));
  EXPECT_EQ(*writer_->synced(), third);
  EXPECT_EQ(log_->visible_end(), third);
  EXPECT_EQ(agreement_->waited, 0);
}

TEST_F(LogWriterTest, MuchWaitsForTheOldest) {
  const Position first = begin(1);
  begin(1);
  begin(9);
  EXPECT_EQ(agreement_->waited, 0);
  begin(2);
  EXPECT_EQ(agreement_->waited, 1);
  EXPECT_EQ(agreement_->proposed.size(), 3u);
  EXPECT_EQ(*writer_->synced(), first);
}

TEST_F(LogWriterTest, SyncIsTheEndOfAll) {
  for (int i = 0; i < 3; ++i) begin(1);
  const Position end = append(1);
  ASSERT_TRUE(writer_->sync());
  EXPECT_EQ(*writer_->synced(), end);
  EXPECT_EQ(log_->visible_end(), end);
  EXPECT_EQ(writer_->unsynced_bytes(), 0u);
}

TEST_F(LogWriterTest, WhatIsNotTheSourcesBytesComesBehindAll) {
  begin(1);
  const Position end = begin(1);
  ASSERT_TRUE(writer_->record_schema({end, end}, Bytes(file_.bytes).first(1000)));
  EXPECT_EQ(log_->visible_end(), end);
  EXPECT_EQ(*writer_->synced(), end);
  EXPECT_EQ(log_->read_schema(end)->size(), 1000u);
}

TEST_F(LogWriterTest, OneThatMayNeverSettleEndsIt) {
  begin(1);
  agreement_->lost = true;
  EXPECT_EQ(writer_->synced().error().code, Code::kUnavailable);
  EXPECT_EQ(writer_->sync().error().code, Code::kUnavailable);
  EXPECT_EQ(writer_->begin_sync().error().code, Code::kUnavailable);
  EXPECT_EQ(writer_->append(Bytes(file_.bytes).first(1), {}).error().code, Code::kUnavailable);
}

// A full disk: what is under way stays so, and the rest may come again.
TEST_F(LogWriterTest, WhatIsUnderWayIsNotDroppedWithTheRest) {
  const Position first = begin(1);
  disk_.set_capacity(0);
  const uint64_t from = first.offset, to = file_.ends.at(1).offset;
  const Status full =
      writer_->append(Bytes(file_.bytes).subspan(from, to - from), file_.ends_in(from, to));
  EXPECT_EQ(full.error().code, Code::kDiskFull);
  EXPECT_EQ(writer_->end(), first);
  disk_.set_capacity(UINT64_MAX);
  next_ = 1;
  const Position second = append(1);
  ASSERT_TRUE(writer_->sync());
  EXPECT_EQ(log_->visible_end(), second);
}

// Of a transaction that is not this writer's, and has not ended.
TEST_F(LogWriterTest, WhatAnotherLeaderHasWrittenMeanwhileIsNotItsOwn) {
  const Position whole = begin(1);
  ASSERT_TRUE(writer_->append(Bytes(file_.bytes).subspan(whole.offset, 1000), {}));
  agreement_->others = [&]() -> Status {
    if (log_->end() != whole) return ok();  // not cut yet
    agreement_->lost = true;
    BINBUS_RETURN_IF_ERROR(log_->stage(ByteVector(10)));
    return log_->write({.index = log_->last_index() + 1,
                        .term = kFirstTerm + 1,
                        .offset = whole.offset,
                        .length = 10,
                        .payload_crc = binlog::crc32(0, ByteVector(10))},
                       {}, std::vector<TransactionEnd>());
  };
  ASSERT_TRUE(writer_->abort_transaction());
  EXPECT_EQ(log_->end().offset, whole.offset + 10);
  EXPECT_EQ(writer_->end(), whole);
  EXPECT_EQ(*writer_->synced(), whole);
}

}  // namespace
}  // namespace binbus::store
