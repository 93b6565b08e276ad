// Reads rows of tables at a stream's source, in chunks that are short, without a lock, and says what of the log they hold.
//
// What a reading shows has all that was committed up to a place that the caller names, and nothing behind another that it is told
// afterwards: when the log was followed from the one to the other over the rows, they are right.
//
// - MariaDB tells the place of a consistent snapshot; what is read is exactly as of there.
// - MySQL with GTIDs: what @@gtid_executed has is visible to who begins to read then.
// - MySQL without: nothing tells when a transaction that is in the log is visible, only that it takes a moment; a reading waits
//   kSettleMs before it begins.
//
// Owner:  owns its connection, borrows the log.
// Thread: one.
// Errors: of mysql::Client (begin again, the connection is gone); kUnavailable: not now, try again soon; kDiverged: the table is another at
//         the source by now; kStopped.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>

#include "io/clock.h"
#include "mysql/client.h"
#include "schema/baseline.h"
#include "state/row_select.h"
#include "store/log.h"

namespace binbus::state {

using binlog::Position;

struct SourceAccess {
  // The source that the log comes from, now.
  std::function<Result<std::unique_ptr<mysql::Client>>()> connect;
  // Where its log ends.
  std::function<Result<schema::SourcePlace>(mysql::Client&)> place;
};

class SourceReader {
 public:
  static constexpr uint64_t kSettleMs = 1000;

  SourceReader(store::Log& log, const SourceAccess& source, io::Clock& clock)
      : log_(log), source_(source), clock_(clock) {}

  // Begins a reading that shows all up to `at`. With `exact` it shows nothing behind a place that exact_place() tells.
  Status begin(Position at, bool exact, const std::stop_token& stop);
  Position exact_place() const { return exact_place_; }
  using Take = std::function<Result<bool>(std::span<const schema::Field> row, size_t bytes)>;
  // Runs a query on the table's columns, until `take` says that it is enough.
  Status read(const schema::TablePtr& table,
              const std::function<Result<std::string>(std::string_view select_list)>& query,
              const Take& take);
  // Ends it, and returns the place behind which nothing was shown.
  Result<Position> end(const std::stop_token& stop);
  // How many rows the source thinks that the table has.
  Result<uint64_t> guess_rows(const schema::TableVersion& table);
  // The number of statements that run at the source, this one among them.
  Result<uint64_t> threads_running();
  // After an error.
  void disconnect();
  // From any thread: what is under way ends soon, with an error.
  void interrupt();

 private:
  enum class Kind : uint8_t { kSnapshotPlace, kGtid, kPlain };
  Status connect();
  Status begin_snapshot(Position at, const std::stop_token& stop);
  Status begin_quiet(Position at, const std::stop_token& stop);
  Status await_visible(Position at, const std::stop_token& stop);
  Result<Position> reach(const std::string& file, uint64_t offset, const std::stop_token& stop);

  store::Log& log_;
  const SourceAccess& source_;
  io::Clock& clock_;
  std::mutex mutex_;                       // for interrupt()
  std::unique_ptr<mysql::Client> client_;  // set under mutex_
  schema::ServerVersion server_;
  std::string server_uuid_;
  Kind kind_ = Kind::kPlain;
  bool in_transaction_ = false;
  bool exact_ = false;
  Position exact_place_;
};

}  // namespace binbus::state
