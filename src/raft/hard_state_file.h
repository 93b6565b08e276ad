// What a node of a group must never forget: its term and its vote; and how far it knew the log to be committed, which
// may be forgotten back to the last sync(). Layout: docs/formats/segment.md, "raft".
#pragma once

#include <memory>
#include <optional>

#include "io/file.h"
#include "raft/core.h"

namespace binbus::raft {

// Owner:  owns its file.
// Thread: one at a time.
// Errors: kDiskFull, which only a disk gives that does not write in place: try again. After any other it must be opened anew.
class HardStateFile {
 public:
  static constexpr std::string_view kName = "raft";

  // In a log's folder. None: there is none yet. kCorrupt when neither of its slots is whole.
  static Result<std::optional<HardStateFile>> open(io::FileSystem& files,
                                                   const std::string& directory);
  // Durable on return.
  static Result<HardStateFile> create(io::FileSystem& files, const std::string& directory,
                                      const HardState& state);

  const HardState& state() const { return state_; }
  // Term and vote are durable on return; the commit index is written and no more.
  Status store(const HardState& state);
  // Makes the commit index durable too.
  Status sync();

 private:
  HardStateFile(std::unique_ptr<io::File> file, const HardState& state, uint64_t sequence,
                int commit_slot)
      : file_(std::move(file)), state_(state), sequence_(sequence), commit_slot_(commit_slot) {}
  Status store_vote(uint64_t term, NodeId vote);
  Status store_commit(uint64_t commit);

  std::unique_ptr<io::File> file_;
  HardState state_;
  uint64_t sequence_;  // of the newest slot
  int commit_slot_;    // where the commit index goes next
  bool commit_unsynced_ = false;
};

}  // namespace binbus::raft
