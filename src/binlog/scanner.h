// Walks a run of binlog bytes event by event: framing with 64-bit offsets, checksums, transaction ends. What ingest,
// import, recovery and the offline tools share.
//
// Feed it bytes in any pieces; it holds only what is needed of the event under way (its first kPrefixBytes), so an
// event of any size passes in bounded memory.
#pragma once

#include <functional>

#include "binlog/transaction_tracker.h"

namespace binbus::binlog {

class EventScanner {
 public:
  struct Options {
    uint64_t offset = 0;         // of the first byte fed, in its file; 0 expects the magic first
    FormatDescription format{};  // in force when offset > 0
    bool verify_checksums = true;
    bool require_log_pos =
        true;  // log_pos must equal the offset modulo 2^32 (relay logs and cut files: false)
  };
  explicit EventScanner(Options options);

  // Scans on. Calls on_end for every place where the log may be cut, with its offset in the file, in order.
  // kCorrupt names the offset and what is wrong; bytes before that offset are good. kUnsupported: an encrypted file
  // (magic fd 62 69 6e) or a format before MySQL 5.0.
  Status feed(Bytes bytes, const std::function<void(const TransactionEnd&)>& on_end);
  // To ask when the file ends: kTruncated, naming the offset, when an event (or the magic) has not come whole.
  Status check_ended() const;

  uint64_t offset() const;            // of the next byte to be fed
  uint64_t whole_events_end() const;  // end of the last whole event
  uint64_t last_end() const;  // the last place reported to on_end; 4 after the magic, 0 before
  const FormatDescription& format() const;

 private:
  using OnEnd = std::function<void(const TransactionEnd&)>;

  Status read_magic(Bytes& bytes);
  // Takes the whole events that `bytes` begins with, as far as they are everyday ones whose checksums are right; none,
  // maybe. What else there is the functions below take, event by event.
  Status take_run(Bytes& bytes, const OnEnd& on_end);
  // Where these events end, in `ends`: in their place by their headers, no more than kRunBytesMax together. A log_pos of 0
  // may still be one that check() refuses; in a transaction, where it does not look, it is right.
  std::span<const uint16_t> frame_run(Bytes bytes, std::span<uint16_t> ends) const;
  // Takes bytes of an event that did not come whole, at most up to its end.
  Status take_part(Bytes& bytes, const OnEnd& on_end);
  // Of an event longer than head_ may be: all but head_ is summed and let go.
  Status take_long(const EventHeader& header, Bytes part, const OnEnd& on_end);
  Status take_whole(const EventHeader& header, Bytes event, const OnEnd& on_end);
  // Moves past the event under way. `prefix` as TransactionTracker::on_event() takes it.
  Status finish(const EventHeader& header, Bytes prefix, const OnEnd& on_end);

  // Tells the tracker, to which every header has 19 bytes.
  Result<TransactionEnd*> track(const EventHeader& header, Bytes prefix);

  Status check(const EventHeader& header) const;
  bool log_pos_good(const EventHeader& header) const {
    if (header.log_pos == static_cast<uint32_t>(event_start_ + header.size)) return true;
    return header.log_pos == 0 && zero_log_pos_allowed_ && tracker_.in_transaction();
  }
  bool checksum_good(Bytes event) const;
  Status take_format(Bytes event);
  tl::unexpected<Error> corrupt(const std::string& what) const;
  tl::unexpected<Error> located(Error error) const;
  tl::unexpected<Error> bad_checksum(const EventHeader& header) const;

  Options options_;
  TransactionTracker tracker_;
  bool zero_log_pos_allowed_;  // MariaDB 11.7 and later: within transactions
  size_t trailer_bytes_;       // of every event but a format description: its checksum, or 0
  uint64_t event_start_;       // offset of the event under way
  uint64_t last_end_;
  bool closed_ = false;  // a Stop or Rotate event has ended the file
  uint64_t taken_ = 0;   // bytes of the event under way, of which head_ has the first
  ByteVector head_;
  uint32_t crc_ = 0;                               // of a long event's bytes taken
  std::array<uint8_t, kChecksumBytes> trailer_{};  // a long event's checksum, as far as it came
};

}  // namespace binbus::binlog
