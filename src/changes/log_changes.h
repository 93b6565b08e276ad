// A cursor in a stream's log, decoded: what sinks and tails read.
//
// Owner:  borrows the log, which must outlive it.
// Thread: one.
#pragma once

#include <memory>

#include "changes/change_reader.h"
#include "changes/change_source.h"
#include "mysql/executed.h"
#include "store/log.h"

namespace binbus::changes {

struct SchemaThere {
  schema::Catalog catalog = schema::Catalog();
  schema::StatementContext facts;  // what statements mean beside what their events say
};
// The tables as they are at a place; kNotFound while nothing is known, and row metadata must tell.
using SchemaAt = std::function<Result<SchemaThere>(Position)>;

class LogChanges final : public ChangeSource {
 public:
  // `on_diverged` is told of a table that is not as its schema here: others to come can be known when all are read again.
  LogChanges(store::Log& log, SchemaAt schema_at, std::function<void()> on_diverged = {},
             FillRow fill = {})
      : log_(log),
        schema_at_(std::move(schema_at)),
        on_diverged_(std::move(on_diverged)),
        fill_(std::move(fill)) {}

  void configure(Wanted wanted) override { wanted_ = std::move(wanted); }
  // Also "time:YYYY-MM-DDTHH:MM:SSZ": what was committed from then on. kInvalid for what names no place; kPurged for one that is no
  // longer, or not yet, in the log.
  Status start(std::string_view where) override;
  Status seek(const Checkpoint& checkpoint) override;
  // The place that `where` names, which may be within a transaction.
  Result<Position> find(std::string_view where) const;
  Result<bool> read(const std::function<Status(const schema::Change&)>& emit, uint64_t wait_ms,
                    const std::stop_token& stop) override;
  // Until the log has more than read() has just read, or `stop`. False: it has not.
  bool wait(uint64_t wait_ms, const std::stop_token& stop);
  Checkpoint place() const override;
  bool before(const Checkpoint& one, const Checkpoint& other) const override;
  // The same as a position in the log.
  Position position() const { return at_; }
  // Nothing behind `end`, a place between transactions, is read from now on.
  void stop_at(Position end) { end_ = end; }
  // Retention may take what lies behind it, until it reads on.
  void let_go();
  // Nothing is left to be read, for now.
  bool at_end() const { return at_ >= log_.visible_end(); }

 private:
  Result<Position> position_of(std::string_view file_and_offset) const;
  Result<mysql::Executed> parse_set(std::string_view where) const;
  Status open();

  store::Log& log_;
  const SchemaAt schema_at_;
  const std::function<void()> on_diverged_;
  const FillRow fill_;
  Wanted wanted_;
  Position end_{UINT64_MAX, 0};
  Position open_at_;                     // where to read from
  std::optional<mysql::Executed> done_;  // these transactions are, too
  Position at_;
  std::string at_segment_;
  std::unique_ptr<ChangeReader> reader_;
};

}  // namespace binbus::changes
