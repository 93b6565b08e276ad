#include "app/data_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/temporary_folder_testing.h"
#include "mysql/gtid.h"

namespace binbus::app {
namespace {

using ::testing::HasSubstr;

class DataFolderTest : public ::testing::Test {
 protected:
  const TemporaryFolder around_;
  const std::string path_ = around_.path() + "/data";
  io::FileSystem& files_ = io::posix_file_system();
};

TEST_F(DataFolderTest, IsOneProcesssAtATimeWhichIsNamed) {
  {
    const auto first = DataFolder::lock(path_);
    ASSERT_TRUE(first) << first.error().message;
    const auto second = DataFolder::lock(path_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Code::kExists);
    EXPECT_THAT(second.error().message, HasSubstr("process " + std::to_string(::getpid())));
  }
  EXPECT_TRUE(DataFolder::lock(path_)) << "free again";
}

TEST_F(DataFolderTest, AStreamsUuidIsMadeOnceAndKept) {
  auto folder = DataFolder::lock(path_);
  ASSERT_TRUE(folder);
  const auto made = folder->server_uuid(files_, "shop");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(mysql::Uuid::parse(*made));
  EXPECT_EQ(folder->server_uuid(files_, "shop").value(), *made);
  EXPECT_NE(folder->server_uuid(files_, "orders").value(), *made);
}

TEST_F(DataFolderTest, ADraftLeftByACrashIsReplaced) {
  auto folder = DataFolder::lock(path_);
  ASSERT_TRUE(folder);
  std::filesystem::create_directories(path_ + "/shop");
  std::ofstream(path_ + "/shop/server_uuid.new") << "half";
  EXPECT_TRUE(folder->server_uuid(files_, "shop"));
}

TEST_F(DataFolderTest, ADamagedUuidIsNamed) {
  auto folder = DataFolder::lock(path_);
  ASSERT_TRUE(folder);
  std::filesystem::create_directories(path_ + "/shop");
  std::ofstream(path_ + "/shop/server_uuid") << "no uuid at all";
  const auto read = folder->server_uuid(files_, "shop");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kCorrupt);
  EXPECT_THAT(read.error().message, HasSubstr("shop/server_uuid"));
}

TEST_F(DataFolderTest, ALogIsSetAsideWithoutUuidAndDeadLetters) {
  auto folder = DataFolder::lock(path_);
  ASSERT_TRUE(folder);
  const auto uuid = folder->server_uuid(files_, "shop");
  for (const char* name : {"/shop.aside.1", "/shop.aside.2"}) {
    std::filesystem::create_directories(path_ + "/shop/sinks");
    std::ofstream(path_ + "/shop/binlog.000001") << "log";
    std::ofstream(path_ + "/shop/sinks/out.checkpoint") << "place";
    std::ofstream(path_ + "/shop/sinks/out.dead_letters.jsonl") << "letters";
    EXPECT_EQ(folder->set_aside(files_, "shop").value(), path_ + name);
    EXPECT_TRUE(std::filesystem::exists(path_ + name + "/binlog.000001"));
    EXPECT_TRUE(std::filesystem::exists(path_ + name + "/sinks/out.checkpoint"));
    EXPECT_FALSE(std::filesystem::exists(path_ + "/shop/binlog.000001"));
    EXPECT_FALSE(std::filesystem::exists(path_ + "/shop/sinks/out.checkpoint"));
    EXPECT_TRUE(std::filesystem::exists(path_ + "/shop/sinks/out.dead_letters.jsonl"));
    EXPECT_EQ(folder->server_uuid(files_, "shop").value(), *uuid);
  }
}

TEST(ServerId, IsTheSameEachTimeAndNeverZero) {
  EXPECT_EQ(server_id_of("a"), server_id_of("a"));
  EXPECT_NE(server_id_of("a"), server_id_of("b"));
  EXPECT_NE(server_id_of(""), 0u);
}

}  // namespace
}  // namespace binbus::app
