#include "state/source_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>

#include "io/sleep.h"
#include "mysql/binary_rows.h"

namespace binbus::state {
namespace {

constexpr uint64_t kPatienceUs = 10'000'000;  // for what comes by itself
constexpr uint64_t kPollMs = 2;
// A column, a table or a database that is not there any more, or a right to it.
constexpr uint16_t kGone[] = {1049, 1051, 1054, 1142, 1143, 1146};

uint64_t number(const std::optional<std::string>& text) {
  uint64_t out = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), out);
  return out;
}

}  // namespace

void SourceReader::disconnect() {
  const std::lock_guard lock(mutex_);
  client_.reset();
  in_transaction_ = false;
}

void SourceReader::interrupt() {
  const std::lock_guard lock(mutex_);
  if (client_) client_->interrupt();
}

Status SourceReader::connect() {
  if (client_) return ok();
  BINBUS_TRY(client, source_.connect());
  BINBUS_RETURN_IF_ERROR(client->query(std::string(session_statement())));
  BINBUS_TRY(version, client->value("SELECT @@version"));
  server_ = schema::ServerVersion::parse(version.value_or(""));
  kind_ = Kind::kPlain;
  server_uuid_.clear();
  if (server_.mariadb) {
    kind_ = Kind::kSnapshotPlace;
  } else {
    const auto uuid = client->value("SELECT @@server_uuid");
    if (uuid) server_uuid_ = uuid->value_or("");
    const auto mode = client->value("SELECT @@gtid_mode");
    if (mode && mode->value_or("") == "ON") kind_ = Kind::kGtid;
  }
  const std::lock_guard lock(mutex_);
  client_ = std::move(client);
  return ok();
}

// The place of the log that is the source's.
Result<Position> SourceReader::reach(const std::string& file, uint64_t offset,
                                     const std::stop_token& stop) {
  const uint64_t until_us = clock_.monotonic_us() + kPatienceUs;
  while (!stop.stop_requested()) {
    auto position = log_.from_source(server_uuid_, file, offset);
    if (position || position.error().code != Code::kNotFound) return position;
    if (clock_.monotonic_us() > until_us) {
      return fail(Code::kUnavailable,
                  fmt::format("the log has not come to the source's {}:{}", file, offset));
    }
    io::sleep_for(kPollMs, stop);
  }
  return fail(Code::kStopped, "asked to stop");
}

Status SourceReader::begin(Position at, bool exact, const std::stop_token& stop) {
  BINBUS_RETURN_IF_ERROR(connect());
  exact_ = exact;
  exact_place_ = {};
  if (kind_ == Kind::kSnapshotPlace) return begin_snapshot(at, stop);
  BINBUS_RETURN_IF_ERROR(await_visible(at, stop));
  return exact ? begin_quiet(at, stop) : ok();
}

Status SourceReader::begin_snapshot(Position at, const std::stop_token& stop) {
  const uint64_t until_us = clock_.monotonic_us() + kPatienceUs;
  while (clock_.monotonic_us() < until_us) {
    BINBUS_RETURN_IF_ERROR(client_->query("START TRANSACTION WITH CONSISTENT SNAPSHOT"));
    in_transaction_ = true;
    BINBUS_TRY(told, client_->query("SHOW STATUS LIKE 'binlog_snapshot_%'"));
    std::map<std::string, std::string> status;
    for (mysql::Row& row : told.rows) {
      std::string name = row[0].value_or("");
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      status[std::move(name)] = row[1].value_or("");
    }
    BINBUS_TRY(place, reach(status["binlog_snapshot_file"],
                            number(status["binlog_snapshot_position"]), stop));
    exact_place_ = place;
    if (place >= at) return ok();
    BINBUS_RETURN_IF_ERROR(client_->query("COMMIT"));
    in_transaction_ = false;
    io::sleep_for(kPollMs, stop);
    if (stop.stop_requested()) return fail(Code::kStopped, "asked to stop");
  }
  return fail(Code::kUnavailable, "the source's snapshots stay behind its log");
}

