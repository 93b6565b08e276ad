#include "state/records.h"

namespace binbus::state {
namespace {

constexpr uint8_t kLayout = 1;

std::string key_of(char kind, std::initializer_list<uint32_t> numbers) {
  std::string out(1, kind);
  for (const uint32_t number : numbers) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift));
  }
  return out;
}

std::string to_string(const ByteWriter& out) { return std::string(as_text(out.view())); }

void write(ByteWriter& out, Position position) { out.u64(position.segment).u64(position.offset); }

Result<Position> read_position(ByteReader& in) {
  BINBUS_TRY(segment, in.u64("position"));
  BINBUS_TRY(offset, in.u64("position"));
  return Position{segment, offset};
}

Status read_layout(ByteReader& in) {
  BINBUS_TRY(layout, in.u8("layout"));
  if (layout == kLayout) return ok();
  return fail(Code::kUnsupported, "the table store has layout " + std::to_string(layout) +
                                      ", of a later version of binbus");
}

Status check_end(const ByteReader& in, const char* what) {
  if (in.remaining() == 0) return ok();
  return fail(Code::kCorrupt, std::string("bytes behind ") + what);
}

}  // namespace

std::string_view phase_name(Phase phase) {
  constexpr std::string_view kNames[] = {"filling", "ready", "failed", "cancelled"};
  return kNames[static_cast<size_t>(phase)];
}

std::string place_key() { return "p"; }
std::string table_key(uint32_t id) { return key_of('t', {id}); }
std::string version_key(uint32_t id, uint32_t version) { return key_of('v', {id, version}); }
std::string row_prefix(uint32_t id) { return key_of('r', {id}); }
std::string incomplete_prefix(uint32_t id) { return key_of('i', {id}); }
std::string dropped_key(uint32_t id) { return key_of('d', {id}); }

std::string images_prefix(uint64_t segment) {
  return key_of('f', {static_cast<uint32_t>(segment >> 32), static_cast<uint32_t>(segment)});
}
std::string images_key(const Place::Change& change) {
  const auto halves = [](uint64_t number) {
    return key_of(0, {static_cast<uint32_t>(number >> 32), static_cast<uint32_t>(number)})
        .substr(1);
  };
  return images_prefix(change.transaction.segment) + halves(change.transaction.offset) +
         halves(change.event) + key_of(0, {change.row}).substr(1);
}

std::string end_of(std::string prefix) {
  while (!prefix.empty() && static_cast<uint8_t>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) ++prefix.back();
  return prefix;
}

Result<uint32_t> read_id(std::string_view key) {
  uint32_t id = 0;
  if (key.size() < 5) return fail(Code::kCorrupt, "a key of the table store is too short");
  for (const char byte : key.substr(1, 4)) id = id << 8 | static_cast<uint8_t>(byte);
  return id;
}

std::string encode_place(const Place& place) {
  ByteWriter out;
  out.u8(kLayout).u32(place.next_id);
  write(out, place.at);
  out.lenenc_text(place.text);
  out.u8(place.within ? 1 : 0);
  if (place.within) {
    write(out, place.within->transaction);
    out.u64(place.within->event).u32(place.within->row);
  }
  return to_string(out);
}

Result<Place> decode_place(std::string_view bytes) {
  ByteReader in(as_bytes(bytes));
  BINBUS_RETURN_IF_ERROR(read_layout(in));
  Place place;
  BINBUS_TRY(next_id, in.u32("next table"));
  place.next_id = next_id;
  BINBUS_TRY(at, read_position(in));
  place.at = at;
  BINBUS_TRY(text, in.lenenc_bytes("place"));
  place.text = as_text(text);
  BINBUS_TRY(within, in.u8("place"));
  if (within != 0) {
    BINBUS_TRY(transaction, read_position(in));
    BINBUS_TRY(event, in.u64("place"));
    BINBUS_TRY(row, in.u32("place"));
    place.within = {transaction, event, row};
  }
  BINBUS_RETURN_IF_ERROR(check_end(in, "the place"));
  return place;
}

std::string encode_record(const TableRecord& record) {
  ByteWriter out;
  out.u8(kLayout).u32(record.id).u32(record.version).u8(static_cast<uint8_t>(record.phase));
  out.lenenc_text(record.error);
  const FillProgress& fill = record.fill;
  out.lenenc_text(as_text(fill.last)).u8(fill.read_all ? 1 : 0);
  write(out, fill.until);
  out.u64(fill.rows).u64(fill.bytes).u64(fill.chunks).u64(fill.rows_expected).u64(fill.since_us);
  out.u8(fill.paused ? 1 : 0);
  return to_string(out);
}

Result<TableRecord> decode_record(std::string_view bytes) {
  ByteReader in(as_bytes(bytes));
  BINBUS_RETURN_IF_ERROR(read_layout(in));
  TableRecord record;
  BINBUS_TRY(id, in.u32("table"));
  BINBUS_TRY(version, in.u32("table"));
  BINBUS_TRY(phase, in.u8("table"));
  BINBUS_TRY(error, in.lenenc_bytes("table"));
  if (phase > static_cast<uint8_t>(Phase::kCancelled))
    return fail(Code::kCorrupt, "a table is in phase " + std::to_string(phase));
  record.id = id;
  record.version = version;
  record.phase = static_cast<Phase>(phase);
  record.error = as_text(error);
  FillProgress& fill = record.fill;
  BINBUS_TRY(last, in.lenenc_bytes("fill"));
  fill.last.assign(last.begin(), last.end());
  BINBUS_TRY(read_all, in.u8("fill"));
  fill.read_all = read_all != 0;
  BINBUS_TRY(until, read_position(in));
  fill.until = until;
  for (uint64_t* number :
       {&fill.rows, &fill.bytes, &fill.chunks, &fill.rows_expected, &fill.since_us}) {
    BINBUS_TRY(value, in.u64("fill"));
    *number = value;
  }
  BINBUS_TRY(paused, in.u8("fill"));
  fill.paused = paused != 0;
  BINBUS_RETURN_IF_ERROR(check_end(in, "a table"));
  return record;
}

void write_row_head(ByteWriter& out, const RowHead& head, bool with_count) {
  out.lenenc(head.version);
  if (with_count) out.lenenc(head.count);
}

Result<RowHead> read_row_head(ByteReader& in, bool with_count) {
  RowHead head;
  BINBUS_TRY(version, in.lenenc("row: version"));
  head.version = version;
  if (!with_count) return head;
  BINBUS_TRY(count, in.lenenc("row: count"));
  head.count = count;
  return head;
}

}  // namespace binbus::state
