#include "app/saved_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/simulated_disk.h"
#include "store/log_testing.h"

namespace binbus::app {
namespace {

using store::MadeFile;
using ::testing::HasSubstr;

const std::string kOne = "11111111-71ca-11e1-9e33-c80aa9429562";
const std::string kTwo = "22222222-71ca-11e1-9e33-c80aa9429562";

// A log of two files, 20 transactions each; of `server`, or of nobody known.
class SavedPlaceTest : public ::testing::Test {
 protected:
  std::unique_ptr<store::LocalLog> log_of(const std::string& server, size_t files,
                                          const std::string& folder) {
    auto opened = store::LocalLog::open(disk_, clock_, {.directory = folder}, nullptr);
    EXPECT_TRUE(opened) << opened.error().message;
    for (size_t i = 0; i < files; ++i) {
      const MadeFile& file = files_[i];
      EXPECT_TRUE(store::store_file(**opened, file,
                                    store::SourceSpan{.from = {},
                                                      .server_uuid = server,
                                                      .server_id = server == kOne ? 1u : 2u,
                                                      .server_version = "9.7",
                                                      .file = file.name,
                                                      .offset = 0}));
    }
    return std::move(*opened);
  }
  std::string place(size_t file, size_t end) const {
    return files_[file].name + ":" + std::to_string(files_[file].ends[end].offset);
  }

