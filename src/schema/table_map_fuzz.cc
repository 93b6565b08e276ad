// Table maps of any bytes: the first byte says which server's, then a whole event. What parses describes itself, and a
// description is its own map's.
#include "base/check.h"
#include "schema/row_layout.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace binbus;
  using namespace binbus::schema;
  if (size == 0) return 0;
  binlog::FormatDescription format;
  format.server_version = (data[0] & 1) != 0 ? "11.8.2-MariaDB" : "9.7.4";
  format.post_header_bytes.assign(171, (data[0] & 2) != 0 ? 6 : 8);
  const auto map = parse_table_map(Bytes(data + 1, size - 1), format);
  if (!map) return 0;
  const auto version = describe(*map);
  if (!version) return 0;
  const auto layout = RowLayout::make(*map, std::make_shared<const TableVersion>(*version));
  if (!layout) BINBUS_CHECK(!layout.error().message.empty());
  return 0;
}
