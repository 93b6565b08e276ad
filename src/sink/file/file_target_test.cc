#include "sink/file/file_target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <random>

#include "io/simulated_disk.h"

namespace binbus::sink {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SetClock final : public io::Clock {
 public:
  uint64_t wall_us() override { return us; }
  uint64_t monotonic_us() override { return us; }
  uint64_t us = 1'000'000;
};

SinkOptions file_options() {
  SinkOptions options;
  options.path = "out/changes.jsonl";
  return options;
}

Status send(Target& target, std::string_view payload) {
  Message message;
  message.payload = payload;
  return target.send(message);
}

std::string text_of(io::FileSystem& files, const std::string& path) {
  const auto file = files.open(path, io::OpenMode::kRead);
  if (!file) return "(none)";
  std::string text(*(*file)->size(), '\0');
  EXPECT_TRUE((*file)->read_at(0, {reinterpret_cast<uint8_t*>(text.data()), text.size()}));
  return text;
}

struct World {
  // Opens it anew; the checkpoint that it keeps, or the error.
  std::string open() {
    target.reset();
    auto made = make_file_target(options, disk, clock);
    if (!made) return made.error().message;
    target = std::move(*made);
    const auto kept = target->open({});
    if (!kept) return kept.error().message;
    return kept->value_or("(none)");
  }
  SinkOptions options = file_options();
  io::SimulatedDisk disk;
  SetClock clock;
  std::unique_ptr<Target> target;
};

TEST(FileTarget, OneMessagePerLine) {
  World world;
  EXPECT_EQ(world.open(), "(none)");
  EXPECT_TRUE(send(*world.target, "{\"a\":1}"));
  EXPECT_TRUE(send(*world.target, "INSERT;\n"));
  EXPECT_TRUE(world.target->send(Message{}));  // a tombstone
  EXPECT_TRUE(world.target->commit("one"));
  EXPECT_EQ(text_of(world.disk, "out/changes.jsonl"), "{\"a\":1}\nINSERT;\n");
  EXPECT_EQ(world.open(), "one");
}

TEST(FileTarget, WhatIsBehindTheCheckpointIsCut) {
  World world;
  world.open();
  EXPECT_TRUE(send(*world.target, "a"));
  EXPECT_TRUE(world.target->commit("one"));
  EXPECT_TRUE(send(*world.target, std::string(3 << 20, 'x')));  // written before its commit
  EXPECT_GT(text_of(world.disk, "out/changes.jsonl").size(), 1u << 20);
  EXPECT_EQ(world.open(), "one");
  EXPECT_EQ(text_of(world.disk, "out/changes.jsonl"), "a\n");
}

TEST(FileTarget, NothingOfOthersIsTouched) {
  World world;
  ASSERT_TRUE(world.disk.make_directories("out"));
  {
    const auto file = world.disk.open("out/changes.jsonl", io::OpenMode::kCreateNew);
    ASSERT_TRUE((*file)->write_at(0, as_bytes("mine")));
  }
  EXPECT_THAT(world.open(), HasSubstr("is there already"));
  EXPECT_EQ(text_of(world.disk, "out/changes.jsonl"), "mine");
}

TEST(FileTarget, AShorterFileIsNotGuessedAbout) {
  World world;
  world.open();
  EXPECT_TRUE(send(*world.target, "abc"));
  EXPECT_TRUE(world.target->commit("one"));
  {
    const auto file = world.disk.open("out/changes.jsonl", io::OpenMode::kWrite);
    ASSERT_TRUE((*file)->truncate(2));
  }
  EXPECT_THAT(world.open(), HasSubstr("has 2 bytes, its checkpoint tells of 4"));
}

TEST(FileTarget, AFileMovedAwayIsFollowedByANewOne) {
  World world;
  world.open();
  EXPECT_TRUE(send(*world.target, "a"));
  EXPECT_TRUE(world.target->commit("one"));
  ASSERT_TRUE(world.disk.rename("out/changes.jsonl", "out/yesterday.jsonl"));
  EXPECT_EQ(world.open(), "one");
  EXPECT_TRUE(send(*world.target, "b"));
  EXPECT_TRUE(world.target->commit("two"));
  EXPECT_EQ(text_of(world.disk, "out/changes.jsonl"), "b\n");
}

TEST(FileTarget, RotatesByBytesAndTime) {
  World world;
  world.options.rotate_bytes = 4;
  world.options.rotate_ms = 1000;
  world.open();
  const auto put = [&](const char* text) {
    EXPECT_TRUE(send(*world.target, text));
    EXPECT_TRUE(world.target->commit(text));
  };
  put("a");
  put("b");  // four bytes
  put("c");
  world.clock.us += 2'000'000;
  put("d");  // the file of "c" is old
  EXPECT_EQ(world.open(), "d");
  put("e");
  EXPECT_EQ(text_of(world.disk, "out/changes.jsonl.000001"), "a\nb\n");
  EXPECT_EQ(text_of(world.disk, "out/changes.jsonl.000002"), "c\nd\n");
  EXPECT_EQ(text_of(world.disk, "out/changes.jsonl.000003"), "e\n");
  EXPECT_EQ(text_of(world.disk, "out/changes.jsonl.000004"), "(none)");
}

TEST(FileTarget, AnotherKindOfFileLeavesTheOldOneAlone) {
  World world;
  world.open();
  EXPECT_TRUE(send(*world.target, std::string(1000, 'a')));
  EXPECT_TRUE(world.target->commit("one"));
  world.options.compression = "gzip";
  EXPECT_EQ(world.open(), "one");
  EXPECT_TRUE(send(*world.target, "b"));
  EXPECT_TRUE(world.target->commit("two"));
  world.options.compression = "none";
  EXPECT_THAT(world.open(), HasSubstr("is there already"));
  EXPECT_EQ(text_of(world.disk, "out/changes.jsonl").size(), 1001u);
  world.options.rotate_bytes = 1;
  EXPECT_EQ(world.open(), "two");
  EXPECT_TRUE(send(*world.target, "c"));
  EXPECT_TRUE(world.target->commit("three"));
  EXPECT_EQ(text_of(world.disk, "out/changes.jsonl.000001"), "c\n");
}

std::string gunzipped(const std::string& bytes) {
  std::string out;
  z_stream state{};
  EXPECT_EQ(inflateInit2(&state, 15 + 16), Z_OK);
  state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  state.avail_in = static_cast<uInt>(bytes.size());
  while (state.avail_in > 0) {
    char block[4096];
    state.next_out = reinterpret_cast<Bytef*>(block);
    state.avail_out = sizeof block;
    const int result = inflate(&state, Z_NO_FLUSH);
    out.append(block, sizeof block - state.avail_out);
    if (result == Z_STREAM_END) inflateReset(&state);
    if (result != Z_OK && result != Z_STREAM_END) break;
  }
  inflateEnd(&state);
  return out;
}

std::string unzstd(const std::string& bytes) {
  std::string out;
  ZSTD_DCtx* state = ZSTD_createDCtx();
  ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
  while (input.pos < input.size) {
    char block[4096];
    ZSTD_outBuffer output{block, sizeof block, 0};
    if (ZSTD_isError(ZSTD_decompressStream(state, &output, &input)) != 0) break;
    out.append(block, output.pos);
  }
  ZSTD_freeDCtx(state);
  return out;
}

TEST(FileTarget, CompressedFilesAreWholeAtEachCommit) {
  struct Case {
    const char* compression;
    const char* path;
    std::string (*read)(const std::string&);
  };
  for (const Case& c : {Case{"gzip", "out/changes.jsonl.gz", gunzipped},
                        Case{"zstd", "out/changes.jsonl.zst", unzstd}}) {
    World world;
    world.options.compression = c.compression;
    world.open();
    std::string want;
    for (int i = 0; i < 3; ++i) {
      const std::string line(1000, static_cast<char>('a' + i));
      EXPECT_TRUE(send(*world.target, line));
      EXPECT_TRUE(world.target->commit(std::to_string(i)));
      want += line + "\n";
      EXPECT_EQ(c.read(text_of(world.disk, c.path)), want) << c.compression;
      EXPECT_TRUE(send(*world.target, "cut"));
      EXPECT_EQ(world.open(), std::to_string(i));
    }
  }
}

TEST(FileTarget, WhatMakesNoSense) {
  World world;
  world.options.compression = "lz4";
  EXPECT_EQ(world.open(), "compression is \"lz4\"; must be one of none, gzip, zstd");
  world.options = file_options();
  world.options.path = "-";
  world.options.rotate_bytes = 1;
  EXPECT_EQ(world.open(), "standard output (path = \"-\") cannot be rotated");
}

// A life: numbered messages go out in transactions of random size, with crashes at random places, and who opens the target
// again goes on behind its checkpoint. At the end every number is there once, in order.
void live(uint64_t seed, const SinkOptions& options) {
  std::mt19937_64 random(seed);
  World world;
  world.options = options;
  constexpr uint64_t kMessages = 200;
  uint64_t next = 0;
  for (int crashes = 0; next < kMessages; ++crashes) {
    ASSERT_LT(crashes, 1000);
    const std::string kept = world.open();
    if (kept != "(none)" && kept.find_first_not_of("0123456789") != std::string::npos) {
      FAIL() << "seed " << seed << ": " << kept;
    }
    next = kept == "(none)" ? 0 : std::stoull(kept);
    if (random() % 4 == 0) world.disk.fail_sync(1 + random() % 4);
    const bool room = random() % 4 != 0;
    if (!room) world.disk.set_capacity(random() % 20'000);
    bool failed = false;
    for (uint64_t steps = random() % 60; steps > 0 && next < kMessages && !failed; --steps) {
      failed = !send(*world.target, std::to_string(next) + std::string(random() % 400, '.'));
      world.clock.us += random() % 100'000;
      if (failed) break;
      ++next;
      if (random() % 5 == 0 || next == kMessages) {
        failed = !world.target->commit(std::to_string(next));
      }
    }
    world.target.reset();
    world.disk.set_capacity(UINT64_MAX);
    world.disk.fail_sync(0);
    if (random() % 2 == 0 || failed) world.disk.crash(random());
    if (next == kMessages) {
      const std::string last = world.open();
      next = last == "(none)" ? 0 : std::stoull(last);
      world.target.reset();
    }
  }
  std::string all;
  if (options.rotate_bytes == 0) all = text_of(world.disk, options.path);
  for (int number = 1; options.rotate_bytes > 0; ++number) {
    std::string digits = std::to_string(number);
    digits.insert(0, 6 - digits.size(), '0');
    if (!world.disk.exists(options.path + "." + digits)) break;
    all += text_of(world.disk, options.path + "." + digits);
  }
  uint64_t expected = 0;
  for (size_t begin = 0; begin < all.size(); ++expected) {
    const size_t end = all.find('\n', begin);
    ASSERT_NE(end, std::string::npos) << "seed " << seed;
    ASSERT_EQ(std::stoull(all.substr(begin, end - begin)), expected) << "seed " << seed;
    begin = end + 1;
  }
  EXPECT_EQ(expected, kMessages) << "seed " << seed;
}

TEST(FileTarget, CrashesAnywhereLoseAndDoubleNothing) {
  for (uint64_t seed = 1; seed <= 300 && !HasFatalFailure(); ++seed) {
    SinkOptions options = file_options();
    if (seed % 2 == 0) options.rotate_bytes = 2000;
    if (seed % 4 == 0) options.rotate_ms = 500;
    live(seed, options);
  }
}

}  // namespace
}  // namespace binbus::sink
