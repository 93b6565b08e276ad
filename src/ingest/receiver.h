// Turns a dump's pieces into the log: knows the files that the source names, leaves out what is made for the connection
// only (fake rotates, heartbeats, repeated heads) and what is held already, and after a failover gives events their place
// in our own numbering.
//
// Owner:  borrows the destination.
// Thread: one. No I/O of its own but the destination's.
// Errors: kCorrupt for bytes that are no binlog, or leave a hole in it; the destination's own. After an error the
//         receiver is done with: begin again at Destination::end().
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "binlog/scanner.h"
#include "ingest/destination.h"
#include "ingest/dump_plan.h"
#include "ingest/packet_reader.h"
#include "ingest/position_rewriter.h"

namespace binbus::ingest {

// A place in the source's own coordinates.
struct SourcePlace {
  std::string file;
  uint64_t offset = 0;
};

struct ReceiverCounts {
  uint64_t bytes = 0;         // stored
  uint64_t events = 0;        // stored
  uint64_t transactions = 0;  // ended
  uint64_t last_commit_us = 0;
};

class Receiver {
 public:
  // `source` says who sends; its file and offset are not looked at. `plan` is by file or by GTID.
  Receiver(Destination& destination, const DumpPlan& plan, SourceIdentity source);

  // Takes the next piece; keeps its bytes in the reader's buffer until flush().
  Status take(const Piece& piece);
  // Checks what was taken and appends it to the destination. Call before the reader's space().
  Status flush();

  // The end of the last event that came, heartbeats' word included.
  const SourcePlace& source_end() const { return source_end_; }
  // Where the source wants an acknowledgement for, of what flush() has appended; forgets it.
  std::optional<SourcePlace> take_ack();
  bool ack_wanted() const { return ack_.has_value(); }
  // The source's file is not the one that we hold the beginning of, but another of that name: the error said so.
  bool file_replaced() const { return file_replaced_; }
  // Transactions of a new source that it has from before the newest ones that we held: written to it alone while the
  // old source was alive.
  const mysql::Executed& errant() const { return errant_; }
  const ReceiverCounts& counts() const { return counts_; }

 private:
  enum class Fate : uint8_t { kStore, kDrop };

  Result<Fate> begin_event(const Piece& piece);
  Result<Fate> on_fake_rotate(const Piece& piece);
  Result<Fate> on_heartbeat(const Piece& piece);
  Result<Fate> on_format_description(const Piece& piece);
  Result<Fate> on_executed_list(const Piece& piece);
  Result<Fate> place_event(const Piece& piece);
  Status append_run();
  Status begin_segment();
  // Prepares to go on where the destination ends, in its newest segment.
  Status continue_segment();
  // Appends an event of ours instead of the source's. `made` tells nothing of positions.
  Status append_own(ByteVector made);
  Status fill_hole(uint64_t bytes);
  Status record_source(uint64_t offset);
  uint64_t source_end_of(const binlog::EventHeader& header) const;
  uint64_t next_offset() const { return scanner_->offset() + run_.size(); }
  bool checksummed() const { return format_.checksum == binlog::Checksum::kCrc32; }
  void keep(std::span<uint8_t> bytes);

  // A new source passes over what we hold: what it sent before that is errant.
  Status note_errant();

  Destination& destination_;
  const DumpPlan::By by_;
  const bool own_numbering_;
  const bool new_source_;
  SourceIdentity source_;   // file and offset: of the newest span that was recorded
  const SourcePlace held_;  // the source's place up to which we hold its bytes
  SourcePlace source_end_;
  bool continues_ = false;  // the file under way is the one whose beginning we hold
  std::string segment_;     // newest of ours
  std::optional<binlog::EventScanner>
      scanner_;                       // of the segment; none before the first format description
  binlog::FormatDescription format_;  // of the file under way
  bool head_done_ = false;            // the segment has its list of executed transactions
  int64_t shift_ = 0;                 // our offset less the source's, by the newest span
  Fate fate_ = Fate::kDrop;           // of the event under way
  bool rewriting_ = false;
  PositionRewriter rewriter_;
  std::span<uint8_t> run_;  // bytes to append, in the reader's buffer
  std::vector<binlog::TransactionEnd> ends_;
  std::optional<SourcePlace> ack_;
  std::optional<SourcePlace> taken_ack_;  // the same of what was taken, not yet flushed
  ReceiverCounts counts_;
  bool file_replaced_ = false;
  mysql::Executed known_;  // new_source: what was held
  mysql::Executed
      brought_;  // new_source: what came since, of it or of servers that known_ knows nothing of
  mysql::Executed errant_;
};

}  // namespace binbus::ingest
