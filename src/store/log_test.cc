// The log as its users see it, on the operating system's files.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "base/check.h"
#include "store/log_testing.h"

namespace binbus::store {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class LogTest : public testing::Test {
 protected:
  LogTest() {
    std::string folder = (fs::temp_directory_path() / "binbus-log-XXXXXX").string();
    BINBUS_CHECK(mkdtemp(folder.data()) != nullptr);
    folder_ = folder;
    options_.directory = (folder_ / "stream").string();
    options_.keep_free_bytes = 0;
    options_.index_bytes = 2'000;
  }
  ~LogTest() override { fs::remove_all(folder_); }

  void open() {
    log_.reset();
    report_ = {};
    auto opened = LocalLog::open(io::posix_file_system(), io::system_clock(), options_, &report_);
    ASSERT_TRUE(opened) << opened.error().message;
    log_ = std::move(*opened);
  }
  std::vector<std::string> schema_files() const {
    std::vector<std::string> names;
    for (const auto& file : fs::directory_iterator(options_.directory)) {
      if (file.path().extension() == ".schema") names.push_back(file.path().filename());
    }
    return names;
  }
  Error open_error() {
    log_.reset();
    auto opened = LocalLog::open(io::posix_file_system(), io::system_clock(), options_, nullptr);
    EXPECT_FALSE(opened);
    return opened ? Error{} : opened.error();
  }
  void store(const std::vector<MadeFile>& files) {
    open();
    for (const MadeFile& file : files) ASSERT_TRUE(store_file(*log_, file));
  }
  fs::path path(const std::string& name) const { return fs::path(options_.directory) / name; }
  void change_byte(const std::string& name, uint64_t offset) {
    std::fstream file(path(name), std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(offset));
    const char byte = static_cast<char>(file.get() ^ 1);
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(byte);
  }
  Position end_of(const MadeFile& file, size_t number, size_t transaction) const {
    return {number, file.ends[1 + transaction].offset};  // behind two ends of the head
  }

