#include "schema/row_reader.h"

#include <array>

#include "schema/compressed.h"
#include "schema/json_update.h"
#include "schema/wire_types.h"

namespace binbus::schema {
namespace {

using namespace binlog;  // event types

constexpr uint8_t kWriteRowsEventV1 = 23;
constexpr uint8_t kUpdateRowsEvent = 31;
constexpr uint64_t kPartialJsonUpdates = 1;

struct RowsType {
  RowOperation operation = RowOperation::kInsert;
  bool known = false;
  bool one_bitmap = false;  // for both images of an update
  bool compressed = false;
};

constexpr auto kRowsTypes = [] {
  std::array<RowsType, 256> types{};
  constexpr RowOperation kOperations[] = {RowOperation::kInsert, RowOperation::kUpdate,
                                          RowOperation::kDelete};
  for (size_t i = 0; i < 3; ++i) {
    const RowsType plain{.operation = kOperations[i], .known = true};
    RowsType oldest = plain;
    oldest.one_bitmap = true;
    RowsType compressed = plain;
    compressed.compressed = true;
    types[kWriteRowsEventOld + i] = oldest;
    types[kWriteRowsEventV1 + i] = plain;
    types[kWriteRowsEvent + i] = plain;
    types[kMariadbWriteRowsCompressedEventV1 + i] = compressed;
    types[kMariadbWriteRowsCompressedEventV1 + 3 + i] = compressed;
  }
  types[kPartialUpdateRowsEvent] = {.operation = RowOperation::kUpdate, .known = true};
  return types;
}();
static_assert(kUpdateRowsEvent == kWriteRowsEvent + 1);

const char* operation_name(RowOperation operation) {
  constexpr const char* kNames[] = {"insert", "update", "delete"};
  return kNames[static_cast<size_t>(operation)];
}

// Extra information about rows: its length counts itself.
Status add_extra(Bytes event, RowsHead& head) {
  if (event.size() < head.bytes + 2U) {
    return fail(Code::kTruncated, "length of extra row information");
  }
  const uint16_t extra = load_u16(event.data() + head.bytes);
  if (extra < 2) return fail(Code::kCorrupt, "extra row information shorter than its length");
  if (event.size() < head.bytes + extra) return fail(Code::kTruncated, "extra row information");
  head.bytes += extra;
  return ok();
}

size_t load_length(const uint8_t* at, uint8_t bytes) {
  switch (bytes) {
    case 1:
      return *at;
    case 2:
      return load_u16(at);
    case 3:
      return load_le<3>(at);
    default:
      return load_u32(at);
  }
}

}  // namespace

bool is_rows_event(uint8_t type) { return kRowsTypes[type].known; }

Result<RowsHead> parse_rows_head(Bytes event, const FormatDescription& format) {
  if (event.size() < format.header_bytes) return fail(Code::kTruncated, "rows event's header");
  const uint8_t type = event[4];
  if (!is_rows_event(type)) {
    return fail(Code::kUnsupported, "event type " + std::to_string(type) + " as one of rows");
  }
  BINBUS_TRY(table_id, parse_table_id(event, format));
  const uint32_t head_bytes = post_header_bytes(type, format);
  const size_t flags_at = format.header_bytes + (head_bytes == 6 ? 4U : 6U);
  if (event.size() < flags_at + 2) return fail(Code::kTruncated, "rows event's flags");
  RowsHead head{.table_id = table_id,
                .bytes = static_cast<uint32_t>(flags_at + 2),
                .flags = load_u16(event.data() + flags_at),
                .type = type,
                .operation = kRowsTypes[type].operation};
  if (head_bytes == 10) BINBUS_RETURN_IF_ERROR(add_extra(event, head));
  return head;
}

Status RowReader::open(const RowLayout& layout, const RowsHead& head, Bytes event) {
  head_ = head;
  layout_ = &layout;
  row_ = 0;
  before_used_ = head_.operation != RowOperation::kInsert;
  after_used_ = head_.operation != RowOperation::kDelete;
  ByteReader in(event.subspan(head.bytes));
  BINBUS_TRY(width, in.lenenc("rows event's column count"));
  if (width != layout.columns()) {
    return fail(Code::kCorrupt, "rows event with " + std::to_string(width) +
                                    " columns after a table map with " +
                                    std::to_string(layout.columns()));
  }
  const RowsType& rows_type = kRowsTypes[head.type];
  BINBUS_TRY(present, in.bytes((width + 7) / 8, "rows event's column bits"));
  Bytes after_present = present;
  if (before_used_ && after_used_ && !rows_type.one_bitmap) {
    BINBUS_TRY(second, in.bytes((width + 7) / 8, "rows event's second column bits"));
    after_present = second;
  }
  if (before_used_) set_present(before_, present);
  if (after_used_) set_present(after_, after_present);
  rest_ = in.rest();
  return rows_type.compressed ? uncompress_rows() : ok();
}

void RowReader::set_present(Image& image, Bytes bits) const {
  image.fields = layout_->fields();
  if (as_text(image.bits) == as_text(bits) && image.columns == image.fields.size()) return;
  image.bits.assign(bits.begin(), bits.end());
  image.columns = image.fields.size();
  image.present.clear();
  for (uint32_t i = 0; i < image.columns; ++i) {
    if ((bits[i / 8] >> (i % 8) & 1) != 0) image.present.push_back(i);
  }
  image.null_bytes = (image.present.size() + 7) / 8;
}

Status RowReader::uncompress_rows() {
  BINBUS_RETURN_IF_ERROR(
      uncompress_event_part(rest_, limits_.uncompressed_bytes_max, uncompressed_));
  rest_ = uncompressed_;
  return ok();
}

Result<bool> RowReader::next() {
  const size_t remaining = rest_.size();
  if (remaining == 0) {
    // A row of defaults alone, with binlog_row_image=MINIMAL, has no bytes.
    const bool defaults =
        row_ == 0 && head_.operation == RowOperation::kInsert && after_.present.empty();
    row_ += defaults ? 1 : 0;
    return defaults;
  }
  if (before_used_) BINBUS_RETURN_IF_ERROR(read_image(before_));
  if (after_used_) {
    BINBUS_RETURN_IF_ERROR(head_.type == kPartialUpdateRowsEvent ? read_partial_image()
                                                                 : read_image(after_));
  }
  if (rest_.size() == remaining) return failed({Code::kCorrupt, "a row of no bytes"});
  ++row_;
  return true;
}

Status RowReader::read_image(Image& image) {
  const uint8_t* at = rest_.data();
  const uint8_t* const end = at + rest_.size();
  const auto left = [&at, end] { return static_cast<size_t>(end - at); };
  if (left() < image.null_bytes) return failed({Code::kTruncated, "null bits"});
  const uint8_t* const nulls = at;
  at += image.null_bytes;
  size_t bit = 0;
  for (const uint32_t ordinal : image.present) {
    Field& field = image.fields[ordinal];
    const bool null = (nulls[bit / 8] >> (bit % 8) & 1) != 0;
    ++bit;
    if (null) {
      field.state = Field::State::kNull;
      field.bytes = {};
      continue;
    }
    const RowLayout::Step& step = layout_->steps()[ordinal];
    size_t size = step.fixed;
    if (step.prefix > 0) {
      if (left() < step.prefix) return failed_in(ordinal, "length");
      size = load_length(at, step.prefix);
      at += step.prefix;
    }
    if (left() < size) return failed_in(ordinal, "value");
    field.state = Field::State::kValue;
    field.bytes = {at, size};
    at += size;
  }
  rest_ = rest_.last(left());
  return ok();
}

// An after image with, before its null bits, one bit per JSON column of the table: set where the value is what to change
// in the before image's document.
Status RowReader::read_partial_image() {
  ByteReader in(rest_);
  auto options = in.lenenc("options of a partial update");
  if (!options) return failed(options.error());
  if ((*options & ~kPartialJsonUpdates) != 0) {
    return failed(
        {Code::kUnsupported, "options " + std::to_string(*options) + " of a partial update"});
  }
  Bytes bits;
  if (*options == kPartialJsonUpdates) {
    size_t documents = 0;
    for (const RowLayout::Step& step : layout_->steps()) documents += step.json ? 1 : 0;
    auto read = in.bytes((documents + 7) / 8, "bits of a partial update");
    if (!read) return failed(read.error());
    bits = *read;
  }
  rest_ = in.rest();
  BINBUS_RETURN_IF_ERROR(read_image(after_));
  size_t document = 0;
  for (uint32_t i = 0; i < layout_->columns() && !bits.empty(); ++i) {
    if (!layout_->steps()[i].json) continue;
    const bool partial = (bits[document / 8] >> (document % 8) & 1) != 0;
    ++document;
    if (partial) BINBUS_RETURN_IF_ERROR(apply_update(i, document));
  }
  return ok();
}

Status RowReader::apply_update(uint32_t ordinal, size_t document) {
  Field& field = after_.fields[ordinal];
  if (field.state != Field::State::kValue) return ok();
  const Field& old = before_.fields[ordinal];
  if (old.state == Field::State::kAbsent) {
    field.state = Field::State::kPartial;
    return ok();
  }
  if (old.state == Field::State::kNull)
    return failed_in(ordinal, "an update of NULL as a document");
  if (documents_.size() < document) documents_.resize(document);
  ByteVector& updated = documents_[document - 1];
  const Status applied = apply_json_update(old.bytes, field.bytes, updated);
  if (!applied)
    return failed(
        {applied.error().code, "column " + field.column->name + ": " + applied.error().message});
  field.bytes = updated;
  return ok();
}

tl::unexpected<Error> RowReader::failed(Error error) const {
  const TableVersion& table = *layout_->table();
  return fail_in(std::string(operation_name(head_.operation)) + " in " + table.database + "." +
                     table.table + ", row " + std::to_string(row_ + 1) + " of the event",
                 std::move(error));
}

tl::unexpected<Error> RowReader::failed_in(uint32_t ordinal, const char* what) const {
  return failed(
      {Code::kTruncated, "column " + layout_->table()->columns[ordinal].name + ": " + what});
}

}  // namespace binbus::schema
