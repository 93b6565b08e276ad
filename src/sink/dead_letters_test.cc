#include "sink/dead_letters.h"

#include <gtest/gtest.h>

#include "io/simulated_disk.h"

namespace binbus::sink {
namespace {

DeadLetter letter(std::string id, std::optional<std::string> payload = "{}") {
  DeadLetter out;
  out.message = {
      "topic", "route", "key", std::move(id), std::move(payload), {Code::kLimit, "too large"}};
  out.position = "binlog.000007:4";
  out.after = "checkpoint";
  out.time_us = 1'700'000'000'123'456;
  out.timestamp_ms = 17;
  return out;
}

TEST(DeadLetters, ALine) {
  EXPECT_EQ(encode_dead_letter(letter("a")),
            R"({"after":"checkpoint","cause":"too large","code":"limit","id":"a","key":"key",)"
            R"("payload":"{}","position":"binlog.000007:4","routing_key":"route",)"
            R"("time":"2023-11-14T22:13:20.123Z","timestamp_ms":17,"topic":"topic"})");
}

TEST(DeadLetters, ThereAndBack) {
  DeadLetter unprinted = letter("unprinted", std::nullopt);
  unprinted.printed = false;
  for (const DeadLetter& one :
       {letter("text"), letter("tombstone", std::nullopt),
        letter("bytes", std::string("\xff\x00x", 3)), letter("bytes2", "\xff\xfe"),
        letter("bytes1", "\xff"), unprinted}) {
    const auto back = decode_dead_letter(encode_dead_letter(one));
    ASSERT_TRUE(back) << one.message.id;
    EXPECT_EQ(back->message.payload, one.message.payload) << one.message.id;
    EXPECT_EQ(back->printed, one.printed) << one.message.id;
    EXPECT_EQ(back->message.id, one.message.id);
    EXPECT_EQ(back->message.topic, "topic");
    EXPECT_EQ(back->message.routing_key, "route");
    EXPECT_EQ(back->message.key, "key");
    EXPECT_EQ(back->after, "checkpoint");
    EXPECT_EQ(back->timestamp_ms, 17u);
  }
}

TEST(DeadLetters, WhatIsNoLine) {
  const auto back = decode_dead_letter("{\"id\":");
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, Code::kCorrupt);
}

struct Replayed {
  std::vector<std::string> ids;
  Result<uint64_t> run(DeadLetters& letters, Status answer = ok()) {
    return letters.replay(
        [this](const DeadLetter& one) -> Status {
          ids.push_back(one.message.id);
          return ok();
        },
        [answer]() -> Status { return answer; });
  }
};

TEST(DeadLetters, ReplaysEachOnceAndKeepsWhatHasNoMessage) {
  io::SimulatedDisk disk;
  DeadLetters letters(disk, "data/d.jsonl");
  DeadLetter unprinted = letter("unprinted", std::nullopt);
  unprinted.printed = false;
  for (const DeadLetter& one : {letter("a"), unprinted, letter("b"), letter("a")}) {
    ASSERT_TRUE(letters.append(one));
  }
  Replayed first;
  EXPECT_EQ(first.run(letters), 2u);
  EXPECT_EQ(first.ids, (std::vector<std::string>{"a", "b"}));
  disk.crash(3);
  DeadLetters again(disk, "data/d.jsonl");
  Replayed second;
  EXPECT_EQ(second.run(again), 0u);
  EXPECT_TRUE(disk.exists("data/d.jsonl"));  // with the one that was not printed
}

TEST(DeadLetters, StayUntilTheReplayIsConfirmed) {
  io::SimulatedDisk disk;
  DeadLetters letters(disk, "data/d.jsonl");
  ASSERT_TRUE(letters.append(letter("a")));
  Replayed failed;
  EXPECT_FALSE(failed.run(letters, fail(Code::kNetwork, "gone")));
  ASSERT_TRUE(letters.append(letter("b")));
  ASSERT_TRUE(letters.sync());
  disk.crash(5);
  DeadLetters again(disk, "data/d.jsonl");
  Replayed old;
  EXPECT_EQ(old.run(again), 1u);
  EXPECT_EQ(old.ids, std::vector<std::string>{"a"});
  Replayed newer;
  EXPECT_EQ(newer.run(again), 1u);
  EXPECT_EQ(newer.ids, std::vector<std::string>{"b"});
}

TEST(DeadLetters, ATornLineIsCut) {
  io::SimulatedDisk disk;
  {
    const auto file = disk.open("data/d.jsonl", io::OpenMode::kCreateNew);
    const std::string text = encode_dead_letter(letter("a")) + "\n{\"id\":\"b";
    ASSERT_TRUE((*file)->write_at(0, as_bytes(text)));
  }
  DeadLetters letters(disk, "data/d.jsonl");
  ASSERT_TRUE(letters.append(letter("c")));
  Replayed replayed;
  EXPECT_EQ(replayed.run(letters), 2u);
  EXPECT_EQ(replayed.ids, (std::vector<std::string>{"a", "c"}));
}

}  // namespace
}  // namespace binbus::sink
