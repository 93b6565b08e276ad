// What a stream's tables looked like at any place of its log: baselines that were read at the source, and the log's DDL.
//
// The log keeps a baseline for the start of each segment too, carried on from the one before by the segment's DDL: a place is
// reached within one segment, and retention takes nothing away that is needed.
//
// Owner:  borrows the log, which must outlive it.
// Thread: any. Memory: a catalog per call; nothing is kept between calls.
// Errors: kNotFound: the log has no baseline yet, which may come (try again later). kUnsupported: of a statement on the way not
//         even the table's name is understood; the message has its place and text, and a new baseline mends what follows it
//         (`binbus schema rebuild`).
//         kInvalid: a place that is not in the log. Those of the log.
#pragma once

#include <map>
#include <stop_token>
#include <string>

#include "schema/baseline.h"
#include "store/log.h"

namespace binbus::changes {

using binlog::Position;

class SchemaHistory {
 public:
  explicit SchemaHistory(store::Log& log) : log_(log) {}

  // The tables as the event that begins at `position` finds them. One whose columns are not known there is in the catalog
  // with the reason (TableState::reread), never with a guess.
  Result<schema::Catalog> at(Position position, const std::stop_token& stop = {});

  // The tables that the log alone tells of, from its oldest statement on.
  Result<schema::Catalog> told_by_log(Position to, const schema::SourceDefaults& defaults,
                                      const std::stop_token& stop);

  // What statements mean beside what their events say, after `position`: the facts for query_context().
  Result<schema::StatementContext> facts(Position position);

  // One table, for `binbus schema show`; version null: there is none.
  Result<schema::TableState> table(std::string_view database, std::string_view table,
                                   Position position);

  // The first segment start that lacks its baseline and can have one; none: all have theirs. kUnsupported only when there is no
  // other than those that a statement keeps from it. For the keeper.
  struct SegmentStart {
    store::SchemaPlace place;
    bool changed = false;  // since `before`; else `encoded` is empty
    Position before;       // of the baseline it comes from
    ByteVector encoded;
  };
  Result<std::optional<SegmentStart>> missing_start(const std::stop_token& stop);

  // What DDL did to a table between two places, first.
  struct Touch {
    std::string database, table;  // as written
    bool created = false;         // it was not there before
    Position at;
    std::string statement;
  };
  struct Touches {
    std::map<std::pair<std::string, std::string>, Touch> tables;  // by folded names
    std::map<std::string, Touch> databases;
  };
  // For places [from, to).
  Result<Touches> touches(Position from, Position to, const schema::SourceDefaults& defaults,
                          const std::stop_token& stop = {});

 private:
  // What is known of one place.
  struct Known {
    store::SchemaPlace place;
    schema::Baseline baseline;
  };

  Result<Known> start_for(Position position, const std::stop_token& stop);
  Result<Known> read(const store::SchemaPlace& place);
  // A place before the first baseline that is of use.
  Result<Known> look_back(Position position, const store::SchemaPlace& later,
                          const std::stop_token& stop);
  // True when a statement concerned tables or databases.
  Result<bool> go_on(Known& known, Position to, const std::stop_token& stop);
  // Takes tables that are not known from the next baseline, where nothing touched them on the way.
  Status mend(Known& known, Position position, const std::stop_token& stop);
  bool reachable(Position from) const;

  store::Log& log_;
};

// Of those at or before `position` the one that tells of it: of the newest origin, and of these the newest.
std::optional<store::SchemaPlace> place_for(const std::vector<store::SchemaPlace>& places,
                                            Position position);

}  // namespace binbus::changes
