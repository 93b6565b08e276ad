// A cursor in a stream's log, decoded: what sinks, state and feeds read.
//
// Thread: one.
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "schema/change.h"

namespace binbus::changes {

// A place between transactions, as text to keep.
using Checkpoint = std::string;
using WantsTable = std::function<bool(std::string_view database, std::string_view table)>;

struct Wanted {
  WantsTable tables = {};    // whose rows; not set: all
  bool skip_losses = false;  // what the log does not have the rows of is passed over
  bool sql_text = false;     // rows with their original statements
  bool full_rows =
      false;  // rows with what the log left out of them, as far as that is kept: see FillRow
};

// Gives a row's images what the log left out and is kept (state::KeptTables). They are good until the next call. May wait until
// the kept rows have come so far. kUnavailable: they do not go on.
using FillRow = std::function<Status(schema::Change& row, const std::stop_token& stop)>;

class ChangeSource {
 public:
  virtual ~ChangeSource() = default;
  // What is read after the next start() or seek().
  virtual void configure(Wanted wanted) = 0;
  // Goes to a place: "earliest", "latest", "gtid:SET" (what is in the set is not needed) or "FILE:POS". place() is it then.
  virtual Status start(std::string_view where) = 0;
  // Goes back to what place() was.
  virtual Status seek(const Checkpoint& checkpoint) = 0;
  // Gives the next changes to `emit`, from the end of a transaction to the end of one, waiting at most `wait_ms` for the first.
  // False: nothing came. An error of emit() is returned; the source is between transactions no more then, until a seek.
  // kStopped when asked to stop.
  virtual Result<bool> read(const std::function<Status(const schema::Change&)>& emit,
                            uint64_t wait_ms, const std::stop_token& stop) = 0;
  // After the last whole transaction that was read, whether anything of it was emitted or not.
  virtual Checkpoint place() const = 0;
  // Whether one place lies before another; one that is no longer there lies before all others.
  virtual bool before(const Checkpoint& one, const Checkpoint& other) const = 0;
};

}  // namespace binbus::changes
