#include "raft/hard_state_file.h"

#include <array>

#include "binlog/event.h"

namespace binbus::raft {
namespace {

constexpr std::string_view kMagic = "binbusHS";
constexpr uint32_t kVersion = 1;
// Each in a sector of its own: writing one leaves the others alone.
constexpr uint64_t kSlotBytes = 512;
constexpr uint64_t kCommitAt = 2 * kSlotBytes;
constexpr uint64_t kFileBytes = 4 * kSlotBytes;
constexpr size_t kVoteBytes = 8 + 4 + 4 + 3 * 8 + 4;
constexpr size_t kCommitBytes = 8 + 4;

struct Slot {
  uint64_t sequence, term, vote;
};

Result<std::optional<Slot>> read_slot(const io::File& file, uint64_t at) {
  std::array<uint8_t, kVoteBytes> bytes;
  BINBUS_TRY(count, file.read_at(at, bytes));
  if (count < bytes.size() || as_text(Bytes(bytes).first(8)) != kMagic ||
      binlog::crc32(0, Bytes(bytes).first(kVoteBytes - 4)) != load_u32(&bytes[kVoteBytes - 4]))
    return std::optional<Slot>();
  if (load_u32(&bytes[8]) != kVersion) {
    return fail(Code::kUnsupported, "its version is " + std::to_string(load_u32(&bytes[8])) +
                                        "; this binbus reads version 1");
  }
  return std::optional(Slot{load_u64(&bytes[16]), load_u64(&bytes[24]), load_u64(&bytes[32])});
}

uint64_t commit_at(int slot) { return kCommitAt + static_cast<uint64_t>(slot) * kSlotBytes; }

Result<uint64_t> read_commit(const io::File& file, int slot) {
  std::array<uint8_t, kCommitBytes> bytes;
  BINBUS_TRY(count, file.read_at(commit_at(slot), bytes));
  const bool whole =
      count == bytes.size() && binlog::crc32(0, Bytes(bytes).first(8)) == load_u32(&bytes[8]);
  return whole ? load_u64(bytes.data()) : 0;
}

}  // namespace

Result<std::optional<HardStateFile>> HardStateFile::open(io::FileSystem& files,
                                                         const std::string& directory) {
  const std::string path = directory + "/" + std::string(kName);
  if (!files.exists(path)) return std::optional<HardStateFile>();
  BINBUS_TRY(file, files.open(path, io::OpenMode::kWrite));
  std::optional<Slot> newest;
  for (const uint64_t at : {uint64_t{0}, kSlotBytes}) {
    auto slot = read_slot(*file, at);
    if (!slot) return fail_in(path, slot.error());
    if (*slot && (!newest || (*slot)->sequence > newest->sequence)) newest = *slot;
  }
  if (!newest) {
    return fail(Code::kCorrupt,
                path +
                    ": it does not tell how this node has voted, so the node cannot take part "
                    "any more; wipe its stream's folder and let it join anew");
  }
  HardState state{.term = newest->term, .vote = newest->vote, .commit = 0};
  int newer = 0;
  for (const int slot : {0, 1}) {
    BINBUS_TRY(commit, read_commit(*file, slot));
    if (commit <= state.commit) continue;
    state.commit = commit;
    newer = slot;
  }
  // Once more as it is: after a failed sync it may be in the kernel's cache and never reach the disk.
  HardStateFile opened(std::move(file), state, newest->sequence - 1, 1 - newer);
  BINBUS_RETURN_IF_ERROR(opened.store_commit(state.commit));
  BINBUS_RETURN_IF_ERROR(opened.store_vote(state.term, state.vote));
  return std::optional(std::move(opened));
}

Result<HardStateFile> HardStateFile::create(io::FileSystem& files, const std::string& directory,
                                            const HardState& state) {
  const std::string path = directory + "/" + std::string(kName), made = path + ".new";
  BINBUS_RETURN_IF_ERROR(files.make_directories(directory));
  if (files.exists(made)) BINBUS_RETURN_IF_ERROR(files.remove(made));
  BINBUS_TRY(file, files.open(made, io::OpenMode::kCreateNew));
  // All of it at once: a full disk keeps nobody from voting.
  BINBUS_RETURN_IF_ERROR(file->write_at(0, ByteVector(kFileBytes)));
  HardStateFile created(std::move(file), state, 0, 0);
  BINBUS_RETURN_IF_ERROR(created.store_commit(state.commit));
  BINBUS_RETURN_IF_ERROR(created.store_vote(state.term, state.vote));
  BINBUS_RETURN_IF_ERROR(files.rename(made, path));
  BINBUS_RETURN_IF_ERROR(files.sync_directory(directory));
  return created;
}

Status HardStateFile::store(const HardState& state) {
  if (state.commit != state_.commit) BINBUS_RETURN_IF_ERROR(store_commit(state.commit));
  if (state.term == state_.term && state.vote == state_.vote) return ok();
  return store_vote(state.term, state.vote);
}

// Not over the one that is durable, also when a write that failed is tried again.
Status HardStateFile::store_vote(uint64_t term, NodeId vote) {
  const uint64_t sequence = sequence_ + 1;
  ByteWriter out;
  out.text(kMagic).u32(kVersion).u32(0).u64(sequence).u64(term).u64(vote);
  out.u32(binlog::crc32(0, out.view()));
  BINBUS_RETURN_IF_ERROR(file_->write_at(sequence % 2 * kSlotBytes, out.view()));
  BINBUS_RETURN_IF_ERROR(sync());
  sequence_ = sequence;
  state_.term = term;
  state_.vote = vote;
  return ok();
}

Status HardStateFile::store_commit(uint64_t commit) {
  ByteWriter out;
  out.u64(commit);
  out.u32(binlog::crc32(0, out.view()));
  BINBUS_RETURN_IF_ERROR(file_->write_at(commit_at(commit_slot_), out.view()));
  commit_unsynced_ = true;
  state_.commit = commit;
  return ok();
}

Status HardStateFile::sync() {
  BINBUS_RETURN_IF_ERROR(file_->sync());
  if (commit_unsynced_) commit_slot_ = 1 - commit_slot_;
  commit_unsynced_ = false;
  return ok();
}

}  // namespace binbus::raft
