#include "feed/share.h"

#include <algorithm>

namespace binbus::feed {

using schema::Change;
using schema::Operation;

Result<Spot> find_spot(const changes::LogChanges& log, std::string_view place) {
  BINBUS_TRY(parsed, Place::parse(place));
  if (parsed.row) {
    return fail(Code::kInvalid,
                "a shared cursor has no positions within a snapshot: give one that "
                "came with a change, as it is");
  }
  const auto at = log.find(parsed.at);
  if (at) return Spot{*at, parsed.within};
  if (at.error().code == Code::kPurged) return Spot{};
  return fail(at.error());
}

std::string furthest_behind(const changes::LogChanges& log, const PartPlaces& places) {
  const PartPlaces::At* first = nullptr;
  Spot first_spot;
  for (const PartPlaces::At& at : places.all) {
    if (at.place.empty()) return "";
    const Spot spot = find_spot(log, at.place).value_or(Spot{});
    if (first != nullptr && first_spot <= spot) continue;
    first = &at;
    first_spot = spot;
  }
  return first == nullptr ? "" : first->place;
}

Share::Share(std::vector<Begin> begins) : ahead_(std::move(begins)) {
  std::ranges::sort(ahead_, std::greater(), &Begin::spot);
  first_ = ahead_.back();
  reach(first_.spot);
}

bool Share::reach(const Spot& spot) {
  bool any = false;
  for (; !ahead_.empty() && ahead_.back().spot <= spot; ahead_.pop_back()) {
    reached_ |= ahead_.back().parts;
    any = true;
  }
  if (!any) return false;
  suffix_ = '@' + print_parts(reached_);
  for (const Begin& begin : ahead_) suffix_ += '+' + begin.place + '@' + print_parts(begin.parts);
  return true;
}

// A part that it has, and whose place is before the change.
bool Share::wants(Parts part, const Change& change) const {
  if ((part & reached_) != 0) return true;
  const Spot spot{change.transaction->begin, Place::Change{change.event, change.row}};
  return std::ranges::any_of(
      ahead_, [&](const Begin& begin) { return (part & begin.parts) != 0 && begin.spot < spot; });
}

Result<bool> Share::fit(Change& change) const {
  if (change.operation == Operation::kDdl || change.operation == Operation::kTruncate)
    return wants(kAllParts, change);
  bool was = false, is = false;
  if (!change.before.empty()) {
    BINBUS_TRY(part, part_of(*change.table, change.before, {}));
    was = wants(part, change);
  }
  if (!change.after.empty()) {
    BINBUS_TRY(part, part_of(*change.table, change.after, change.before));
    is = wants(part, change);
  }
  if (change.operation != Operation::kUpdate || was == is) return was || is;
  if (was) {
    change.operation = Operation::kDelete;
    change.after = {};
  } else {
    change.operation = Operation::kInsert;
    change.before = {};
  }
  return true;
}

}  // namespace binbus::feed
