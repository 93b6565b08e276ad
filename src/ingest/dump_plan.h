// Decides what to ask of a source, from what is held and what the source says it has. Pure.
#pragma once

#include <string>

#include "ingest/destination.h"
#include "ingest/options.h"
#include "ingest/source_facts.h"

namespace binbus::ingest {

// What the destination holds.
struct Held {
  binlog::Position end;
  std::string segment;  // "": nothing yet
  mysql::Executed executed;
  SourceIdentity source;
  mysql::Executed accepted = {};  // source.lacks
  static Held of(const Destination& destination);
  bool empty() const { return segment.empty(); }
  // After a failover: our segments' names and positions are not the source's.
  bool own_numbering() const { return segment != source.file || end.offset != source.offset; }
};

// What earlier sessions tell.
struct Past {
  bool may_fail_over = false;  // the source that the log comes from has been away long enough
  // Of the source: not the file of that name that we hold, see Receiver::file_replaced(). As good as lost.
  std::string replaced_file = {};
  // Of the source: ends within an event, as MariaDB leaves it when it is killed while it writes. What was not written whole was
  // never committed, and the log goes on in the next file.
  std::string torn_file = {};
};

struct DumpPlan {
  enum class By : uint8_t {
    kFile,   // from `file` at `offset` on
    kGtid,   // every transaction that is not in `executed`
    kLocate  // only ask which file these begin in; its head is where to dump from
  };
  By by = By::kFile;
  std::string file;
  uint64_t offset = 4;
  mysql::Executed executed;
  bool own_numbering = false;
  bool new_source = false;  // nothing of it is held: another server, or one that lost what is held
  mysql::Executed brings;   // new_source: transactions that we lack, for the operator to see
  // Of them, those that stand before the place where the dump begins and are never sent: MariaDB's order tells.
  mysql::Executed passed_over;
  std::string lacks;       // SourceIdentity::lacks from here on
  mysql::Executed seeded;  // SourceIdentity::seeded from here on
};

// Errors: kPurged, naming what is gone; kDiverged, naming what the source lacks or that it is another server without
//         GTIDs to go by; kTimeout when only the waiting time before a failover is not over; kInvalid for a start that
//         the source does not have; kUnsupported when the source writes no binlog.
Result<DumpPlan> plan_dump(const Held& held, const SourceFacts& facts, const Start& start,
                           OnSourceLoss on_loss, const Past& past);

}  // namespace binbus::ingest
