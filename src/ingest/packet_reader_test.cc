#include "ingest/packet_reader.h"

#include <gtest/gtest.h>

#include "ingest/dump_testing.h"

namespace binbus::ingest {
namespace {

using namespace testing_dump;

struct Read {
  std::vector<ByteVector> events;
  std::vector<bool> acks;
  std::optional<Error> error;
};

// Feeds `stream` in receives of at most `step` bytes, and puts the pieces together.
Read read_all(const ByteVector& stream, size_t step, size_t buffer = 256 * 1024) {
  Read out;
  PacketReader reader(buffer);
  ByteVector event;
  for (size_t at = 0;;) {
    auto piece = reader.next();
    if (!piece) {
      out.error = piece.error();
      return out;
    }
    if (*piece) {
      if ((*piece)->first) event.clear();
      event.insert(event.end(), (*piece)->bytes.begin(), (*piece)->bytes.end());
      if (!(*piece)->last) continue;
      EXPECT_EQ(event.size(), (*piece)->header.size);
      out.events.push_back(event);
      out.acks.push_back((*piece)->ack_wanted);
      continue;
    }
    if (at == stream.size()) return out;
    const std::span<uint8_t> space = reader.space();
    EXPECT_FALSE(space.empty());
    const size_t count = std::min({step, space.size(), stream.size() - at});
    std::copy_n(stream.begin() + static_cast<ptrdiff_t>(at), count, space.begin());
    reader.filled(count);
    at += count;
  }
}

SourceFile small_file() {
  SourceFile file("binlog.000001", "");
  file.transaction(kUuidA, 1).transaction(kUuidA, 2, 3000);
  return file;
}

TEST(PacketReader, gives_the_events_whatever_the_cuts) {
  const SourceFile file = small_file();
  const ByteVector stream = dump(file);
  std::vector<ByteVector> want = {fake_rotate(file.name(), 4)};
  want.insert(want.end(), file.events().begin(), file.events().end());
  for (size_t step = 1; step < 400; ++step) {
    const Read read = read_all(stream, step);
    EXPECT_FALSE(read.error) << step;
    EXPECT_EQ(read.events, want) << step;
  }
}

TEST(PacketReader, joins_packets_of_16_mb_at_every_boundary) {
  constexpr size_t kMax = 0xffffff;
  constexpr size_t kOverhead = binlog::kHeaderBytes + binlog::kChecksumBytes + 1;
  for (const size_t payload : {kMax - 1, kMax, kMax + 1, 2 * kMax, 2 * kMax + 7}) {
    SourceFile file("binlog.000001", "");
    file.event(30, ByteVector(payload - kOverhead, 7)).event(binlog::kXidEvent, ByteVector(8));
    const Read read = read_all(dump(file), 100'000);
    EXPECT_FALSE(read.error) << payload;
    ASSERT_EQ(read.events.size(), 5U) << payload;
    EXPECT_EQ(read.events[3], file.events()[2]) << payload;
    EXPECT_EQ(read.events[4], file.events()[3]) << payload;
  }
}

TEST(PacketReader, semi_sync_is_seen_from_the_first_event_on) {
  const SourceFile file = small_file();
  const ByteVector stream = concat({packets(fake_rotate(file.name(), 4), SemiSync::kOn),
                                    packets(file.events()[0], SemiSync::kOn),
                                    packets(file.events()[5], SemiSync::kAckWanted)});
  for (const size_t step : {1U, 2U, 3U, 1000U}) {
    const Read read = read_all(stream, step);
    EXPECT_EQ(read.acks, (std::vector<bool>{false, false, true}));
    EXPECT_EQ(read.events[2], file.events()[5]);
  }
}

TEST(PacketReader, a_timestamp_like_semi_syncs_mark_is_no_mark) {
  SourceFile file("binlog.000001", "", 0x650000ef);
  const Read read = read_all(dump(file), 50);
  EXPECT_FALSE(read.error);
  EXPECT_EQ(read.events[1], file.events()[0]);
}

TEST(PacketReader, the_sources_error_comes_with_its_number) {
  const Read read = read_all(error_packet(1236, "Could not find first log file name"), 7);
  ASSERT_TRUE(read.error);
  EXPECT_EQ(read.error->code, Code::kRemote);
  EXPECT_EQ(read.error->mysql_errno, 1236);
  EXPECT_NE(read.error->message.find("Could not find first log file name"), std::string::npos);
}

struct BadCase {
  const char* name;
  ByteVector stream;
  Code want;
};

TEST(PacketReader, refuses_what_is_no_dump) {
  const ByteVector event = small_file().events()[2];
  ByteVector short_packet = packets(event);
  store_le<3>(short_packet.data(), event.size());  // one byte less than the event
  ByteVector long_packet = packets(event);
  store_le<3>(long_packet.data(), event.size() + 2);
  ByteVector tiny_event = packets(event);
  store_le<4>(tiny_event.data() + 4 + 1 + 9, 18);
  ByteVector no_mark = concat({packets(fake_rotate("b.000001", 4), SemiSync::kOn), packets(event)});
  const BadCase cases[] = {
      {"end_of_stream", {1, 0, 0, 5, 0xfe}, Code::kNetwork},
      {"empty_packet", {0, 0, 0, 1, 0, 0, 0, 0}, Code::kCorrupt},
      {"not_ok", {40, 0, 0, 1, 0x0a}, Code::kCorrupt},
      {"packet_shorter_than_event", short_packet, Code::kCorrupt},
      {"packet_longer_than_event", long_packet, Code::kCorrupt},
      {"event_smaller_than_a_header", tiny_event, Code::kCorrupt},
      {"semi_sync_mark_missing", no_mark, Code::kCorrupt},
  };
  for (const BadCase& bad : cases) {
    const Read read = read_all(bad.stream, 1000);
    ASSERT_TRUE(read.error) << bad.name;
    EXPECT_EQ(read.error->code, bad.want) << bad.name;
  }
}

}  // namespace
}  // namespace binbus::ingest
