// Compares kept rows with the source's, row by row, while both change, and puts those right that differ.
//
// Rows are read at the source as the fill reads them: while the log stands still at P, by a reading that shows all up to P and nothing
// behind U. A row that is kept as the source showed it is equal. One that is not is in doubt: it may have been changed between P and U.
// The log is followed to U then, and what it writes is looked at: a version that is the source's row settles the doubt. What
// is left at U differs. It is looked up by its key and judged in the same way once more before it is told.
//
// Kept rows that the source has not: their keys are not in the source's order, so that no chunk shows them to be missing there. Sums
// of the keys of both sides (key_sums.h) tell which of them are to be asked for.
//
// A repair is a chunk of the fill: rows are read by their keys again at P and written as of P, and are right when the log has come to
// U; readers see them from then on. So it undoes no change of the log.
//
// A table without a key is compared as a whole, as of one place exactly.
//
// Owner:  borrows the tables, the source, the pace and the clock.
// Thread: the tables'.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "state/key_sums.h"
#include "state/pace.h"
#include "state/source_rows.h"
#include "state/verification.h"

namespace binbus::state {

class Verifier {
 public:
  // How long a source that does not answer is asked again, and one that refuses a table.
  static constexpr uint64_t kPatienceUs = 30'000'000;
  static constexpr uint64_t kTablePatienceUs = 10'000'000;

  Verifier(std::string stream, Tables& tables, std::unique_ptr<SourceRows> source, SourcePace& pace,
           io::Clock& clock);
  ~Verifier();  // ends what is under way with an error

  // Begins with the tables that there are; one at a time.
  void begin(std::shared_ptr<Verification> run);
  void end(const std::string& error);
  // Whether step() has something to do now; later, when the log was followed further or time has passed.
  bool is_due() const;
  // Does some, between two transactions. `follow_to` follows the log to a place exactly. An error is the tables', and leaves a batch
  // that must not be written; what goes wrong at the source is told in the verdict.
  using FollowTo = std::function<Status(Position)>;
  Status step(const FollowTo& follow_to, const std::stop_token& stop);

 private:
  // A row of which it is not known whether it is the same on both sides.
  struct Doubt {
    ByteVector row;  // the source's, as store_row() has it; when it has none, the kept one
    bool at_source = false;
  };
  using Doubts = std::map<std::string, Doubt>;  // by keys in the store
  // A table, and how far it is when it is at hand.
  struct Work {
    explicit Work(const SourcePace& pace) : chunk(pace) {}
    std::string database, name;
    size_t verdict = 0;  // its index
    uint32_t id = 0;     // 0: not begun
    uint32_t version = 0;
    int begun = 0;  // how often
    std::unique_ptr<RowReader> kept;
    std::unique_ptr<StoredRowReader> stored;
    ChunkRows chunk;
    enum class Stage : uint8_t { kRows, kSums, kExtras, kDone } stage = Stage::kRows;
    ByteVector last;     // the last row of the source's that was read, its key alone
    std::string behind;  // the last kept key that was looked at
    struct Sums {
      KeySums theirs, ours;
    };
    std::unique_ptr<Sums> sums;  // of the table at hand only
    bool walked = false;         // there are no more of them
    Doubts asked;                // kept keys that are to be asked for
    Doubts again;                // that are to be looked up
    Doubts mended;               // that are to be put right
  };
  enum class Look : uint8_t { kFirst, kLast };
  static constexpr uint64_t kRowsBetweenLooks = 1024;  // at the clock, or whether to end

  Tables::Table* current();
  void next_table();
  void forget_doubts();
  void restart(Tables::Table& table);
  void give_up_table(const std::string& why);
  Status advance(const FollowTo& follow_to, const std::stop_token& stop);
  Status read_rows(Tables::Table& table, const std::stop_token& stop);
  Status sum_kept(Tables::Table& table);
  Status find_extras(Tables::Table& table, const std::stop_token& stop);
  Status walk_kept(Tables::Table& table);
  struct Found {
    Doubts unequal;                   // of those that were asked for
    std::vector<std::string> judged;  // the keys that were
    size_t unequal_bytes = 0, read_bytes = 0;
    Position until;
  };
  Result<Found> look_up(Tables::Table& table, const Doubts& asked, const std::stop_token& stop);
  Status look_up_batch(Tables::Table& table, const Doubts& asked, Doubts::const_iterator& next,
                       Found& found);
  Status look(Tables::Table& table, Doubts& from, Look look, const std::stop_token& stop);
  Status mend(Tables::Table& table, const std::stop_token& stop);
  void wait_for(Look look, Position until);
  Status conclude(Tables::Table& table);
  Status report(Tables::Table& table, const std::string& key, const Doubt& doubt);
  Status compare_whole(Tables::Table& table, const FollowTo& follow_to,
                       const std::stop_token& stop);
  Status compare_counts(Tables::Table& table, const std::stop_token& stop);
  Result<bool> is_same(const Doubt& doubt, const std::optional<std::string_view>& kept);
  void written(const std::string& key, std::optional<std::string_view> kept);
  Status source_failed(Error error);
  bool is_to_end(const std::stop_token& stop) const {
    return run_->is_cancelled() || stop.stop_requested();
  }
  void change(const std::function<void(TableVerdict&)>& to);

  const std::string stream_;
  Tables& tables_;
  const std::unique_ptr<SourceRows> source_;
  SourcePace& pace_;
  io::Clock& clock_;

  std::shared_ptr<Verification> run_;
  std::deque<Work> work_;  // the table at hand, and those that are to come
  // Rows that are judged when the log has come to until_.
  Doubts doubts_;
  std::optional<Look> look_;  // none: nothing waits
  Position until_;            // nothing is due before
  Status broken_;             // of a row that could not be compared as it was written
  uint64_t failing_since_us_ = 0;
  uint64_t due_us_ = 0;
};

}  // namespace binbus::state
