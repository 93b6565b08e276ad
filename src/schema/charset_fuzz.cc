// Any bytes in every charset: what comes out is valid UTF-8, with a replacement for whatever was wrong, and bounded.
#include "base/check.h"
#include "schema/charset.h"
#include "schema/collations.h"
#include "schema/utf8.h"

namespace binbus::schema {
namespace {

void check(const Charset& charset, Bytes text) {
  std::string utf8 = "before";
  const bool clean = charset.append_utf8(utf8, text);
  BINBUS_CHECK(utf8.starts_with("before"));
  BINBUS_CHECK(valid_utf8_prefix(as_bytes(utf8), 4) == utf8.size());
  BINBUS_CHECK(clean || utf8.find("\uFFFD") != utf8.npos);
  BINBUS_CHECK(utf8.size() <= 6 + 3 * text.size());
  if (charset.name() == "utf8mb4") BINBUS_CHECK(clean == (as_text(text) == utf8.substr(6)));
}

}  // namespace
}  // namespace binbus::schema

// Two bytes are a collation's number, the others a text of its charset.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace binbus;
  using namespace binbus::schema;
  if (size < 2) return 0;
  const Bytes text(data + 2, size - 2);
  const Charset* charset = Charset::find_by_collation(load_u16(data));
  if (charset != nullptr) check(*charset, text);
  Charset::find(as_text(text));
  Charset::find_by_collation(as_text(text));
  return 0;
}
