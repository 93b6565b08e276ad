// Thousands of random lives of a log on a disk that forgets, tears, fills up and fails; each from a seed that repeats it.

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/seeds_testing.h"
#include "io/simulated_disk.h"
#include "store/entries.h"
#include "store/log_testing.h"
#include "store/source_map.h"

namespace binbus::store {
namespace {

constexpr char kDirectory[] = "log";
constexpr char kServer[] = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

// One life. What goes wrong ends it with words.
class Life {
 public:
  Life(uint64_t seed, bool lying_disk) : random_(seed), seed_(seed) {
    flavor_ = below(3) == 0 ? mysql::Flavor::kMariadb : mysql::Flavor::kMysql;
    checksum_ = below(4) == 0 ? binlog::Checksum::kNone : binlog::Checksum::kCrc32;
    // One after the other, for a seed to mean the same with every compiler.
    const uint64_t count = 1 + below(4);
    const uint64_t transactions = 1 + below(9);
    files_ = make_files(flavor_, count, transactions, 8 + below(1200), checksum_);
    options_.directory = kDirectory;
    options_.keep_free_bytes = 0;
    options_.entry_bytes_max = 200 + below(2000);
    options_.index_bytes = 300 + below(3000);
    options_.verify_bytes = below(2) == 0 ? 0 : 1 << 20;
    disk_.lie_about_syncs(lying_disk);
  }

  std::string run() {
    open();
    for (int i = 0; i < 60 && wrong_.empty(); ++i) step();
    if (wrong_.empty()) crash();
    return wrong_.empty() ? "" : "seed " + std::to_string(seed_) + ": " + wrong_;
  }

 private:
  uint64_t below(uint64_t limit) { return random_() % limit; }
  void wrong(const std::string& what) {
    if (wrong_.empty()) wrong_ = what;
  }

