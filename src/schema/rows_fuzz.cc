// A table map and a rows event of any bytes: first byte the server's kind, two bytes the map's length, the map, the rows event.
// Every value that comes is read in every way.
#include "schema/row_reader.h"

namespace {

using namespace binbus;
using namespace binbus::schema;

void read_all(std::span<const Field> fields) {
  for (const Field& field : fields) {
    std::string text;
    (void)append_text(text, field);
    (void)read_integer(field);
    (void)read_double(field);
    (void)read_temporal(field);
  }
}

Status walk(Bytes map_event, Bytes rows_event, const binlog::FormatDescription& format) {
  BINBUS_TRY(map, parse_table_map(map_event, format));
  BINBUS_TRY(version, describe(map));
  BINBUS_TRY(layout, RowLayout::make(map, std::make_shared<const TableVersion>(version)));
  RowReader reader({.uncompressed_bytes_max = 1 << 20});
  BINBUS_TRY(head, parse_rows_head(rows_event, format));
  BINBUS_RETURN_IF_ERROR(reader.open(layout, head, rows_event));
  while (true) {
    BINBUS_TRY(more, reader.next());
    if (!more) return ok();
    read_all(reader.before());
    read_all(reader.after());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  binlog::FormatDescription format;
  format.server_version = (data[0] & 1) != 0 ? "11.8.2-MariaDB" : "9.7.4";
  format.post_header_bytes.assign(171, 8);
  for (const size_t type : {30U, 31U, 32U, 39U, 169U, 170U, 171U})
    format.post_header_bytes[type - 1] = 10;
  const Bytes rest(data + 3, size - 3);
  const size_t map_bytes = std::min<size_t>(load_u16(data + 1), rest.size());
  (void)walk(rest.first(map_bytes), rest.subspan(map_bytes), format);
  return 0;
}
