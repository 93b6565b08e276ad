// A comparison of kept rows with the source's that somebody has asked for: what he wants, and how far it is.
//
// Thread: any.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace binbus::state {

// One row that is not the source's.
struct RowDifference {
  enum class Kind : uint8_t { kDiffers, kMissing, kExtra } kind = Kind::kDiffers;
  std::vector<std::pair<std::string, std::string>>
      key;                           // column and value; of tables without a key all the row has
  std::vector<std::string> columns;  // of kDiffers: those that do
};

struct TableVerdict {
  enum class Stage : uint8_t { kWaiting, kComparing, kExtras, kDone } stage = Stage::kWaiting;
  std::string table;           // "DATABASE.TABLE"
  uint64_t rows = 0;           // compared
  uint64_t rows_expected = 0;  // the source's guess
  uint64_t differ = 0;
  uint64_t missing = 0;  // rows of the source that are not kept
  uint64_t extra = 0;    // kept rows that the source has not
  uint64_t repaired = 0;
  std::string not_comparable;        // why, if it was not compared to its end
  std::vector<RowDifference> first;  // of the differences

  uint64_t differences() const { return differ + missing + extra; }
};

struct VerificationStatus {
  bool ended = false;
  std::string error;  // why it ended before all tables were looked at
  std::string waits;  // why it does not go on now
  std::string place;  // of the log, that the kept rows were of last
  std::vector<TableVerdict> tables;
};

class Verification {
 public:
  static constexpr size_t kFirst = 10;  // differences of a table that are told one by one

  // Of the tables that `wants` names.
  using Wants = std::function<bool(std::string_view database, std::string_view table)>;
  Verification(Wants wants, bool repair) : wants_(std::move(wants)), repairs_(repair) {}
  bool wants(std::string_view database, std::string_view table) const {
    return wants_(database, table);
  }
  bool repairs() const { return repairs_; }

  // It ends soon.
  void cancel();
  bool is_cancelled() const;
  VerificationStatus status() const;
  // The same when it has ended, or after that time.
  VerificationStatus wait(uint64_t wait_ms, const std::stop_token& stop);
  // By who does it. After the end nothing changes.
  void change(const std::function<void(VerificationStatus&)>& to);
  void end(const std::string& error);

 private:
  const Wants wants_;
  const bool repairs_;
  mutable std::mutex mutex_;
  std::condition_variable_any ended_;
  VerificationStatus status_;  // guarded by mutex_
  bool cancelled_ = false;     // guarded by mutex_
};

}  // namespace binbus::state
