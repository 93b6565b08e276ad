// A JSON document and an update of it, of any bytes: two bytes the document's length, the document, the update. What an update
// makes can be printed when what it was made of can.
#include "base/check.h"
#include "schema/json.h"
#include "schema/json_update.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace binbus;
  using namespace binbus::schema;
  if (size < 2) return 0;
  const Bytes rest(data + 2, size - 2);
  const Bytes document = rest.first(std::min<size_t>(load_u16(data), rest.size()));
  const Bytes update = rest.subspan(document.size());
  std::string text;
  std::string steps;
  const bool printed = append_json(text, document).has_value();
  BINBUS_CHECK(printed || text.empty());
  const bool listed = append_json_update(steps, update).has_value();
  ByteVector updated;
  if (!apply_json_update(document, update, updated)) return 0;
  std::string after;
  const Status done = append_json(after, updated);
  if (printed && listed && !done)
    BINBUS_CHECK(done.error().code == Code::kLimit);  // deeper than documents may be
  if (printed && update.empty()) BINBUS_CHECK(after == text);
  return 0;
}
