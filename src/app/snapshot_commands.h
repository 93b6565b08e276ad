// The commands that look at snapshots on disk themselves, whether binbus runs or not; they print and return the exit status.
#pragma once

#include "app/config.h"
#include "cli/command_line.h"
#include "state/snapshot_folder.h"

namespace binbus::app {

int list_snapshots(const cli::ListSnapshots& command);
int remove_snapshot(const cli::RemoveSnapshot& command);

// The snapshots of a stream that keeps rows; of the only one for "".
struct StreamSnapshots {
  std::string stream;
  state::SnapshotFolder folder;
};
Result<StreamSnapshots> snapshots_of(const Config& config, const std::string& stream);

}  // namespace binbus::app
