#include "state/fill.h"

#include <pthread.h>

#include <algorithm>
#include <future>
#include <thread>

#include "base/log.h"
#include "io/priority.h"

namespace binbus::state {

using schema::Field;
using Table = Tables::Table;

namespace {

constexpr uint64_t kStepUs = 1'000'000;       // how long what comes into the log may wait
constexpr uint64_t kQuietStepUs = 4'000'000;  // how long a step is while nothing comes
constexpr uint64_t kRowsBetweenLooks = 50;
constexpr int kIncompleteAtOnce = 100;

}  // namespace

// A connection to the source, and the chunk that it reads.
struct Fill::Lane {
  Lane(std::unique_ptr<SourceRows> reader, const SourcePace& with_pace)
      : source(std::move(reader)), pace(with_pace), chunk(with_pace) {}
  void take_on(Table& next) {
    table = &next;
    if (chunk_of != next.record.id) chunk = ChunkRows(pace);
    chunk_of = next.record.id;
    rows_read = bytes_read = 0;
    ended = false;
  }

  const std::unique_ptr<SourceRows> source;
  const SourcePace& pace;

  // What is to be read.
  Table* table = nullptr;
  ChunkRows chunk;
  uint32_t chunk_of = 0;  // which table's id

  // Of this chunk, and of the one before it, which is on its way to the disk.
  std::unique_ptr<Tables::Rows> rows, written;
  std::future<Status> writing;
  Status await_written() { return writing.valid() ? writing.get() : ok(); }

