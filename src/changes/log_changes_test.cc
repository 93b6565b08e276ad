// Where a sink begins, and what it is told from there.
#include "changes/log_changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/simulated_disk.h"
#include "store/log_testing.h"

namespace binbus::changes {
namespace {

using schema::Change;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint64_t kSecondUs = 1'000'000;

// A log of statements: a table, rows that are not in the log, a table.
class LogChangesTest : public testing::Test {
 protected:
  LogChangesTest() {
    maker_.start("binlog.000001", {});
    add(1, "CREATE TABLE a (id INT)");
    add(2, "INSERT INTO a VALUES (1)");
    add(3, "CREATE TABLE b (id INT)");
    auto opened = store::LocalLog::open(disk_, io::system_clock(), {.directory = "log"}, nullptr);
    EXPECT_TRUE(opened);
    log_ = std::move(*opened);
    EXPECT_TRUE(store::store_file(*log_, maker_.file()));
    changes_ = std::make_unique<LogChanges>(*log_, [](Position) { return SchemaThere{}; });
    changes_->configure({});
  }
  void add(uint64_t number, std::string_view text) {
    places_.push_back(maker_.file().bytes.size());
    maker_.statement(store::mysql_gtid(number), kSecondUs * number, "shop", text);
  }
  static std::string place(uint64_t offset) { return "binlog.000001:" + std::to_string(offset); }
  // The statements from here on, and the error's message.
  std::vector<std::string> told() {
    std::vector<std::string> out;
    const auto emit = [&](const Change& change) {
      out.emplace_back(change.statement);
      return ok();
    };
    while (!changes_->at_end()) {
      if (const auto read = changes_->read(emit, 0, {}); !read) {
        out.push_back(read.error().message);
        break;
      }
    }
    return out;
  }

  io::SimulatedDisk disk_;
  store::FileMaker maker_{mysql::Flavor::kMysql, binlog::Checksum::kCrc32};
  std::vector<uint64_t> places_;  // where each transaction begins
  std::unique_ptr<store::LocalLog> log_;
  std::unique_ptr<LogChanges> changes_;
};

// Its place is that one from the first moment, and nothing before it is read: it may be what cannot be.
TEST_F(LogChangesTest, BeginsExactlyAtAPlace) {
  ASSERT_TRUE(changes_->start(place(places_[2])));
  EXPECT_EQ(changes_->place(), place(places_[2]));
  EXPECT_THAT(told(), ElementsAre("CREATE TABLE b (id INT)"));
  ASSERT_TRUE(changes_->start(place(places_[0])));
  EXPECT_THAT(told(), ElementsAre("CREATE TABLE a (id INT)", HasSubstr("logged as a statement")));
  EXPECT_EQ(changes_->place(), place(places_[1]));
}

TEST_F(LogChangesTest, NamesThePlacesAroundATransaction) {
  const std::string within = place(places_[1] + 1);
  EXPECT_EQ(*changes_->find(within), (Position{1, places_[1] + 1}));
  const Status begun = changes_->start(within);
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().code, Code::kInvalid);
  EXPECT_EQ(begun.error().message, within + " is within a transaction, which goes from " +
                                       std::to_string(places_[1]) + " to " +
                                       std::to_string(places_[2]));
}

// The schema's first baseline is read only once the log has caught up with the source.
TEST_F(LogChangesTest, SaysWhenTheTablesAreNotKnownYet) {
  const uint64_t before = maker_.file().bytes.size();
  maker_.insert(store::mysql_gtid(4), 4 * kSecondUs, "shop", "a", 1, 1);
  const uint64_t after = maker_.file().bytes.size();
  ASSERT_TRUE(log_->append(Bytes(maker_.file().bytes).subspan(before),
                           maker_.file().ends_in(before, after)));
  ASSERT_TRUE(log_->sync());
  changes_ = std::make_unique<LogChanges>(*log_, [](Position) -> Result<SchemaThere> {
    return fail(Code::kNotFound, "there is no schema baseline yet");
  });
  changes_->configure({});
  ASSERT_TRUE(changes_->start(place(before)));
  EXPECT_THAT(told().back(),
              HasSubstr("the columns of shop.a are not known: there is no schema baseline yet"));
}

TEST_F(LogChangesTest, SaysWhatNamesNoPlace) {
  const std::pair<const char*, const char*> cases[] = {
      {"yesterday", "yesterday: must be earliest, latest, gtid:SET"},
      {"time:noon", "time:noon: must be UTC"},
      {"binlog.000001:99999", "bytes of that file so far"},
      {"binlog.000002:4", "binlog.000002:4 is not in the log, which has binlog.000001 to"},
      {"gtid:x", "x"}};
  for (const auto& [where, message] : cases) {
    const Status begun = changes_->start(where);
    ASSERT_FALSE(begun) << where;
    EXPECT_THAT(begun.error().message, HasSubstr(message));
  }
}

}  // namespace
}  // namespace binbus::changes