// Waits until all up to `at` is visible to who reads then.
Status SourceReader::await_visible(Position at, const std::stop_token& stop) {
  if (kind_ == Kind::kPlain) {
    io::sleep_for(kSettleMs, stop);
    return stop.stop_requested() ? fail(Code::kStopped, "asked to stop") : ok();
  }
  BINBUS_TRY(executed, log_.executed_at(at));
  const std::string question =
      "SELECT GTID_SUBSET('" + executed.to_string() + "', @@GLOBAL.gtid_executed)";
  const uint64_t until_us = clock_.monotonic_us() + kPatienceUs;
  while (clock_.monotonic_us() < until_us) {
    BINBUS_TRY(visible, client_->value(question));
    if (visible.value_or("") == "1") return ok();
    io::sleep_for(kPollMs, stop);
    if (stop.stop_requested()) return fail(Code::kStopped, "asked to stop");
  }
  return fail(Code::kUnavailable, "transactions of the log are not visible at the source");
}

// MySQL tells no place of a snapshot: one that was begun while nothing was written to the log is as of the log's end.
Status SourceReader::begin_quiet(Position at, const std::stop_token& stop) {
  const uint64_t until_us = clock_.monotonic_us() + kPatienceUs;
  while (clock_.monotonic_us() < until_us && !stop.stop_requested()) {
    BINBUS_TRY(before, source_.place(*client_));
    if (kind_ == Kind::kPlain) io::sleep_for(kSettleMs, stop);
    BINBUS_RETURN_IF_ERROR(client_->query("START TRANSACTION WITH CONSISTENT SNAPSHOT"));
    in_transaction_ = true;
    BINBUS_TRY(after, source_.place(*client_));
    if (before.file == after.file && before.offset == after.offset) {
      BINBUS_TRY(place, reach(after.file, after.offset, stop));
      BINBUS_TRY(logged, log_.executed_at(place));
      BINBUS_TRY(visible, mysql::Executed::parse(logged.flavor(), before.executed));
      if (place >= at && (kind_ == Kind::kPlain || visible.contains(logged))) {
        exact_place_ = place;
        return ok();
      }
    }
    BINBUS_RETURN_IF_ERROR(client_->query("COMMIT"));
    in_transaction_ = false;
    io::sleep_for(kPollMs, stop);
  }
  if (stop.stop_requested()) return fail(Code::kStopped, "asked to stop");
  return fail(Code::kUnavailable,
              "a table without a key is read at a moment in which the source writes nothing, and "
              "there was none; give it a primary key");
}

Status SourceReader::read(
    const schema::TablePtr& table,
    const std::function<Result<std::string>(std::string_view select_list)>& query,
    const Take& take) {
  BINBUS_TRY(select, RowSelect::make(table, server_));
  BINBUS_TRY(sql, query(select.list()));
  auto rows = mysql::BinaryRows::open(*client_, std::move(sql));
  if (!rows) {
    Error error = rows.error();
    if (std::ranges::find(kGone, error.mysql_errno) != std::end(kGone))
      error.code = Code::kDiverged;
    return fail(std::move(error));
  }
  BINBUS_RETURN_IF_ERROR(select.open((*rows)->columns()));
  while (true) {
    BINBUS_TRY(packet, (*rows)->next());
    if (!packet) return ok();
    BINBUS_TRY(row, select.read(*packet));
    BINBUS_TRY(more, take(row, packet->size()));
    if (more) continue;
    rows->reset();  // what is left of the answer goes with the connection
    disconnect();
    return ok();
  }
}

Result<Position> SourceReader::end(const std::stop_token& stop) {
  if (in_transaction_) BINBUS_RETURN_IF_ERROR(client_->query("COMMIT"));
  in_transaction_ = false;
  if (exact_) return exact_place_;
  // Also where there is a snapshot: of tables without transactions what is newest is seen.
  BINBUS_RETURN_IF_ERROR(connect());
  BINBUS_TRY(place, source_.place(*client_));
  return reach(place.file, place.offset, stop);
}

Result<uint64_t> SourceReader::guess_rows(const schema::TableVersion& table) {
  BINBUS_RETURN_IF_ERROR(connect());
  BINBUS_TRY(rows, client_->value(
                       "SELECT table_rows FROM information_schema.tables WHERE table_schema = " +
                       client_->quoted(table.database) +
                       " AND table_name = " + client_->quoted(table.table)));
  return number(rows);
}

Result<uint64_t> SourceReader::threads_running() {
  BINBUS_RETURN_IF_ERROR(connect());
  BINBUS_TRY(status, client_->query("SHOW GLOBAL STATUS LIKE 'Threads_running'"));
  return status.rows.empty() ? 0 : number(status.rows[0][1]);
}

}  // namespace binbus::state
