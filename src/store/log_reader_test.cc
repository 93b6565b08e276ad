// Readers beside a writer, each in its own thread; also what ThreadSanitizer is to see.

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "io/simulated_disk.h"
#include "store/log_testing.h"

namespace binbus::store {
namespace {

constexpr uint64_t kLongMs = 20'000;  // a test that waits that long has failed

class LogReaderTest : public testing::Test {
 protected:
  LogReaderTest() {
    LogOptions options;
    options.directory = "log";
    options.index_bytes = 5'000;
    log_ = std::move(*LocalLog::open(disk_, io::system_clock(), options, nullptr));
  }
  // Reads on until `end`, waiting where there is nothing yet.
  static ByteVector read_until(LogReader& reader, Position end) {
    ByteVector all;
    ByteVector buffer(3000);
    while (reader.position() != end) {
      const auto bytes = reader.read(buffer);
      if (!bytes) break;
      all.insert(all.end(), bytes->begin(), bytes->end());
      if (bytes->empty() && !reader.next_segment() && !reader.wait(kLongMs, {})) break;
    }
    return all;
  }

  io::SimulatedDisk disk_;
  std::unique_ptr<LocalLog> log_;
};

TEST_F(LogReaderTest, ManyFollowOneWriter) {
  const auto files = make_files(mysql::Flavor::kMysql, 5, 60, 200);
  const Position end = {files.size(), files.back().bytes.size()};
  ByteVector want;
  for (const MadeFile& file : files) want.insert(want.end(), file.bytes.begin(), file.bytes.end());
  ASSERT_TRUE(log_->begin_segment(files[0].name));

  std::vector<std::future<ByteVector>> readers;
  for (int i = 0; i < 4; ++i) {
    readers.push_back(std::async(std::launch::async, [&] {
      auto reader = log_->reader({1, 0});
      return reader ? read_until(**reader, end) : ByteVector();
    }));
  }
  std::jthread looker([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const mysql::Executed executed = log_->executed();
      const auto found = log_->find_gtids(executed);
      EXPECT_TRUE(found);
      EXPECT_FALSE(log_->segments().empty());
      std::this_thread::yield();
    }
  });
  for (const MadeFile& file : files) {
    ASSERT_TRUE(log_->begin_segment(file.name));
    for (uint64_t at = 0; at < file.bytes.size();) {
      const uint64_t to = std::min<uint64_t>(at + 700, file.bytes.size());
      ASSERT_TRUE(log_->append(Bytes(file.bytes).subspan(at, to - at), file.ends_in(at, to)));
      ASSERT_TRUE(log_->sync());
      at = to;
    }
  }
  for (auto& reader : readers) EXPECT_EQ(reader.get(), want);
}

TEST_F(LogReaderTest, WaitEndsAtTheDeadline) {
  ASSERT_TRUE(log_->begin_segment("binlog.000001"));
  auto reader = log_->reader({1, 0});
  EXPECT_FALSE((*reader)->wait(0, {}));
  EXPECT_FALSE((*reader)->wait(3, {}));
}

TEST_F(LogReaderTest, WaitEndsWhenAskedToStop) {
  ASSERT_TRUE(log_->begin_segment("binlog.000001"));
  auto reader = log_->reader({1, 0});
  std::stop_source stop;
  auto waiting =
      std::async(std::launch::async, [&] { return (*reader)->wait(kLongMs, stop.get_token()); });
  stop.request_stop();
  EXPECT_FALSE(waiting.get());
  EXPECT_FALSE((*reader)->wait(kLongMs, stop.get_token()));
}

TEST_F(LogReaderTest, WaitEndsWhenTheSegmentIsSealed) {
  const auto files = make_files(mysql::Flavor::kMysql, 2, 1, 10);
  ASSERT_TRUE(store_file(*log_, files[0]));
  auto reader = log_->reader(log_->visible_end());
  auto waiting = std::async(std::launch::async, [&] { return (*reader)->wait(kLongMs, {}); });
  ASSERT_TRUE(log_->begin_segment(files[1].name));
  EXPECT_TRUE(waiting.get());
  EXPECT_TRUE((*reader)->next_segment());
  EXPECT_EQ((*reader)->position(), (Position{2, 0}));
  EXPECT_FALSE((*reader)->next_segment());
}

TEST_F(LogReaderTest, ReadsNoFurtherThanItsBufferAndSegment) {
  const auto files = make_files(mysql::Flavor::kMysql, 2, 1, 10);
  for (const MadeFile& file : files) ASSERT_TRUE(store_file(*log_, file));
  auto reader = log_->reader({1, 4});
  ByteVector buffer(10);
  EXPECT_EQ((*reader)->read(buffer)->size(), 10U);
  EXPECT_FALSE((*reader)->next_segment());
  buffer.resize(100'000);
  EXPECT_EQ((*reader)->read(buffer)->size(), files[0].bytes.size() - 14);
  EXPECT_TRUE((*reader)->read(buffer)->empty());
  EXPECT_TRUE((*reader)->wait(0, {}));
  EXPECT_TRUE((*reader)->next_segment());
  EXPECT_EQ((*reader)->segment_name(), files[1].name);
}

}  // namespace
}  // namespace binbus::store
