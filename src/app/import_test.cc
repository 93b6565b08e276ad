#include "app/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "io/clock.h"
#include "io/simulated_disk.h"
#include "store/log_testing.h"

namespace binbus::app {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

ByteVector golden(const std::string& name) {
  std::ifstream in("tests/golden/binlog/" + name, std::ios::binary);
  return ByteVector(std::istreambuf_iterator<char>(in), {});
}

class ImportTest : public ::testing::Test {
 protected:
  void SetUp() override { open_log(); }
  void open_log() {
    log_.reset();
    auto opened = store::LocalLog::open(disk_, io::system_clock(),
                                        {.directory = folder_, .keep_free_bytes = 0}, nullptr);
    ASSERT_TRUE(opened) << opened.error().message;
    log_ = std::move(*opened);
  }

  void write(const std::string& path, Bytes bytes) {
    const auto file = disk_.open(path, io::OpenMode::kCreateNew);
    ASSERT_TRUE(file) << file.error().message;
    ASSERT_TRUE((*file)->write_at(0, bytes));
  }
  ByteVector read(const std::string& path) {
    const auto file = disk_.open(path, io::OpenMode::kRead);
    if (!file) return {};
    ByteVector bytes((*file)->size().value());
    EXPECT_EQ((*file)->read_at(0, bytes).value(), bytes.size());
    return bytes;
  }
  // Imports `bytes` as binlog.000007 and returns what was wrong.
  std::string error_of(Bytes bytes) {
    write("in/binlog.000007", bytes);
    const auto imported = import_file(disk_, "in/binlog.000007", *log_);
    return imported ? "" : imported.error().message;
  }

  io::SimulatedDisk disk_;
  std::string folder_ = "log";
  std::unique_ptr<store::LocalLog> log_;
};

class ImportGolden : public ImportTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(ImportGolden, IsStoredByteForByteAndDurably) {
  const ByteVector bytes = golden(GetParam());
  ASSERT_GT(bytes.size(), 1000u);
  EXPECT_EQ(error_of(bytes), "");
  disk_.crash(1);
  ByteVector stored = read("log/binlog.000007");
  ByteVector want = bytes;
  want[21] &= static_cast<uint8_t>(~1);  // the mark of a file in use
  EXPECT_TRUE(stored == want);
  EXPECT_EQ(log_->visible_end(), (store::Position{7, bytes.size()}));
}

INSTANTIATE_TEST_SUITE_P(Servers, ImportGolden,
                         ::testing::Values("mysql97.binlog", "mysql97-tags.binlog",
                                           "mysql97-no-gtid.binlog", "mysql56.binlog",
                                           "mysql55.binlog", "mariadb1011.binlog",
                                           "mariadb118.binlog"),
                         [](const auto& i) {
                           std::string name = i.param;
                           std::erase_if(name, [](char c) { return c == '-' || c == '.'; });
                           return name;
                         });

TEST_F(ImportTest, TheFilesPlaceAtItsSourceIsKnown) {
  EXPECT_EQ(error_of(golden("mysql97.binlog")), "");
  const auto source = log_->to_source({7, 500});
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_EQ(source->file, "binlog.000007");
  EXPECT_EQ(source->offset, 500u);
  EXPECT_NE(source->server_id, 0u);
  EXPECT_THAT(source->server_version, HasSubstr("9.7"));
}

TEST_F(ImportTest, DamageIsRefusedByPlaceAndNothingIsStored) {
  ByteVector bytes = golden("mysql97.binlog");
  bytes[bytes.size() / 2] ^= 0x40;
  EXPECT_THAT(error_of(bytes), HasSubstr("in/binlog.000007: "));
  EXPECT_TRUE(log_->segments().empty());
}

TEST_F(ImportTest, AFileThatEndsInAnEventIsRefused) {
  const ByteVector bytes = golden("mysql97.binlog");
  EXPECT_THAT(error_of(Bytes(bytes).first(bytes.size() - 1)), HasSubstr("in/binlog.000007: "));
  EXPECT_TRUE(log_->segments().empty());
}

TEST_F(ImportTest, WhatIsNoBinlogIsRefused) {
  EXPECT_THAT(error_of(as_bytes("-- MySQL dump 10.13")), HasSubstr("in/binlog.000007: "));
  EXPECT_TRUE(log_->segments().empty());
}

TEST_F(ImportTest, FilesGoInOldestFirstAndOnce) {
  EXPECT_EQ(error_of(golden("mysql97.binlog")), "");
  write("in/binlog.000006", golden("mysql97.binlog"));
  write("in/mysql-bin.000007", golden("mysql97.binlog"));
  const struct {
    const char* file;
    const char* says;
  } cases[] = {{"in/binlog.000007", "all of it is in the log already"},
               {"in/mysql-bin.000007", "at number 7 already"},
               {"in/binlog.000006", "at number 7 already"}};
  for (const auto& c : cases) {
    const auto again = import_file(disk_, c.file, *log_);
    ASSERT_FALSE(again) << c.file;
    EXPECT_EQ(again.error().code, Code::kExists) << c.file;
    EXPECT_THAT(again.error().message, AllOf(HasSubstr(c.file), HasSubstr(c.says)));
  }
}

// Files 1 to `count` of one server, in the folder "in".
class ImportSequence : public ImportTest {
 protected:
  void make(size_t count, size_t row_bytes = 100) {
    files_ = store::make_files(mysql::Flavor::kMysql, count, 3, row_bytes);
    for (const store::MadeFile& file : files_) write("in/" + file.name, file.bytes);
  }
  Result<Imported> import(const std::string& name) {
    return import_file(disk_, "in/" + name, *log_);
  }
  std::vector<store::MadeFile> files_;
};

TEST_F(ImportSequence, AMissingFileIsNamed) {
  make(3);
  ASSERT_TRUE(import("binlog.000001"));
  const auto third = import("binlog.000003");
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, Code::kInvalid);
  EXPECT_THAT(third.error().message,
              HasSubstr("the log ends with binlog.000001, so the file of number 2 comes next"));
  EXPECT_TRUE(import("binlog.000002"));
  EXPECT_TRUE(import("binlog.000003"));
}

