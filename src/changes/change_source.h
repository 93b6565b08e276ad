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

class ChangeSource {
 public:
  virtual ~ChangeSource() = default;
  // What is read after the next start() or seek(): rows of tables that `wants` says yes to, with `sql_text` their original
  // statements, and on `skip_losses` what the log does not have the rows of is passed over.
  virtual void configure(WantsTable wants, bool skip_losses, bool sql_text) = 0;
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
