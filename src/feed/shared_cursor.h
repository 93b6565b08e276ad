// A cursor that several workers share: each has parts of the keys, and each part a place of its own.
//
// Parts are divided evenly, and move as little as can be. A part moves only once the worker that has it gives it up: it joins anew, as
// it does when stay() tells it to, leaves, is not heard of for Cursors::kLeaseMs, or has had kGiveUpMs for it. Who has what is kept with
// the places, so that a restart, or another node, gives nobody's parts to others.
//
// Pure: copied, changed and kept by who decides (feed/cursors.h). Times are monotonic.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "feed/parts.h"

namespace binbus::feed {

// Who asks for a lease: a client, in one of its calls. A later call of the client takes the lease from an earlier one.
struct Holder {
  std::string client;
  std::string call;
  bool operator==(const Holder&) const = default;
};

// What a worker is to do next.
enum class Stay {
  kGoOn,
  kGiveUp,  // parts of its are to be another's: stop, have what was sent committed, and join anew
  kTakeOn,  // there are more parts for it: join anew
  kLost,    // none are its any more
};

struct Worker {
  std::string client;
  Parts parts = 0;
  bool operator==(const Worker&) const = default;
};

class SharedCursor {
 public:
  static constexpr uint64_t kLeaseMs = 6'000;
  static constexpr uint64_t kGiveUpMs = 10'000;
  static constexpr size_t kWorkersMax = 1'000;

  // What print() made; none for another text. Those who had parts then have kLeaseMs to come back.
  static std::optional<SharedCursor> parse(std::string_view text, uint64_t now_ms);
  // Places and who has parts. "": there is nothing to be kept.
  std::string print() const;

  // It takes part from now on, with the parts that are free for it, and those that its former calls had. When the same call joins again,
  // those that are to be another's are free. None: it has to wait.
  Parts join(const Holder& worker, uint64_t now_ms);
  // `has`: what it goes by. It is lost where that is not so: its call may be one that this never knew.
  Stay stay(const Holder& worker, Parts has, uint64_t now_ms);
  // Of parts that the worker has; others stay as they are. False: it has none any more.
  bool commit(const Holder& worker, const PartPlaces& places, uint64_t now_ms);
  void leave(const Holder& worker, uint64_t now_ms);

  PartPlaces places(Parts parts) const;
  // Those that are there, with what they have.
  std::vector<Worker> workers(uint64_t now_ms);
  // There is room for one more, or it is there already.
  bool has_room_for(const std::string& client, uint64_t now_ms);

 private:
  struct Part {
    std::string place;   // "": nowhere yet
    std::string client;  // who has it; "": nobody
    std::string next;    // who is to have it
  };
  struct Member {
    std::optional<std::string> call;  // none: had parts when this was parsed; "": is served no more
    uint64_t until_ms = 0;
    std::optional<uint64_t> give_up_by_ms;  // it has parts that are to be another's
  };
  Member* find(const Holder& worker, uint64_t now_ms);
  void expire(uint64_t now_ms);
  void divide(uint64_t now_ms);
  std::map<std::string, uint32_t> quotas() const;

  std::array<Part, kParts> parts_;
  std::map<std::string, Member> members_;  // by client
};

}  // namespace binbus::feed
