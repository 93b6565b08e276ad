#include "feed/cursors.h"

#include <fmt/format.h>

#include <algorithm>

#include "io/durable_file.h"

namespace binbus::feed {
namespace {

constexpr std::string_view kEnding = ".cursor";
constexpr size_t kCursorsMax = 10'000;
constexpr size_t kWaitersMax = 1'000;

class CursorFiles final : public CursorStore {
 public:
  CursorFiles(io::FileSystem& files, std::string folder)
      : files_(files), folder_(std::move(folder)) {}

  Status open() {
    BINBUS_RETURN_IF_ERROR(files_.make_directories(folder_));
    BINBUS_TRY(entries, files_.list(folder_));
    for (const io::DirectoryEntry& entry : entries) {
      if (entry.is_directory || !entry.name.ends_with(kEnding)) continue;
      BINBUS_TRY(text, io::read_if_there(files_, folder_ + "/" + entry.name));
      if (text) read_[entry.name.substr(0, entry.name.size() - kEnding.size())] = *text;
    }
    return ok();
  }
  std::map<std::string, std::string> read() override { return std::move(read_); }
  Status write(const std::string& cursor, const std::optional<std::string>& position) override {
    const std::string path = fmt::format("{}/{}{}", folder_, cursor, kEnding);
    return position ? io::write_durably(files_, path, *position)
                    : io::remove_if_there(files_, path);
  }

