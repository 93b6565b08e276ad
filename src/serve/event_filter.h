// What a reader gets of the log's events, when it is not simply all of them.
#pragma once

#include <memory>
#include <optional>

#include "serve/dump_start.h"
#include "serve/server_version.h"
#include "store/event_feed.h"

namespace binbus::serve {

// Thread: one; follows a dump's events in order, but for the format descriptions.
class EventFilter {
 public:
  virtual ~EventFilter() = default;
  // Whether the event is sent. It may be changed in place, at the same size.
  // Errors carry 1236: the dump ends with them.
  virtual Result<bool> wants(store::EventFeed& feed) = 0;
  // A segment's format description came; whether it had a creation time, and this was hidden.
  virtual void on_segment_start(bool /*creation_hidden*/) {}
  // True when what is skipped is told to the reader by heartbeats with the place reached.
  virtual bool tells_skips() const { return false; }
  // True when the format description's creation time must not reach the reader: its temporary tables must live on.
  virtual bool hides_creation() const { return false; }
  // Asked after each event: Gtid_list events of ours to send next, and whether the dump ends there.
  struct After {
    const mysql::MariadbGtidSet* state = nullptr;  // at this place
    bool tell_state = false;                       // the reader's start was found
    bool until_reached = false;
  };
  virtual After after_event() { return {}; }
};

// COM_BINLOG_DUMP_GTID: leaves out the transactions that the replica has.
std::unique_ptr<EventFilter> make_mysql_gtid_filter(mysql::GtidSet executed, const DumpStart& start,
                                                    const ServerVersion& version,
                                                    const Wording& wording);

// MariaDB's dumps: leaves out what comes before the replica's GTIDs or after its UNTIL, annotations not asked for, and
// replaces events that the reader's capability does not cover by dummies of the same size. Null when nothing of that
// applies to the reader.
std::unique_ptr<EventFilter> make_mariadb_filter(const DumpRequest& request,
                                                 const ReaderTraits& traits, const DumpStart& start,
                                                 const store::Log& log, const Wording& wording);

}  // namespace binbus::serve
