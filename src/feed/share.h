// What one worker of a shared cursor tells: the changes of its parts, of each from that part's place on.
//
// Thread: one.
#pragma once

#include "changes/log_changes.h"
#include "feed/parts.h"
#include "feed/place.h"
#include "schema/change.h"

namespace binbus::feed {

// A place as a position in the log: comparable.
struct Spot {
  binlog::Position at;
  std::optional<Place::Change> within;
  auto operator<=>(const Spot&) const = default;
};

// One that the log no longer reaches back to is before all others. kInvalid for a text that is no place, or one in a snapshot; kNotFound
// for one that the log does not have yet.
Result<Spot> find_spot(const changes::LogChanges& log, std::string_view place);
// The place that is first in the log; "": a part has none yet.
std::string furthest_behind(const changes::LogChanges& log, const PartPlaces& places);

class Share {
 public:
  struct Begin {
    std::string place;
    Spot spot;
    Parts parts = 0;
  };
  explicit Share(std::vector<Begin> begins);  // not empty

  // Whether the change is its own. An update that takes a row to or from a key of another worker is the insert or the delete that it is
  // for this one. Statements are everybody's.
  Result<bool> fit(schema::Change& change) const;
  // All before that spot was told. True: what follows a place in a position's text is another now.
  bool reach(const Spot& spot);
  // What makes a place that was reached a position: its parts, and where the others are that begin behind it.
  const std::string& suffix() const { return suffix_; }
  const Begin& first() const { return first_; }

 private:
  bool wants(Parts part, const schema::Change& change) const;

  Begin first_;
  Parts reached_ = 0;
  std::vector<Begin> ahead_;  // begin behind what was reached; the last one is next
  std::string suffix_;
};

}  // namespace binbus::feed