 private:
  io::FileSystem& files_;
  const std::string folder_;
  std::map<std::string, std::string> read_;
};

tl::unexpected<Error> taken(const std::string& cursor, const std::string& by) {
  return fail(Code::kUnavailable,
              fmt::format("cursor {} is leased to {}: waiting for it", cursor, by));
}

tl::unexpected<Error> lost(const std::string& cursor, const Holder& holder) {
  return fail(Code::kExists, fmt::format("cursor {} is no longer leased to {}: subscribe again",
                                         cursor, holder.client));
}

}  // namespace

Status check_cursor_name(const std::string& name) {
  const bool plain =
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
      std::string::npos;
  if (plain && !name.empty() && name.size() <= 64 && name.front() != '.') return ok();
  return fail(
      Code::kInvalid,
      fmt::format("cursor \"{}\": must be 1 to 64 letters, digits, \"_\", \"-\" or \".\", and "
                  "not begin with a \".\"",
                  name));
}

Result<std::unique_ptr<CursorStore>> open_cursor_files(io::FileSystem& files, std::string folder) {
  auto store = std::make_unique<CursorFiles>(files, std::move(folder));
  BINBUS_RETURN_IF_ERROR(store->open());
  return std::unique_ptr<CursorStore>(std::move(store));
}

CursorTable::CursorTable(std::unique_ptr<CursorStore> store, io::Clock& clock, uint64_t quiet_ms)
    : store_(std::move(store)), clock_(clock), quiet_until_ms_(now_ms() + quiet_ms) {
  for (auto& [name, position] : store_->read()) {
    State& state = cursors_[name];
    state.shared = SharedCursor::parse(position, now_ms());
    if (!state.shared) state.position = position;
  }
}

Result<CursorTable::State*> CursorTable::find_or_make(const std::string& cursor) {
  if (cursors_.size() >= kCursorsMax && !cursors_.contains(cursor)) {
    return fail(Code::kLimit,
                fmt::format("there are {} cursors; delete some that nobody uses", cursors_.size()));
  }
  return &cursors_[cursor];
}

void CursorTable::tidy(const std::string& cursor) {
  const auto found = cursors_.find(cursor);
  if (found == cursors_.end()) return;
  State& state = found->second;
  if (state.shared && state.shared->print().empty() && state.shared->workers(now_ms()).empty())
    state.shared.reset();
  if (!state.shared && !leased(state) && state.position.empty() && state.waiting.empty())
    cursors_.erase(found);
}

// Remembers that the client asks, and forgets those who do no more.
bool CursorTable::is_next(State& state, const std::string& client) const {
  const uint64_t now = now_ms();
  std::erase_if(state.waiting, [&](const Waiter& waiter) {
    return waiter.client != client && waiter.seen_ms + 2 * kRenewMs < now;
  });
  const auto its = std::ranges::find(state.waiting, client, &Waiter::client);
  if (its != state.waiting.end()) {
    its->seen_ms = now;
  } else if (state.waiting.size() < kWaitersMax) {
    state.waiting.push_back({client, now});
  }
  return state.waiting.front().client == client;
}

void CursorTable::give(State& state, const Holder& holder) const {
  std::erase_if(state.waiting,
                [&](const Waiter& waiter) { return waiter.client == holder.client; });
  state.holder = holder;
  state.until_ms = now_ms() + kLeaseMs;
}

Result<std::string> CursorTable::lease(const std::string& cursor, const Holder& holder,
                                       bool again) {
  const std::lock_guard lock(mutex_);
  BINBUS_TRY(found, find_or_make(cursor));
  State& state = *found;
  if (state.shared) {
    return fail(Code::kDiverged,
                fmt::format("cursor {} is shared by workers: subscribe with `shared`, or choose "
                            "another name",
                            cursor));
  }
  const bool its = leased(state) && state.holder.client == holder.client;
  if (!its) {
    const bool next = is_next(state, holder.client) || again;
    if (leased(state)) return taken(cursor, state.holder.client);
    if (!again && now_ms() < quiet_until_ms_) {
      return fail(
          Code::kUnavailable,
          fmt::format("cursor {}: another node gave leases until now, and one may be out", cursor));
    }
    if (!next) return taken(cursor, "who has waited longer");
  }
  give(state, holder);
  return state.position;
}

Status CursorTable::renew(const std::string& cursor, const Holder& holder) {
  const std::lock_guard lock(mutex_);
  State& state = cursors_[cursor];
  if (state.holder != holder && leased(state)) return lost(cursor, holder);
  give(state, holder);
  return ok();
}

Status CursorTable::commit(const std::string& cursor, const Holder& holder,
                           const std::string& position) {
  const std::lock_guard lock(mutex_);
  State& state = cursors_[cursor];
  if (state.holder != holder && leased(state)) return lost(cursor, holder);
  give(state, holder);
  if (state.position == position) return ok();
  BINBUS_RETURN_IF_ERROR(
      store_->write(cursor, position.empty() ? std::nullopt : std::optional(position)));
  state.position = position;
  return ok();
}

void CursorTable::release(const std::string& cursor, const Holder& holder) {
  const std::lock_guard lock(mutex_);
  const auto found = cursors_.find(cursor);
  if (found == cursors_.end()) return;
  State& state = found->second;
  if (state.holder == holder) state.holder = {};
  if (state.holder.client != holder.client) {
    std::erase_if(state.waiting,
                  [&](const Waiter& waiter) { return waiter.client == holder.client; });
  }
  tidy(cursor);
}

// Durable before anybody goes by it.
Status CursorTable::keep(const std::string& cursor, State& state, SharedCursor changed) {
  if (const std::string text = changed.print(); text != state.shared->print()) {
    BINBUS_RETURN_IF_ERROR(
        store_->write(cursor, text.empty() ? std::nullopt : std::optional(text)));
  }
  state.shared = std::move(changed);
  return ok();
}

Result<PartPlaces> CursorTable::join(const std::string& cursor, const Holder& worker) {
  const std::lock_guard lock(mutex_);
  BINBUS_TRY(found, find_or_make(cursor));
  State& state = *found;
  if (!state.position.empty() || leased(state) || !state.waiting.empty()) {
    return fail(Code::kDiverged,
                fmt::format("cursor {} is one that a single client has at a time: subscribe "
                            "without `shared`, choose another name, or delete it",
                            cursor));
  }
  if (!state.shared) state.shared.emplace();
  if (!state.shared->has_room_for(worker.client, now_ms()))
    return fail(Code::kLimit, fmt::format("cursor {} has too many workers", cursor));
  SharedCursor changed = *state.shared;
  const Parts parts = changed.join(worker, now_ms());
  BINBUS_RETURN_IF_ERROR(keep(cursor, state, std::move(changed)));
  if (parts == 0) {
    return fail(Code::kUnavailable,
                fmt::format("cursor {}: other workers have all keys, and those that are to be this "
                            "one's are waited for",
                            cursor));
  }
  return state.shared->places(parts);
}

Result<Stay> CursorTable::stay(const std::string& cursor, const Holder& worker, Parts has) {
  const std::lock_guard lock(mutex_);
  const auto found = cursors_.find(cursor);
  if (found == cursors_.end() || !found->second.shared) return Stay::kLost;
  return found->second.shared->stay(worker, has, now_ms());
}

Status CursorTable::commit_parts(const std::string& cursor, const Holder& worker,
                                 const PartPlaces& places) {
  const std::lock_guard lock(mutex_);
  const auto found = cursors_.find(cursor);
  if (found == cursors_.end() || !found->second.shared) return lost(cursor, worker);
  SharedCursor changed = *found->second.shared;
  if (!changed.commit(worker, places, now_ms())) return lost(cursor, worker);
  return keep(cursor, found->second, std::move(changed));
}

// That nobody has its parts is not written: the next who gets them is.
void CursorTable::leave(const std::string& cursor, const Holder& worker) {
  const std::lock_guard lock(mutex_);
  const auto found = cursors_.find(cursor);
  if (found == cursors_.end() || !found->second.shared) return;
  found->second.shared->leave(worker, now_ms());
  tidy(cursor);
}

Result<std::vector<CursorStatus>> CursorTable::list() {
  const std::lock_guard lock(mutex_);
  std::vector<CursorStatus> out;
  for (auto& [name, state] : cursors_) {
    CursorStatus& told = out.emplace_back(
        CursorStatus{name, state.position, leased(state) ? state.holder.client : ""});
    if (!state.shared) continue;
    told.shared = true;
    told.workers = state.shared->workers(now_ms());
    told.places = state.shared->places(kAllParts);
  }
  return out;
}

Status CursorTable::remove(const std::string& cursor) {
  const std::lock_guard lock(mutex_);
  const auto found = cursors_.find(cursor);
  if (found == cursors_.end())
    return fail(Code::kNotFound, fmt::format("there is no cursor {}", cursor));
  if (leased(found->second)) {
    return fail(Code::kExists, fmt::format("cursor {} is leased to {}: end that first", cursor,
                                           found->second.holder.client));
  }
  if (found->second.shared) {
    const auto workers = found->second.shared->workers(now_ms());
    if (!workers.empty()) {
      return fail(Code::kExists, fmt::format("cursor {} is used by {} workers, {} among them: end "
                                             "them first",
                                             cursor, workers.size(), workers.front().client));
    }
  }
  BINBUS_RETURN_IF_ERROR(store_->write(cursor, std::nullopt));
  cursors_.erase(found);
  return ok();
}

}  // namespace binbus::feed
