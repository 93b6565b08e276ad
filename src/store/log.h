// A stream's log: segments that are the source's binlog files byte for byte, with Raft's entries beside each.
// File formats: docs/formats/segment.md. Design: docs/architecture.md, "The log".
//
// Raft (or local_log.h, where there is none) numbers entries, has them written, made durable, and committed; a LogWriter
// (log_writer.h) makes them of what a source sends. Bytes become visible to readers once they are durable here and
// committed, up to the last transaction end.
//
// Owner:  borrows the FileSystem and Clock; readers share the segments they read, so a removed one lives until they leave.
// Thread: Raft's calls one at a time; everything marked "any thread" from any.
// Errors: kDiskFull and kLimit (too many open files): call roll_back() and try again later. kIo after a failed write or sync
//         is final: the log is dead for writing until it is opened again.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "binlog/byte_source.h"
#include "binlog/transaction_tracker.h"
#include "io/clock.h"
#include "io/file.h"
#include "mysql/executed.h"
#include "store/entries.h"
#include "store/members.h"

namespace binbus::store {

using binlog::Position;
using binlog::TransactionEnd;

struct LogOptions {
  std::string directory;                  // of this stream; made when absent
  uint64_t entry_bytes_max = 256 * 1024;  // a longer run of bytes becomes several entries
  uint64_t retain_bytes = 0;              // oldest segments go when the log is larger; 0: keep all
  uint64_t retain_seconds = 0;            // segments whose last event is older go; 0: keep all
  uint64_t keep_free_bytes =
      64 * 1024 * 1024;                // kDiskFull while less would be left free on the device
  uint64_t index_bytes = 1024 * 1024;  // apart are the marks that look-ups start from
  uint64_t verify_bytes =
      64 * 1024 * 1024;  // at the end of the newest segment are checked by open()
  uint64_t committed =
      0;  // the entries up to here are known to be; those of sealed segments are anyway
  Members members = {};  // of a new log: its first
  NodeId node = 0;       // whose log it is, in a group
};

// The number of a log's first entry. Index 1 stands for its founding.
inline constexpr uint64_t kFirstIndex = 2;
inline constexpr uint64_t kFirstTerm = 1;

// From `from` on, the log's bytes are those of `file` at the source, from `offset` on, until the next span begins.
struct SourceSpan {
  Position from;
  std::string server_uuid;  // MySQL; for MariaDB "" and server_id tells
  uint32_t server_id = 0;
  std::string server_version;
  std::string file;
  uint64_t offset = 0;
  // A GTID set: transactions of the log before `from` that this source has lost or never had, and that was accepted.
  std::string lacks = {};
  // GTIDs that it had executed and that none of its files tells of: it was restored from a backup (SET GLOBAL gtid_purged).
  mysql::Executed seeded = {};
  bool operator==(const SourceSpan&) const = default;
};

// A schema baseline that the log holds.
struct SchemaPlace {
  Position at;  // where it holds
  Position
      origin;  // of the baseline that was read at the source and that it comes from; `at` when it is that one
  bool operator==(const SchemaPlace&) const = default;
};

// What open() found and mended.
struct RecoveryReport {
  uint64_t torn_bytes = 0;  // cut from the last segment: not whole, or not matching their checksum
  uint64_t unfinished_bytes = 0;   // whole events of a transaction that had not ended
  uint64_t rederived_entries = 0;  // durable events whose index entries were lost with the power
  std::vector<std::string> notes;  // one line each, for the operator
};

struct SegmentInfo {
  std::string name;
  uint64_t number = 0;
  uint64_t bytes = 0;            // visible to readers
  bool sealed = false;           // a later segment exists
  uint32_t first_timestamp = 0;  // seconds; of its format description
  uint64_t last_commit_us = 0;   // 0: no transaction yet
  mysql::Executed previous;      // executed before its first transaction
};

// From one place between transactions to another, with at most one transaction between them. The same place twice: it is one itself.
struct Stretch {
  Position from;
  Position to;
  bool operator==(const Stretch&) const = default;
};

// A small value under a name that the log keeps: how far a reader has come, what is set for it.
struct Cursor {
  std::string name;
  std::optional<std::string> value;  // none: it is removed
};

// Where an entry's payload is to be read; good as long as the entry is not cut.
struct Payload {
  std::shared_ptr<const io::File> file;
  uint64_t offset = 0;
  uint32_t length = 0;
  uint32_t crc = 0;
  // kCorrupt when the bytes are no longer the entry's.
  Result<ByteVector> read() const;
};

// What a node begins with that lacks the log's oldest entries: it goes on with first_index().
struct LogSnapshot {
  uint64_t index = 0;  // before first_index()
  uint64_t term = 0;
  Members members;
};

// The log as a whole, of what readers may see.
struct LogSize {
  uint64_t segments = 0;
  uint64_t bytes = 0;
  uint64_t oldest = 0;  // number of the oldest segment; 0: none
};

class Log;

// A reader's place in the log. Owner: must not outlive the Log. Thread: one at a time. While it lives, its segment and
// later ones are not removed by retention.
class LogReader final : public binlog::ByteSource {
 public:
  ~LogReader() override;
  // Never past the visible end.
  Result<Bytes> read(std::span<uint8_t> buffer) override;
  bool next_segment() override;
  Position position() const override;
  std::string segment_name() const override;
  Status seek(Position position) override;
  bool wait(uint64_t timeout_ms, const std::stop_token& stop) override;

