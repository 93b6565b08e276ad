// Takes a dump's network packets apart into events, in the buffer where they were received.
//
// A packet is a 3-byte length, a sequence number and a payload: 0x00 and an event (between them, when semi-sync was
// agreed, 0xef and a flag that asks for an acknowledgement), 0xff and an error, or 0xfe at the stream's end. A payload
// of 2^24-1 bytes goes on in the next packet. Sequence numbers are not looked at: a source starts them anew whenever it
// wants an acknowledgement, and lengths, positions and checksums tell of any byte lost.
//
// Pure: bytes in, views out. Memory: the buffer, whatever the size of an event.
#pragma once

#include <optional>
#include <span>

#include "binlog/event.h"

namespace binbus::ingest {

// A run of one event's bytes. Events up to PacketReader::kWholeBytes come in one piece.
struct Piece {
  binlog::EventHeader header;  // of the event, in each of its pieces
  std::span<uint8_t>
      bytes;  // in the reader's buffer: may be changed, and are gone with the next space()
  bool first = false;
  bool last = false;
  bool ack_wanted = false;  // semi-sync: once this event is durable; the same in each piece
};

class PacketReader {
 public:
  static constexpr size_t kWholeBytes = 64 * 1024;
  // `buffer_bytes` must exceed kWholeBytes by some.
  explicit PacketReader(size_t buffer_bytes) : buffer_(buffer_bytes) {}

  // Room for received bytes, never empty once next() has returned nullopt; filled() tells how many came.
  std::span<uint8_t> space();
  void filled(size_t bytes) { end_ += bytes; }

  // The next piece; nullopt until more is received. kRemote: the source's error, with its number; kNetwork: the source
  // ended the stream; kCorrupt: this is not a dump.
  Result<std::optional<Piece>> next();

  // Whether the source sends semi-sync's bytes; known with the first event.
  bool semi_sync() const { return semi_sync_.value_or(false); }

 private:
  size_t available() const { return end_ - begin_; }
  // Reads a packet's header when it is there.
  bool open_packet();
  Result<std::optional<Piece>> begin_event();
  Result<std::optional<Piece>> go_on();

  ByteVector buffer_;
  size_t begin_ = 0;  // of what is received and not given out
  size_t end_ = 0;
  size_t packet_left_ = 0;       // of the packet under way
  bool packet_goes_on_ = false;  // another packet carries the rest of its payload
  uint64_t event_left_ = 0;      // of the event under way
  Piece event_;                  // the event under way
  std::optional<bool> semi_sync_;
};

}  // namespace binbus::ingest
