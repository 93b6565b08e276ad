#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>

#include "base/check.h"
#include "io/file.h"

namespace binbus::io {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class PosixFileTest : public testing::Test {
 protected:
  PosixFileTest() {
    std::string folder = (fs::temp_directory_path() / "binbus-file-XXXXXX").string();
    BINBUS_CHECK(mkdtemp(folder.data()) != nullptr);
    folder_ = folder;
  }
  ~PosixFileTest() override { fs::remove_all(folder_); }
  std::string path(const char* name) const { return folder_ + "/" + name; }

  FileSystem& files_ = posix_file_system();
  std::string folder_;
};

TEST_F(PosixFileTest, WritesAndReadsWithinAndPastTheEnd) {
  const auto file = files_.open(path("a"), OpenMode::kCreateNew);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->write_at(3, as_bytes("abcdef")));
  ASSERT_TRUE((*file)->sync());
  (*file)->start_writeback(0, 9);
  EXPECT_EQ(*(*file)->size(), 9U);
  uint8_t buffer[6];
  EXPECT_EQ(*(*file)->read_at(5, buffer), 4U);
  EXPECT_EQ(as_text(Bytes(buffer, 4)), "cdef");
  EXPECT_EQ(*(*file)->read_at(9, buffer), 0U);
  EXPECT_EQ(*(*file)->read_at(5'000'000'000, buffer), 0U);
  ASSERT_TRUE((*file)->truncate(4));
  EXPECT_EQ(*(*file)->size(), 4U);
}

TEST_F(PosixFileTest, OpensAsAsked) {
  EXPECT_EQ(files_.open(path("a"), OpenMode::kRead).error().code, Code::kNotFound);
  EXPECT_EQ(files_.open(path("a"), OpenMode::kWrite).error().code, Code::kNotFound);
  EXPECT_TRUE(files_.open(path("a"), OpenMode::kCreateNew));
  const auto again = files_.open(path("a"), OpenMode::kCreateNew);
  EXPECT_EQ(again.error().code, Code::kExists);
  EXPECT_THAT(again.error().message, HasSubstr(path("a")));
  const auto read_only = files_.open(path("a"), OpenMode::kRead);
  EXPECT_EQ((*read_only)->write_at(0, as_bytes("x")).error().code, Code::kIo);
}

TEST_F(PosixFileTest, AFullDiskIsTold) {
  const auto full = files_.open("/dev/full", OpenMode::kWrite);
  ASSERT_TRUE(full);
  EXPECT_EQ((*full)->write_at(0, as_bytes("x")).error().code, Code::kDiskFull);
}

TEST_F(PosixFileTest, TooManyOpenFilesIsForLaterAndTheMendIsNamed) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto refused = files_.open(path("a"), OpenMode::kCreateNew);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kLimit);
  EXPECT_THAT(refused.error().message, HasSubstr("LimitNOFILE"));
  EXPECT_TRUE(files_.open(path("a"), OpenMode::kCreateNew));
}

TEST_F(PosixFileTest, NamesComeAndGo) {
  ASSERT_TRUE(files_.make_directories(path("x/y/z")));
  ASSERT_TRUE(files_.make_directories(path("x/y/z")));
  ASSERT_TRUE((*files_.open(path("x/a"), OpenMode::kCreateNew))->write_at(0, as_bytes("abc")));
  ASSERT_TRUE(files_.rename(path("x/a"), path("x/b")));
  ASSERT_TRUE(files_.sync_directory(path("x")));
  EXPECT_FALSE(files_.exists(path("x/a")));
  EXPECT_TRUE(files_.exists(path("x/b")));
  const auto listed = files_.list(path("x"));
  ASSERT_EQ(listed->size(), 2U);
  for (const DirectoryEntry& entry : *listed) {
    EXPECT_EQ(entry.is_directory, entry.name == "y");
    if (entry.name == "b") {
      EXPECT_EQ(entry.bytes, 3U);
    }
  }
  ASSERT_TRUE(files_.remove(path("x/b")));
  EXPECT_EQ(files_.remove(path("x/b")).error().code, Code::kNotFound);
  EXPECT_EQ(files_.list(path("nothing")).error().code, Code::kNotFound);
  EXPECT_EQ(files_.sync_directory(path("nothing")).error().code, Code::kNotFound);
  EXPECT_GT(*files_.free_bytes(folder_), 0U);
}

}  // namespace
}  // namespace binbus::io
