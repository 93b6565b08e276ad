// MySQL's Transaction_payload: a transaction's events in one, compressed. They come out one by one.
#pragma once

#include <memory>
#include <optional>

#include "base/bytes.h"

namespace binbus::schema {

enum class PayloadCompression : uint8_t { kZstd = 0, kNone = 255 };

struct PayloadHead {
  PayloadCompression compression = PayloadCompression::kNone;
  uint64_t payload_bytes = 0;       // in the event
  uint64_t uncompressed_bytes = 0;  // of the events in it
  size_t payload_at = 0;            // offset of the first payload byte in the event
};
// `prefix` starts at the event's header and holds at least its fields (kTruncated says when not). kUnsupported for another
// compression.
Result<PayloadHead> parse_transaction_payload(Bytes prefix);

// Takes the payload in pieces of any size and gives the events in it, which have no checksums. Holds one event and zstd's
// window (at most 128 MiB, else kLimit).
//
// Thread: one at a time. After an error nothing more comes.
class PayloadReader {
 public:
  PayloadReader(const PayloadHead& head, uint64_t event_bytes_max);
  ~PayloadReader();

  // `piece` stays the caller's and is used until next() returns none.
  void feed(Bytes piece);
  // The next whole event, good until the next call; none: more must be fed, or the payload has ended.
  // kCorrupt for what is no event; kLimit, naming the event's size, when it is over the limit.
  Result<std::optional<Bytes>> next();
  // To ask at the payload's end: kTruncated when it did not come whole.
  Status check_ended() const;

 private:
  struct Zstd;
  // Makes `event_` at least `size` bytes long, as far as bytes were fed; false when more must be.
  Result<bool> fill(size_t size);
  Status append_some(size_t wanted);

  PayloadHead head_;
  uint64_t event_bytes_max_;
  std::unique_ptr<Zstd> zstd_;
  Bytes fed_;
  uint64_t fed_bytes_ = 0;
  uint64_t given_bytes_ = 0;
  bool given_ = false;  // event_ was handed out
  ByteVector event_;
};

}  // namespace binbus::schema
