#include "mysql/packet.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "io/tls.h"

namespace binbus::mysql {
namespace {

constexpr size_t kLimit = 64 << 20;

struct Channels {
  std::unique_ptr<PacketChannel> near, far;
  Channels() {
    int sockets[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    near = std::make_unique<PacketChannel>(io::make_socket_stream(sockets[0], "near"));
    far = std::make_unique<PacketChannel>(io::make_socket_stream(sockets[1], "far"));
  }
  Status send_raw(std::initializer_list<uint8_t> bytes) {
    const ByteVector raw(bytes);
    return near->stream().write_all(Bytes(raw));
  }
};

ByteVector pattern(size_t bytes) {
  ByteVector result(bytes);
  for (size_t i = 0; i < bytes; i++) result[i] = static_cast<uint8_t>(i * 7 + i / 251);
  return result;
}

struct SizeCase {
  const char* name;
  size_t bytes;
};
const SizeCase kSizeCases[] = {
    {"empty", 0},
    {"one", 1},
    {"buffer", 256 * 1024 - 4},
    {"buffer_and_one", 256 * 1024 - 3},
    {"one_packet_less_one", kPacketPayloadMax - 1},
    {"one_packet", kPacketPayloadMax},
    {"one_packet_and_one", kPacketPayloadMax + 1},
    {"two_packets", 2 * kPacketPayloadMax},
};

class PacketSizes : public testing::TestWithParam<SizeCase> {};

// However it is written, it arrives in one piece, and the next packet after it too.
TEST_P(PacketSizes, ArriveWhole) {
  Channels channels;
  const ByteVector payload = pattern(GetParam().bytes);
  std::thread writer([&] {
    EXPECT_TRUE(channels.near->write(payload));
    EXPECT_TRUE(channels.near->write(Bytes(payload).first(payload.size() / 3),
                                     Bytes(payload).subspan(payload.size() / 3)));
    EXPECT_TRUE(channels.near->begin(payload.size()));
    for (Bytes rest = payload; !rest.empty();) {
      EXPECT_TRUE(channels.near->within_packet());
      const size_t piece = std::min<size_t>(rest.size(), 100'000);
      EXPECT_TRUE(channels.near->append(rest.first(piece)));
      rest = rest.subspan(piece);
    }
    EXPECT_FALSE(channels.near->within_packet());
    EXPECT_TRUE(channels.near->write(as_bytes("next")));
    EXPECT_TRUE(channels.near->flush());
  });
  for (int i = 0; i < 3; i++) {
    const auto got = channels.far->read(kLimit);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_TRUE(std::ranges::equal(*got, payload));
  }
  const auto next = channels.far->read(kLimit);
  ASSERT_TRUE(next);
  EXPECT_EQ(as_text(*next), "next");
  EXPECT_EQ(channels.far->sequence(), channels.near->sequence());
  writer.join();
}
INSTANTIATE_TEST_SUITE_P(Packet, PacketSizes, testing::ValuesIn(kSizeCases),
                         [](const auto& param) { return param.param.name; });

TEST(Packet, NothingIsSentBeforeFlush) {
  Channels channels;
  ASSERT_TRUE(channels.near->write(as_bytes("x")));
  EXPECT_FALSE(*channels.far->stream().wait_readable(0));
  ASSERT_TRUE(channels.near->flush());
  EXPECT_TRUE(*channels.far->stream().wait_readable(0));
}

TEST(Packet, ManySmallOnesComeInOrder) {
  Channels channels;
  std::thread writer([&] {
    for (uint32_t i = 0; i < 20'000; i++) {
      const std::string text = "event " + std::to_string(i);
      EXPECT_TRUE(channels.near->write(as_bytes("#"), as_bytes(text)));
    }
    EXPECT_TRUE(channels.near->flush());
  });
  bool in_order = true;
  for (uint32_t i = 0; i < 20'000; i++) {
    const auto got = channels.far->read(100);
    in_order = in_order && got && as_text(*got) == "#event " + std::to_string(i);
  }
  writer.join();
  EXPECT_TRUE(in_order);
}

TEST(Packet, ReadTakesNoByteTooMany) {
  Channels channels;
  ASSERT_TRUE(channels.send_raw({1, 0, 0, 0, 'a', 0x16, 0x03}));
  EXPECT_EQ(as_text(*channels.far->read(10)), "a");
  uint8_t rest[10];
  EXPECT_EQ(*channels.far->stream().read_some(rest), 2u);
}

TEST(Packet, ALongOneIsNotHeldForEver) {
  Channels channels;
  const ByteVector payload = pattern(1 << 20);
  std::thread writer([&] {
    EXPECT_TRUE(channels.near->write(payload) && channels.near->write(as_bytes("next")));
    EXPECT_TRUE(channels.near->flush());
  });
  ASSERT_TRUE(channels.far->read(kLimit));
  EXPECT_GE(channels.far->held_bytes(), payload.size());
  channels.far->forget_packet();
  EXPECT_LT(channels.far->held_bytes(), 100'000u);
  EXPECT_EQ(as_text(*channels.far->read(kLimit)), "next");
  writer.join();
}

TEST(Packet, ThereMayBeNone) {
  Channels channels;
  const auto none = channels.far->read_if_any(10, 1);
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  ASSERT_TRUE(channels.send_raw({1, 0, 0, 0, 'a', 1, 0, 0, 1, 'b'}));
  for (const char* want : {"a", "b"}) {
    const auto some = channels.far->read_if_any(10, 1000);
    ASSERT_TRUE(some && *some);
    EXPECT_EQ(as_text(**some), want);
  }
  channels.near.reset();
  EXPECT_EQ(channels.far->read_if_any(10, 1000).error().code, Code::kNetwork);
}

// TLS brings more than packets: what woke the reader may be bytes of its own, and the next packet still is to come.
TEST(Packet, BytesThatTlsKeepsForItselfAreNone) {
  const auto server_tls = io::TlsServer::open({});
  ASSERT_TRUE(server_tls);
  Channels channels;
  std::thread client(
      [&] { EXPECT_TRUE(io::tls_connect(channels.near->owned_stream(), {}, 5000)); });
  EXPECT_TRUE((*server_tls)->accept(channels.far->owned_stream(), 5000));
  client.join();
  // A TLS record of which only the head has come.
  const uint8_t head[] = {0x17, 0x03, 0x03, 0x00, 0x40};
  ASSERT_EQ(::send(channels.near->stream().descriptor(), head, sizeof head, 0), 5);
  ASSERT_TRUE(*channels.far->stream().wait_readable(1000));
  const auto none = channels.far->read_if_any(10, 1);
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_FALSE(*none);
}

TEST(Packet, AnotherSequenceNumberIsCorrupt) {
  Channels channels;
  ASSERT_TRUE(channels.send_raw({1, 0, 0, 5, 'a'}));
  EXPECT_EQ(channels.far->read(10).error().code, Code::kCorrupt);
}

TEST(Packet, LongerThanAllowedIsRefusedBeforeItIsRead) {
  Channels channels;
  ASSERT_TRUE(channels.send_raw({11, 0, 0, 0}));
  EXPECT_EQ(channels.far->read(10).error().code, Code::kLimit);
}

TEST(Packet, APeerThatLeavesIsNetwork) {
  Channels channels;
  ASSERT_TRUE(channels.send_raw({11, 0, 0, 0, 'a'}));
  channels.near.reset();
  EXPECT_EQ(channels.far->read(20).error().code, Code::kNetwork);
}

}  // namespace
}  // namespace binbus::mysql
