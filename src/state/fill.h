// Reads the rows of tables that are being filled, and the values that incomplete rows lack, at the source: chunk by chunk, between two
// transactions of the log.
//
// A chunk holds once the log was followed to its place behind (Fill::until); what was read is kept with how far it came, so that after
// a restart the next chunk follows. A table without a key is read as a whole, as of one place exactly.
//
// Owner:  borrows the tables, the pace and the clock.
// Thread: the tables'; it has some of its own while step() runs, one for each table that it reads at a time.
#pragma once

#include <algorithm>
#include <list>

#include "state/pace.h"
#include "state/source_rows.h"
#include "state/tables.h"

namespace binbus::state {

class Fill {
 public:
  struct Surroundings {
    std::function<std::unique_ptr<SourceRows>()> make_rows;
    std::function<Position()> log_end;
  };
  Fill(std::string stream, Tables& tables, const Surroundings& around, uint64_t tables_at_once,
       SourcePace& pace, io::Clock& clock);
  ~Fill();

  // Whether step() has something to do, now or later.
  bool wanted() const;
  using IsCancelled = std::function<bool(const std::string& table)>;
  // Reads some, and writes it. `follow_to` follows the log to a place exactly, which the tables' is afterwards. kUnavailable: not
  // now, with the reason. A reading that takes longer than others ends when `is_cancelled` says so of its table.
  Status step(const std::function<Status(Position)>& follow_to, const IsCancelled& is_cancelled,
              const std::stop_token& stop);
  // At what monotonic time the next step is due.
  uint64_t due_us() const { return std::max(due_us_, pace_.due_us()); }
  void put_off(uint64_t due_us) { due_us_ = due_us; }
  // Makes tables ready for which the log was followed far enough.
  void settle();

 private:
  struct Lane;
  Status read_chunks(Lane& lane, Position at, const std::stop_token& stop);
  Result<bool> read_chunk(Lane& lane);
  Status take_chunks(Lane& lane);
  Status read_whole(Tables::Table& table, const std::function<Status(Position)>& follow_to,
                    const IsCancelled& is_cancelled, const std::stop_token& stop);
  Status complete_rows(Tables::Table& table, const std::stop_token& stop);
  Status failed(Tables::Table& table, Error error);
  bool is_due(const Tables::Table& table) const;

  const std::string stream_;
  Tables& tables_;
  const std::function<Position()> log_end_;
  SourcePace& pace_;
  io::Clock& clock_;
  std::list<Lane> lanes_;
  uint64_t due_us_ = 0;
  uint32_t last_id_ = 0;  // of the table that was read last: others come first
};

}  // namespace binbus::state
