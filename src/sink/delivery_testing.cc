#include "sink/delivery_testing.h"

namespace binbus::sink {
namespace {

Status next_of(std::vector<Error>& errors) {
  if (errors.empty()) return ok();
  Error error = errors.front();
  errors.erase(errors.begin());
  return fail(std::move(error));
}

}  // namespace

Result<std::optional<Checkpoint>> TestTarget::open(const std::stop_token& stop) {
  stop_ = stop;
  ++received_.opened;
  received_.uncommitted.clear();
  BINBUS_RETURN_IF_ERROR(next_of(received_.open_errors));
  return received_.kept;
}

Status TestTarget::send(const Message& message) {
  BINBUS_RETURN_IF_ERROR(next_of(received_.send_errors));
  const std::string payload(message.payload.value_or("(tombstone)"));
  if (!received_.reject.empty() && payload.find(received_.reject) != std::string::npos) {
    Rejection rejection{std::string(message.topic),
                        std::string(message.routing_key),
                        std::string(message.key),
                        std::string(message.id),
                        payload,
                        {Code::kLimit, "too large"}};
    if (received_.reject_in_commit) {
      rejections_.push_back(std::move(rejection));
    } else {
      on_rejected(std::move(rejection));
    }
    return ok();
  }
  std::string line(message.topic);
  if (received_.routing_keys) line += " [" + std::string(message.routing_key) + "]";
  received_.uncommitted.push_back(line + " " + std::string(message.key) + ": " + payload);
  received_.ids.emplace_back(message.id);
  return ok();
}

Status TestTarget::commit(const Checkpoint& checkpoint) {
  if (received_.before_commit) received_.before_commit(*this);
  if (stop_.stop_requested()) return fail(Code::kStopped, "asked to stop");
  BINBUS_RETURN_IF_ERROR(next_of(received_.commit_errors));
  for (Rejection& rejection : rejections_) on_rejected(std::move(rejection));
  rejections_.clear();
  for (std::string& line : received_.uncommitted) received_.committed.push_back(std::move(line));
  received_.uncommitted.clear();
  received_.checkpoints.push_back(checkpoint);
  if (received_.keeps_checkpoints) received_.kept = checkpoint;
  return ok();
}

}  // namespace binbus::sink
