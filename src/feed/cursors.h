// Positions that subscribers keep at the server, by name, and who may use each now.
//
// An ordinary cursor is leased to one client at a time. Who asks while another has it waits: who has waited longest is next, when the
// lease is given back, or has not been renewed for kLeaseMs. A shared one is many workers', each of which has parts of the keys
// (feed/shared_cursor.h).
//
// Thread: any.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "feed/shared_cursor.h"
#include "io/clock.h"
#include "io/file.h"

namespace binbus::feed {

struct CursorStatus {
  std::string name;
  std::string position;  // "": nothing is committed yet
  std::string client;    // who has the lease; "": nobody
  // Of a shared one instead: how far its parts are, and its workers.
  bool shared = false;
  PartPlaces places = {};
  std::vector<Worker> workers = {};
};

// 1 to 64 letters, digits, "_", "-" and ".", not beginning with a "."; else kInvalid.
Status check_cursor_name(const std::string& name);

// Of one stream.
class Cursors {
 public:
  static constexpr uint64_t kLeaseMs = SharedCursor::kLeaseMs;
  static constexpr uint64_t kRenewMs = 1'500;

  virtual ~Cursors() = default;
  // Takes the lease; the cursor's position, "" when it has none. kUnavailable says who has it. `again`: the client has had it, as
  // far as it knows.
  virtual Result<std::string> lease(const std::string& cursor, const Holder& holder,
                                    bool again) = 0;
  // kExists when it is another's now.
  virtual Status renew(const std::string& cursor, const Holder& holder) = 0;
  // Durable on return; "": it has none any more. kExists when the lease is another's now.
  virtual Status commit(const std::string& cursor, const Holder& holder,
                        const std::string& position) = 0;
  virtual void release(const std::string& cursor, const Holder& holder) = 0;

  // Of shared cursors: see SharedCursor. kDiverged from join(), and from lease(), for a cursor of the other kind.
  //
  // Where the parts are that are the worker's now, which is durable; kUnavailable: there are none for it yet.
  virtual Result<PartPlaces> join(const std::string& cursor, const Holder& worker) = 0;
  virtual Result<Stay> stay(const std::string& cursor, const Holder& worker, Parts has) = 0;
  // Durable on return; places of parts that are not the worker's are left out. kExists when none are.
  virtual Status commit_parts(const std::string& cursor, const Holder& worker,
                              const PartPlaces& places) = 0;
  virtual void leave(const std::string& cursor, const Holder& worker) = 0;

  virtual Result<std::vector<CursorStatus>> list() = 0;
  // kNotFound; kExists while somebody has the lease.
  virtual Status remove(const std::string& cursor) = 0;
};

// Where positions are kept.
class CursorStore {
 public:
  virtual ~CursorStore() = default;
  virtual std::map<std::string, std::string> read() = 0;
  // Durable on return; none removes it.
  virtual Status write(const std::string& cursor, const std::optional<std::string>& position) = 0;
};

// In `folder`, a file for each cursor, NAME.cursor. What cannot be read fails the open.
Result<std::unique_ptr<CursorStore>> open_cursor_files(io::FileSystem& files, std::string folder);

// Cursors and their leases, at the one place that decides.
class CursorTable final : public Cursors {
 public:
  // `quiet_ms`: leases may be out that another place has given, so for so long none is given to who has not had it.
  CursorTable(std::unique_ptr<CursorStore> store, io::Clock& clock, uint64_t quiet_ms);
  Result<std::string> lease(const std::string& cursor, const Holder& holder, bool again) override;
  Status renew(const std::string& cursor, const Holder& holder) override;
  Status commit(const std::string& cursor, const Holder& holder,
                const std::string& position) override;
  void release(const std::string& cursor, const Holder& holder) override;
  Result<PartPlaces> join(const std::string& cursor, const Holder& worker) override;
  Result<Stay> stay(const std::string& cursor, const Holder& worker, Parts has) override;
  Status commit_parts(const std::string& cursor, const Holder& worker,
                      const PartPlaces& places) override;
  void leave(const std::string& cursor, const Holder& worker) override;
  Result<std::vector<CursorStatus>> list() override;
  Status remove(const std::string& cursor) override;

 private:
  struct Waiter {
    std::string client;
    uint64_t seen_ms = 0;
  };
  struct State {
    std::string position;
    Holder holder;          // of the lease; no client: nobody
    uint64_t until_ms = 0;  // how long
    std::vector<Waiter> waiting;
    std::optional<SharedCursor> shared;
  };
  uint64_t now_ms() const { return clock_.monotonic_us() / 1000; }
  bool leased(const State& state) const {
    return !state.holder.client.empty() && now_ms() < state.until_ms;
  }
  bool is_next(State& state, const std::string& client) const;
  void give(State& state, const Holder& holder) const;
  Result<State*> find_or_make(const std::string& cursor);
  Status keep(const std::string& cursor, State& state, SharedCursor changed);
  // Forgets a cursor that nobody has, and that has no position.
  void tidy(const std::string& cursor);

  const std::unique_ptr<CursorStore> store_;
  io::Clock& clock_;
  const uint64_t quiet_until_ms_;
  std::mutex mutex_;  // held while the store writes: commits of one stream come one after the other
  std::map<std::string, State> cursors_;  // guarded by mutex_
};

}  // namespace binbus::feed
