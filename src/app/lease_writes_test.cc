// Nodes that take a stream in turn beside a coordinator in memory.
#include "app/lease_writes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/saved_place.h"
#include "coordinate/member.h"
#include "coordinate/memory_testing.h"
#include "coordinate/names.h"
#include "io/simulated_disk.h"
#include "store/local_log.h"
#include "store/log_testing.h"

namespace binbus::app {
namespace {

using coordinate::Lease;
using sink::Checkpoint;
using sink::FilterHistory;
using sink::FilterRow;
using store::MadeFile;
using ::testing::HasSubstr;
using Kind = coordinate::Step::Kind;
namespace names = coordinate::names;

const std::string kOne = "11111111-71ca-11e1-9e33-c80aa9429562";
const std::string kTwo = "22222222-71ca-11e1-9e33-c80aa9429562";

std::vector<FilterRow> row(const std::string& table) {
  return {{"shop", table, true, true, false}};
}

// A file of that name at the source, by the name `ours` in the log.
void store_as(const std::string& ours, store::MadeFile file, const std::string& server,
              const std::string& its_file, store::LocalLog& log) {
  file.name = ours;
  EXPECT_TRUE(store::store_file(log, file,
                                store::SourceSpan{.from = {},
                                                  .server_uuid = server,
                                                  .server_id = 1,
                                                  .server_version = "9.7",
                                                  .file = its_file,
                                                  .offset = 0}));
}

class CoordinatedFilterStoreTest : public ::testing::Test {
 protected:
  // A log of the second file, as this server and this log name it.
  std::unique_ptr<store::LocalLog> log_of(const std::string& server, const std::string& its_file,
                                          const std::string& ours) {
    auto opened = store::LocalLog::open(disk_, clock_, {.directory = "log-" + ours}, nullptr);
    EXPECT_TRUE(opened) << opened.error().message;
    store_as(ours, file_, server, its_file, **opened);
    return std::move(*opened);
  }
  std::string place(const std::string& ours, size_t end) const {
    return ours + ":" + std::to_string(file_.ends[end].offset);
  }
  std::shared_ptr<coordinate::Lease> take() {
    return member_->wait_for("shop", 60'000, std::stop_token());
  }
  FilterHistory history(const std::shared_ptr<coordinate::Lease>& lease, const store::Log& log) {
    return {coordinated_filter_store("out", lease, log,
                                     sink::file_filter_store(disk_, "sinks/out.json")),
            not_asked};
  }
  static std::string table_at(FilterHistory& history, const std::string& place) {
    const auto rows = history.at("ops.m", place);
    EXPECT_TRUE(rows) << rows.error().message;
    return rows && *rows ? (**rows).at(0).table : "";
  }
  static bool not_asked(const sink::Checkpoint&, const sink::Checkpoint&) {
    ADD_FAILURE() << "places of two logs";
    return false;
  }
  void SetUp() override {
    ASSERT_TRUE(disk_.make_directories("sinks"));
    coordinate::MemberOptions options;
    options.node = "a";
    options.session.root = "/binbus/test";
    options.keep_copy = [](const coordinate::GroupCopy&) { return ok(); };
    member_ = coordinate::Member::start(std::move(options), server_->connect(), clock_);
  }
  void TearDown() override { member_->stop(); }

  const MadeFile file_ = store::make_files(mysql::Flavor::kMysql, 2, 20, 100)[1];
  io::SimulatedDisk disk_;
  io::Clock& clock_ = io::system_clock();
  const std::shared_ptr<coordinate::MemoryServer> server_ =
      std::make_shared<coordinate::MemoryServer>();
  std::unique_ptr<coordinate::Member> member_;
};

TEST_F(CoordinatedFilterStoreTest, WhoTakesTheStreamKnowsItByThePlacesOfHisOwnLog) {
  const auto log = log_of(kOne, "binlog.000002", "binlog.000002");
  const auto lease = take();
  FilterHistory first = history(lease, *log);
  ASSERT_TRUE(first.add("ops.m", place("binlog.000002", 3), row("b"), ""));
  ASSERT_TRUE(first.add("ops.m", place("binlog.000002", 7), row("c"), ""));
  member_->release(*lease);
  // The same names, and a server that has taken over from the first.
  for (const auto& [server, its_file, ours] :
       {std::tuple(kOne, "binlog.000002", "binlog.000002"),
        std::tuple(kTwo, "binlog.000001", "binlog.000011")}) {
    const auto other_log = ours == log->segment_name(2) ? nullptr : log_of(server, its_file, ours);
    const auto next = take();
    FilterHistory second = history(next, other_log ? *other_log : *log);
    for (const auto& [end, table] : {std::pair(0, "b"), std::pair(3, "b"), std::pair(6, "b"),
                                     std::pair(7, "c"), std::pair(15, "c")})
      EXPECT_EQ(table_at(second, place(ours, static_cast<size_t>(end))), table) << server << end;
    member_->release(*next);
  }
}

TEST_F(CoordinatedFilterStoreTest, WhoseTurnIsOverWritesNothing) {
  const auto log = log_of(kOne, "binlog.000002", "binlog.000002");
  const auto lease = take();
  FilterHistory over = history(lease, *log);
  ASSERT_TRUE(over.add("ops.m", place("binlog.000002", 3), row("b"), ""));
  member_->release(*lease);
  const auto next = take();
  EXPECT_FALSE(over.add("ops.m", place("binlog.000002", 7), row("c"), ""));
  FilterHistory now = history(next, *log);
  EXPECT_EQ(table_at(now, place("binlog.000002", 7)), "b");
  EXPECT_TRUE(now.forget());
  EXPECT_EQ(server_->value("filter_tables/out"), "");
}

TEST_F(CoordinatedFilterStoreTest, WhatANodeKeptAloneIsTakenOverWithItsCheckpointOnly) {
  const auto log = log_of(kOne, "binlog.000002", "binlog.000002");
  const auto alone = [&] {
    FilterHistory kept(sink::file_filter_store(disk_, "sinks/out.json"),
                       [](const auto& a, const auto& b) { return a < b; });
    ASSERT_TRUE(kept.add("ops.m", place("binlog.000002", 3), row("b"), ""));
  };
  alone();
  const auto lease = take();
  FilterHistory taken = history(lease, *log);
  EXPECT_EQ(table_at(taken, place("binlog.000002", 5)), "b");
  EXPECT_NE(server_->value("filter_tables/out"), "");
  EXPECT_FALSE(disk_.exists("sinks/out.json"));
  ASSERT_TRUE(taken.forget());
  // Others have gone on from it.
  alone();
  server_->put("checkpoints/out", place("binlog.000002", 5));
  FilterHistory later = history(lease, *log);
  EXPECT_EQ(table_at(later, place("binlog.000002", 5)), "");
  member_->release(*lease);
}

constexpr uint64_t kLongUs = 3'600'000'000;
constexpr uint64_t kEpoch = 7;

// A log of two files, a lease of its stream, and a sink's checkpoints under it.
class LeaseWrites : public ::testing::Test {
 protected:
  LeaseWrites() : log_(log_of("binlog.000001", "binlog.000002", "log")) {
    coordinate::SessionOptions options;
    options.on_change = [] {};
    tenure_->session = *server_->connect()(options);
    tenure_->deadline_us = clock_.monotonic_us() + kLongUs;
    const auto taken = tenure_->session->transact(
        {{.kind = Kind::kCreate, .name = names::owner("shop"), .value = "a", .bound = true},
         {.kind = Kind::kCreate, .name = names::epoch("shop"), .value = "7"}});
    lease_ = std::make_shared<Lease>(
        "shop", kEpoch, Lease::Proof{(*taken)->front(), (*taken)->back()}, tenure_, clock_);
  }

