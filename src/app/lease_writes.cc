#include "app/lease_writes.h"

#include <set>

#include "app/saved_place.h"
#include "coordinate/names.h"

namespace binbus::app {
namespace {

using coordinate::Lease;
using sink::Checkpoint;

// As it is told to nodes whose logs may name it otherwise.
Result<SavedPlace> place_of(const store::Log& log, const Checkpoint& checkpoint, uint64_t epoch) {
  if (!checkpoint.empty()) return SavedPlace::of(log, checkpoint, epoch);
  SavedPlace place;
  place.epoch = epoch;
  return place;
}

// Of places as they are printed, or FILE:POS alone.
bool is_before_text(const std::string& one, const std::string& other) {
  const auto place = [](const std::string& text) {
    return SavedPlace::parse(text).value_or(SavedPlace());
  };
  return is_before(place(one), place(other));
}

Status remove_if_there(Lease& lease, const std::string& name) {
  BINBUS_TRY(there, lease.read(name));
  if (there) BINBUS_RETURN_IF_ERROR(lease.remove(name, there->version));
  return ok();
}

class CoordinatedCheckpoints final : public sink::Checkpoints {
 public:
  CoordinatedCheckpoints(const sink::SinkOptions& sink, std::shared_ptr<Lease> lease,
                         const store::Log& log, std::unique_ptr<sink::Checkpoints> before)
      : sink_(sink.name),
        name_(coordinate::names::checkpoint(sink.name)),
        own_target_(sink.type == "file"),
        lease_(std::move(lease)),
        log_(log),
        before_(std::move(before)) {}

  Result<std::optional<Checkpoint>> read() override {
    BINBUS_TRY(there, look());
    if (!there) return before_->read();
    BINBUS_TRY(found, there->find(log_));
    return std::optional<Checkpoint>(std::move(found));
  }

  // The target's may be one commit newer than what was written here, and is as much older as this node's own target has not
  // worked for.
  Result<std::optional<Checkpoint>> reconcile(const Checkpoint& kept) override {
    BINBUS_TRY(there, look());
    if (!there) return by_hand_ ? std::optional<Checkpoint>() : kept;
    BINBUS_TRY(found, there->find(log_));
    if (by_hand_ || there->position == kept) return std::optional(found);
    if (own_target_ || kept.empty() || there->position == found)
      return std::optional(is_before_text(found, kept) ? kept : found);
    return fail(Code::kDiverged,
                "sink " + sink_ + " has delivered up to " + kept +
                    " of another node's log, which "
                    "this node's log knows by other names: name the place with `binbus sink seek`");
  }

  Status write(const Checkpoint& checkpoint) override {
    BINBUS_TRY(place, place_of(log_, checkpoint, lease_->epoch()));
    Status written = put(place.print());
    // A coordinator that is away for a moment holds nobody up: who goes on from an older checkpoint sends some again.
    const bool away = !written && (written.error().code == Code::kNetwork ||
                                   written.error().code == Code::kTimeout);
    behind_ = away;
    if (away && lease_->valid()) return ok();
    BINBUS_RETURN_IF_ERROR(std::move(written));
    return before_->forget();
  }

  bool behind() const override { return behind_; }

  Status forget() override {
    BINBUS_RETURN_IF_ERROR(before_->forget());
    BINBUS_RETURN_IF_ERROR(remove_if_there(*lease_, name_));
    known_.reset();
    behind_ = false;
    return ok();
  }

 private:
  Result<std::optional<SavedPlace>> look() {
    BINBUS_TRY(entry, lease_->read(name_));
    const bool ours =
        !known_ || (entry ? *known_ == entry->version || unanswered_.contains(entry->value)
                          : !known_->has_value());
    by_hand_ = by_hand_ || !ours;
    known_ = entry ? std::optional(entry->version) : std::optional<int64_t>();
    if (!entry) return std::nullopt;
    auto place = SavedPlace::parse(entry->value);
    if (!place)
      return fail_in("the checkpoint of sink " + sink_ + " at the coordinator", place.error());
    return std::optional(std::move(*place));
  }

