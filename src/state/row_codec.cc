#include "state/row_codec.h"

#include <algorithm>

#include "schema/charset.h"

namespace binbus::state {

using schema::Field;

namespace {

// Of a value: state, type, metadata, and the length of a short one.
constexpr size_t kFieldHeadBytes = 5;
constexpr size_t kFieldHeadMaxBytes = 4 + kLenencMaxBytes;

}  // namespace

Result<ByteVector> stored_row(std::span<const Field> row) {
  ByteWriter out;
  BINBUS_RETURN_IF_ERROR(store_row(out, row));
  return out.take();
}

// The number of fields; of each its state, and of values type, metadata and bytes.
Status store_row(ByteWriter& out, std::span<const Field> row) {
  size_t bytes_max = kLenencMaxBytes;
  for (const Field& field : row) {
    bytes_max += kFieldHeadMaxBytes + field.bytes.size();
    if (field.state == Field::State::kPartial) {
      return fail(Code::kUnsupported, "column " + field.column->name +
                                          " has an update of a JSON document only; set "
                                          "binlog_row_value_options = '' on the source");
    }
  }
  // Whole tables are written.
  uint8_t* at = store_lenenc(out.extend(bytes_max), row.size());
  for (const Field& field : row) {
    *at++ = static_cast<uint8_t>(field.state);
    if (field.state != Field::State::kValue) continue;
    *at++ = field.wire.type;
    store_le<2>(at, field.wire.metadata);
    at = std::ranges::copy(field.bytes, store_lenenc(at + 2, field.bytes.size())).out;
  }
  out.cut(at);
  return ok();
}

StoredRowReader::StoredRowReader(schema::TablePtr table) : table_(std::move(table)) {
  fields_.reserve(table_->columns.size());
  for (const schema::Column& column : table_->columns) {
    fields_.push_back({.wire = {.nullable = column.nullable},
                       .column = &column,
                       .charset = schema::Charset::find(column.charset)});
  }
}

Result<std::span<const Field>> StoredRowReader::read(Bytes row) {
  ByteReader in(row);
  BINBUS_TRY(count, in.lenenc("row: fields"));
  if (count > fields_.size()) {
    return fail(Code::kCorrupt, "a row of " + table_->database + "." + table_->table + " has " +
                                    std::to_string(count) + " fields, and the table " +
                                    std::to_string(fields_.size()) + " columns");
  }
  for (size_t i = 0; i < fields_.size(); ++i) {
    Field& field = fields_[i];
    field.state = Field::State::kAbsent;
    field.bytes = {};
    if (i >= count) continue;
    // Most are short values, and whole tables are read.
    const Bytes rest = in.rest();
    if (rest.size() >= kFieldHeadBytes && rest[0] == static_cast<uint8_t>(Field::State::kValue) &&
        rest[4] <= kLenencByteMax && rest.size() >= kFieldHeadBytes + rest[4]) {
      field.state = Field::State::kValue;
      field.wire.type = rest[1];
      field.wire.metadata = load_u16(&rest[2]);
      field.bytes = rest.subspan(kFieldHeadBytes, rest[4]);
      in = ByteReader(rest.subspan(kFieldHeadBytes + rest[4]));
      continue;
    }
    BINBUS_TRY(state, in.u8("row: state of a field"));
    if (state > static_cast<uint8_t>(Field::State::kValue))
      return fail(Code::kCorrupt, "a row's field has state " + std::to_string(state));
    field.state = static_cast<Field::State>(state);
    if (field.state != Field::State::kValue) continue;
    BINBUS_TRY(type, in.u8("row: type of a field"));
    BINBUS_TRY(metadata, in.u16("row: metadata of a field"));
    BINBUS_TRY(bytes, in.lenenc_bytes("row: a field"));
    field.wire.type = type;
    field.wire.metadata = metadata;
    field.bytes = bytes;
  }
  if (in.remaining() > 0) return fail(Code::kCorrupt, "a row has bytes behind its fields");
  return std::span<const Field>(fields_);
}

}  // namespace binbus::state
