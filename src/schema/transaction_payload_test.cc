#include "schema/transaction_payload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include "schema/fields_testing.h"

namespace binbus::schema {
namespace {

using namespace testing_fields;

constexpr uint64_t kLimit = 1 << 20;

ByteVector zstd(Bytes bytes) {
  ByteVector out(ZSTD_compressBound(bytes.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
  return out;
}

// Three events, the middle one large.
ByteVector three_events() {
  ByteVector all;
  for (const size_t body : {0U, 300'000U, 5U}) {
    ByteVector event = event_of(binlog::kQueryEvent, "");
    for (size_t i = 0; i < body; ++i) event.push_back(static_cast<uint8_t>(i * i >> 3));
    binlog::store_header(
        event.data(), {.type = binlog::kQueryEvent, .size = static_cast<uint32_t>(event.size())});
    all.insert(all.end(), event.begin(), event.end());
  }
  return all;
}

struct Read {
  std::vector<size_t> sizes;
  Status status;
};

Read read(const PayloadHead& head, Bytes payload, size_t piece, uint64_t limit = kLimit) {
  Read out;
  PayloadReader reader(head, limit);
  for (size_t at = 0; at < payload.size(); at += piece) {
    reader.feed(payload.subspan(at, std::min(piece, payload.size() - at)));
    while (true) {
      const auto event = reader.next();
      if (!event) {
        out.status = fail(event.error());
        return out;
      }
      if (!*event) break;
      out.sizes.push_back((*event)->size());
    }
  }
  out.status = reader.check_ended();
  return out;
}

PayloadHead head_of(PayloadCompression compression, size_t payload, size_t uncompressed) {
  return {.compression = compression, .payload_bytes = payload, .uncompressed_bytes = uncompressed};
}

TEST(Payload, EventsComeOutWhateverThePieces) {
  const ByteVector events = three_events();
  const ByteVector packed = zstd(events);
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{4096}, events.size()}) {
    const Read zstd_read =
        read(head_of(PayloadCompression::kZstd, packed.size(), events.size()), packed, piece);
    EXPECT_TRUE(zstd_read.status) << zstd_read.status.error().message;
    EXPECT_THAT(zstd_read.sizes, testing::ElementsAre(19, 300'019, 24));
    const Read plain_read =
        read(head_of(PayloadCompression::kNone, events.size(), events.size()), events, piece);
    EXPECT_TRUE(plain_read.status) << plain_read.status.error().message;
    EXPECT_THAT(plain_read.sizes, testing::ElementsAre(19, 300'019, 24));
  }
}

TEST(Payload, EventOverTheLimitIsNamed) {
  const ByteVector packed = zstd(three_events());
  const Read limited =
      read(head_of(PayloadCompression::kZstd, packed.size(), 0), packed, packed.size(), 1000);
  ASSERT_FALSE(limited.status);
  EXPECT_EQ(limited.status.error().code, Code::kLimit);
  EXPECT_THAT(limited.status.error().message, testing::HasSubstr("an event of 300019 bytes"));
}

TEST(Payload, DamageIsSaid) {
  const ByteVector events = three_events();
  ByteVector packed = zstd(events);
  const PayloadHead head = head_of(PayloadCompression::kZstd, packed.size(), events.size());
  EXPECT_EQ(read(head, Bytes(packed).first(packed.size() - 1), 4096).status.error().code,
            Code::kTruncated);
  PayloadHead lie = head;
  lie.uncompressed_bytes -= 1;
  EXPECT_EQ(read(lie, packed, 4096).status.error().code, Code::kCorrupt);
  packed[0] ^= 1;
  EXPECT_EQ(read(head, packed, 4096).status.error().code, Code::kCorrupt);
  const ByteVector zeros(40);
  EXPECT_EQ(read(head_of(PayloadCompression::kNone, 40, 40), zeros, 40).status.error().code,
            Code::kCorrupt);
}

TEST(PayloadHead, IsReadFieldByField) {
  const ByteVector event =
      event_of(binlog::kTransactionPayloadEvent, "02 01 00 01 01 7c 09 02 0505 03 01 b3 00 aabb");
  const auto head = parse_transaction_payload(event);
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->compression, PayloadCompression::kZstd);
  EXPECT_EQ(head->payload_bytes, 0x7cU);
  EXPECT_EQ(head->uncompressed_bytes, 0xb3U);
  EXPECT_EQ(head->payload_at, event.size() - 2);
  EXPECT_EQ(parse_transaction_payload(Bytes(event).first(25)).error().code, Code::kTruncated);
  EXPECT_EQ(parse_transaction_payload(event_of(40, "02 01 07 00")).error().code,
            Code::kUnsupported);
}

}  // namespace
}  // namespace binbus::schema
