// A place of a stream's log as it is kept at the coordinator: told so that another node, whose log may name it otherwise, finds
// it. As JSON:
//
//   {"position": "binlog.000003:1234", "source": {"server_uuid": "...", "server_id": 1, "file": "binlog.000003", "offset": 1234},
//    "gtid_executed": "...", "epoch": 7}
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "binlog/position.h"
#include "store/log.h"

namespace binbus::app {

struct SavedPlace {
  std::string position;  // FILE:POS in the log of who wrote it
  std::string server_uuid;
  uint32_t server_id = 0;
  std::string file;  // at the source; "": not known
  uint64_t offset = 0;
  std::string gtid_executed;
  uint64_t epoch = 0;  // of the lease under which it was written

  // kNotFound for a place that the log has not.
  static Result<SavedPlace> of(const store::Log& log, const std::string& position, uint64_t epoch);
  // kInvalid for what is none. FILE:POS alone, as somebody writes it by hand, is taken for the source's.
  static Result<SavedPlace> parse(std::string_view text);
  std::string print() const;

  // Where it is in this log, or where everything after it begins. kNotFound while the log does not reach it yet; kPurged;
  // kDiverged when the log comes from another server and no GTIDs tell.
  Result<std::string> find(const store::Log& log) const;
  // Whether it comes from the server that this log comes from, and lies behind all of it.
  bool is_beyond(const store::Log& log) const;
  // Where an empty log begins for it, as a stream's `start`.
  std::string start() const;
};

// In a stream's log, of FILE:POS. kInvalid for what is none.
Result<store::Position> position_of(std::string_view text);

// Whether `one` lies before `other`: as the same server's files tell, else what was executed there. False where neither tells.
bool is_before(const SavedPlace& one, const SavedPlace& other);

}  // namespace binbus::app