  // What was.
  uint64_t rows_read = 0;
  uint64_t bytes_read = 0;
  bool ended = false;  // there are no more rows
  Position until;
  Status result;
};

Fill::Fill(std::string stream, Tables& tables, const Surroundings& around, uint64_t tables_at_once,
           SourcePace& pace, io::Clock& clock)
    : stream_(std::move(stream)),
      tables_(tables),
      log_end_(around.log_end),
      pace_(pace),
      clock_(clock) {
  for (uint64_t i = 0; i < std::max<uint64_t>(1, tables_at_once); ++i)
    lanes_.emplace_back(around.make_rows(), pace);
}

Fill::~Fill() = default;

bool Fill::is_due(const Table& table) const {
  const TableRecord& record = table.record;
  if (record.phase == Phase::kFailed || record.phase == Phase::kCancelled || record.fill.paused)
    return false;
  if (record.phase == Phase::kFilling && !record.fill.read_all) return true;
  // What was looked up shows when the log was followed that far.
  return table.incomplete > 0 && tables_.place()->at >= record.fill.until;
}

bool Fill::wanted() const {
  return std::ranges::any_of(tables_.all(), [this](const Table& table) { return is_due(table); });
}

void Fill::settle() {
  for (Table& table : tables_.all()) {
    TableRecord& record = table.record;
    if (record.phase != Phase::kFilling || !record.fill.read_all || table.incomplete > 0 ||
        tables_.place()->at < record.fill.until) {
      continue;
    }
    record.phase = Phase::kReady;
    tables_.keep(table);
    log::info("state_table_ready", {{"stream", stream_},
                                    {"table", record.full_name()},
                                    {"rows", record.fill.rows},
                                    {"chunks", record.fill.chunks}});
  }
}

Status Fill::step(const std::function<Status(Position)>& follow_to, const IsCancelled& is_cancelled,
                  const std::stop_token& stop) {
  // A source that does not answer holds nobody up who is to stop.
  const std::stop_callback interrupt(stop, [this] {
    for (Lane& lane : lanes_) lane.source->interrupt();
  });
  BINBUS_RETURN_IF_ERROR(pace_.begin([this] { return lanes_.front().source->threads_running(); }));
  std::vector<Table*> due;
  for (Table& table : tables_.all()) {
    if (is_due(table)) due.push_back(&table);
  }
  std::stable_partition(due.begin(), due.end(),
                        [this](Table* table) { return table->record.id > last_id_; });
  if (due.empty()) return ok();
  Table& first = *due.front();
  last_id_ = first.record.id;
  if (first.incomplete > 0 && first.record.fill.until <= tables_.place()->at)
    return complete_rows(first, stop);
  if (!first.has_key()) return read_whole(first, follow_to, is_cancelled, stop);

  const Position at = tables_.place()->at;
  std::vector<std::thread> threads;
  auto lane = lanes_.begin();
  for (Table* table : due) {
    if (lane == lanes_.end()) break;
    if (!table->has_key() || table->record.fill.read_all) continue;
    lane->take_on(*table);
    table->looked_up.reset();  // any row may be of later now
    last_id_ = table->record.id;
    threads.emplace_back([this, &lane = *lane, at, &stop] {
      ::pthread_setname_np(::pthread_self(), "fill");
      io::give_way();  // to what serves and follows, and to the source when it is on this machine
      lane.result = read_chunks(lane, at, stop);
      // Its error comes first: the record says what was read to be written.
      if (Status written = lane.await_written(); !written) lane.result = std::move(written);
      lane.rows.reset();
      lane.written.reset();
      if (!lane.result) lane.source->disconnect();
    });
    ++lane;
  }
  for (std::thread& thread : threads) thread.join();
  Status result = ok();
  for (Lane& each : lanes_) {
    if (each.table == nullptr) continue;
    Status taken = each.result ? take_chunks(each) : failed(*each.table, each.result.error());
    each.table = nullptr;
    if (!taken) result = std::move(taken);
  }
  BINBUS_RETURN_IF_ERROR(tables_.commit());
  return result;
}

// In a lane's thread: chunk after chunk of its table, which nobody else touches meanwhile; each is written while the next is read. What
// they hold is right from Lane::until on, and a table not before its last chunk is.
Status Fill::read_chunks(Lane& lane, Position at, const std::stop_token& stop) {
  FillProgress& fill = lane.table->record.fill;
  if (fill.chunks == 0) {
    BINBUS_TRY(rows, lane.source->guess_rows(*lane.table->record.table));
    fill.rows_expected = rows;
    fill.since_us = clock_.wall_us();
  }
  BINBUS_RETURN_IF_ERROR(lane.source->begin(at, false, stop));
  lane.rows = std::make_unique<Tables::Rows>(*lane.table);
  lane.written = std::make_unique<Tables::Rows>(*lane.table);
  const uint64_t begun_us = clock_.monotonic_us();
  const auto is_due = [&] {
    const uint64_t us = clock_.monotonic_us() - begun_us;
    return us >= (log_end_() == at ? kQuietStepUs : kStepUs);
  };
  bool more = true;
  while (more) {
    BINBUS_TRY(goes_on, read_chunk(lane));
    more = goes_on && !pace_.limits_rate() && !stop.stop_requested() && !is_due();
  }
  BINBUS_TRY(until, lane.source->end(stop));
  lane.until = until;
  return ok();
}

// False: it was the last one, or the connection is gone with it.
Result<bool> Fill::read_chunk(Lane& lane) {
  Table& table = *lane.table;
  FillProgress& fill = table.record.fill;
  const uint64_t begun_us = clock_.monotonic_us();
  const uint64_t rows_max = lane.chunk.rows_max();
  StoredRowReader last_reader(table.record.table);
  std::span<const Field> behind;
  if (!fill.last.empty()) {
    BINBUS_TRY(fields, last_reader.read(fill.last));
    behind = fields;
  }
  Tables::Rows& rows = *lane.rows;
  rows.clear();
  uint64_t packet_bytes = 0;
  ByteVector last;  // empty: the table has no more rows
  bool full = false;
  const auto take = [&](std::span<const Field> row, size_t bytes) -> Result<bool> {
    BINBUS_RETURN_IF_ERROR(rows.add(row));
    packet_bytes += bytes;
    full = rows.bytes() >= kChunkBytes;
    if (full || rows.count() == rows_max) {
      BINBUS_TRY(key_alone, stored_row(key_alone_of(row, table.key)));
      last = std::move(key_alone);
    }
    return !full;
  };
  BINBUS_RETURN_IF_ERROR(lane.source->read_chunk(table, behind, rows_max, take));
  lane.chunk.took(clock_.monotonic_us() - begun_us, rows.bytes());
  BINBUS_RETURN_IF_ERROR(lane.await_written());
  lane.ended = last.empty();
  if (!lane.ended) fill.last = std::move(last);
  fill.rows += rows.count();
  fill.bytes += packet_bytes;
  ++fill.chunks;
  rows.end();
  std::swap(lane.rows, lane.written);
  lane.writing = std::async(std::launch::async, [this, &rows] {
    ::pthread_setname_np(::pthread_self(), "fill.write");
    return tables_.write(rows);
  });
  lane.rows_read += rows.count();
  lane.bytes_read += packet_bytes;
  return !lane.ended && !full;
}

Status Fill::take_chunks(Lane& lane) {
  FillProgress& fill = lane.table->record.fill;
  if (lane.table->incomplete > 0) BINBUS_RETURN_IF_ERROR(tables_.count_incomplete(*lane.table));
  fill.until = std::max(fill.until, lane.until);
  fill.read_all = lane.ended;
  tables_.keep(*lane.table);
  pace_.read(lane.rows_read, lane.bytes_read);
  return ok();
}

// All rows of a table without a key, as of one place.
Status Fill::read_whole(Table& given, const std::function<Status(Position)>& follow_to,
                        const IsCancelled& is_cancelled, const std::stop_token& stop) {
  const std::string database = given.record.table->database, name = given.record.table->table;
  SourceRows& source = *lanes_.front().source;
  const auto read = [&]() -> Status {
    BINBUS_TRY(expected, source.guess_rows(*given.record.table));
    BINBUS_RETURN_IF_ERROR(source.begin(tables_.place()->at, true, stop));
    BINBUS_RETURN_IF_ERROR(follow_to(source.exact_place()));
    // What came on the way may have changed it.
    Table* found = tables_.find(database, name);
    if (found == nullptr || found->has_key() || found->record.phase != Phase::kFilling) {
      BINBUS_RETURN_IF_ERROR(source.end(stop));
      return ok();
    }
    Table& table = tables_.empty(*found, Phase::kFilling);  // of a reading that broke off
    BINBUS_RETURN_IF_ERROR(tables_.commit());
    FillProgress& fill = table.record.fill;
    fill.rows_expected = expected;
    fill.since_us = clock_.wall_us();
    fill.until = source.exact_place();
    fill.chunks = 1;
    const auto take = [&](std::span<const Field> row, size_t bytes) -> Result<bool> {
      if (stop.stop_requested()) return fail(Code::kStopped, "asked to stop");
      if (fill.rows % kRowsBetweenLooks == 0 && is_cancelled(table.record.full_name()))
        return fail(Code::kUnavailable, "its reading was cancelled");
      BINBUS_RETURN_IF_ERROR(tables_.insert(table, row));
      ++fill.rows;
      fill.bytes += bytes;
      if (tables_.batch_bytes() > kBatchBytes) BINBUS_RETURN_IF_ERROR(tables_.commit());
      return true;
    };
    BINBUS_RETURN_IF_ERROR(source.read_chunk(table, {}, 0, take));
    BINBUS_RETURN_IF_ERROR(source.end(stop));
    fill.read_all = true;
    tables_.keep(table);
    return tables_.commit();
  };
  Status done = read();
  if (done) return done;
  source.disconnect();
  Table* table = tables_.find(database, name);
  return table == nullptr ? fail(done.error()) : failed(*table, done.error());
}

// Values that rows lack: the rows are looked up by their keys.
Status Fill::complete_rows(Table& table, const std::stop_token& stop) {
  SourceRows& source = *lanes_.front().source;
  const auto read = [&]() -> Status {
    BINBUS_TRY(incomplete, tables_.incomplete_rows(table, kIncompleteAtOnce));
    BINBUS_RETURN_IF_ERROR(source.begin(tables_.place()->at, false, stop));
    std::vector<ByteVector> keys,
        found;  // these are put in place when it is known of where they are
    for (const std::string& stored : incomplete) {
      BINBUS_TRY(row, table.reader->read(stored));
      BINBUS_TRY(key, stored_row(key_alone_of(row.fields, table.key)));
      keys.push_back(std::move(key));
    }
    const auto take = [&](std::span<const Field> whole, size_t) -> Result<bool> {
      BINBUS_TRY(bytes, stored_row(whole));
      found.push_back(std::move(bytes));
      return true;
    };
    if (!keys.empty()) BINBUS_RETURN_IF_ERROR(source.read_rows(table, keys, take));
    BINBUS_TRY(until, source.end(stop));
    table.looked_up.emplace();
    StoredRowReader rows(table.record.table);
    for (const ByteVector& bytes : found) {
      BINBUS_TRY(whole, rows.read(bytes));
      BINBUS_RETURN_IF_ERROR(tables_.complete(table, whole));
    }
    table.record.fill.until = std::max(table.record.fill.until, until);
    tables_.keep(table);
    return tables_.commit();
  };
  Status done = read();
  if (done) return done;
  source.disconnect();
  return failed(table, done.error());
}

// What the source says of one table is that table's; the rest of it is everybody's.
Status Fill::failed(Table& table, Error error) {
  if (error.code != Code::kUnsupported) return fail(std::move(error));
  tables_.give_up(table, error);
  return ok();
}

}  // namespace binbus::state
