#include "io/simulated_disk.h"

#include <gtest/gtest.h>

#include <set>

namespace binbus::io {
namespace {

std::string contents(SimulatedDisk& disk, const std::string& path) {
  auto file = disk.open(path, OpenMode::kRead);
  if (!file) return "none";
  std::string text(static_cast<size_t>(*(*file)->size()), ' ');
  EXPECT_TRUE((*file)->read_at(0, {reinterpret_cast<uint8_t*>(text.data()), text.size()}));
  return text;
}

std::unique_ptr<File> make(SimulatedDisk& disk, const std::string& path, std::string_view text) {
  auto file = *disk.open(path, OpenMode::kCreateNew);
  EXPECT_TRUE(file->write_at(0, as_bytes(text)));
  return file;
}

TEST(SimulatedDisk, KeepsWhatWasSynced) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimulatedDisk disk;
    const auto file = make(disk, "d/a", "kept");
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(disk.sync_directory("d"));
    ASSERT_TRUE(file->write_at(4, as_bytes(" or not")));
    disk.crash(seed);
    EXPECT_EQ(contents(disk, "d/a").substr(0, 4), "kept");
  }
}

TEST(SimulatedDisk, DoesManyThingsToWhatWasNot) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SimulatedDisk disk;
    const auto file = make(disk, "d/a", std::string(1000, 'a'));
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(disk.sync_directory("d"));
    ASSERT_TRUE(file->write_at(0, as_bytes(std::string(1500, 'b'))));
    disk.crash(seed);
    std::string outcome;
    for (const char c : contents(disk, "d/a")) {
      if (outcome.empty() || outcome.back() != c) outcome += c;
    }
    seen.insert(outcome);
  }
  EXPECT_TRUE(seen.contains("a")) << "lost";
  EXPECT_TRUE(seen.contains("b")) << "kept";
  EXPECT_TRUE(seen.contains("ba") && seen.contains("ab")) << "torn";
  EXPECT_TRUE(seen.contains(std::string("b\0", 2)) || seen.contains(std::string("\0b", 2)))
      << "zeroed";
}

TEST(SimulatedDisk, NamesNeedTheirDirectorySynced) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    SimulatedDisk disk;
    ASSERT_TRUE(make(disk, "d/old", "x")->sync());
    ASSERT_TRUE(disk.sync_directory("d"));
    ASSERT_TRUE(make(disk, "d/new", "y")->sync());
    ASSERT_TRUE(disk.rename("d/old", "d/renamed"));
    disk.crash(seed);
    EXPECT_NE(disk.exists("d/old"), disk.exists("d/renamed"));
    seen.insert((disk.exists("d/new") ? "new " : "") +
                std::string(disk.exists("d/old") ? "old" : "renamed"));
  }
  EXPECT_EQ(seen.size(), 4U);
}

TEST(SimulatedDisk, FillsUp) {
  SimulatedDisk disk;
  disk.set_capacity(10);
  const auto file = make(disk, "d/a", "12345678");
  EXPECT_EQ(file->write_at(8, as_bytes("9abc")).error().code, Code::kDiskFull);
  EXPECT_EQ(contents(disk, "d/a"), "123456789a");
  EXPECT_TRUE(file->write_at(0, as_bytes("x"))) << "no new space needed";
  ASSERT_TRUE(file->truncate(5));
  EXPECT_EQ(*disk.free_bytes("d"), 5U);
  EXPECT_TRUE(file->write_at(5, as_bytes("12345")));
  ASSERT_TRUE(disk.remove("d/a"));
  EXPECT_EQ(*disk.free_bytes("d"), 10U);
}

TEST(SimulatedDisk, AFailedSyncLosesItsBytesForGood) {
  SimulatedDisk disk;
  const auto file = make(disk, "d/a", "old");
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(disk.sync_directory("d"));
  ASSERT_TRUE(file->write_at(0, as_bytes("new")));
  disk.fail_sync(1);
  EXPECT_EQ(file->sync().error().code, Code::kIo);
  EXPECT_TRUE(file->sync()) << "as a kernel answers the second time";
  EXPECT_EQ(contents(disk, "d/a"), "new");
  disk.crash(1);
  EXPECT_EQ(contents(disk, "d/a"), "old");
}

TEST(SimulatedDisk, OthersGoOnDuringASync) {
  SimulatedDisk disk;
  const auto file = make(disk, "d/a", "old");
  int calls = 0;
  disk.on_sync([&] {
    ++calls;
    EXPECT_EQ(contents(disk, "d/a"), "old");
    make(disk, "d/" + std::to_string(calls), "x");
    return ok();
  });
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(disk.sync_directory("d"));
  EXPECT_EQ(calls, 2);
}

TEST(SimulatedDisk, ASyncThatAProcessEndedInMayHaveDoneAnything) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimulatedDisk disk;
    const auto file = make(disk, "d/a", "old");
    ASSERT_TRUE(file->sync());
    ASSERT_TRUE(disk.sync_directory("d"));
    ASSERT_TRUE(file->write_at(0, as_bytes("new")));
    disk.on_sync([] { return fail(Code::kIo, "it ended"); });
    EXPECT_EQ(file->sync().error().code, Code::kIo);
    disk.crash(seed);
    seen.insert(contents(disk, "d/a"));
  }
  EXPECT_TRUE(seen.contains("old") && seen.contains("new"));
}

TEST(SimulatedDisk, IsSparse) {
  SimulatedDisk disk;
  const auto file = make(disk, "d/a", "x");
  ASSERT_TRUE(file->write_at(1ULL << 40, as_bytes("far")));
  uint8_t buffer[4] = {1, 1, 1, 1};
  EXPECT_EQ(*file->read_at((1ULL << 40) - 1, buffer), 4U);
  EXPECT_EQ(as_text(buffer), std::string_view("\0far", 4));
}

}  // namespace
}  // namespace binbus::io
