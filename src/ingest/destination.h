// Where ingest puts what it reads: the stream's log, plugged in by `app` (store::Log has the same promises, see there).
#pragma once

#include <string>

#include "binlog/position.h"
#include "binlog/transaction_tracker.h"
#include "mysql/executed.h"

namespace binbus::ingest {

// Which source's bytes follow; see store::SourceSpan.
struct SourceIdentity {
  std::string server_uuid;
  uint32_t server_id = 0;
  std::string server_version;
  std::string file;
  uint64_t offset = 0;
  std::string lacks =
      {};  // a GTID set: what we hold and it has lost or never had, which was accepted
  mysql::Executed seeded = {};  // GTIDs that it had executed and that none of its files tells of
};

// Thread: ingest's only.
class Destination {
 public:
  virtual ~Destination() = default;
  // `source`: where the segment's bytes come from, from its first on.
  virtual Status begin_segment(const std::string& name, const SourceIdentity& source) = 0;
  virtual Status append(Bytes bytes, std::span<const binlog::TransactionEnd> ends) = 0;
  // Makes everything that was appended durable.
  virtual Status sync() = 0;
  // Begins to, while more is appended. Waits when much is on its way already.
  virtual Status begin_sync() { return sync(); }
  // Where what is durable ends.
  virtual Result<binlog::Position> synced() { return end(); }
  // Called between batches, at least once per heartbeat, and soon after Ingest::wake(): the time to store what is not the source's
  // bytes.
  virtual Status settled() { return ok(); }
  virtual Status abort_transaction() = 0;
  virtual Status record_source(const SourceIdentity& source) = 0;
  virtual binlog::Position end() const = 0;
  // The newest segment's name; "" while there is none.
  virtual std::string segment_name() const = 0;
  // Seconds since the epoch in the header of the newest segment's format description: when the source made that file.
  // 0: not known.
  virtual uint32_t segment_made_s() const { return 0; }
  virtual mysql::Executed executed() const = 0;
  // Where the bytes at end() came from; server_uuid and file are "" when nothing is stored yet.
  virtual SourceIdentity source_at_end() const = 0;
};

}  // namespace binbus::ingest
