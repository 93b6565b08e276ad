#include "schema/row_history.h"

namespace binbus::schema {
namespace {

// The latest time that a TIMESTAMP(6) has; since MariaDB 11.5 it has more of them.
bool is_latest(const Temporal& time) {
  if (time.microsecond != 999'999) return false;
  const bool in_2038 = time.year == 2038 && time.month == 1 && time.day == 19 && time.hour == 3 &&
                       time.minute == 14 && time.second == 7;
  const bool in_2106 = time.year == 2106 && time.month == 2 && time.day == 7 && time.hour == 6 &&
                       time.minute == 28 && time.second == 15;
  return in_2038 || in_2106;
}

// What an image does not have did not change: rows of the past never do.
Result<bool> is_current(const Field& row_end) {
  if (row_end.state != Field::State::kValue) return true;
  if (row_end.column->type == SqlType::kBigint) {  // numbers of transactions instead of times
    BINBUS_TRY(transaction, read_integer(row_end));
    return transaction.bits == UINT64_MAX;
  }
  BINBUS_TRY(time, read_temporal(row_end));
  return is_latest(time);
}

}  // namespace

Result<std::optional<Operation>> current_rows_operation(Operation logged, uint32_t row_end,
                                                        std::span<const Field> before,
                                                        std::span<const Field> after) {
  bool was = false;
  bool is = false;
  if (!before.empty()) {
    BINBUS_TRY(current, is_current(before[row_end]));
    was = current;
  }
  if (!after.empty()) {
    BINBUS_TRY(current, is_current(after[row_end]));
    is = current;
  }
  if (was && is) return std::optional(logged);
  if (was) return std::optional(Operation::kDelete);
  if (is) return std::optional(Operation::kInsert);
  return std::optional<Operation>();
}

}  // namespace binbus::schema
