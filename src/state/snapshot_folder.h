// Kept rows as they were at one place, on disk: read while binbus runs or is stopped, without load on it.
//
//   FOLDER/NAME/rows/           a table store; its files are shared with the rows that go on (hard links)
//   FOLDER/NAME/snapshot.json   what it is of; who reads the snapshot holds a lock on this file
//   FOLDER/NAME.new, NAME.gone  being made, being removed: they count as none
//
// Thread: any. Processes: one makes snapshots, any read and remove them.
// Errors: kNotFound names the snapshots that there are; kCorrupt what is damaged.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/file.h"
#include "state/tables.h"

namespace binbus::state {

struct SnapshotInfo {
  std::string name;     // of its time: "20261128T100000Z"
  std::string purpose;  // "command", "schedule", "export"
  uint64_t time_us = 0;
  std::string position;  // FILE:POS
  std::string gtid_executed;
  std::vector<std::string> tables;  // DATABASE.TABLE
  std::vector<std::string> not_ready =
      {};              // tables that are kept, and whose rows were not known there
  uint64_t bytes = 0;  // of its files, also of those that it shares; counted by list()
};

// One that is being read; nobody removes it meanwhile, and the lock dies with the process.
class OpenSnapshot {
 public:
  ~OpenSnapshot();
  OpenSnapshot(const OpenSnapshot&) = delete;
  const SnapshotInfo& info() const { return info_; }
  const std::string& rows_folder() const { return rows_folder_; }
  // Opens its rows.
  Result<std::shared_ptr<const TablesView>> view() const;

 private:
  friend class SnapshotFolder;
  OpenSnapshot(SnapshotInfo info, std::string rows_folder, int descriptor)
      : info_(std::move(info)), rows_folder_(std::move(rows_folder)), descriptor_(descriptor) {}
  const SnapshotInfo info_;
  const std::string rows_folder_;
  const int descriptor_;
};

class SnapshotFolder {
 public:
  SnapshotFolder(io::FileSystem& files, std::string folder)
      : files_(files), folder_(std::move(folder)) {}

  // Oldest first.
  Result<std::vector<SnapshotInfo>> list() const;
  // Names it by its time; `make` makes the rows in the folder that it is given, which is not there yet, and may fill in what they
  // are. Durable on return; after an error or a crash there is none.
  using Make = std::function<Status(const std::string& rows, SnapshotInfo& info)>;
  Result<SnapshotInfo> add(SnapshotInfo info, const Make& make) const;
  Result<std::unique_ptr<OpenSnapshot>> open(const std::string& name) const;
  // kExists: somebody reads it.
  Status remove(const std::string& name) const;
  // Removes the oldest of those with that purpose but `kept` of them. True: some that should go are still read.
  Result<bool> remove_old(std::string_view purpose, uint64_t kept) const;
  // A folder of one's own, which counts as no snapshot; for remove_rows().
  Result<std::string> scratch() const;
  // Removes what a crash has left; for the process that makes them, while it makes none.
  void remove_remains() const;

 private:
  Result<SnapshotInfo> read(const std::string& name) const;
  Status refuse_unknown(const std::string& name) const;
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  io::FileSystem& files_;
  const std::string folder_;
};

// A snapshot's rows, or others in a folder that nobody writes. `name` is for errors.
Result<std::shared_ptr<const TablesView>> open_rows(const std::string& name,
                                                    const std::string& folder);

// The tables' names, by whether they are ready.
void fill_in_tables(SnapshotInfo& info, const std::vector<TableRecord>& records);

void remove_rows(const std::string& folder);

// A copy of a snapshot's rows in a folder that is not there yet, to be written to; what is not written is shared.
Status copy_rows(const std::string& rows, const std::string& to);

}  // namespace binbus::state
