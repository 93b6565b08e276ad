#include "format/value.h"

#include <charconv>
#include <cmath>

#include "format/json_output.h"
#include "schema/charset.h"
#include "schema/column_type.h"

namespace binbus::format {

using schema::Column;
using schema::Field;
using schema::SqlType;

namespace {

// What one huge value may leave allocated.
constexpr size_t kScratchKeptMax = 1 << 20;

bool extends_ascii(std::string_view charset) {
  const schema::Charset* found = schema::Charset::find(charset);
  return found != nullptr && found->extends_ascii();
}

bool is_compressed(const Field& field) {
  return field.wire.type == schema::kWireBlobCompressed ||
         field.wire.type == schema::kWireVarcharCompressed;
}

// "00042" and "-00.5": JSON's numbers have no zeros in front.
void drop_leading_zeros(std::string& out, size_t start) {
  if (start < out.size() && out[start] == '-') ++start;
  size_t zeros = 0;
  while (start + zeros + 1 < out.size() && out[start + zeros] == '0' &&
         out[start + zeros + 1] >= '0' && out[start + zeros + 1] <= '9')
    ++zeros;
  out.erase(start, zeros);
}

template <class T>
void append_shortest(std::string& out, T value) {
  if (std::isfinite(value)) {
    char digits[32];
    out.append(digits, std::to_chars(digits, digits + sizeof(digits), value).ptr);
  } else {
    out += std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  }
}

}  // namespace

void append_double(std::string& out, double value) { append_shortest(out, value); }

Shape shape_of(const Column& column) {
  switch (column.type) {
    case SqlType::kTinyint:
    case SqlType::kSmallint:
    case SqlType::kMediumint:
    case SqlType::kInt:
    case SqlType::kBigint:
      return Shape::kInteger;
    case SqlType::kFloat:
    case SqlType::kDouble:
      return Shape::kFloat;
    case SqlType::kDecimal:
      return Shape::kDecimal;
    case SqlType::kBit:
      return Shape::kBit;
    case SqlType::kYear:
      return Shape::kYear;
    case SqlType::kDate:
      return Shape::kDate;
    case SqlType::kTime:
      return Shape::kTime;
    case SqlType::kDatetime:
      return Shape::kDatetime;
    case SqlType::kTimestamp:
      return Shape::kTimestamp;
    case SqlType::kEnum:
      return Shape::kEnum;
    case SqlType::kSet:
      return Shape::kSet;
    case SqlType::kJson:
      return Shape::kJson;
    case SqlType::kGeometry:
    case SqlType::kPoint:
    case SqlType::kLinestring:
    case SqlType::kPolygon:
    case SqlType::kMultipoint:
    case SqlType::kMultilinestring:
    case SqlType::kMultipolygon:
    case SqlType::kGeometrycollection:
      return Shape::kGeometry;
    case SqlType::kVector:
      return Shape::kVector;
    case SqlType::kInet4:
    case SqlType::kInet6:
    case SqlType::kUuid:
      return Shape::kName;
    case SqlType::kUnknown:
      return Shape::kUnknown;
    default:
      break;
  }
  if (!schema::is_text_type(column.type) || column.charset == "binary") return Shape::kBinary;
  return column.json ? Shape::kJsonText : Shape::kText;
}

std::span<const Column> shown_columns(const schema::TableVersion& table) {
  size_t count = table.columns.size();
  while (count > 0 && table.columns[count - 1].hidden) --count;
  return std::span(table.columns).first(count);
}

ColumnPlan::ColumnPlan(const Column& of)
    : column(&of),
      shape(shape_of(of)),
      ascii(shape == Shape::kText && extends_ascii(of.charset)),
      member(json_member(of.name)) {}

std::string& Values::scratch() {
  if (scratch_.capacity() > kScratchKeptMax) std::string().swap(scratch_);
  scratch_.clear();
  return scratch_;
}

Status Values::append_no_value(std::string& out, const ColumnPlan& plan, const Field& field) {
  if (is_partial(field)) {
    return fail(Code::kUnsupported,
                "column " + plan.column->name +
                    ": the log has an update of a JSON document only, not the document; set "
                    "binlog_row_image=FULL or binlog_row_value_options='' at the source");
  }
  out += "null";
  return ok();
}

Status Values::append_number(std::string& out, const ColumnPlan& plan, const Field& field) {
  if (plan.shape == Shape::kYear) {  // in four digits, also of YEAR(2)
    BINBUS_TRY(year, schema::read_integer(field));
    format::append_number(out, year.bits);
    return ok();
  }
  if (plan.shape == Shape::kInteger) {
    BINBUS_TRY(integer, schema::read_integer(field));
    integer.is_signed ? format::append_number(out, integer.value())
                      : format::append_number(out, integer.bits);
    return ok();
  }
  const size_t start = out.size();
  BINBUS_RETURN_IF_ERROR(schema::append_text(out, field));
  if (plan.column->zerofill) drop_leading_zeros(out, start);
  if (plan.shape == Shape::kFloat) {
    const char digit = out[out[start] == '-' ? start + 1 : start];
    if (digit < '0' || digit > '9') {
      BINBUS_TRY(value, schema::read_double(field));
      out.resize(start);
      append_double(out, value);
    }
  }
  return ok();
}

Status Values::append_string(std::string& out, const ColumnPlan& plan, const Field& field) {
  out += '"';
  // A trailing space of CHAR is not part of its value.
  if (plan.ascii && !is_compressed(field) && (field.bytes.empty() || field.bytes.back() != ' ')) {
    const std::string_view raw = as_text(field.bytes);
    if (json_plain_ascii_length(raw) == raw.size()) {
      out += raw;
      out += '"';
      return ok();
    }
  }
  const size_t start = out.size();
  BINBUS_RETURN_IF_ERROR(schema::append_text(out, field));
  const size_t plain = json_plain_length(std::string_view(out).substr(start));
  if (start + plain < out.size()) {
    std::string& rest = scratch();
    rest.assign(out, start + plain);
    out.resize(start + plain);
    append_json_escaped(out, rest);
  }
  out += '"';
  return ok();
}

Status Values::append_quoted(std::string& out, const Field& field) {
  out += '"';
  BINBUS_RETURN_IF_ERROR(schema::append_text(out, field));
  out += '"';
  return ok();
}

Status Values::append_base64(std::string& out, const ColumnPlan& plan, const Field& field) {
  BINBUS_TRY(value, bytes(plan, field));
  out += '"';
  format::append_base64(out, value);
  out += '"';
  return ok();
}

Result<Bytes> Values::bytes(const ColumnPlan& plan, const Field& field) {
  if (plan.shape != Shape::kBinary ||
      (plan.column->type != SqlType::kBinary && !is_compressed(field)))
    return field.bytes;
  std::string& value = scratch();
  BINBUS_RETURN_IF_ERROR(schema::append_text(value, field));
  return as_bytes(value);
}

Result<std::string_view> Values::text(const Field& field) {
  std::string& value = scratch();
  BINBUS_RETURN_IF_ERROR(schema::append_text(value, field));
  return std::string_view(value);
}

Result<GeometryView> Values::geometry(const Field& field) {
  if (field.bytes.size() < 4) return fail(Code::kCorrupt, "geometry without its SRID");
  return GeometryView{load_u32(field.bytes.data()), field.bytes.subspan(4)};
}

Status Values::append_vector(std::string& out, const Field& field) {
  if (field.bytes.size() % 4 != 0) return fail(Code::kCorrupt, "vector of broken floats");
  out += '[';
  for (size_t at = 0; at < field.bytes.size(); at += 4) {
    if (at > 0) out += ',';
    append_shortest(out, std::bit_cast<float>(load_u32(field.bytes.data() + at)));
  }
  out += ']';
  return ok();
}

Status Values::append_labels(std::string& out, const Field& field) {
  BINBUS_TRY(set, schema::read_integer(field));
  const auto& labels = field.column->labels;
  if (labels.size() < 64 && set.bits >> labels.size() != 0)
    return fail(Code::kCorrupt, "SET of a label that its column does not have");
  out += '[';
  bool first = true;
  for (size_t i = 0; i < labels.size() && i < 64; ++i) {
    if ((set.bits >> i & 1) == 0) continue;
    if (!first) out += ',';
    first = false;
    append_json_string(out, labels[i]);
  }
  out += ']';
  return ok();
}

}  // namespace binbus::format