  // Of the two files under these names; the source's are always the same.
  std::unique_ptr<store::LocalLog> log_of(const std::string& first, const std::string& second,
                                          const std::string& folder) {
    auto opened = store::LocalLog::open(disk_, clock_, {.directory = folder}, nullptr);
    EXPECT_TRUE(opened) << opened.error().message;
    for (size_t i = 0; i < files_.size(); ++i) {
      store_as(i == 0 ? first : second, files_[i], "", files_[i].name, **opened);
    }
    return std::move(*opened);
  }

  std::shared_ptr<sink::Checkpoints> checkpoints(const std::string& type = "kafka") {
    sink::SinkOptions sink;
    sink.name = "out";
    sink.type = type;
    return coordinated_checkpoints(sink, lease_, *log_,
                                   sink::file_checkpoints(disk_, "out.checkpoint"));
  }
  // What the n-th transaction of the second file ends with.
  Checkpoint place(size_t n) const {
    return files_[1].name + ":" + std::to_string(files_[1].ends[n].offset);
  }
  // What stands at the coordinator.
  Checkpoint kept() const {
    const std::string text = server_->value(kName);
    return text.empty() ? "" : SavedPlace::parse(text)->position;
  }

  static constexpr char kName[] = "checkpoints/out";
  const std::vector<MadeFile> files_ = store::make_files(mysql::Flavor::kMysql, 2, 20, 100);
  io::SimulatedDisk disk_;
  io::Clock& clock_ = io::system_clock();
  const std::unique_ptr<store::LocalLog> log_;
  const std::shared_ptr<coordinate::MemoryServer> server_ =
      std::make_shared<coordinate::MemoryServer>();
  const std::shared_ptr<coordinate::Tenure> tenure_ = std::make_shared<coordinate::Tenure>();
  std::shared_ptr<Lease> lease_;
};

TEST_F(LeaseWrites, ACheckpointIsReadByWhoComesNext) {
  ASSERT_TRUE(checkpoints()->write(place(3)));
  EXPECT_EQ(SavedPlace::parse(server_->value(kName))->epoch, kEpoch);
  EXPECT_EQ(checkpoints()->read(), place(3));
  const auto at = checkpoints();
  ASSERT_TRUE(at->write(place(4)));
  ASSERT_TRUE(at->write(place(5)));
  EXPECT_EQ(kept(), place(5));
  EXPECT_FALSE(at->behind());
  ASSERT_TRUE(at->forget());
  EXPECT_EQ(kept(), "");
}

TEST_F(LeaseWrites, WhatWasKeptWithoutACoordinatorIsBelievedUntilItHasOne) {
  const auto before = sink::file_checkpoints(disk_, "out.checkpoint");
  ASSERT_TRUE(before->write(place(2)));
  const auto at = checkpoints();
  EXPECT_EQ(at->read(), place(2));
  ASSERT_TRUE(at->write(place(3)));
  EXPECT_FALSE(before->read()->has_value());
}

TEST_F(LeaseWrites, ACheckpointDeletedByHandStaysDeleted) {
  const auto at = checkpoints();
  ASSERT_TRUE(at->write(place(3)));
  server_->remove(kName);
  EXPECT_EQ(at->write(place(4)).error().code, Code::kRemote);
  EXPECT_EQ(kept(), "");
  // Whatever a target has kept: the sink begins anew.
  EXPECT_FALSE(at->reconcile(place(3))->has_value());
  ASSERT_TRUE(at->write(place(9)));
  EXPECT_EQ(kept(), place(9));
  EXPECT_EQ(at->reconcile(place(10)), place(10));  // nobody has changed it since
}

TEST_F(LeaseWrites, ACheckpointChangedByHandCounts) {
  const auto at = checkpoints("file");
  ASSERT_TRUE(at->write(place(5)));
  server_->put(kName, place(2));
  EXPECT_EQ(at->write(place(6)).error().code, Code::kRemote);
  EXPECT_EQ(at->read(), place(2));
  EXPECT_EQ(at->reconcile(place(6)), place(2));
  ASSERT_TRUE(at->write(place(3)));
  EXPECT_EQ(kept(), place(3));
}

TEST_F(LeaseWrites, AWriteWhoseAnswerWasLostIsTheSinksOwn) {
  const auto at = checkpoints();
  ASSERT_TRUE(at->write(place(1)));
  server_->lose_next_answer();
  EXPECT_TRUE(at->write(place(2)));
  EXPECT_EQ(kept(), place(2));
  EXPECT_TRUE(at->behind());
  // The coordinator is away, and others are lost as well.
  server_->set_away(true);
  EXPECT_TRUE(at->write(place(3)));
  EXPECT_TRUE(at->write(place(4)));
  server_->set_away(false);
  EXPECT_TRUE(at->write(place(5)));
  EXPECT_EQ(kept(), place(5));
  EXPECT_FALSE(at->behind());
}

TEST_F(LeaseWrites, AWriteThatNeverCameThroughIsWrittenAgain) {
  const auto at = checkpoints();
  server_->set_away(true);
  EXPECT_TRUE(at->write(place(1)));
  EXPECT_TRUE(at->behind());
  server_->set_away(false);
  EXPECT_EQ(kept(), "");
  EXPECT_TRUE(at->write(place(1)));
  EXPECT_EQ(kept(), place(1));
  EXPECT_FALSE(at->behind());
}

TEST_F(LeaseWrites, WhatSomebodyChangesWhileAnAnswerIsLostCounts) {
  const auto at = checkpoints();
  ASSERT_TRUE(at->write(place(1)));
  server_->lose_next_answer();
  ASSERT_TRUE(at->write(place(2)));
  server_->put(kName, place(0));
  EXPECT_EQ(at->write(place(3)).error().code, Code::kRemote);
  EXPECT_EQ(at->read(), place(0));
}

TEST_F(LeaseWrites, NothingIsWrittenAfterTheLease) {
  const auto at = checkpoints();
  ASSERT_TRUE(at->write(place(1)));
  lease_->end();
  EXPECT_EQ(at->write(place(2)).error().code, Code::kStopped);
  EXPECT_EQ(kept(), place(1));
}

// What a target has kept with its data, when another node's log has its files under other names.
TEST_F(LeaseWrites, WhatATargetHasKeptOfAnotherNodesLog) {
  const auto other = log_of("binlog.000011", "binlog.000012", "other");
  const auto theirs = [&](size_t n) {
    return "binlog.000012:" + std::to_string(files_[1].ends[n].offset);
  };
  server_->put(kName, SavedPlace::of(*other, theirs(5), kEpoch - 1)->print());
  EXPECT_EQ(checkpoints()->read(), place(5));
  EXPECT_EQ(checkpoints()->reconcile(theirs(5)), place(5));
  // Further than the checkpoint, in a log that is not here.
  const auto refused = checkpoints()->reconcile(theirs(6));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kDiverged);
  EXPECT_THAT(refused.error().message, HasSubstr("binbus sink seek"));
  // A file is this node's own, whose place is one of its own log: further, or not worked for meanwhile.
  EXPECT_EQ(checkpoints("file")->reconcile(place(6)), place(6));
  EXPECT_EQ(checkpoints("file")->reconcile(place(4)), place(5));
}

}  // namespace
}  // namespace binbus::app
