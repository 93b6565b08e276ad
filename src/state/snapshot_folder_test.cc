// Snapshots in a real folder, of a real database.
#include "state/snapshot_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace binbus::state {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace fs = std::filesystem;

constexpr uint64_t kTimeUs = 1'795'860'000'000'000;  // 2026-11-28T10:00:00Z

schema::TablePtr accounts() {
  auto table = std::make_shared<schema::TableVersion>();
  table->database = "shop";
  table->table = "accounts";
  return table;
}

class SnapshotFolderTest : public testing::Test {
 protected:
  SnapshotFolderTest() {
    char folder[] = "/tmp/binbus-snapshots-XXXXXX";
    root_ = ::mkdtemp(folder);
    folder_ = std::make_unique<SnapshotFolder>(io::posix_file_system(), root_ + "/snapshots");
    auto store = TableStore::open({.folder = root_ + "/state"});
    EXPECT_TRUE(store) << store.error().message;
    auto tables = Tables::open("shop", std::move(*store));
    EXPECT_TRUE(tables) << tables.error().message;
    tables_ = std::move(*tables);
    tables_->add(accounts(), Phase::kReady);
    go_to(100);
  }
  ~SnapshotFolderTest() override {
    tables_.reset();
    fs::remove_all(root_);
  }

  void go_to(uint64_t offset) {
    Place place;
    place.at = {1, offset};
    place.text = "binlog.000001:" + std::to_string(offset);
    tables_->set_place(place);
    ASSERT_TRUE(tables_->commit());
  }

  Result<SnapshotInfo> add(const std::string& purpose = "command", uint64_t time_us = kTimeUs) {
    return folder_->add(
        {.name = {},
         .purpose = purpose,
         .time_us = time_us,
         .position = tables_->place()->text,
         .gtid_executed = "a:1-5",
         .tables = {"shop.accounts"}},
        [this](const std::string& rows, SnapshotInfo&) { return tables_->checkpoint(rows); });
  }

  std::vector<std::string> names() {
    std::vector<std::string> out;
    const auto there = folder_->list();
    EXPECT_TRUE(there) << there.error().message;
    for (const SnapshotInfo& info : *there) out.push_back(info.name);
    return out;
  }

  std::string root_;
  std::unique_ptr<SnapshotFolder> folder_;
  std::unique_ptr<Tables> tables_;
};

TEST_F(SnapshotFolderTest, ReadsAsItWasWhileTheRowsGoOn) {
  EXPECT_THAT(names(), IsEmpty());
  const auto first = add();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->name, "20261128T100000Z");
  go_to(200);
  const auto second = add();
  ASSERT_TRUE(second) << second.error().message;
  go_to(300);
  EXPECT_THAT(names(), ElementsAre("20261128T100000Z", "20261128T100000Z-2"));
  const auto there = folder_->list();
  EXPECT_EQ(there->front().position, "binlog.000001:100");
  EXPECT_EQ(there->front().gtid_executed, "a:1-5");
  EXPECT_THAT(there->front().tables, ElementsAre("shop.accounts"));
  EXPECT_GT(there->front().bytes, 0U);

  for (const auto& [name, place] : {std::pair("20261128T100000Z", "binlog.000001:100"),
                                    std::pair("20261128T100000Z-2", "binlog.000001:200")}) {
    const auto open = folder_->open(name);
    ASSERT_TRUE(open) << open.error().message;
    const auto view = (*open)->view();
    ASSERT_TRUE(view) << view.error().message;
    EXPECT_EQ((*view)->place.text, place);
    EXPECT_NE((*view)->find("shop", "accounts"), nullptr);
  }
}

TEST_F(SnapshotFolderTest, IsRemovedWhenNobodyReadsIt) {
  ASSERT_TRUE(add());
  {
    const auto open = folder_->open("20261128T100000Z");
    ASSERT_TRUE(open);
    const Status removed = folder_->remove("20261128T100000Z");
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().code, Code::kExists);
    EXPECT_THAT(removed.error().message, HasSubstr("is being read"));
    ASSERT_TRUE(folder_->open("20261128T100000Z")) << "by another reader, too";
  }
  EXPECT_TRUE(folder_->remove("20261128T100000Z"));
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_TRUE(fs::is_empty(root_ + "/snapshots"));
  EXPECT_TRUE(fs::exists(root_ + "/state/CURRENT"));
}

