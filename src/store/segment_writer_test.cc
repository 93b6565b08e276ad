#include "store/segment_writer.h"

#include <gtest/gtest.h>

#include "io/simulated_disk.h"

namespace binbus::store {
namespace {

struct Files {
  std::unique_ptr<io::File> open(const char* name) {
    return std::move(*disk.open(name, io::OpenMode::kCreateNew));
  }
  SegmentWriter writer() {
    auto segment = open("log/segment"), entries = open("log/segment.entries");
    ByteWriter header;
    store_entries_header(header, 2);
    EXPECT_TRUE(entries->write_at(0, header.view()));
    EXPECT_TRUE(disk.sync_directory("log"));
    return {std::move(segment), std::move(entries), {}};
  }
  uint64_t size(const char* name) { return *(*disk.open(name, io::OpenMode::kRead))->size(); }

  io::SimulatedDisk disk;
};

// Bytes and the entry that tells of them.
void add(SegmentWriter& writer, uint64_t index, size_t count) {
  Entry entry{.index = index, .term = 1, .offset = writer.end(), .kind = EntryKind::kEvents};
  entry.length = static_cast<uint32_t>(count);
  ASSERT_TRUE(writer.write(ByteVector(count, 1)));
  writer.record(entry, {});
  ASSERT_TRUE(writer.sync());
}

TEST(SegmentWriterTest, ACutThatFailsMidwayLeavesNoEntryWithoutItsBytes) {
  for (uint64_t failing = 1; failing <= 2; ++failing) {
    for (uint64_t seed = 0; seed < 50; ++seed) {
      Files files;
      SegmentWriter writer = files.writer();
      add(writer, 2, 1000);
      const uint64_t records = writer.entries_end();
      add(writer, 3, 1000);
      files.disk.fail_sync(failing);
      ASSERT_EQ(writer.truncate(1000, records).error().code, Code::kIo);
      files.disk.crash(seed);
      const auto entries = files.disk.open("log/segment.entries", io::OpenMode::kRead);
      auto reader = EntriesReader::open(**entries);
      ASSERT_TRUE(reader);
      uint64_t told = 0;
      while (const auto entry = reader->next()) told = entry->entry.end();
      EXPECT_GE(told, 1000u);
      EXPECT_GE(files.size("log/segment"), told) << failing << ", " << seed;
    }
  }
}

// Recovery takes for damage that entries are missing before a batch.
TEST(SegmentWriterTest, ACutThatAPowerCutEndsLeavesNoBatchBehindAGap) {
  constexpr uint64_t kBatches = 40;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Files files;
    SegmentWriter writer = files.writer();
    for (uint64_t index = 2; index < 2 + kBatches; ++index) add(writer, index, 100);
    uint64_t left = seed % kBatches;
    files.disk.on_sync([&left] {
      if (left == 0) return Status(fail(Code::kIo, "the power failed"));
      --left;
      return ok();
    });
    ASSERT_EQ(writer.truncate(100, kEntriesHeaderBytes + kEntryBytes).error().code, Code::kIo);
    files.disk.crash(seed);

    const auto entries = files.disk.open("log/segment.entries", io::OpenMode::kRead);
    auto reader = EntriesReader::open(**entries);
    ASSERT_TRUE(reader);
    while (reader->next()) {
    }
    EXPECT_GT(reader->next_index(), 2u);
    for (uint64_t at = reader->position() + kEntryBytes; at < files.size("log/segment.entries");
         at += kEntryBytes) {
      const auto behind = read_entry(**entries, at);
      EXPECT_FALSE(behind && behind->entry.starts_batch()) << at;
    }
  }
}

TEST(SegmentWriterTest, AWriteThatFailedLeavesNothingBehindTheEnd) {
  Files files;
  SegmentWriter writer = files.writer();
  add(writer, 2, 1000);
  files.disk.set_capacity(files.size("log/segment") + files.size("log/segment.entries") + 300);
  EXPECT_EQ(writer.write(ByteVector(1000, 2)).error().code, Code::kDiskFull);
  EXPECT_EQ(writer.end(), 1000u);
  EXPECT_EQ(files.size("log/segment"), 1000u);
}

}  // namespace
}  // namespace binbus::store
