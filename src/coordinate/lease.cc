#include "coordinate/lease.h"

#include "coordinate/names.h"

namespace binbus::coordinate {

Lease::Lease(std::string stream, uint64_t epoch, Proof proof, std::shared_ptr<Tenure> tenure,
             io::Clock& clock)
    : stream_(std::move(stream)),
      epoch_(epoch),
      epoch_text_(std::to_string(epoch)),
      proof_(proof),
      tenure_(std::move(tenure)),
      clock_(clock) {}

uint64_t Lease::remaining_us() const {
  const uint64_t now_us = clock_.monotonic_us();
  const uint64_t deadline_us = tenure_->deadline_us;
  return ended_ || now_us >= deadline_us ? 0 : deadline_us - now_us;
}

Status Lease::check() const {
  if (valid()) return ok();
  return fail(Code::kStopped, "the lease of stream " + stream_ + " with epoch " + epoch_text_ +
                                  " is over: nothing is written under it any more");
}

Result<std::optional<int64_t>> Lease::transact(Step change) {
  BINBUS_RETURN_IF_ERROR(check());
  BINBUS_TRY(versions, tenure_->session->transact({{.kind = Step::Kind::kMine,
                                                    .name = names::owner(stream_),
                                                    .version = proof_.owner_version},
                                                   {.kind = Step::Kind::kIs,
                                                    .name = names::epoch(stream_),
                                                    .version = proof_.epoch_version},
                                                   std::move(change)}));
  if (versions) return versions->back();
  // Was it the owner's condition, or the change's own?
  BINBUS_TRY(owner, tenure_->session->get(names::owner(stream_)));
  BINBUS_TRY(epoch, tenure_->session->get(names::epoch(stream_)));
  if (!owner || owner->version != proof_.owner_version || !epoch ||
      epoch->version != proof_.epoch_version) {
    if (!ended_.exchange(true)) taken_away_ = true;
    return fail(check().error());
  }
  return std::optional<int64_t>();
}

Result<std::optional<int64_t>> Lease::write(const std::string& name, const std::string& value,
                                            std::optional<int64_t> version) {
  return transact({.kind = version ? Step::Kind::kSet : Step::Kind::kCreate,
                   .name = name,
                   .value = value,
                   .version = version.value_or(0)});
}

Result<std::optional<int64_t>> Lease::remove(const std::string& name, int64_t version) {
  return transact({.kind = Step::Kind::kRemove, .name = name, .version = version});
}

Result<std::optional<Entry>> Lease::read(const std::string& name) {
  return tenure_->session->get(name);
}

Status Lease::release() {
  if (ended_.exchange(true)) return ok();
  BINBUS_RETURN_IF_ERROR(tenure_->session->transact(
      {{.kind = Step::Kind::kMine, .name = names::owner(stream_), .version = proof_.owner_version},
       {.kind = Step::Kind::kIs, .name = names::epoch(stream_), .version = proof_.epoch_version},
       {.kind = Step::Kind::kRemove,
        .name = names::owner(stream_),
        .version = proof_.owner_version}}));
  return ok();
}

}  // namespace binbus::coordinate