TEST_F(ImportSequence, AFileAfterTransactionsThatTheLogLacksIsRefusedByTheirNames) {
  make(3);
  ASSERT_TRUE(import("binlog.000001"));       // 1 to 3
  write("in/other.000002", files_[2].bytes);  // comes after 1 to 6
  const auto second = import("other.000002");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kDiverged);
  EXPECT_THAT(second.error().message, HasSubstr("3e11fa47-71ca-11e1-9e33-c80aa9429562:4-6"));
  EXPECT_EQ(log_->segments().size(), 1u);
  EXPECT_TRUE(import("binlog.000002"));
}

TEST_F(ImportSequence, AFullDisksImportIsGoneOnWith) {
  make(1, 6'000'000);
  const uint64_t bytes = files_[0].bytes.size();
  disk_.set_capacity(bytes + bytes * 97 / 100);  // after the first sync, within a transaction
  const auto full = import("binlog.000001");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::kDiskFull);

  disk_.set_capacity(UINT64_MAX);
  const auto rest = import("binlog.000001");
  ASSERT_TRUE(rest) << rest.error().message;
  EXPECT_GT(rest->bytes_before, 0u);
  EXPECT_TRUE(read("log/binlog.000001") == files_[0].bytes);
  open_log();
  EXPECT_EQ(log_->executed(),
            store::executed({store::mysql_gtid(1), store::mysql_gtid(2), store::mysql_gtid(3)}));
  EXPECT_EQ(log_->to_source({1, 500})->file, "binlog.000001");
}

TEST_F(ImportSequence, AnyPartThatWasStoredIsGoneOnWith) {
  make(1);
  const store::MadeFile whole = files_[0];
  for (size_t cut = 0; cut <= whole.bytes.size(); ++cut) {
    folder_ = "log" + std::to_string(cut);
    open_log();
    ASSERT_TRUE(log_->begin_segment(whole.name));
    ASSERT_TRUE(log_->append(Bytes(whole.bytes).first(cut), whole.ends_in(0, cut)));
    ASSERT_TRUE(log_->sync());
    open_log();
    const auto rest = import(whole.name);
    if (cut == whole.bytes.size()) {
      EXPECT_EQ(rest.error().code, Code::kExists);
      continue;
    }
    ASSERT_TRUE(rest) << cut << ": " << rest.error().message;
    ASSERT_TRUE(read(folder_ + "/" + whole.name) == whole.bytes) << cut;
    EXPECT_EQ(log_->visible_end().offset, whole.bytes.size());
  }
}

TEST_F(ImportSequence, WhatIsStoredMustBeHowTheFileBegins) {
  make(1);
  ASSERT_TRUE(import("binlog.000001"));
  store::FileMaker other(mysql::Flavor::kMysql, binlog::Checksum::kCrc32);
  other.start("binlog.000001", {});
  const uint64_t same = other.file().bytes.size();
  for (uint64_t number = 7; number < 12; ++number)
    other.transaction(store::mysql_gtid(number), number * 1'000'000, 100);
  ASSERT_TRUE(disk_.remove("in/binlog.000001"));
  write("in/binlog.000001", other.file().bytes);
  const auto again = import("binlog.000001");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kDiverged);
  EXPECT_THAT(again.error().message, HasSubstr("differs at offset " + std::to_string(same)));
  EXPECT_TRUE(read("log/binlog.000001") == files_[0].bytes);
}

TEST_F(ImportTest, ANameWithoutANumberIsRefused) {
  write("in/copy.bak", golden("mysql97.binlog"));
  const auto imported = import_file(disk_, "in/copy.bak", *log_);
  ASSERT_FALSE(imported);
  EXPECT_EQ(imported.error().code, Code::kInvalid);
  EXPECT_THAT(imported.error().message, HasSubstr("in/copy.bak"));
}

}  // namespace
}  // namespace binbus::app
