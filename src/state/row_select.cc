#include "state/row_select.h"

#include <algorithm>

#include "base/check.h"
#include "schema/charset.h"
#include "schema/decimal.h"
#include "schema/declared_wire.h"
#include "schema/identifier.h"
#include "schema/table_definition.h"
#include "schema/temporal.h"
#include "schema/wire_types.h"
#include "state/result_column.h"

namespace binbus::state {

using schema::Column;
using schema::Field;
using schema::SqlType;
using schema::Temporal;

std::string_view session_statement() {
  // Numbers of versions as each server understands them: from 5.7.8 and not MariaDB; from MariaDB 10.1.1.
  return "SET SESSION time_zone = '+00:00', character_set_results = NULL, sql_mode = ''"
         "/*!50708 , max_execution_time = 0 *//*M!100101 , max_statement_time = 0 */";
}

namespace {

tl::unexpected<Error> bad_size() {
  return fail(Code::kCorrupt, "value of another size than its type's");
}

// What to select for the column. ENUM and SET would come as their labels, MariaDB's addresses and UUIDs as text.
std::string expression(const Column& column) {
  const std::string name = schema::quoted_identifier(column.name);
  switch (column.type) {
    case SqlType::kEnum:
    case SqlType::kSet:
      return "CAST(" + name + " AS UNSIGNED)";
    case SqlType::kInet4:
      return "CAST(" + name + " AS BINARY(4))";
    case SqlType::kInet6:
    case SqlType::kUuid:
      return "CAST(" + name + " AS BINARY(16))";
    default:
      return name;
  }
}

// Without the zeros at its end.
Bytes trimmed(Bytes bytes) {
  while (!bytes.empty() && bytes.back() == 0) bytes = bytes.first(bytes.size() - 1);
  return bytes;
}

// Dates and times are as long as they need to be, after a byte that says how long. Parts that are not there are zero.
Result<Temporal> take_date_and_time(ByteReader& in) {
  BINBUS_TRY(size, in.u8("a date's length"));
  BINBUS_TRY(bytes, in.bytes(size, "a date"));
  Temporal value;
  if (size != 0 && size != 4 && size != 7 && size != 11) return bad_size();
  const uint8_t* at = bytes.data();
  if (size >= 4) {
    value.year = load_u16(at);
    value.month = at[2];
    value.day = at[3];
  }
  if (size >= 7) {
    value.hour = at[4];
    value.minute = at[5];
    value.second = at[6];
  }
  if (size == 11) value.microsecond = load_u32(at + 7);
  BINBUS_RETURN_IF_ERROR(check_range(value, 23));
  return value;
}

constexpr uint32_t kHourMax = 838;

Result<Temporal> take_duration(ByteReader& in) {
  BINBUS_TRY(size, in.u8("a time's length"));
  BINBUS_TRY(bytes, in.bytes(size, "a time"));
  Temporal value;
  if (size != 0 && size != 8 && size != 12) return bad_size();
  const uint8_t* at = bytes.data();
  if (size >= 8) {
    value.negative = at[0] != 0;
    value.hour = std::min(load_u32(at + 1), kHourMax) * 24 + at[5];
    value.minute = at[6];
    value.second = at[7];
  }
  if (size == 12) value.microsecond = load_u32(at + 8);
  BINBUS_RETURN_IF_ERROR(check_range(value, kHourMax));
  return value;
}

}  // namespace

// How values are taken, by what they are.
struct RowSelect::Takes {
  // A little-endian number, of which the log has the lower bytes.
  static Status number(ByteReader& in, Step& step, Field& field) {
    BINBUS_TRY(bytes, in.bytes(step.packet_bytes, "a number"));
    field.bytes = bytes.first(step.bytes);
    return ok();
  }

  // As wide as the server makes it, and no greater than what the log has room for.
  static Status label(ByteReader& in, Step& step, Field& field) {
    BINBUS_TRY(bytes, in.bytes(step.packet_bytes, "a label's number"));
    step.value = {};
    std::ranges::copy(bytes, step.value.begin());
    field.bytes = Bytes(step.value).first(step.bytes);
    return trimmed(Bytes(step.value).subspan(step.bytes)).empty() ? ok() : bad_size();
  }

  static Status year(ByteReader& in, Step& step, Field& field) {
    BINBUS_TRY(year, in.u16("a year"));
    const bool two_digits = field.column->length == 2;
    // Of 1970 to 2069; 0 is a year of its own only in four digits.
    const uint32_t since = two_digits  ? (year < 70 ? year + 100U : year)
                           : year == 0 ? 0U
                                       : year - 1900U;
    if (since > 255 || (two_digits && year > 99))
      return fail(Code::kCorrupt, "a year out of its range");
    step.value[0] = static_cast<uint8_t>(since);
    field.bytes = Bytes(step.value).first(1);
    return ok();
  }

  static Status date(ByteReader& in, Step& step, Field& field) {
    BINBUS_TRY(value, take_date_and_time(in));
    store_date(step.value.data(), value);
    field.bytes = Bytes(step.value).first(step.bytes);
    return ok();
  }
  static Status time(ByteReader& in, Step& step, Field& field) {
    BINBUS_TRY(value, take_duration(in));
    store_time2(step.value.data(), value, field.column->decimals);
    field.bytes = Bytes(step.value).first(step.bytes);
    return ok();
  }
  static Status datetime(ByteReader& in, Step& step, Field& field) {
    BINBUS_TRY(value, take_date_and_time(in));
    store_datetime2(step.value.data(), value, field.column->decimals);
    field.bytes = Bytes(step.value).first(step.bytes);
    return ok();
  }
  static Status timestamp(ByteReader& in, Step& step, Field& field) {
    BINBUS_TRY(value, take_date_and_time(in));
    field.bytes = Bytes(step.value).first(step.bytes);
    return store_timestamp2(step.value.data(), value, field.column->decimals);
  }

