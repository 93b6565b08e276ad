#include "app/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "io/clock.h"
#include "io/simulated_disk.h"

namespace binbus::app {
namespace {

using ::testing::HasSubstr;

ByteVector golden(const std::string& name) {
  std::ifstream in("tests/golden/binlog/" + name, std::ios::binary);
  return ByteVector(std::istreambuf_iterator<char>(in), {});
}

class ImportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = store::Log::open(disk_, io::system_clock(), {.directory = "log"}, nullptr);
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
  std::unique_ptr<store::Log> log_;
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
  for (const char* name : {"in/binlog.000007", "in/binlog.000006"}) {
    if (!disk_.exists(name)) write(name, golden("mysql97.binlog"));
    const auto again = import_file(disk_, name, *log_);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Code::kExists);
    EXPECT_THAT(again.error().message, HasSubstr("at number 7 already"));
  }
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
