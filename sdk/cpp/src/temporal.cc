// DATE, TIME and DATETIME, from the texts of MySQL.
#include "temporal.h"

namespace binbus {
namespace {

// Takes numbers and separators off the front of a text; once something does not fit, ok() is false for good.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) { ok_ = take(c) && ok_; }
  int number(size_t digits_min, size_t digits_max, int max) {
    int value = 0;
    size_t digits = 0;
    for (; digits < digits_max && !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; ++digits) {
      value = value * 10 + (rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    if (digits < digits_min || value > max) ok_ = false;
    return value;
  }
  // "", or "." and up to six digits.
  int microseconds() {
    if (!take('.')) return 0;
    const size_t before = rest_.size();
    int value = number(1, 6, 999'999);
    for (size_t digits = before - rest_.size(); digits < 6; ++digits) value *= 10;
    return value;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

Date read_date(Reader& in) {
  Date date;
  date.year = in.number(4, 4, 9999);
  in.expect('-');
  date.month = in.number(2, 2, 12);
  in.expect('-');
  date.day = in.number(2, 2, 31);
  return date;
}

}  // namespace

std::optional<Date> parse_date(std::string_view text) {
  Reader in(text);
  const Date date = read_date(in);
  return in.ok() && in.at_end() ? std::optional(date) : std::nullopt;
}

std::optional<Time> parse_time(std::string_view text) {
  Reader in(text);
  Time time;
  time.negative = in.take('-');
  time.hours = in.number(2, 3, 838);
  in.expect(':');
  time.minutes = in.number(2, 2, 59);
  in.expect(':');
  time.seconds = in.number(2, 2, 59);
  time.microseconds = in.microseconds();
  return in.ok() && in.at_end() ? std::optional(time) : std::nullopt;
}

std::optional<DateTime> parse_datetime(std::string_view text) {
  Reader in(text);
  DateTime time;
  time.date = read_date(in);
  if (in.ok() && in.at_end()) return time;  // of a DATE
  in.expect(' ');
  time.hour = in.number(2, 2, 23);
  in.expect(':');
  time.minute = in.number(2, 2, 59);
  in.expect(':');
  time.second = in.number(2, 2, 59);
  time.microsecond = in.microseconds();
  return in.ok() && in.at_end() ? std::optional(time) : std::nullopt;
}

std::optional<std::chrono::sys_days> Date::to_days() const {
  using namespace std::chrono;
  const year_month_day day_of{std::chrono::year(year),
                              std::chrono::month(static_cast<unsigned>(month)),
                              std::chrono::day(static_cast<unsigned>(day))};
  return day_of.ok() && year > 0 ? std::optional(sys_days(day_of)) : std::nullopt;
}

bool Date::is_real() const { return to_days().has_value(); }

std::chrono::microseconds Time::to_duration() const {
  const std::chrono::microseconds span = std::chrono::hours(hours) + std::chrono::minutes(minutes) +
                                         std::chrono::seconds(seconds) +
                                         std::chrono::microseconds(microseconds);
  return negative ? -span : span;
}

std::optional<std::chrono::sys_time<std::chrono::microseconds>> DateTime::to_utc() const {
  const auto days = date.to_days();
  if (!days) return std::nullopt;
  return *days + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + std::chrono::microseconds(microsecond);
}

}  // namespace binbus
