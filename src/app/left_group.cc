#include "app/left_group.h"

#include <filesystem>

#include "io/durable_file.h"
#include "raft/hard_state_file.h"
#include "store/log.h"

namespace binbus::app {

LeftGroup::LeftGroup(io::FileSystem& files, const std::string& control_folder,
                     const std::string& stream)
    : files_(files),
      mark_(control_folder + "/" + stream + ".left"),
      began_(control_folder + "/" + stream + ".began") {}

bool LeftGroup::is_left() const { return files_.exists(mark_); }

Status LeftGroup::leave(const std::string& stream_folder) {
  BINBUS_RETURN_IF_ERROR(io::write_durably(files_, mark_, ""));
  return remove_log(stream_folder);
}

Status LeftGroup::come_back(const std::string& stream_folder) {
  if (!is_left()) return ok();
  BINBUS_RETURN_IF_ERROR(remove_log(stream_folder));
  return files_.remove(mark_);
}

Status LeftGroup::forget(const std::string& stream_folder) const {
  if (!is_left()) return ok();
  BINBUS_RETURN_IF_ERROR(remove_log(stream_folder));
  const std::string vote = stream_folder + "/" + std::string(raft::HardStateFile::kName);
  for (const std::string& path : {vote, began_, mark_}) {
    if (files_.exists(path)) BINBUS_RETURN_IF_ERROR(files_.remove(path));
  }
  return ok();
}

Status LeftGroup::remove_log(const std::string& stream_folder) const {
  std::error_code failed;
  const std::string rows = stream_folder + "/state";
  std::filesystem::remove_all(rows, failed);
  if (failed) return fail(Code::kIo, "cannot remove " + rows + ": " + failed.message());
  BINBUS_TRY(state, raft::HardStateFile::open(files_, stream_folder));
  if (state) {  // nothing is known to be committed any more
    const auto kept = raft::HardStateFile::create(
        files_, stream_folder, {.term = state->state().term, .vote = state->state().vote});
    if (!kept) return fail(kept.error());
  }
  return store::Log::remove(files_, stream_folder);
}

}  // namespace binbus::app