  const std::vector<MadeFile> files_ = store::make_files(mysql::Flavor::kMysql, 2, 20, 100);
  io::SimulatedDisk disk_;
  io::Clock& clock_ = io::system_clock();
};

TEST_F(SavedPlaceTest, IsReadAsItWasPrinted) {
  const auto log = log_of(kOne, 2, "a");
  const auto saved = SavedPlace::of(*log, place(1, 5), 7);
  ASSERT_TRUE(saved) << saved.error().message;
  EXPECT_EQ(saved->server_uuid, kOne);
  EXPECT_EQ(saved->file, files_[1].name);
  EXPECT_EQ(saved->offset, files_[1].ends[5].offset);
  EXPECT_EQ(saved->epoch, 7u);
  const auto read = SavedPlace::parse(saved->print());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->print(), saved->print());
  EXPECT_EQ(read->find(*log), place(1, 5));
}

TEST_F(SavedPlaceTest, WhatWasExecutedThereIsTold) {
  const auto log = log_of(kOne, 2, "a");
  mysql::Executed executed;
  for (size_t file = 0; file < 2; ++file) {
    for (size_t end = 0; end < files_[file].ends.size(); ++end) {
      executed.add(files_[file].ends[end].gtid);
      EXPECT_EQ(SavedPlace::of(*log, place(file, end), 1)->gtid_executed, executed.to_string())
          << place(file, end);
    }
  }
}

TEST_F(SavedPlaceTest, AnotherNodesLogIsGoneOnWithWhereItHasThePlace) {
  const auto saved = SavedPlace::of(*log_of(kOne, 2, "a"), place(1, 5), 1);
  ASSERT_TRUE(saved);
  // Behind: it comes yet.
  const auto behind = saved->find(*log_of(kOne, 1, "b"));
  EXPECT_EQ(behind.error().code, Code::kNotFound);
  EXPECT_THAT(behind.error().message, HasSubstr("not in the log yet"));
  EXPECT_EQ(saved->find(*log_of(kOne, 0, "c")).error().code, Code::kNotFound);
}

TEST_F(SavedPlaceTest, FromAnotherServersLogByGtid) {
  const auto saved = SavedPlace::of(*log_of(kOne, 2, "a"), place(1, 5), 1);
  const auto log = log_of(kTwo, 2, "b");
  const auto found = saved->find(*log);
  ASSERT_TRUE(found) << found.error().message;
  // Where everything after it begins, at most some before.
  SavedPlace there = *SavedPlace::of(*log, *found, 1);
  EXPECT_FALSE(is_before(*saved, there));
  // What the set names and the log lacks may come.
  EXPECT_EQ(saved->find(*log_of(kTwo, 1, "c")).error().code, Code::kNotFound);
}

TEST_F(SavedPlaceTest, FromAnotherServersLogWithoutGtidsItIsRefused) {
  auto saved = SavedPlace::of(*log_of(kOne, 2, "a"), place(1, 5), 1);
  saved->gtid_executed.clear();
  const auto found = saved->find(*log_of(kTwo, 2, "b"));
  EXPECT_EQ(found.error().code, Code::kDiverged);
  EXPECT_THAT(found.error().message, HasSubstr("binbus sink seek"));
}

TEST_F(SavedPlaceTest, ByHand) {
  const auto log = log_of(kOne, 2, "a");
  const auto saved = SavedPlace::parse(place(1, 5) + "\n");
  ASSERT_TRUE(saved) << saved.error().message;
  EXPECT_EQ(saved->find(*log), place(1, 5));
  EXPECT_EQ(saved->start(), place(1, 5));
  for (const char* text :
       {"x", "binlog.000001", "binlog.000001:", "[1]", "{}", "{\"position\": 1}",
        "{\"position\": \"x\"}", "{\"position\": \"b.000001:4\", \"source\": 1}",
        "{\"position\": \"b.000001:4\", \"source\": {\"file\": \"x\", \"offset\": 4}}",
        "{\"position\": \"b.000001:4\", \"gtid_executed\": \"some\"}"})
    EXPECT_EQ(SavedPlace::parse(text).error().code, Code::kInvalid) << text;
}

TEST_F(SavedPlaceTest, AnEmptyLogBeginsByGtidWhereThereAreSome) {
  SavedPlace saved{.position = "binlog.000002:4",
                   .server_uuid = kOne,
                   .server_id = 1,
                   .file = "binlog.000002",
                   .offset = 4,
                   .gtid_executed = kOne + ":1-5",
                   .epoch = 1};
  EXPECT_EQ(saved.start(), "gtid:" + kOne + ":1-5");
  saved.gtid_executed.clear();
  EXPECT_EQ(saved.start(), "binlog.000002:4");
  saved.offset = 0;
  EXPECT_EQ(saved.start(), "binlog.000002:4");
  EXPECT_EQ(SavedPlace().start(), "");
}

TEST_F(SavedPlaceTest, WhichIsBeyondALog) {
  const auto all = log_of(kOne, 2, "a");
  const auto saved = [&](size_t file, size_t end) {
    return *SavedPlace::of(*all, place(file, end), 1);
  };
  const auto log = log_of(kOne, 1, "b");
  EXPECT_TRUE(saved(1, 5).is_beyond(*log));
  EXPECT_FALSE(saved(0, 19).is_beyond(*log)) << "its end";
  EXPECT_FALSE(saved(0, 5).is_beyond(*log));
  EXPECT_FALSE(saved(1, 5).is_beyond(*log_of(kTwo, 1, "c"))) << "another server's";
  EXPECT_FALSE(saved(1, 5).is_beyond(*log_of(kOne, 0, "d"))) << "nothing is there";
}

TEST_F(SavedPlaceTest, WhichIsBefore) {
  const auto at = [](const char* text) { return *SavedPlace::parse(text); };
  EXPECT_TRUE(is_before(at("b.000001:9"), at("b.000002:4")));
  EXPECT_TRUE(is_before(at("b.999999:9"), at("b.1000000:4")));
  EXPECT_TRUE(is_before(at("b.000001:9"), at("b.000001:10")));
  EXPECT_FALSE(is_before(at("b.000001:9"), at("b.000001:9")));
  EXPECT_TRUE(is_before(SavedPlace(), at("b.000001:4")));
  EXPECT_FALSE(is_before(at("b.000001:4"), SavedPlace()));
}

TEST_F(SavedPlaceTest, WhichIsBeforeAtTwoServersTheirGtidsTell) {
  const auto place = [](const std::string& server, const char* file, const char* executed) {
    SavedPlace made = *SavedPlace::parse(std::string(file) + ":4");
    made.server_uuid = server;
    made.gtid_executed = executed[0] == '\0' ? "" : kOne + executed;
    return made;
  };
  const SavedPlace first = place(kOne, "b.000009", ":1-5");
  EXPECT_TRUE(is_before(first, place(kTwo, "b.000001", ":1-6")));
  EXPECT_FALSE(is_before(place(kTwo, "b.000001", ":1-6"), first));
  EXPECT_FALSE(is_before(first, place(kTwo, "b.000001", ":1-5")));
  for (const char* unknown : {"", ":2-6"}) {
    EXPECT_FALSE(is_before(first, place(kTwo, "b.000001", unknown))) << unknown;
    EXPECT_FALSE(is_before(place(kTwo, "b.000001", unknown), first)) << unknown;
  }
  SavedPlace mariadb = first;
  mariadb.gtid_executed = "0-1-5";
  SavedPlace later = place(kTwo, "b.000001", "");
  later.gtid_executed = "0-2-6";
  EXPECT_TRUE(is_before(mariadb, later));
  EXPECT_FALSE(is_before(later, mariadb));
}

}  // namespace
}  // namespace binbus::app
