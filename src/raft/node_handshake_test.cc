#include "raft/node_handshake.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <sstream>

#include "binlog/event.h"
#include "raft/node_frame.h"

namespace binbus::raft {
namespace {

const NodeIdentity kNode = {0x1122334455667788, "a", "shop", "db1:3400"};

TEST(NodeHello, WhatIsWrittenIsRead) {
  const auto hello = decode_hello(encode_hello({Purpose::kBulk, kNode, "no"}));
  ASSERT_TRUE(hello) << hello.error().message;
  EXPECT_EQ(hello->purpose, Purpose::kBulk);
  EXPECT_EQ(hello->from, kNode);
  EXPECT_EQ(hello->refusal, "no");
}

struct VersionsCase {
  const char* name;
  Versions self, other;
  std::optional<uint16_t> shared;
};
const VersionsCase kVersionsCases[] = {
    {"equal", {1, 1}, {1, 1}, 1},
    {"one_is_newer", {1, 1}, {1, 2}, 1},
    {"one_is_newer_by_two", {2, 3}, {3, 5}, 3},
    {"the_newest_that_both_speak", {1, 4}, {2, 6}, 4},
    {"just_too_new", {1, 2}, {3, 4}, std::nullopt},
    {"none", {1, 1}, {2, 0}, std::nullopt},
};

TEST(NodeHello, NodesSpeakTheNewestVersionThatTheyShare) {
  for (const VersionsCase& each : kVersionsCases) {
    SCOPED_TRACE(each.name);
    for (const auto& shared :
         {shared_version(each.self, each.other), shared_version(each.other, each.self)}) {
      ASSERT_EQ(shared.has_value(), each.shared.has_value());
      if (shared) {
        EXPECT_EQ(*shared, *each.shared);
      } else {
        EXPECT_EQ(shared.error().code, Code::kUnsupported);
      }
    }
  }
}

TEST(NodeHello, VersionsThatAreNotSharedAreNamed) {
  EXPECT_EQ(shared_version({1, 1}, {3, 4}).error().message,
            "the other node speaks versions 3 to 4 of the nodes' protocol, this one version 1: "
            "upgrade the older binbus");
  const auto hello = decode_hello(encode_hello({Purpose::kBulk, kNode, "", {7, 7}}));
  ASSERT_FALSE(hello);
  EXPECT_EQ(hello.error().code, Code::kUnsupported);
}

TEST(NodeHello, OfANewerNodeThatSpeaksThisVersionTooIsTaken) {
  const auto hello = decode_hello(encode_hello({Purpose::kBulk, kNode, "", {1, 2}}));
  ASSERT_TRUE(hello) << hello.error().message;
  EXPECT_EQ(hello->versions.newest, 2);
}

struct DamageCase {
  const char* name;
  std::function<void(ByteVector&)> damage;
  Code want;
};
void sum(ByteVector& b) {
  store_le<4>(b.data() + b.size() - 4, binlog::crc32(0, Bytes(b).first(b.size() - 4)));
}
const DamageCase kDamageCases[] = {
    {"empty", [](ByteVector& b) { b.clear(); }, Code::kTruncated},
    {"magic", [](ByteVector& b) { b[0] = 'B'; }, Code::kCorrupt},
    {"too_long", [](ByteVector& b) { store_le<4>(&b[12], 4081); }, Code::kCorrupt},
    {"longest", [](ByteVector& b) { store_le<4>(&b[12], 4080); }, Code::kTruncated},
    {"no_room_for_the_checksum",
     [](ByteVector& b) {
       store_le<4>(&b[12], 3);
       b.resize(19);
     },
     Code::kTruncated},
    {"cut", [](ByteVector& b) { b.pop_back(); }, Code::kTruncated},
    {"bit", [](ByteVector& b) { b[30] ^= 1; }, Code::kCorrupt},
    {"purpose",
     [](ByteVector& b) {
       b[16] = 4;
       sum(b);
     },
     Code::kCorrupt},
    {"no_id",
     [](ByteVector& b) {
       store_le<8>(&b[17], 0);
       sum(b);
     },
     Code::kCorrupt},
    {"text_too_long",
     [](ByteVector& b) {
       store_le<2>(&b[25], 500);
       sum(b);
     },
     Code::kTruncated},
};

TEST(NodeHello, DamageIsNamed) {
  for (const DamageCase& damaged : kDamageCases) {
    SCOPED_TRACE(damaged.name);
    ByteVector bytes = encode_hello({Purpose::kBulk, kNode});
    damaged.damage(bytes);
    const auto hello = decode_hello(bytes);
    ASSERT_FALSE(hello);
    EXPECT_EQ(hello.error().code, damaged.want) << hello.error().message;
  }
}

// --- docs/formats/node-protocol.md ------------------------------------------------------------------------------------

// As the page prints bytes: 16 a line, indented.
std::string dump(Bytes bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    text += i % 16 == 0 ? (i == 0 ? "    " : "\n    ") : " ";
    constexpr std::string_view kDigits = "0123456789abcdef";
    (text += kDigits[bytes[i] >> 4]) += kDigits[bytes[i] & 15];
  }
  return text + "\n";
}

TEST(NodeProtocolPage, ItsExampleIsWhatIsSent) {
  std::ifstream file("docs/formats/node-protocol.md");
  std::stringstream page;
  page << file.rdbuf();
  ByteVector message = frame_without_body({.type = FrameType::kMessage,
                                           .name = "shop",
                                           .head = as_bytes("head"),
                                           .body = as_bytes("body")})
                           .value();
  const Bytes body = as_bytes("body");
  message.insert(message.end(), body.begin(), body.end());
  const uint8_t sent_at[8] = {0x40, 0x42, 0x0f};
  const ByteVector ping = frame_without_body({.type = FrameType::kPing, .head = sent_at}).value();
  for (const ByteVector& bytes : {encode_hello({Purpose::kUrgent, kNode}), message, ping})
    EXPECT_NE(page.str().find("\n" + dump(bytes)), std::string::npos) << dump(bytes);
}

}  // namespace
}  // namespace binbus::raft