TEST_F(SnapshotFolderTest, SaysWhichThereAre) {
  EXPECT_THAT(folder_->remove("x").error().message, HasSubstr("snapshot create"));
  ASSERT_TRUE(add());
  for (const char* name : {"x", "", "../state", "20261128T100000Z.new"}) {
    const auto open = folder_->open(name);
    ASSERT_FALSE(open) << name;
    EXPECT_EQ(open.error().code, Code::kNotFound);
    EXPECT_THAT(open.error().message, HasSubstr("there are: 20261128T100000Z"));
    EXPECT_EQ(folder_->remove(name).error().code, Code::kNotFound);
  }
}

TEST_F(SnapshotFolderTest, WhatACrashLeavesIsNone) {
  ASSERT_TRUE(add());
  fs::create_directories(root_ + "/snapshots/20261128T110000Z.new/rows");
  fs::create_directories(root_ + "/snapshots/20261128T090000Z.gone/rows");
  EXPECT_THAT(names(), ElementsAre("20261128T100000Z"));
  folder_->remove_remains();
  EXPECT_FALSE(fs::exists(root_ + "/snapshots/20261128T110000Z.new"));
  EXPECT_FALSE(fs::exists(root_ + "/snapshots/20261128T090000Z.gone"));
  EXPECT_THAT(names(), ElementsAre("20261128T100000Z"));
}

TEST_F(SnapshotFolderTest, WhatCannotBeMadeLeavesNothing) {
  const auto made = folder_->add({.name = {},
                                  .purpose = "command",
                                  .time_us = kTimeUs,
                                  .position = {},
                                  .gtid_executed = {},
                                  .tables = {}},
                                 [](const std::string&, SnapshotInfo&) -> Status {
                                   return fail(Code::kDiskFull, "no space left");
                                 });
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::kDiskFull);
  EXPECT_TRUE(fs::is_empty(root_ + "/snapshots"));
}

TEST_F(SnapshotFolderTest, TheScheduleRemovesItsOwnOldestThatNobodyReads) {
  ASSERT_TRUE(add("command", kTimeUs));
  for (uint64_t hour = 1; hour <= 4; ++hour) {
    ASSERT_TRUE(add("schedule", kTimeUs + hour * 3600 * 1'000'000));
  }
  {
    const auto read = folder_->open("20261128T110000Z");
    ASSERT_TRUE(read);
    const auto left = folder_->remove_old("schedule", 2);
    ASSERT_TRUE(left) << left.error().message;
    EXPECT_TRUE(*left);
    EXPECT_THAT(names(), ElementsAre("20261128T100000Z", "20261128T110000Z", "20261128T130000Z",
                                     "20261128T140000Z"));
  }
  EXPECT_FALSE(folder_->remove_old("schedule", 2).value());
  EXPECT_THAT(names(), ElementsAre("20261128T100000Z", "20261128T130000Z", "20261128T140000Z"));
}

TEST_F(SnapshotFolderTest, DamageNamesTheSnapshot) {
  ASSERT_TRUE(add());
  std::ofstream(root_ + "/snapshots/20261128T100000Z/snapshot.json") << "{";
  const auto there = folder_->list();
  ASSERT_FALSE(there);
  EXPECT_EQ(there.error().code, Code::kCorrupt);
  EXPECT_THAT(there.error().message, HasSubstr("20261128T100000Z"));
}

TEST_F(SnapshotFolderTest, ACopyGoesOnByItself) {
  ASSERT_TRUE(add());
  const auto open = folder_->open("20261128T100000Z");
  ASSERT_TRUE(open);
  ASSERT_TRUE(copy_rows((*open)->rows_folder(), root_ + "/copy"));
  {
    auto store = TableStore::open({.folder = root_ + "/copy"});
    ASSERT_TRUE(store) << store.error().message;
    auto copy = Tables::open("shop", std::move(*store));
    ASSERT_TRUE(copy) << copy.error().message;
    (*copy)->drop((*copy)->all().front());
    Place place;
    place.at = {1, 999};
    place.text = "binlog.000001:999";
    (*copy)->set_place(place);
    ASSERT_TRUE((*copy)->commit());
  }
  const auto view = (*open)->view();
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ((*view)->place.text, "binlog.000001:100");
  EXPECT_NE((*view)->find("shop", "accounts"), nullptr);
}

}  // namespace
}  // namespace binbus::state
