// What a stream's tables looked like at any place of its log: baselines that were read at the source, and the log's DDL.
//
// A projection: it keeps checkpoints in files of its own, which may be deleted and are made again.
//
// Owner:  borrows the log and the FileSystem, which must outlive it.
// Thread: any.
// Errors: kNotFound: the log has no baseline yet, which may come (retry later). kUnsupported: a statement on the way is not
//         understood; the message has its position and text, and a new baseline mends it (`binbus schema rebuild`).
//         kPurged and kIo of the log.
#pragma once

#include <mutex>
#include <stop_token>

#include "io/file.h"
#include "schema/baseline.h"
#include "store/log.h"

namespace binbus::changes {

using binlog::Position;

class SchemaHistory {
 public:
  // Checkpoints are kept in `folder` (the stream's, "schema" below it), which is made when it is needed.
  SchemaHistory(store::Log& log, io::FileSystem& files, std::string folder);

  // The tables as the event that begins at `position` finds them. A table whose columns are not known there is in the
  // catalog with the reason (TableState::reread), never with a guess.
  Result<schema::Catalog> at(Position position);

  // What statements mean beside what their events say: the facts for query_context(), of the baseline that counts there.
  Result<schema::StatementContext> facts(Position position);

  // One table; for `binbus schema show`. Version null: there is no such table.
  Result<schema::TableState> table(std::string_view database, std::string_view table,
                                   Position position);

  // Makes the checkpoints that are missing, one per segment's start, and removes those of segments that are gone. Long work
  // with no lock held: for a thread in the background.
  Status catch_up(const std::stop_token& stop);

 private:
  // A catalog that is known, and where.
  struct Known {
    Position at;
    Position baseline;  // that it comes from
    schema::SourceDefaults defaults;
    schema::Catalog catalog;
  };

  Result<Known> start_of(Position position);
  Result<Known> from_baseline(Position baseline);
  // What can be said of a place before the first baseline.
  Result<Known> before_baseline(Position position, Position baseline);
  Status go_on(Known& known, Position to, const std::stop_token& stop);
  std::string path_of(uint64_t segment) const;
  Result<std::optional<Known>> read_checkpoint(uint64_t segment);
  Status write_checkpoint(uint64_t segment, const Known& known, bool changed);
  void remove_old();

  store::Log& log_;
  io::FileSystem& files_;
  const std::string folder_;
  std::mutex catching_up_;
};

}  // namespace binbus::changes