  Status put(const std::string& text) {
    if (!known_) BINBUS_RETURN_IF_ERROR(look());
    if (!unanswered_.empty()) BINBUS_RETURN_IF_ERROR(settle());
    unanswered_.insert(text);
    BINBUS_TRY(version, lease_->write(name_, text, *known_));
    if (!version && unanswered_.size() > 1) {
      // One has come through only now.
      BINBUS_RETURN_IF_ERROR(settle());
      BINBUS_TRY(again, lease_->write(name_, text, *known_));
      version = again;
    }
    if (version) {
      known_ = version;
      unanswered_.clear();  // those before hold no more
      by_hand_ = false;
      return ok();
    }
    return fail(Code::kRemote, "the checkpoint of sink " + sink_ +
                                   " was changed at the coordinator: going on from what is there");
  }

  // A write that was not answered may have come through.
  Status settle() {
    BINBUS_TRY(entry, lease_->read(name_));
    if (entry && unanswered_.contains(entry->value)) known_ = entry->version;
    return ok();
  }

  const std::string sink_, name_;
  const bool own_target_;
  const std::shared_ptr<Lease> lease_;
  const store::Log& log_;
  const std::unique_ptr<sink::Checkpoints> before_;
  // What we know to be there: a version, or that there is none; not set before the first look.
  std::optional<std::optional<int64_t>> known_;
  bool by_hand_ = false;  // what is there is not what we have left, and nothing was written since
  std::set<std::string> unanswered_;  // writes that may have come through, or may yet
  bool behind_ = false;
};

class CoordinatedFilterStore final : public sink::FilterStore {
 public:
  CoordinatedFilterStore(const std::string& sink, std::shared_ptr<Lease> lease,
                         const store::Log& log, std::unique_ptr<sink::FilterStore> own)
      : name_(coordinate::names::filter_table(sink)),
        checkpoint_name_(coordinate::names::checkpoint(sink)),
        lease_(std::move(lease)),
        log_(log),
        own_(std::move(own)) {}

  std::string name() const override { return name_ + " at the coordinator"; }

  Result<std::optional<std::string>> read() override {
    BINBUS_TRY(there, lease_->read(name_));
    if (!there) return std::nullopt;
    return std::optional(std::move(there->value));
  }

  Result<std::optional<std::string>> read_own() override {
    BINBUS_TRY(checkpoint, lease_->read(checkpoint_name_));
    if (checkpoint) return std::nullopt;  // others have gone on since
    return own_->read();
  }

  Status write(const std::string& text) override {
    // Nobody else writes it; an attempt that was not answered may come through meanwhile.
    for (int attempt = 0; attempt < 2; ++attempt) {
      BINBUS_TRY(there, lease_->read(name_));
      BINBUS_TRY(version,
                 lease_->write(name_, text, there ? std::optional(there->version) : std::nullopt));
      if (version) return own_->forget();
    }
    return fail(Code::kRemote, name() + " has just been changed by somebody else");
  }

  Status forget() override {
    BINBUS_RETURN_IF_ERROR(own_->forget());
    return remove_if_there(*lease_, name_);
  }

  Result<std::string> tell(const Checkpoint& place) override {
    BINBUS_TRY(told, place_of(log_, place, lease_->epoch()));
    return told.print();
  }

  bool before(const std::string& one, const std::string& other,
              const sink::Before&) const override {
    return is_before_text(one, other);
  }

  Room room() const override { return sink::kSharedFilterRoom; }

 private:
  const std::string name_, checkpoint_name_;
  const std::shared_ptr<Lease> lease_;
  const store::Log& log_;
  const std::unique_ptr<sink::FilterStore> own_;
};

}  // namespace

std::shared_ptr<sink::FilterStore> coordinated_filter_store(
    const std::string& sink, std::shared_ptr<Lease> lease, const store::Log& log,
    std::unique_ptr<sink::FilterStore> own) {
  return std::make_shared<CoordinatedFilterStore>(sink, std::move(lease), log, std::move(own));
}

std::shared_ptr<sink::Checkpoints> coordinated_checkpoints(
    const sink::SinkOptions& sink, std::shared_ptr<Lease> lease, const store::Log& log,
    std::unique_ptr<sink::Checkpoints> before) {
  return std::make_shared<CoordinatedCheckpoints>(sink, std::move(lease), log, std::move(before));
}

}  // namespace binbus::app
