#include "cli/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "binlog/scanner.h"
#include "io/clock.h"
#include "io/simulated_disk.h"
#include "store/local_log.h"

namespace binbus::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class VerifyTest : public ::testing::Test {
 protected:
  // A log of two segments, both a real server's file, closed cleanly.
  void SetUp() override {
    std::ifstream in("tests/golden/binlog/mysql97.binlog", std::ios::binary);
    bytes_ = ByteVector(std::istreambuf_iterator<char>(in), {});
    ASSERT_GT(bytes_.size(), 1000u);
    auto log =
        store::LocalLog::open(disk_, io::system_clock(), {.directory = "log"}, nullptr).value();
    for (const char* name : {"binlog.000001", "binlog.000002"}) {
      binlog::EventScanner scanner({});
      std::vector<binlog::TransactionEnd> ends;
      ASSERT_TRUE(log->begin_segment(name));
      ASSERT_TRUE(scanner.feed(bytes_, [&](const auto& end) { ends.push_back(end); }));
      ASSERT_TRUE(log->append(bytes_, ends));
      ASSERT_TRUE(log->sync());
    }
  }

  void change(const std::string& path, const std::function<void(io::File&)>& how) {
    const auto file = disk_.open("log/" + path, io::OpenMode::kWrite);
    ASSERT_TRUE(file) << file.error().message;
    how(**file);
  }
  void flip(const std::string& path, uint64_t offset) {
    change(path, [&](io::File& file) {
      uint8_t byte[1];
      EXPECT_EQ(file.read_at(offset, byte).value(), 1u);
      byte[0] ^= 0x40;
      EXPECT_TRUE(file.write_at(offset, byte));
    });
  }
  void truncate(const std::string& path, uint64_t cut) {
    change(path, [&](io::File& file) { EXPECT_TRUE(file.truncate(file.size().value() - cut)); });
  }
  // What is wrong, of all segments; notes are not.
  std::vector<std::string> damage() {
    std::vector<std::string> all;
    const auto reports = verify_stream(disk_, "log");
    EXPECT_TRUE(reports);
    for (const SegmentReport& report : *reports) {
      all.insert(all.end(), report.damage.begin(), report.damage.end());
      notes_.insert(notes_.end(), report.notes.begin(), report.notes.end());
    }
    return all;
  }

  io::SimulatedDisk disk_;
  ByteVector bytes_;
  std::vector<std::string> notes_;
};

TEST_F(VerifyTest, AGoodLogIsGood) {
  const auto reports = verify_stream(disk_, "log");
  ASSERT_TRUE(reports) << reports.error().message;
  ASSERT_THAT(*reports, SizeIs(2));
  EXPECT_EQ((*reports)[0].name, "binlog.000001");
  EXPECT_EQ((*reports)[0].bytes, bytes_.size());
  EXPECT_GT((*reports)[0].transactions, 5u);
  EXPECT_THAT(damage(), IsEmpty());
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(VerifyTest, AFlippedBitIsNamedWithItsPlace) {
  for (const char* segment : {"binlog.000001", "binlog.000002"}) {
    flip(segment, bytes_.size() / 2);
    const auto found = damage();
    ASSERT_THAT(found, SizeIs(2)) << "by the entry's checksum and by the event's";
    EXPECT_THAT(found[0], HasSubstr(std::string(segment) + " at "));
    EXPECT_THAT(found[0], HasSubstr("restore the file from a copy, or from the source's"));
    flip(segment, bytes_.size() / 2);
  }
}

TEST_F(VerifyTest, ASealedSegmentThatIsCutShortIsDamaged) {
  truncate("binlog.000001", 10);
  EXPECT_THAT(damage(), ::testing::Contains(HasSubstr("the file ends, and its index goes to")));
}

TEST_F(VerifyTest, ATornTailOfTheNewestIsNoDamage) {
  change("binlog.000002", [&](io::File& file) {
    const ByteVector torn(100, 0x7f);
    EXPECT_TRUE(file.write_at(bytes_.size(), torn));
  });
  truncate("binlog.000002.entries", 3);
  EXPECT_THAT(damage(), IsEmpty());
  EXPECT_THAT(notes_, ::testing::Contains(HasSubstr("the next start mends this")));
}

TEST_F(VerifyTest, ABrokenIndexOfASealedSegmentIsDamage) {
  truncate("binlog.000001.entries", 3);
  EXPECT_THAT(damage(), ::testing::Contains(HasSubstr("binlog.000001 at")));
}

TEST_F(VerifyTest, AMissingIndexIsDamage) {
  ASSERT_TRUE(disk_.remove("log/binlog.000001.entries"));
  EXPECT_THAT(damage(), ElementsAre(HasSubstr("its index is missing")));
}

TEST_F(VerifyTest, ASegmentThatIsNotTheOneBeforeIsNoticed) {
  for (const char* suffix : {"", ".entries", ".state"}) {
    ASSERT_TRUE(disk_.rename(std::string("log/binlog.000001") + suffix,
                             std::string("log/binlog.000000") + suffix));
  }
  EXPECT_THAT(damage(), ElementsAre(HasSubstr("binlog.000002 was made after segment number 1")));
}

TEST_F(VerifyTest, AMissingStateIsDamage) {
  ASSERT_TRUE(disk_.remove("log/binlog.000002.state"));
  EXPECT_THAT(damage(), ElementsAre(HasSubstr("binlog.000002: its .state file")));
}

}  // namespace
}  // namespace binbus::cli
