#include "store/local_log.h"

#include "store/log_state.h"

namespace binbus::store {

LocalLog::LocalLog(std::unique_ptr<State> state) : Log(std::move(state)), writer_(*this, *this) {}

Result<std::unique_ptr<LocalLog>> LocalLog::open(io::FileSystem& files, io::Clock& clock,
                                                 LogOptions options, RecoveryReport* report) {
  options.committed = UINT64_MAX;
  BINBUS_TRY(state, open_state(files, clock, std::move(options), report));
  std::unique_ptr<LocalLog> log(new LocalLog(std::move(state)));
  const uint64_t unfinished = log->Log::end().offset - log->last_end().offset;
  BINBUS_RETURN_IF_ERROR(log->abort_transaction());
  if (report != nullptr) report->unfinished_bytes += unfinished;
  return log;
}

Agreement::Tail LocalLog::tail() const {
  const std::lock_guard lock(mutex_);
  return {Log::end(), last_end()};
}

Status LocalLog::stage(Bytes bytes) {
  const std::lock_guard lock(mutex_);
  return settle(Log::stage(bytes));
}

Result<uint64_t> LocalLog::propose(std::vector<Proposal> proposals) {
  const std::lock_guard lock(mutex_);
  BINBUS_RETURN_IF_ERROR(settle(agree_on_all(proposals)));
  return last_index();
}

Result<std::vector<std::string>> LocalLog::apply_retention(uint64_t now_us, uint64_t keep_from) {
  const std::lock_guard lock(mutex_);
  return Log::apply_retention(now_us, keep_from);
}

Status LocalLog::agree_on_all(std::vector<Proposal>& proposals) {
  BINBUS_TRY(term_now, term(last_index()));
  for (Proposal& proposal : proposals) {
    proposal.entry.index = last_index() + 1;
    proposal.entry.term = term_now;
    BINBUS_RETURN_IF_ERROR(write(proposal.entry, proposal.payload, std::move(proposal.ends)));
  }
  BINBUS_RETURN_IF_ERROR(Log::sync());
  return commit(last_index());
}

// A full disk leaves the log as it was; any other error has ended its life.
Status LocalLog::settle(const Status& status) {
  if (status) return status;
  const Code code = status.error().code;
  if (code == Code::kDiskFull || code == Code::kLimit) BINBUS_RETURN_IF_ERROR(roll_back());
  return status;
}

}  // namespace binbus::store
