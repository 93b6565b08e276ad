// Makes a log's entries of what a source sends, and has them agreed on.
//
// What it knows of the log's end is its own, and the agreement's: others may write the log at the same time.
//
// Owner:  borrows the log and the agreement.
// Thread: one.
// Errors: kDiskFull and kLimit leave the log as it was at the last sync() or begin_sync(): the writer may try again later from
//         there. After any other error of its agreement it is of no more use.
#pragma once

#include <deque>

#include "store/entry_builder.h"
#include "store/log.h"

namespace binbus::store {

// An entry to be, without index and term.
struct Proposal {
  Entry entry;
  ByteVector payload;                     // inline; of events: they are staged
  std::vector<TransactionEnd> ends = {};  // in it, offsets in the segment
};

// One that carries its payload. The place of a kControl is set when it is proposed.
Proposal inline_proposal(EntryKind kind, ByteVector payload, uint64_t offset = 0);

// Who numbers entries and says when they are committed: Raft, or a single node's own word.
class Agreement {
 public:
  struct Tail {
    Position end;       // Log::end()
    Position last_end;  // Log::last_end()
  };
  virtual ~Agreement() = default;
  virtual Tail tail() const = 0;
  // Log::stage().
  virtual Status stage(Bytes bytes) = 0;
  // Has them agreed on, after all that were proposed before, and does not wait for it. Returns what to ask settled() and
  // wait() with. After kDiskFull and kLimit none is proposed, and nothing is staged. With none to propose: waits until
  // some may be.
  virtual Result<uint64_t> propose(std::vector<Proposal> proposals) = 0;
  // Whether they, and all of before, are durable, committed, and have taken effect. Any error: they may never be.
  virtual Result<bool> settled(uint64_t proposed) = 0;
  // Until they are settled.
  virtual Status wait(uint64_t proposed) = 0;
};

class LogWriter {
 public:
  LogWriter(Log& log, Agreement& agreement);

  // Begins `name`, whose number must be higher than the newest segment's, which must end at a transaction end. Append its
  // bytes from the magic on. A newest segment of that name that has no byte yet is gone on with.
  // With `source`, the segment comes to be together with the record of where its bytes come from (`from` is set).
  Status begin_segment(const std::string& name, std::optional<SourceSpan> source = std::nullopt);
  // Appends bytes to the newest segment; `ends` are the transaction ends within, offsets counted from bytes' start
  // (1 to bytes.size()), ascending. Events may be cut anywhere between appends.
  Status append(Bytes bytes, std::span<const TransactionEnd> ends);
  // Makes everything appended durable and agreed on, and so visible up to the last transaction end.
  Status sync();
  // Wants the same, and does not wait for it but to keep what is on its way within bounds: what comes while others are on
  // their way goes together.
  Status begin_sync();
  // Where what is durable and agreed on ends. To be asked until all is, or sync() called: what waits goes on with it.
  Result<Position> synced();
  // Bytes appended since the last sync() or begin_sync().
  uint64_t unsynced_bytes() const { return unsynced_; }
  // Whether a transaction has begun and not ended.
  bool within_transaction() const { return builder_.end() != last_end_; }
  // Drops what follows the last transaction end, durably: the source broke off or changed.
  Status abort_transaction();
  // Records that the bytes from the end on come from there; durable on return, with all that was appended. Call it where
  // no transaction is under way; `from` is set to the end. What is known already (a source's next file in the next
  // segment, at equal offsets) is not recorded again.
  Status record_source(SourceSpan span);
  // Keeps what the source's tables looked like there: bytes that the log does not look into. Durable on return, with all
  // that was appended. Call it where no transaction is under way. One that is there for `place.at` already is replaced.
  Status record_schema(SchemaPlace place, Bytes baseline);
  // The same with the bytes of the one at `same`, which are not stored again.
  Status record_same_schema(SchemaPlace place, Position same);
  // Where the next byte goes; {0, 0} while there is no segment.
  Position end() const { return {segment_, builder_.end()}; }

 private:
  // On its way: settled when all of it up to `end` is.
  struct Proposed {
    uint64_t index;
    Position end;
  };

  Status catch_up();
  Status propose(std::vector<Proposal> proposals);
  Status propose_appended();
  Status take_turn();
  Status wait_for(size_t left);
  void note_settled();
  Status between_transactions(const char* what);
  Status check_schema(const SchemaPlace& place);
  Status agree(std::vector<Proposal> proposals, Position end);
  Status agree_on(EntryKind kind, ByteVector document, Position end);
  void reset();
  void go_on(const Agreement::Tail& tail);

  Log& log_;
  Agreement& agreement_;
  uint64_t segment_ = 0;
  EntryBuilder builder_;
  std::vector<TransactionEnd> ends_;  // of the bytes in builder_; offsets in the segment
  uint64_t unsynced_ = 0;
  uint64_t last_end_ = 0;  // the last transaction end, also of bytes in builder_
  bool failed_ = false;    // the last time that something was to be agreed on
  bool waits_ = false;     // what was appended, for its turn
  std::deque<Proposed> under_way_;
  Position synced_;
};

}  // namespace binbus::store