  fs::path folder_;
  LogOptions options_;
  RecoveryReport report_;
  std::unique_ptr<LocalLog> log_;
};

TEST_F(LogTest, ASegmentComesToBeWithItsSource) {
  open();
  const SourceSpan first{{}, "uuid-a", 1, "8.0.32", "binlog.000007", 0, ""};
  ASSERT_TRUE(log_->begin_segment("binlog.000007", first));
  open();  // not a byte of it came
  ASSERT_TRUE(log_->to_source({7, 0})) << "a kill in between would leave a segment of nowhere";
  EXPECT_EQ(log_->to_source({7, 0})->server_uuid, "uuid-a");
  // The same source's next file is known already; another's is not.
  ASSERT_TRUE(log_->begin_segment("binlog.000008",
                                  SourceSpan{{}, "uuid-a", 1, "8.0.32", "binlog.000008", 0, ""}));
  EXPECT_EQ(log_->sources().size(), 1U);
  ASSERT_TRUE(log_->begin_segment("binlog.000009",
                                  SourceSpan{{}, "uuid-b", 2, "8.0.32", "b.000001", 0, "uuid:7"}));
  open();
  EXPECT_EQ(log_->sources().size(), 2U);
  EXPECT_EQ(log_->to_source({9, 0})->file, "b.000001");
  EXPECT_EQ(log_->to_source({9, 0})->lacks, "uuid:7");
}

// A server that was restored from a backup has no file that tells of what it was restored with.
TEST_F(LogTest, WhatASourceWasSeededWithWasExecuted) {
  const auto files = make_files(mysql::Flavor::kMysql, 2, 10, 100);
  const auto set = [](const char* text) {
    return *mysql::Executed::parse(mysql::Flavor::kMysql, text);
  };
  const auto seeded = set("3e11fa47-71ca-11e1-9e33-c80aa9429599:1-100");
  SourceSpan source{{}, "uuid-a", 1, "8.0.32", files[0].name, 0, "", seeded};
  open();
  ASSERT_TRUE(log_->begin_segment(files[0].name, source));
  ASSERT_TRUE(log_->append(files[0].bytes, files[0].ends));
  ASSERT_TRUE(log_->sync());
  ASSERT_TRUE(store_file(*log_, files[1]));
  for (int round = 0; round < 2; ++round, open()) {
    EXPECT_TRUE(log_->executed().contains(seeded));
    for (const SegmentInfo& segment : log_->segments()) {
      EXPECT_TRUE(segment.previous.contains(seeded)) << segment.name;
    }
    mysql::Executed replica;
    replica.add(mysql_gtid(1));
    const auto refused = log_->find_gtids(replica);
    ASSERT_FALSE(refused) << "it lacks what no file has";
    EXPECT_EQ(refused.error().code, Code::kPurged);
    EXPECT_THAT(refused.error().message, HasSubstr("c80aa9429599:1-100"));
    replica.add(seeded);
    EXPECT_TRUE(log_->find_gtids(replica));
  }
  source.from = log_->end();
  source.file = files[1].name;
  source.offset = source.from.offset;
  source.seeded = set("3e11fa47-71ca-11e1-9e33-c80aa9429599:1-105");
  ASSERT_TRUE(log_->record_source(source));
  for (int round = 0; round < 2; ++round, open()) {
    EXPECT_TRUE(log_->executed().contains(source.seeded));
  }
}

TEST_F(LogTest, WithoutEventChecksumsTheEntriesAreNotGuessed) {
  store(make_files(mysql::Flavor::kMysql, 1, 5, 100, binlog::Checksum::kNone));
  const std::string before = read_text(path("binlog.000001"));
  const std::string entries = read_text(path("binlog.000001.entries"));
  log_.reset();
  fs::remove(path("binlog.000001.entries"));
  EXPECT_THAT(open_error().message, HasSubstr("binlog_checksum=NONE"));
  EXPECT_FALSE(fs::exists(path("binlog.000001.entries"))) << "nothing is written";
  std::ofstream(path("binlog.000001.entries"), std::ios::binary) << entries;
  change_byte("binlog.000001.entries", 20);  // its header
  EXPECT_THAT(open_error().message, HasSubstr("binlog_checksum=NONE"));
  EXPECT_EQ(read_text(path("binlog.000001")), before);
  change_byte("binlog.000001.entries", 20);
  open();
  EXPECT_EQ(report_.torn_bytes, 0U);
}

TEST_F(LogTest, WithoutEventChecksumsADamagedRecordIsNoTornTail) {
  open();
  const auto files = make_files(mysql::Flavor::kMysql, 1, 5, 100, binlog::Checksum::kNone);
  ASSERT_TRUE(log_->begin_segment(files[0].name));
  uint64_t from = 0;
  for (const TransactionEnd& end : files[0].ends) {  // a sync each
    ASSERT_TRUE(log_->append(Bytes(files[0].bytes).subspan(from, end.offset - from),
                             files[0].ends_in(from, end.offset)));
    ASSERT_TRUE(log_->sync());
    from = end.offset;
  }
  log_.reset();
  change_byte("binlog.000001.entries", 32 + 2 * 40 + 5);
  EXPECT_THAT(open_error().message, HasSubstr("entries file damaged"));
  EXPECT_EQ(fs::file_size(path("binlog.000001")), files[0].bytes.size());
}

TEST_F(LogTest, IsEmptyAtFirst) {
  open();
  EXPECT_EQ(log_->end(), (Position{0, 0}));
  EXPECT_EQ(log_->visible_end(), (Position{0, 0}));
  EXPECT_TRUE(log_->executed().empty());
  EXPECT_TRUE(log_->segments().empty());
  EXPECT_FALSE(log_->reader({1, 4}));
  EXPECT_EQ(log_->find_gtids({})->segment, 0U);
  EXPECT_TRUE(log_->sync());
  EXPECT_EQ(log_->append(as_bytes("x"), {}).error().code, Code::kInvalid);
}

TEST_F(LogTest, SegmentsAreTheSourcesFiles) {
  const auto files = make_files(mysql::Flavor::kMysql, 3, 20, 300);
  store(files);
  for (int round = 0; round < 2; ++round) {
    ByteVector all;
    for (const MadeFile& file : files) {
      EXPECT_EQ(read_text(path(file.name)), as_text(file.bytes));
      all.insert(all.end(), file.bytes.begin(), file.bytes.end());
    }
    auto reader = log_->reader({1, 0});
    ASSERT_TRUE(reader);
    EXPECT_EQ(*read_all(**reader), all);
    EXPECT_EQ((*reader)->segment_name(), "binlog.000003");
    EXPECT_EQ((*reader)->position(), log_->visible_end());
    EXPECT_EQ(log_->executed().to_string(), "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-60");
    EXPECT_EQ(log_->last_commit_us(), 60'000'000U);
    reader->reset();
    open();
    EXPECT_TRUE(report_.notes.empty()) << report_.notes.front();
  }
}

TEST_F(LogTest, TellsAboutItsSegments) {
  const auto files = make_files(mysql::Flavor::kMysql, 2, 5, 100);
  store(files);
  for (int round = 0; round < 2; ++round, open()) {
    const auto segments = log_->segments();
    ASSERT_EQ(segments.size(), 2U);
    EXPECT_EQ(segments[0].name, "binlog.000001");
    EXPECT_EQ(segments[0].bytes, files[0].bytes.size());
    EXPECT_TRUE(segments[0].sealed);
    EXPECT_EQ(segments[0].first_timestamp, 1U);
    EXPECT_EQ(segments[0].last_commit_us, 5'000'000U);
    EXPECT_TRUE(segments[0].previous.empty());
    EXPECT_FALSE(segments[1].sealed);
    EXPECT_EQ(segments[1].previous.to_string(), "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5");
    EXPECT_EQ(segments[1].last_commit_us, 10'000'000U);
  }
}

TEST_F(LogTest, ShowsWholeTransactionsAfterSyncOnly) {
  const MadeFile file = make_files(mysql::Flavor::kMysql, 1, 2, 100)[0];
  open();
  ASSERT_TRUE(log_->begin_segment(file.name));
  const uint64_t first = file.ends[2].offset;
  ASSERT_TRUE(log_->append(Bytes(file.bytes).first(first + 10), file.ends_in(0, first + 10)));
  EXPECT_EQ(log_->visible_end(), (Position{1, 0}));
  EXPECT_EQ(log_->end(), (Position{1, first + 10}));
  EXPECT_EQ(log_->unsynced_bytes(), first + 10);
  ASSERT_TRUE(log_->sync());
  EXPECT_EQ(log_->unsynced_bytes(), 0U);
  EXPECT_EQ(log_->visible_end(), (Position{1, first}));
  EXPECT_EQ(log_->reader({1, first + 1}).error().code, Code::kNotFound);

  open();
  EXPECT_EQ(log_->end(), (Position{1, first}));
  EXPECT_EQ(report_.torn_bytes + report_.unfinished_bytes, 10U);
}

TEST_F(LogTest, RefusesSegmentsThatCannotFollow) {
  const auto files = make_files(mysql::Flavor::kMysql, 3, 1, 100);
  open();
  EXPECT_EQ(log_->begin_segment("../binlog.000001").error().code, Code::kInvalid);
  ASSERT_TRUE(log_->begin_segment(files[1].name));
  EXPECT_TRUE(log_->begin_segment(files[1].name)) << "it has no byte yet";
  EXPECT_EQ(log_->begin_segment(files[0].name).error().code, Code::kInvalid);
  ASSERT_TRUE(log_->append(Bytes(files[1].bytes).first(150), files[1].ends_in(0, 150)));
  EXPECT_THAT(log_->begin_segment(files[2].name).error().message,
              HasSubstr("within a transaction"));
  EXPECT_EQ(log_->record_source({}).error().code, Code::kInvalid);
  ASSERT_TRUE(log_->abort_transaction());
  EXPECT_TRUE(log_->begin_segment(files[2].name));
  EXPECT_EQ(log_->visible_end(), (Position{3, 0}));
}

TEST_F(LogTest, AnAbortedTransactionLeavesNothing) {
  const MadeFile file = make_files(mysql::Flavor::kMysql, 1, 3, 500)[0];
  const uint64_t first = file.ends[2].offset;
  open();
  ASSERT_TRUE(log_->begin_segment(file.name));
  for (int times = 0; times < 3; ++times) {
    const uint64_t from = log_->end().offset;
    ASSERT_TRUE(log_->append(Bytes(file.bytes).subspan(from, first + 200 - from),
                             file.ends_in(from, first + 200)));
    if (times == 1) {
      ASSERT_TRUE(log_->sync());
    }
    ASSERT_TRUE(log_->abort_transaction());
    EXPECT_EQ(log_->end(), (Position{1, first}));
    EXPECT_EQ(fs::file_size(path(file.name)), first);
  }
  ASSERT_TRUE(
      log_->append(Bytes(file.bytes).subspan(first), file.ends_in(first, file.bytes.size())));
  ASSERT_TRUE(log_->sync());
  open();
  EXPECT_TRUE(report_.notes.empty());
  EXPECT_EQ(read_text(path(file.name)), as_text(file.bytes));
}

// A log whose process died without a sync keeps whole transactions that had reached the files.
TEST_F(LogTest, KeepsWhatReachedTheFilesWithoutEntries) {
  const MadeFile file = make_files(mysql::Flavor::kMysql, 1, 10, 500)[0];
  open();
  ASSERT_TRUE(log_->begin_segment(file.name));
  ASSERT_TRUE(log_->append(Bytes(file.bytes).first(3000), file.ends_in(0, 3000)));
  open();
  EXPECT_EQ(log_->end(), (Position{1, file.end_before(3000)}));
  EXPECT_GT(report_.rederived_entries, 0U);

  ASSERT_TRUE(fs::remove(path(file.name + ".entries")));
  open();
  EXPECT_EQ(log_->end(), (Position{1, file.end_before(3000)}));
}

// The source sent the same again, and the entries of that were lost.
TEST_F(LogTest, AnAbortInEffectIsNotTakenForOneThatWaits) {
  const MadeFile file = make_files(mysql::Flavor::kMysql, 1, 10, 500)[0];
  const uint64_t end = file.bytes.size(), before = file.end_before(3000);
  open();
  ASSERT_TRUE(log_->begin_segment(file.name));
  ASSERT_TRUE(log_->append(Bytes(file.bytes).first(3000), file.ends_in(0, 3000)));
  ASSERT_TRUE(log_->abort_transaction());
  const auto entries = fs::file_size(path(file.name + ".entries"));
  ASSERT_TRUE(log_->append(Bytes(file.bytes).subspan(before), file.ends_in(before, end)));
  ASSERT_TRUE(log_->sync());
  log_.reset();
  fs::resize_file(path(file.name + ".entries"), entries);
  open();
  EXPECT_EQ(log_->visible_end(), (Position{1, end}));
}

// A node that takes in the log of a group of one other has no right to number its entries.
TEST_F(LogTest, MakesEntriesAgainOnlyWhereNobodyElseHasThem) {
  const MadeFile file = make_files(mysql::Flavor::kMysql, 1, 10, 500)[0];
  options_.members = {.voters = {1}};
  for (const auto& [node, made] : {std::pair{1, true}, {2, false}}) {
    options_.node = static_cast<NodeId>(node);
    options_.directory = (folder_ / std::to_string(node)).string();
    open();
    ASSERT_TRUE(log_->begin_segment(file.name));
    ASSERT_TRUE(log_->append(Bytes(file.bytes).first(3000), file.ends_in(0, 3000)));
    open();
    EXPECT_EQ(report_.rederived_entries > 0, made) << node;
  }
}

// Opens in this scope fail once `more` files are open.
class OpenFilesLimit {
 public:
  explicit OpenFilesLimit(int more) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::dup(0);
    ::close(next);
    const rlimit limit{static_cast<rlim_t>(next + more), before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  ~OpenFilesLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(LogTest, GoesOnAfterTooManyOpenFiles) {
  const std::vector<MadeFile> files = make_files(mysql::Flavor::kMysql, 2, 3, 100);
  for (int more = 0; more < 2; ++more) {
    options_.directory = (folder_ / std::to_string(more)).string();
    store({files[0]});
    {
      const OpenFilesLimit limit(more);
      const Status begun = log_->begin_segment(files[1].name);
      ASSERT_FALSE(begun) << more;
      EXPECT_EQ(begun.error().code, Code::kLimit);
      EXPECT_THAT(begun.error().message, Not(HasSubstr("make room")));
    }
    ASSERT_TRUE(store_file(*log_, files[1])) << more;
    open();
    EXPECT_EQ(log_->executed(), executed({mysql_gtid(1), mysql_gtid(2), mysql_gtid(3),
                                          mysql_gtid(4), mysql_gtid(5), mysql_gtid(6)}));
  }
}

TEST_F(LogTest, BytesBetweenPlaces) {
  const std::vector<MadeFile> files = make_files(mysql::Flavor::kMysql, 3, 2, 100);
  store(files);
  const uint64_t first = files[0].bytes.size();
  const uint64_t second = files[1].bytes.size();
  const struct {
    Position from;
    Position to;
    uint64_t want;
  } cases[] = {{{1, 100}, {1, 100}, 0},
               {{1, 100}, {1, 150}, 50},
               {{1, 100}, {2, 10}, first - 100 + 10},
               {{1, first}, {3, 0}, second},
               {{1, 0}, {3, 7}, first + second + 7},
               {{2, 10}, {1, 100}, 0},
               {{0, 0}, {2, 10}, first + 10},    // from before the oldest
               {{1, first + 99}, {2, 10}, 10}};  // from behind a segment's end
  for (const auto& c : cases) {
    EXPECT_EQ(log_->bytes_between(c.from, c.to), c.want)
        << c.from.segment << ":" << c.from.offset << " " << c.to.segment << ":" << c.to.offset;
  }
}

TEST_F(LogTest, FindsWhereAReplicaMustStart) {
  const auto files = make_files(mysql::Flavor::kMysql, 3, 20, 600);
  store(files);
  const std::string uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562:";
  const struct {
    const char* name;
    std::string executed;
    Position at_most;
    uint64_t not_before;  // bytes ahead of it
  } cases[] = {
      {"nothing", "", {1, 4}, 0},
      {"some_of_the_first", uuid + "1-10", end_of(files[0], 1, 10), 4000},
      {"all_of_the_first", uuid + "1-20", {2, 4}, 4000},
      {"in_the_second", uuid + "1-33", end_of(files[1], 2, 13), 4000},
      {"a_hole_in_the_first", uuid + "1-5:7-45", end_of(files[0], 1, 5), 4000},
      {"everything", uuid + "1-60", log_->visible_end(), 0},
      {"more_than_everything", uuid + "1-70,11111111-71ca-11e1-9e33-c80aa9429562:1",
       log_->visible_end(), 0},
  };
  for (int round = 0; round < 3; ++round) {
    for (const auto& test : cases) {
      SCOPED_TRACE(test.name);
      const auto found =
          log_->find_gtids(*mysql::Executed::parse(mysql::Flavor::kMysql, test.executed));
      ASSERT_TRUE(found) << found.error().message;
      EXPECT_LE(*found, test.at_most);
      if (found->segment == test.at_most.segment) {
        EXPECT_LE(test.at_most.offset - found->offset, test.not_before);
      } else {
        EXPECT_EQ(found->segment + 1, test.at_most.segment);
        EXPECT_EQ(found->offset, files[found->segment - 1].bytes.size());
      }
    }
    // Once more without the indexes, and with garbage in their place.
    log_.reset();
    for (const MadeFile& file : files) {
      fs::remove(path(file.name + ".index"));
      if (round == 1) std::ofstream(path(file.name + ".index")) << "garbage";
    }
    open();
  }
}

TEST_F(LogTest, RefusesAReplicaThatLacksWhatIsGone) {
  const auto files = make_files(mysql::Flavor::kMysql, 3, 10, 100);
  store({files[1], files[2]});
  const auto found = log_->find_gtids(*mysql::Executed::parse(
      mysql::Flavor::kMysql, "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-6:12-15"));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::kPurged);
  EXPECT_THAT(found.error().message, HasSubstr("3e11fa47-71ca-11e1-9e33-c80aa9429562:7-10"));
  EXPECT_TRUE(log_->find_gtids(
      *mysql::Executed::parse(mysql::Flavor::kMysql, "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-10")));
}

TEST_F(LogTest, FindsAMariadbReplicasPlace) {
  const auto files = make_files(mysql::Flavor::kMariadb, 3, 20, 600);
  store({files[1], files[2]});
  const auto found = log_->find_gtids(executed({mariadb_gtid(45)}));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->segment, 3U);
  EXPECT_LE(found->offset, files[2].ends[6].offset);
  EXPECT_GT(found->offset + 4000, files[2].ends[6].offset);
  EXPECT_EQ(*log_->find_gtids(executed({mariadb_gtid(20)})), (Position{2, 4}));
  const auto gone = log_->find_gtids(executed({mariadb_gtid(19)}));
  ASSERT_FALSE(gone);
  EXPECT_THAT(gone.error().message, HasSubstr("0-1-20"));
}

TEST_F(LogTest, FindsTimes) {
  const auto files = make_files(mysql::Flavor::kMysql, 2, 20, 600);
  store(files);
  const struct {
    const char* name;
    uint64_t time_us;
    Position want;
  } cases[] = {
      {"before_all", 0, {1, files[0].ends[1].offset}},
      {"first_transaction", 1'000'000, {1, files[0].ends[1].offset}},
      {"between", 10'500'000, end_of(files[0], 1, 10)},
      {"at_a_commit_its_transaction_is_not_included", 11'000'000, end_of(files[0], 1, 10)},
      {"second_segment", 25'000'001, end_of(files[1], 2, 5)},
      {"after_all", 99'000'000, log_->visible_end()},
  };
  for (const auto& test : cases) {
    const auto found = log_->find_time(test.time_us);
    ASSERT_TRUE(found) << test.name;
    EXPECT_EQ(*found, test.want) << test.name << " " << found->offset;
  }
}

TEST_F(LogTest, FindsThePlacesBetweenTransactions) {
  const auto files = make_files(mysql::Flavor::kMysql, 2, 20, 600);
  store(files);
  for (uint64_t segment = 1; segment <= 2; ++segment) {
    const MadeFile& file = files[segment - 1];
    std::vector<uint64_t> places = {4};
    for (const TransactionEnd& end : file.ends) places.push_back(end.offset);
    ASSERT_EQ(places.back(), file.bytes.size());
    for (size_t i = 0; i < places.size(); ++i) {
      const Position at{segment, places[i]};
      EXPECT_EQ(*log_->find_stretch(at), (Stretch{at, at})) << at.offset;
      if (i == 0) continue;
      const Stretch around{{segment, places[i - 1]}, at};
      EXPECT_EQ(*log_->find_stretch({segment, at.offset - 1}), around) << at.offset;
      EXPECT_EQ(*log_->find_stretch({segment, places[i - 1] + 1}), around) << at.offset;
    }
  }
  EXPECT_EQ(*log_->find_stretch({1, 0}), (Stretch{{1, 0}, {1, 0}}));
  EXPECT_EQ(log_->find_stretch({1, files[0].bytes.size() + 1}).error().code, Code::kNotFound);
  EXPECT_EQ(log_->find_stretch({3, 4}).error().code, Code::kNotFound);
}

TEST_F(LogTest, RemembersItsSources) {
  const auto files = make_files(mysql::Flavor::kMysql, 3, 5, 100);
  open();
  ASSERT_TRUE(log_->begin_segment(files[0].name));
  ASSERT_TRUE(log_->record_source({{}, "A", 1, "8.0.32", "binlog.000001", 0}));
  ASSERT_TRUE(log_->append(files[0].bytes, files[0].ends));
  ASSERT_TRUE(log_->begin_segment(files[1].name));
  ASSERT_TRUE(
      log_->record_source({{}, "A", 1, "8.0.32", "binlog.000002", 0}));  // goes without saying
  ASSERT_TRUE(log_->append(files[1].bytes, files[1].ends));
  ASSERT_TRUE(log_->begin_segment(files[2].name));
  ASSERT_TRUE(log_->record_source({{}, "B", 2, "8.0.33", "other.000077", 1000}));
  ASSERT_TRUE(log_->append(files[2].bytes, files[2].ends));
  ASSERT_TRUE(log_->sync());
  for (int round = 0; round < 2; ++round, open()) {
    EXPECT_EQ(log_->sources().size(), 2U);
    EXPECT_EQ(log_->to_source({2, 50})->file, "binlog.000002");
    const auto after = log_->to_source({3, 50});
    EXPECT_EQ(after->server_uuid, "B");
    EXPECT_EQ(after->file + ":" + std::to_string(after->offset), "other.000077:1050");
    EXPECT_EQ(*log_->from_source("A", "binlog.000002", 50), (Position{2, 50}));
    EXPECT_EQ(*log_->from_source("B", "other.000077", 1050), (Position{3, 50}));
    EXPECT_EQ(log_->from_source("A", "binlog.000003", 50).error().code, Code::kNotFound);
    EXPECT_EQ(log_->from_source("B", "other.000077", 100'000).error().code, Code::kNotFound);
  }
}

TEST_F(LogTest, RetentionMindsBytesAndReaders) {
  const auto files = make_files(mysql::Flavor::kMysql, 5, 10, 100);
  options_.retain_bytes = files[0].bytes.size() * 5 / 2;
  store(files);
  auto reader = log_->reader({2, 4});
  EXPECT_THAT(*log_->apply_retention(0, 1), testing::IsEmpty());
  EXPECT_THAT(*log_->apply_retention(0, 2), testing::ElementsAre("binlog.000001"));
  EXPECT_THAT(*log_->apply_retention(0), testing::IsEmpty());
  ASSERT_TRUE(read_all(**reader));
  EXPECT_THAT(*log_->apply_retention(0), testing::ElementsAre("binlog.000002", "binlog.000003"));
  EXPECT_EQ(log_->reader({2, 4}).error().code, Code::kPurged);
  EXPECT_EQ((*reader)->seek({1, 4}).error().code, Code::kPurged);
  reader->reset();
  open();
  EXPECT_EQ(log_->segments().size(), 2U);
  EXPECT_EQ(std::distance(fs::directory_iterator(options_.directory), {}), 8);
  EXPECT_EQ(log_->find_gtids({}).error().code, Code::kPurged);
}

TEST_F(LogTest, KeepsSchemaBaselinesAsLongAsTheyTellSomething) {
  const auto files = make_files(mysql::Flavor::kMysql, 4, 10, 100);
  options_.retain_bytes = files[0].bytes.size() * 3 / 2;
  open();
  std::vector<SchemaPlace> places;
  for (const MadeFile& file : files) {
    ASSERT_TRUE(log_->begin_segment(file.name));
    const uint64_t middle = file.ends[5].offset;
    ASSERT_TRUE(log_->append(Bytes(file.bytes).first(middle), file.ends_in(0, middle)));
    if (file.name != "binlog.000004") {
      places.push_back({log_->end(), log_->end()});
      for (const char* blob : {"replaced ", "baseline of "})
        ASSERT_TRUE(log_->record_schema(places.back(), as_bytes(blob + file.name)));
      EXPECT_EQ(log_->record_schema({{9, 9}, {9, 9}}, {}).error().code, Code::kInvalid);
    }
    ASSERT_TRUE(
        log_->append(Bytes(file.bytes).subspan(middle), file.ends_in(middle, file.bytes.size())));
  }
  ASSERT_TRUE(log_->sync());
  for (int round = 0; round < 2; ++round, open()) EXPECT_EQ(log_->schemas(), places);
  EXPECT_EQ(as_text(*log_->read_schema(places[0].at)), "baseline of binlog.000001");
  EXPECT_EQ(log_->read_schema({1, 0}).error().code, Code::kNotFound);

  ASSERT_EQ(log_->apply_retention(0)->size(), 3U);
  for (int round = 0; round < 2; ++round, open()) {
    EXPECT_EQ(log_->schemas(), std::vector{places[2]});
    EXPECT_EQ(as_text(*log_->read_schema(places[2].at)), "baseline of binlog.000003");
    EXPECT_EQ(schema_files().size(), 1U);
  }
  const std::string kept = schema_files().at(0);
  EXPECT_THAT(kept, testing::StartsWith("binlog.000003."));
  change_byte(kept, 20);
  const auto damaged = log_->read_schema(places[2].at);
  EXPECT_EQ(damaged.error().code, Code::kCorrupt);
  EXPECT_THAT(damaged.error().message, HasSubstr(kept));
}

// What was made of an older baseline gives way to a newer one that holds before it.
TEST_F(LogTest, KeepsTheSchemaBaselineOfTheNewestOrigin) {
  const auto files = make_files(mysql::Flavor::kMysql, 3, 5, 100);
  options_.retain_bytes = 1;
  store({files[0], files[1]});
  const Position first{1, 100}, second{1, 200}, start{2, 0};
  ASSERT_TRUE(log_->record_schema({first, first}, as_bytes("first")));
  ASSERT_TRUE(log_->record_same_schema({start, first}, first));
  EXPECT_EQ(as_text(*log_->read_schema(start)), "first");
  ASSERT_TRUE(log_->record_schema({second, second}, as_bytes("second")));
  EXPECT_EQ(log_->record_same_schema({start, second}, {1, 1}).error().code, Code::kNotFound);
  ASSERT_EQ(log_->apply_retention(0)->size(), 1U);
  EXPECT_EQ(log_->schemas(), (std::vector<SchemaPlace>{{second, second}}));
  ASSERT_TRUE(log_->record_same_schema({start, second}, second));
  ASSERT_TRUE(store_file(*log_, files[2]));
  open();
  EXPECT_EQ(log_->schemas(), (std::vector<SchemaPlace>{{start, second}}));
  EXPECT_EQ(as_text(*log_->read_schema(start)), "second");
}

TEST_F(LogTest, RetentionMindsAgeAndKeepsTheNewest) {
  options_.retain_seconds = 100;
  store(make_files(mysql::Flavor::kMysql, 3, 10, 100));  // commit times 1 to 10 s, to 20 s, to 30 s
  EXPECT_THAT(*log_->apply_retention(109'000'000), testing::IsEmpty());
  EXPECT_THAT(*log_->apply_retention(111'000'000), testing::ElementsAre("binlog.000001"));
  EXPECT_THAT(*log_->apply_retention(999'000'000), testing::ElementsAre("binlog.000002"));
}

TEST_F(LogTest, GoesOnAfterARemovalOrCreationThatWasCutShort) {
  const auto files = make_files(mysql::Flavor::kMysql, 3, 5, 100);
  store(files);
  log_.reset();
  fs::remove(path("binlog.000001"));  // its companions are left
  fs::copy(path("binlog.000003.state"), path("binlog.000004.state"));
  std::ofstream(path("binlog.000004.entries"));
  std::ofstream(path("binlog.000004.state.new"));
  std::ofstream(path("README")) << "not ours";
  open();
  EXPECT_EQ(log_->segments().size(), 2U);
  EXPECT_EQ(report_.notes.size(), 6U);
  EXPECT_EQ(std::distance(fs::directory_iterator(options_.directory), {}),
            2 * 4 + 2 + 1);  // with what lies before the first segment
}

struct DamageCase {
  const char* name;
  std::function<void(const fs::path&)> damage;
  std::vector<const char*> message;
};

TEST_F(LogTest, NamesDamageThatIsNoTornTail) {
  const auto flip = [](const char* name, int offset) {
    return [=](const fs::path& folder) {
      std::fstream file(folder / name, std::ios::binary | std::ios::in | std::ios::out);
      file.seekp(offset);
      file.put('?');
    };
  };
  const auto remove = [](const char* name) {
    return [=](const fs::path& folder) { fs::remove(folder / name); };
  };
  const auto shorten = [](const char* name, uintmax_t by) {
    return [=](const fs::path& folder) {
      fs::resize_file(folder / name, fs::file_size(folder / name) - by);
    };
  };
  const DamageCase cases[] = {
      {"durable_bytes_changed",
       flip("binlog.000003", 300),
       {"segment binlog.000003", "have changed", "restore"}},
      {"middle_segment_missing", remove("binlog.000002"), {"segment 2 is missing", "restore"}},
      {"newest_segment_missing", remove("binlog.000003"), {"binlog.000003 is missing", "restore"}},
      {"sealed_segment_short",
       shorten("binlog.000001", 1),
       {"segment binlog.000001 has", "sealed", "restore"}},
      {"newest_segment_short",
       shorten("binlog.000003", 1000),
       {"segment binlog.000003", "missing since"}},
      {"state_missing", remove("binlog.000002.state"), {"binlog.000002.state"}},
      {"state_damaged", flip("binlog.000003.state", 20), {"binlog.000003.state", "not a header"}},
      {"two_of_one_number",
       [](const fs::path& folder) { std::ofstream(folder / "other.000002"); },
       {"two segments of one number", "other.000002"}},
  };
  const MadeFile last = make_files(mysql::Flavor::kMysql, 3, 5, 100)[2];
  store(make_files(mysql::Flavor::kMysql, 2, 5, 100));
  ASSERT_TRUE(log_->begin_segment(last.name));
  for (size_t i = 0, from = 0; i < last.ends.size(); ++i) {  // a batch each
    const uint64_t to = last.ends[i].offset;
    ASSERT_TRUE(log_->append(Bytes(last.bytes).subspan(from, to - from), last.ends_in(from, to)));
    ASSERT_TRUE(log_->sync());
    from = to;
  }
  log_.reset();
  for (const DamageCase& test : cases) {
    SCOPED_TRACE(test.name);
    fs::copy(path(""), folder_ / "good", fs::copy_options::recursive);
    test.damage(path(""));
    const Error error = open_error();
    EXPECT_THAT(error.code, testing::AnyOf(Code::kCorrupt, Code::kNotFound));
    for (const char* part : test.message) EXPECT_THAT(error.message, HasSubstr(part));
    fs::remove_all(path(""));
    fs::rename(folder_ / "good", path(""));
  }
  open();
}

TEST_F(LogTest, CutsATornLastBatch) {
  const MadeFile file = make_files(mysql::Flavor::kMysql, 1, 10, 500)[0];
  store({file});
  change_byte(file.name, file.ends[8].offset + 100);
  open();
  EXPECT_EQ(log_->end(), (Position{1, file.ends[8].offset}));
  EXPECT_GT(report_.torn_bytes, 0U);
  EXPECT_THAT(report_.notes, testing::Contains(HasSubstr("torn")));
  open();
  EXPECT_TRUE(report_.notes.empty());
}

// Entries of events may be lost with the power; those that tell of sources may not, and were synced.
TEST_F(LogTest, NoticesALostControlRecord) {
  const auto files = make_files(mysql::Flavor::kMysql, 1, 3, 100);
  open();
  ASSERT_TRUE(log_->begin_segment(files[0].name));
  ASSERT_TRUE(log_->record_source({{}, "A", 1, "8.0.32", "binlog.000001", 0}));
  ASSERT_TRUE(log_->append(files[0].bytes, files[0].ends));
  ASSERT_TRUE(log_->sync());
  ASSERT_TRUE(log_->record_source({{}, "B", 1, "8.0.32", "binlog.000009", 0}));
  ASSERT_TRUE(log_->record_source({{}, "C", 1, "8.0.32", "binlog.000009", 0}));
  change_byte("binlog.000001.entries", 32);  // the first
  EXPECT_THAT(open_error().message, HasSubstr("entries file damaged at byte 32"));
}

}  // namespace
}  // namespace binbus::store
