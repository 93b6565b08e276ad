// Nodes that take a stream in turn beside a coordinator in memory.
#include "app/lease_writes.h"

#include <gtest/gtest.h>

#include "coordinate/member.h"
#include "coordinate/memory_testing.h"
#include "io/simulated_disk.h"
#include "store/local_log.h"
#include "store/log_testing.h"

namespace binbus::app {
namespace {

using sink::FilterHistory;
using sink::FilterRow;
using store::MadeFile;

const std::string kOne = "11111111-71ca-11e1-9e33-c80aa9429562";
const std::string kTwo = "22222222-71ca-11e1-9e33-c80aa9429562";

std::vector<FilterRow> row(const std::string& table) {
  return {{"shop", table, true, true, false}};
}

class CoordinatedFilterStoreTest : public ::testing::Test {
 protected:
  // A log of the second file, as this server and this log name it.
  std::unique_ptr<store::LocalLog> log_of(const std::string& server, const std::string& its_file,
                                          const std::string& ours) {
    auto opened = store::LocalLog::open(disk_, clock_, {.directory = "log-" + ours}, nullptr);
    EXPECT_TRUE(opened) << opened.error().message;
    EXPECT_TRUE((*opened)->begin_segment(ours, store::SourceSpan{.from = {},
                                                                 .server_uuid = server,
                                                                 .server_id = 1,
                                                                 .server_version = "9.7",
                                                                 .file = its_file,
                                                                 .offset = 0}));
    EXPECT_TRUE((*opened)->append(file_.bytes, file_.ends));
    EXPECT_TRUE((*opened)->sync());
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

}  // namespace
}  // namespace binbus::app