  void step() {
    switch (below(13)) {
      case 0:
        return crash();
      case 1:
        return reopen();
      case 2:
        return abort();
      case 3:
        if (below(4) == 0) disk_.set_capacity(100 + below(30'000));
        return;
      case 4:
        if (below(4) == 0) disk_.fail_sync(1 + below(5));
        return;
      case 5:
      case 6:
      case 7:
        return sync();
      default:
        return append();
    }
  }

  // The file that the log is in, or would begin with.
  const MadeFile& current() const {
    return files_[log_->end().segment == 0 ? 0 : log_->end().segment - 1];
  }

  void append() {
    const Position end = log_->end();
    if (end.segment == 0 || end.offset == current().bytes.size()) return begin(end.segment);
    if (end.offset == 0 && recorded_.empty()) return begin(end.segment - 1);  // it broke off there
    const uint64_t count = std::min<uint64_t>(1 + below(3000), current().bytes.size() - end.offset);
    settle(log_->append(Bytes(current().bytes).subspan(end.offset, count),
                        current().ends_in(end.offset, end.offset + count)));
  }

  void begin(uint64_t segment) {
    if (segment == files_.size()) return;
    if (Status begun = log_->begin_segment(files_[segment].name); !begun) return settle(begun);
    promised_ = log_->visible_end();
    record({log_->end(), kServer, 1, "8.0.32", files_[segment].name, 0});
  }

  void record(const SourceSpan& span) {
    attempted_ = span;
    if (Status done = log_->record_source(span); !done) return settle(done);
    const auto known = map_to_source(recorded_, span.from);
    if (!known || *known != span) add_span(recorded_, span);
  }

  void abort() {
    if (Status aborted = log_->abort_transaction(); !aborted) return settle(aborted);
    const Position end = log_->end();
    if (end.segment == 0) return;
    if (end.offset != current().end_before(end.offset))
      return wrong("aborted, yet in a transaction");
    promised_ = log_->visible_end();
    if (below(2) == 0) change_source(end);
  }

  // From `end` on the source has other transactions than it had, so that bytes of before would show.
  void change_source(Position end) {
    FileMaker maker(flavor_, checksum_);
    mysql::Executed done = model(end);
    for (size_t i = end.segment - 1; i < files_.size(); ++i) {
      MadeFile& file = files_[i];
      if (i + 1 == end.segment && end.offset > 0) {
        file.bytes.resize(end.offset);
        std::erase_if(file.ends,
                      [&](const TransactionEnd& found) { return found.offset > end.offset; });
        maker.resume(std::move(file));
      } else {
        maker.start(file.name, done);
      }
      for (uint64_t count = 1 + below(9); count > 0; --count) {
        const uint64_t number = ++last_number_;
        const auto gtid =
            flavor_ == mysql::Flavor::kMysql ? mysql_gtid(number) : mariadb_gtid(number);
        maker.transaction(gtid, number * 1'000'000, 8 + below(1200));
        done.add(gtid);
      }
      file = maker.file();
    }
    record(
        {end, "other", 2, "8.0.33", "other" + std::to_string(++others_) + ".000001", below(9000)});
  }

  void sync() {
    const Status synced = log_->sync();
    if (!synced) return settle(synced);
    const Position end = log_->end();
    const Position visible = log_->visible_end();
    if (end.segment != visible.segment) return wrong("visible end is not in the newest segment");
    if (end.segment != 0 && visible.offset != current().end_before(end.offset)) {
      return wrong("sync() did not make every whole transaction visible");
    }
    promised_ = visible;
    follow();
    if (end == visible && end.segment != 0 && below(4) == 0) record_schema(visible);
  }

  void record_schema(Position at) {
    const uint64_t size = below(5000);
    const ByteVector bytes(size, static_cast<uint8_t>(random_()));
    attempted_schemas_.emplace_back(at, bytes);
    if (Status done = log_->record_schema({at, at}, bytes); !done) return settle(done);
    schemas_[at] = bytes;
  }

  // What a writer does about a failure: wait for room and go on, or start again.
  void settle(const Status& status) {
    if (status) return;
    disk_.set_capacity(UINT64_MAX);
    const bool alive = log_->sync().has_value();
    if (status.error().code == Code::kDiskFull) {
      if (alive && log_->unsynced_bytes() != 0) wrong("a full disk left unsynced bytes");
    } else if (status.error().code != Code::kIo) {
      wrong("unexpected: " + status.error().message);
    } else if (alive) {
      wrong("a log went on after a failed sync");
    }
    if (!alive) below(2) == 0 ? crash() : reopen();
  }

  // A reader that follows the log; what it saw must stay.
  void follow() {
    if (log_->visible_end().segment == 0) return;
    if (seen_.segment == 0) seen_ = {1, 0};
    auto reader = log_->reader(seen_);
    if (!reader) return wrong("reader: " + reader.error().message);
    ByteVector buffer(1 + below(4000));
    for (;;) {
      const Position at = (*reader)->position();
      const auto bytes = (*reader)->read(buffer);
      if (!bytes) return wrong("read: " + bytes.error().message);
      const MadeFile& file = files_[at.segment - 1];
      if (at.offset + bytes->size() > file.bytes.size() ||
          !std::equal(bytes->begin(), bytes->end(),
                      file.bytes.begin() + static_cast<ptrdiff_t>(at.offset))) {
        return wrong("bytes at " + file.name + ":" + std::to_string(at.offset) +
                     " are not the source's");
      }
      if (!bytes->empty()) continue;
      if ((*reader)->next_segment()) {
        if (at.offset != file.bytes.size()) return wrong(file.name + " was sealed too short");
        continue;
      }
      break;
    }
    seen_ = (*reader)->position();
    if (seen_ != log_->visible_end()) wrong("the reader did not reach the visible end");
  }

  void crash() {
    log_.reset();
    disk_.crash(random_());
    disk_.set_capacity(UINT64_MAX);
    open();
  }

  void reopen() {
    const std::string index = std::string(kDirectory) + "/" + current().name + ".index";
    log_.reset();
    if (below(4) == 0 && disk_.exists(index) && !disk_.remove(index)) wrong("remove");
    disk_.set_capacity(UINT64_MAX);
    open();
  }

  void open() {
    disk_.fail_sync(below(6) == 0 ? 1 + below(4) : 0);
    RecoveryReport report;
    auto opened = LocalLog::open(disk_, io::system_clock(), options_, &report);
    if (!opened &&
        opened.error().code == Code::kIo) {  // and the power fails again while it recovers
      disk_.crash(random_());
      opened = LocalLog::open(disk_, io::system_clock(), options_, &report);
    }
    disk_.fail_sync(0);
    if (!opened) return wrong("open: " + opened.error().message);
    log_ = std::move(*opened);
    check();
    if (!wrong_.empty() || below(3) != 0) return;
    const Position end = log_->end();
    log_.reset();
    if (below(2) == 0) disk_.crash(random_());
    RecoveryReport again;
    opened = LocalLog::open(disk_, io::system_clock(), options_, &again);
    if (!opened) return wrong("second open: " + opened.error().message);
    log_ = std::move(*opened);
    if (log_->end() != end ||
        again.torn_bytes + again.unfinished_bytes + again.rederived_entries != 0) {
      return wrong("opening twice is not the same as once");
    }
    check();
  }

  void check() {
    const Position end = log_->end();
    if (end < promised_) {
      return wrong("lost what was synced: promised " + std::to_string(promised_.segment) + ":" +
                   std::to_string(promised_.offset) + ", has " + std::to_string(end.segment) + ":" +
                   std::to_string(end.offset));
    }
    if (end != log_->visible_end()) return wrong("not everything recovered is visible");
    if (end < seen_) return wrong("a reader saw what did not survive");
    if (end.segment == 0) return;
    if (current().end_before(end.offset) != end.offset) return wrong("half a transaction survived");
    if (!same(log_->executed(), model(end))) {
      return wrong("executed " + log_->executed().to_string() + " is not " +
                   model(end).to_string());
    }
    seen_ = {};
    follow();
    check_sources();
    check_schemas();
    check_entries();
    check_lookups(end);
  }

  static bool same(const mysql::Executed& a, const mysql::Executed& b) {
    return a == b || (a.empty() && b.empty());
  }

  mysql::Executed model(Position end) const {
    mysql::Executed set;
    for (size_t i = 0; i < end.segment; ++i) {
      for (const TransactionEnd& found : files_[i].ends) {
        if (i + 1 < end.segment || found.offset <= end.offset) set.add(found.gtid);
      }
    }
    return set;
  }

  // Each recorded source is there, unless one whose recording failed lasted all the same in its place.
  void check_sources() {
    const auto sources = log_->sources();
    for (const SourceSpan& span : recorded_) {
      const auto found = std::ranges::find(sources, span.from, &SourceSpan::from);
      if (found == sources.end() || (*found != span && *found != attempted_)) {
        wrong("a recorded source is lost");
      }
    }
    recorded_ = sources;
  }

  // The same of schema baselines; one that the disk had no room for may have come to be later.
  void check_schemas() {
    for (const auto& [at, want] : schemas_) {
      const auto found = log_->read_schema(at);
      if (!found) return wrong("a schema baseline is lost: " + found.error().message);
      if (*found != want && std::ranges::find(attempted_schemas_, std::pair(at, *found)) ==
                                attempted_schemas_.end()) {
        return wrong("a schema baseline has other bytes");
      }
    }
    schemas_.clear();
    attempted_schemas_.clear();
    for (const auto& [at, origin] : log_->schemas()) {
      auto found = log_->read_schema(at);
      if (!found) return wrong("a schema baseline cannot be read: " + found.error().message);
      schemas_[at] = std::move(*found);
    }
  }

  // Entries describe all of the log, without a gap.
  void check_entries() {
    uint64_t next_index = 3;  // entry 2, the first, begins the first segment
    for (const SegmentInfo& segment : log_->segments()) {
      const auto file = *disk_.open(std::string(kDirectory) + "/" + segment.name + ".entries",
                                    io::OpenMode::kRead);
      auto entries = EntriesReader::open(*file);
      if (!entries || entries->first_index() != next_index) return wrong("entries do not join");
      while (entries->next()) continue;
      if (entries->segment_end() != segment.bytes)
        return wrong("entries do not reach the segment's end");
      next_index = entries->next_index();
    }
  }

  void check_lookups(Position end) {
    const Position somewhere = {1 + below(end.segment), 0};
    const MadeFile& file = files_[somewhere.segment - 1];
    const uint64_t limit = somewhere.segment == end.segment ? end.offset : file.bytes.size();
    const Position at = {somewhere.segment, file.end_before(below(limit + 1))};
    const auto found = log_->find_gtids(model(at));
    if (!found || (*found > at && !same(model(*found), model(at))))
      return wrong("find_gtids would leave something out");
    if (found->segment == at.segment &&
        at.offset > found->offset + 2 * (options_.index_bytes + 4000)) {
      return wrong("find_gtids for " + std::to_string(at.offset) + " of " +
                   std::to_string(end.offset) +
                   " starts too early: " + std::to_string(found->offset));
    }
    const auto source = log_->to_source(at);
    const auto want = map_to_source(recorded_, at);
    if (source.has_value() != want.has_value() || (want && *source != *want))
      return wrong("to_source");
    if (!source) return;
    const auto back = log_->from_source(source->server_uuid, source->file, source->offset);
    if (!back || *back != at) return wrong("from_source");
  }

  mysql::Flavor flavor_;
  binlog::Checksum checksum_;
  std::mt19937_64 random_;
  const uint64_t seed_;
  io::SimulatedDisk disk_;
  LogOptions options_;
  std::vector<MadeFile> files_;
  std::unique_ptr<LocalLog> log_;
  uint64_t last_number_ = 1000;
  std::map<Position, ByteVector> schemas_;
  std::vector<std::pair<Position, ByteVector>> attempted_schemas_;
  uint64_t others_ = 0;  // sources that took over
  Position promised_;
  Position seen_;
  std::vector<SourceSpan> recorded_;
  SourceSpan attempted_;  // the last that was to be recorded
  std::string wrong_;
};

constexpr uint64_t kLivesPerTest = 2'500;  // 10,000 in all

class RecoveryTest : public testing::TestWithParam<uint64_t> {};

TEST_P(RecoveryTest, LosesNothingSyncedAndShowsNothingHalf) {
  const Seeds seeds = Seeds::from_environment(GetParam() * kLivesPerTest, kLivesPerTest);
  for (uint64_t seed = seeds.first; seed < seeds.end; ++seed) {
    ASSERT_EQ(Life(seed, false).run(), "") << "BINBUS_SEED=" << seed << " repeats it";
  }
}
INSTANTIATE_TEST_SUITE_P(Lives, RecoveryTest, testing::Range<uint64_t>(0, 4));

// The test itself: a disk whose syncs do nothing must be found out, soon.
TEST(RecoveryTestItself, NoticesSyncsThatDoNothing) {
  uint64_t seed = 0;
  while (seed < 100 && Life(seed, true).run().empty()) ++seed;
  EXPECT_LT(seed, 100U);
}

}  // namespace
}  // namespace binbus::store