  static Status decimal(ByteReader& in, Step& step, Field& field) {
    BINBUS_TRY(text, in.lenenc_bytes("a decimal"));
    field.bytes = Bytes(step.value).first(step.bytes);
    return schema::store_decimal(step.value.data(), as_text(text), field.wire.metadata & 0xffU,
                                 field.wire.metadata >> 8);
  }

  static Status bit(ByteReader& in, Step& step, Field& field) {
    BINBUS_TRY(bytes, in.lenenc_bytes("bits"));
    field.bytes = bytes;
    return bytes.size() == step.bytes ? ok() : bad_size();
  }

  static Status string(ByteReader& in, Step&, Field& field) {
    BINBUS_TRY(bytes, in.lenenc_bytes("a string"));
    field.bytes = bytes;
    return ok();
  }
  // Of a fixed length, which events cut.
  static Status fixed_string(ByteReader& in, Step& step, Field& field) {
    BINBUS_RETURN_IF_ERROR(string(in, step, field));
    if (field.bytes.size() > field.wire.metadata) return bad_size();
    field.bytes = trimmed(field.bytes);
    return ok();
  }

  static Status json(ByteReader& in, Step& step, Field& field) {
    BINBUS_TRY(text, in.lenenc_bytes("a document"));
    Document& document = *step.document;
    BINBUS_RETURN_IF_ERROR(document.encoder.encode(as_text(text), document.bytes));
    field.bytes = document.bytes;
    return ok();
  }

  static Take of(SqlType type) {
    switch (type) {
      case SqlType::kTinyint:
      case SqlType::kSmallint:
      case SqlType::kMediumint:
      case SqlType::kInt:
      case SqlType::kBigint:
      case SqlType::kFloat:
      case SqlType::kDouble:
        return number;
      case SqlType::kEnum:
      case SqlType::kSet:
        return label;
      case SqlType::kYear:
        return year;
      case SqlType::kDate:
        return date;
      case SqlType::kTime:
        return time;
      case SqlType::kDatetime:
        return datetime;
      case SqlType::kTimestamp:
        return timestamp;
      case SqlType::kDecimal:
        return decimal;
      case SqlType::kBit:
        return bit;
      case SqlType::kBinary:
      case SqlType::kInet4:
      case SqlType::kInet6:
      case SqlType::kUuid:
        return fixed_string;
      case SqlType::kJson:
        return json;
      default:
        return string;
    }
  }
};

Result<RowSelect> RowSelect::make(schema::TablePtr table, const schema::ServerVersion& server) {
  RowSelect select(std::move(table));
  const schema::TableVersion& version = *select.table_;
  for (size_t i = 0; i < version.columns.size(); ++i) {
    const Column& column = version.columns[i];
    Column plain = column;
    plain.compressed = false;
    select.fields_.push_back({.wire = declared_wire(plain, server.mariadb),
                              .column = &column,
                              .charset = schema::Charset::find(column.charset)});
    if (column.hidden) continue;
    Step step{.take = Takes::of(column.type), .column = static_cast<uint32_t>(i)};
    if (column.type == SqlType::kUnknown)
      return select.failed(step, {Code::kUnsupported, "type " + column.type_text});
    auto size = value_size(select.fields_[i].wire, 0);
    if (!size) return select.failed(step, size.error());
    step.bytes = static_cast<uint8_t>(size->fixed);
    if (column.type == SqlType::kJson) step.document = std::make_unique<Document>();
    if (!select.list_.empty()) select.list_ += ", ";
    select.list_ += expression(column);
    select.steps_.push_back(std::move(step));
  }
  return select;
}

Status RowSelect::open(std::span<const mysql::ResultColumn> columns) {
  if (columns.size() != steps_.size()) {
    return fail(Code::kDiverged, "table " + table_->database + "." + table_->table + ": " +
                                     std::to_string(columns.size()) +
                                     " columns were selected, of " + std::to_string(steps_.size()));
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    Step& step = steps_[i];
    const Column& column = table_->columns[step.column];
    if (const std::string has = difference(columns[i], column); !has.empty()) {
      return failed(step, {Code::kDiverged, "is " + column.type_text + " here and " + has +
                                                " at the source; was the table altered?"});
    }
    step.packet_bytes = number_bytes(columns[i].type);
  }
  opened_ = true;
  return ok();
}

tl::unexpected<Error> RowSelect::failed(const Step& step, Error error) const {
  return fail_in("column " + table_->columns[step.column].name + " of " + table_->database + "." +
                     table_->table,
                 std::move(error));
}

// Null bits begin with the third.
Result<std::span<const Field>> RowSelect::read(Bytes packet) {
  BINBUS_CHECK(opened_);
  ByteReader in(packet);
  BINBUS_TRY(head, in.u8("row"));
  BINBUS_TRY(nulls, in.bytes((steps_.size() + 9) / 8, "row's null bits"));
  if (head != 0) return fail(Code::kCorrupt, "a row that does not begin with zero");
  size_t bit = 2;
  for (Step& step : steps_) {
    Field& field = fields_[step.column];
    const bool null = (nulls[bit / 8] >> (bit % 8) & 1) != 0;
    ++bit;
    field.state = null ? Field::State::kNull : Field::State::kValue;
    field.bytes = {};
    if (null) continue;
    if (const Status taken = step.take(in, step, field); !taken) return failed(step, taken.error());
  }
  if (in.remaining() > 0) return fail(Code::kCorrupt, "a row has bytes behind its values");
  return std::span<const Field>(fields_);
}

}  // namespace binbus::state
