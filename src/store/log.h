// A stream's log: segments that are the source's binlog files byte for byte, with an index of Raft entries beside each.
// File formats: docs/formats/segment.md. Design: docs/architecture.md, "The log".
//
// One writer appends and syncs; any number of readers follow. Bytes become visible to readers at sync(), up to the last
// transaction end, never before they are durable.
//
// Owner:  borrows the FileSystem and Clock; readers share the segments they read, so a removed one lives until they leave.
// Thread: writer calls from one thread; everything marked "any thread" from any.
// Errors: kDiskFull and kLimit (too many open files) leave the log as it was at the last sync(): the writer may try
//         again later from there.
//         kIo after a failed write or sync is final: the log is dead for writing until it is opened again.
#pragma once

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

namespace binbus::store {

using binlog::Position;
using binlog::TransactionEnd;

struct LogOptions {
  std::string directory;                  // of this stream; made when absent
  uint64_t entry_bytes_max = 256 * 1024;  // a longer append becomes several entries
  uint64_t retain_bytes = 0;              // oldest segments go when the log is larger; 0: keep all
  uint64_t retain_seconds = 0;            // segments whose last event is older go; 0: keep all
  uint64_t keep_free_bytes =
      64 * 1024 * 1024;                // kDiskFull while less would be left free on the device
  uint64_t index_bytes = 1024 * 1024;  // apart are the marks that look-ups start from
  uint64_t verify_bytes =
      64 * 1024 * 1024;  // at the end of the newest segment are checked by open()
};

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
  // Opens or makes the log in options.directory and recovers it: a torn tail and an unfinished transaction are cut,
  // nothing that was synced and whole is lost. kCorrupt names the segment and offset when more than the tail is damaged.
  static Result<std::unique_ptr<Log>> open(io::FileSystem& files, io::Clock& clock,
                                           LogOptions options, RecoveryReport* report);
  ~Log();

  // --- writer -----------------------------------------------------------------------------------------------------
  // Seals the newest segment (which must end at a transaction end) and starts `name`, whose number must be higher.
  // Append its bytes from the magic on. A newest segment of that name that has no byte yet is gone on with.
  // With `source`, the segment comes to be together with the record of where its bytes come from (`from` is set).
  Status begin_segment(const std::string& name, std::optional<SourceSpan> source = std::nullopt);
  // Appends bytes to the newest segment; `ends` are the transaction ends within, offsets counted from bytes' start
  // (1 to bytes.size()), ascending. Events may be cut anywhere between appends.
  Status append(Bytes bytes, std::span<const TransactionEnd> ends);
  // Makes everything appended durable, then visible up to the last transaction end; wakes readers.
  Status sync();
  // Bytes appended since the last sync().
  uint64_t unsynced_bytes() const;
  // Drops what follows the last transaction end, durably (an abort entry): the source broke off or changed.
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
  // Where the next byte goes: in the newest segment; {0, 0} while there is none.
  Position end() const;

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
  // The last transaction end at or before which everything committed before `time_us`.
  Result<Position> find_time(uint64_t time_us) const;
  // The places between transactions around `at`. kNotFound past the visible end.
  Result<Stretch> find_stretch(Position at) const;
  // Our position of a source's coordinates, and the source's of ours. kNotFound when not in the log.
  Result<Position> from_source(const std::string& server_uuid, const std::string& file,
                               uint64_t offset) const;
  Result<SourceSpan> to_source(Position position) const;
  // Removes what the options' retention allows; returns the removed names. Never a segment that a reader needs, never
  // the newest, none from number `keep_from` on. `now_us` is wall time.
  Result<std::vector<std::string>> apply_retention(uint64_t now_us,
                                                   uint64_t keep_from = UINT64_MAX);

 private:
  friend class LogReader;
  struct State;
  explicit Log(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace binbus::store
