#include "raft/node_frame.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>

#include "binlog/event.h"

namespace binbus::raft {
namespace {

struct Pair {
  std::unique_ptr<io::Stream> near, far;
  Pair() {
    int sockets[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    near = io::make_socket_stream(sockets[0], "near");
    far = io::make_socket_stream(sockets[1], "far");
  }
};

FrameView message(std::string_view group, std::string_view head, std::string_view body = "") {
  return {
      .type = FrameType::kMessage, .name = group, .head = as_bytes(head), .body = as_bytes(body)};
}

std::string text(const Frame& frame) {
  return frame.name + ":" + std::string(as_text(frame.head)) + "+" +
         std::string(as_text(frame.body));
}

// A whole frame, so that it can be damaged.
ByteVector bytes_of(const FrameView& frame) {
  ByteVector bytes = frame_without_body(frame).value();
  bytes.insert(bytes.end(), frame.body.begin(), frame.body.end());
  return bytes;
}

void sum_header(ByteVector& bytes) {
  store_le<4>(bytes.data() + 16, binlog::crc32(0, Bytes(bytes).first(16)));
}

TEST(NodeFrame, WhatIsWrittenIsRead) {
  Pair pair;
  ASSERT_TRUE(write_frame(*pair.near, message("shop", "head", "body")));
  ASSERT_TRUE(write_frame(*pair.near, {.type = FrameType::kPing}));
  FrameReader reader(*pair.far, 1024);
  const auto first = reader.next();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->type, FrameType::kMessage);
  EXPECT_EQ(text(*first), "shop:head+body");
  EXPECT_EQ(first->bytes(), kFrameHeaderBytes + 12);
  const auto second = reader.next();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->type, FrameType::kPing);
  EXPECT_EQ(text(*second), ":+");
}

TEST(NodeFrame, PartsThatAreTooLongAreNotSent) {
  const std::string name(kFrameNameBytesMax + 1, 'x');
  EXPECT_EQ(frame_without_body(message(name, "")).error().code, Code::kLimit);
  const std::string head(kFrameHeadBytesMax + 1, 'x');
  EXPECT_EQ(frame_without_body(message("", head)).error().code, Code::kLimit);
  const std::string body(kFrameBodyBytesMax + 1, 'x');
  EXPECT_EQ(frame_without_body(message("", "", body)).error().code, Code::kLimit);
  EXPECT_TRUE(
      frame_without_body(message(std::string_view(name).substr(1), std::string_view(head).substr(1),
                                 std::string_view(body).substr(1))));
}

struct DamageCase {
  const char* name;
  std::function<void(ByteVector&)> damage;
  const char* want;
};
const DamageCase kDamageCases[] = {
    {"type",
     [](ByteVector& b) {
       b[0] = 7;
       sum_header(b);
     },
     "unknown type"},
    {"type_zero",
     [](ByteVector& b) {
       b[0] = 0;
       sum_header(b);
     },
     "unknown type"},
    {"reserved",
     [](ByteVector& b) {
       b[1] = 1;
       sum_header(b);
     },
     "unknown type"},
    {"header", [](ByteVector& b) { b[9] ^= 1; }, "header does not match its checksum"},
    {"name_too_long",
     [](ByteVector& b) {
       store_le<2>(&b[2], 256);
       sum_header(b);
     },
     "too long"},
    {"head_too_long",
     [](ByteVector& b) {
       store_le<4>(&b[4], (1 << 20) + 1);
       sum_header(b);
     },
     "too long"},
    {"body_too_long",
     [](ByteVector& b) {
       store_le<4>(&b[8], UINT32_MAX);
       sum_header(b);
     },
     "too long"},
    {"name", [](ByteVector& b) { b[20] ^= 1; }, "does not match its checksum"},
    {"head", [](ByteVector& b) { b[24] ^= 1; }, "does not match its checksum"},
    {"body", [](ByteVector& b) { b[28] ^= 1; }, "does not match its checksum"},
};

TEST(NodeFrame, DamageIsCorrupt) {
  for (const DamageCase& damaged : kDamageCases) {
    SCOPED_TRACE(damaged.name);
    ByteVector bytes = bytes_of(message("shop", "head", "body"));
    damaged.damage(bytes);
    for (const bool waiting : {false, true}) {
      Pair pair;
      ASSERT_TRUE(pair.near->write_all(bytes));
      FrameReader reader(*pair.far, 1024);
      Status read = ok();
      if (waiting) {
        if (const auto frame = reader.next(); !frame) read = fail(frame.error());
      } else {
        if (const auto frame = reader.next_arrived(); !frame) read = fail(frame.error());
      }
      ASSERT_FALSE(read);
      EXPECT_EQ(read.error().code, Code::kCorrupt);
      EXPECT_NE(read.error().message.find(damaged.want), std::string::npos) << read.error().message;
    }
  }
}

TEST(NodeFrame, AReaderMayExpectLess) {
  Pair pair;
  ASSERT_TRUE(write_frame(*pair.near, message("", "", std::string(81, 'x'))));
  FrameReader reader(*pair.far, 100, 100);
  EXPECT_EQ(reader.next_arrived().error().code, Code::kCorrupt);
  Pair other;
  ASSERT_TRUE(write_frame(*other.near, message("", "", std::string(80, 'x'))));
  FrameReader just(*other.far, 100, 100);
  EXPECT_TRUE(just.next_arrived().value());
}

TEST(NodeFrame, ArrivedIsWhatIsWhole) {
  Pair pair;
  FrameReader reader(*pair.far, 100);
  EXPECT_FALSE(reader.next_arrived().value());
  const ByteVector bytes = bytes_of(message("shop", "head", "body"));
  ASSERT_TRUE(pair.near->write_all(bytes));
  ASSERT_TRUE(pair.near->write_all(Bytes(bytes).first(30)));
  EXPECT_TRUE(reader.next_arrived().value());
  EXPECT_FALSE(reader.next_arrived().value());
  ASSERT_TRUE(pair.near->write_all(Bytes(bytes).subspan(30)));
  const auto second = reader.next_arrived();
  ASSERT_TRUE(second.value());
  EXPECT_EQ(text(**second), "shop:head+body");
}

TEST(NodeFrame, FramesLongerThanTheBufferAreWaitedForAlone) {
  Pair pair;
  const std::string body(1000, 'x');
  ASSERT_TRUE(write_frame(*pair.near, message("a", "1")));
  ASSERT_TRUE(write_frame(*pair.near, message("b", "2", body)));
  ASSERT_TRUE(write_frame(*pair.near, message("c", "3")));
  FrameReader reader(*pair.far, 64);
  EXPECT_EQ(text(*reader.next_arrived().value()), "a:1+");
  EXPECT_FALSE(reader.next_arrived().value());
  EXPECT_EQ(text(reader.next().value()), "b:2+" + body);
  EXPECT_EQ(text(*reader.next_arrived().value()), "c:3+");
}

TEST(NodeFrame, TheEndOfTheStreamIsItsError) {
  Pair pair;
  ASSERT_TRUE(pair.near->write_all(Bytes(bytes_of(message("shop", "head"))).first(25)));
  pair.near.reset();
  FrameReader reader(*pair.far, 100);
  EXPECT_EQ(reader.next_arrived().error().code, Code::kNetwork);
  EXPECT_EQ(reader.next().error().code, Code::kNetwork);
}

}  // namespace
}  // namespace binbus::raft