 private:
  friend class Log;
  struct State;
  explicit LogReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Log {
 public:
  // Opens or makes the log in options.directory and recovers it: a torn tail is cut, nothing that was synced is lost.
  // kCorrupt names the segment and offset when more than the tail is damaged.
  static Result<std::unique_ptr<Log>> open(io::FileSystem& files, io::Clock& clock,
                                           LogOptions options, RecoveryReport* report);
  virtual ~Log();

  // --- Raft: the entries ------------------------------------------------------------------------------------------
  uint64_t first_index() const;  // of those that are here
  uint64_t last_index() const;
  uint64_t durable_index() const;
  uint64_t commit_index() const;
  // Also of first_index() - 1. kPurged before that, kNotFound behind the last.
  Result<uint64_t> term(uint64_t index) const;
  // From `from` up to and without `to`, at most `count_max`, at least one.
  Result<std::vector<Entry>> entries(uint64_t from, uint64_t to, size_t count_max) const;
  // Of one that entries() gave. kPurged: retention has taken it since.
  Result<Payload> payload(const Entry& entry) const;
  // The inline payload of one entry.
  Result<ByteVector> read_inline(uint64_t index) const;
  // The barrier that is not yet committed, if there is one: nothing but Raft's own may be proposed then.
  bool barrier_waits() const { return waiting_barrier() != 0; }
  uint64_t waiting_barrier() const;  // its index, or 0

  // Writes bytes at end(): a leader's, before they are entries.
  Status stage(Bytes bytes);
  // Drops what was staged and has no entry.
  Status unstage();
  // The next entry. The payload of events is given, or was staged. `ends`: the transaction ends in them, offsets in the
  // segment; not given, they are found.
  Status write(Entry entry, Bytes payload,
               std::optional<std::vector<TransactionEnd>> ends = std::nullopt);
  // Makes everything written durable.
  Status sync();
  // Everything up to there is committed: it takes effect, as far as it is durable here. Ends at the last entry.
  Status commit(uint64_t index);
  // Drops the entries from `index` on, which must not be committed. Durable on return.
  Status truncate(uint64_t index);
  // Drops what followed the last sync(): after kDiskFull.
  Status roll_back();
  // As of the entry with that index, which is committed: to be told before an entry behind it that begins a segment takes
  // effect. Kept with the log, and given to those who lack its beginning.
  void set_members(Members members, uint64_t index);
  // As set; after open() those of the newest segment's start, and the entries behind it that changed them.
  Members members() const;
  std::vector<uint64_t> member_entries() const;

  // The first members of a log that was made without any. Durable on return.
  Status found(const Members& members);

  LogSnapshot snapshot() const;
  // The same with what is to be known at that place.
  Result<ByteVector> encode_snapshot() const;
  // Begins anew from another node's; durable on return. Everything that was here is removed. kDiskFull: nothing has changed.
  Status restore(Bytes snapshot);
  static Result<LogSnapshot> read_snapshot(Bytes snapshot);

  // Why nothing more can be written; ok while it can.
  Status alive() const;
  // Where the next byte goes: in the newest segment; {0, 0} while there is none.
  Position end() const;
  // Where the entries end; before end() with what is staged.
  Position entries_end() const;
  // The last transaction end, visible or not.
  Position last_end() const;
  uint64_t unsynced_bytes() const;
  // kDiskFull while so many bytes more would leave less than options.keep_free_bytes.
  Status check_space(uint64_t bytes);
  const LogOptions& options() const;

  // --- any thread --------------------------------------------------------------------------------------------------
  Position visible_end() const;
  // Everything up to visible_end(). A copy.
  mysql::Executed executed() const;
  // The newest visible transaction's commit time, µs since the epoch; 0: none.
  uint64_t last_commit_us() const;
  std::vector<SegmentInfo> segments() const;  // oldest first; may read each segment's head
  LogSize size() const;
  // "" when the segment is not here.
  std::string segment_name(uint64_t number) const;
  // Visible bytes from one place to another, over all segments between that are still here; 0 when `to` is not later.
  uint64_t bytes_between(Position from, Position to) const;
  std::vector<SourceSpan> sources() const;  // ascending
  // Where schema baselines hold, ascending. Retention keeps the one that the oldest segment's start needs: of those at or
  // before it the one of the newest origin, and of these the newest.
  std::vector<SchemaPlace> schemas() const;
  // kNotFound when there is none for exactly `at`; kCorrupt names the file.
  Result<ByteVector> read_schema(Position at) const;
  Result<std::unique_ptr<LogReader>> reader(Position at);
  // The last known place at or before which nothing is missing from `executed`: start reading there, and filter what
  // the set contains. kPurged, naming the missing set, when needed transactions are no longer (or never were) here.
  Result<Position> find_gtids(const mysql::Executed& executed) const;
  // What was executed up to `at`, a place between transactions: what find_gtids() comes back to it with. kNotFound past the
  // visible end, kPurged before the oldest segment.
  Result<mysql::Executed> executed_at(Position at) const;
  // The last transaction end at or before which everything committed before `time_us`.
  Result<Position> find_time(uint64_t time_us) const;
  // The places between transactions around `at`. kNotFound past the visible end.
  Result<Stretch> find_stretch(Position at) const;
  // Our position of a source's coordinates, and the source's of ours. kNotFound when not in the log.
  Result<Position> from_source(const std::string& server_uuid, const std::string& file,
                               uint64_t offset) const;
  Result<SourceSpan> to_source(Position position) const;
  // The segment whose files have that entry, from first_index() on; 0: what lies before the first segment.
  uint64_t segment_of(uint64_t index) const;
  // "" when there is none of that name.
  std::string cursor(const std::string& name) const;
  // Those whose names begin so.
  std::map<std::string, std::string> cursors(const std::string& prefix) const;
  // Removes what the options' retention allows; returns the removed names. Never a segment that a reader needs, never
  // the newest, none from number `keep_from` on. `now_us` is wall time.
  Result<std::vector<std::string>> apply_retention(uint64_t now_us,
                                                   uint64_t keep_from = UINT64_MAX);

 protected:
  struct State;
  explicit Log(std::unique_ptr<State> state);
  static Result<std::unique_ptr<State>> open_state(io::FileSystem& files, io::Clock& clock,
                                                   LogOptions options, RecoveryReport* report);
  std::unique_ptr<State> state_;

 private:
  friend class LogReader;
};

}  // namespace binbus::store
