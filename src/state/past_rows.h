// Kept rows as they were at a place of the log: the newest snapshot at or before it, brought forward by the log in a copy of its
// own.
//
// Owner:  borrows the log; the schema's calls must be good as long as it.
// Thread: any.
// Errors: kInvalid: that is no place; kNotFound and kPurged: one that cannot be had, with the oldest that can; kStopped.
#pragma once

#include <stop_token>

#include "changes/log_changes.h"
#include "state/snapshot_folder.h"

namespace binbus::state {

class PastRows {
 public:
  PastRows(std::string stream, store::Log& log, changes::SchemaAt schema_at,
           changes::WantsTable wants, SnapshotFolder snapshots)
      : stream_(std::move(stream)),
        log_(log),
        schema_at_(std::move(schema_at)),
        wants_(std::move(wants)),
        snapshots_(std::move(snapshots)) {}

  // FILE:POS; a UTC time, what was committed before it; a GTID set, when exactly that was executed. Also "time:...", "gtid:...",
  // "latest". Within a transaction: before it.
  Result<Position> find(const std::string& where) const;
  // The rows of there as a snapshot. Tables whose rows the log does not tell from the snapshot on to there are not ready.
  Result<SnapshotInfo> keep(Position at, const std::string& purpose, uint64_t now_us,
                            const std::stop_token& stop) const;
  // The same for a reader alone: they go with the view.
  Result<std::shared_ptr<const TablesView>> view(Position at, const std::stop_token& stop) const;

 private:
  Status make(Position at, const std::string& rows, SnapshotInfo& info,
              const std::stop_token& stop) const;
  Result<Position> find_gtids(const std::string& set) const;
  Result<std::unique_ptr<OpenSnapshot>> newest_before(Position at) const;
  Status bring_forward(Tables& tables, Position at, const std::stop_token& stop) const;

  const std::string stream_;
  store::Log& log_;
  const changes::SchemaAt schema_at_;
  const changes::WantsTable wants_;
  const SnapshotFolder snapshots_;
};

}  // namespace binbus::state
