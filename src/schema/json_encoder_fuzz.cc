// JSON text of any bytes: what is made of it prints, and what that makes again prints the same.
#include "base/check.h"
#include "schema/json.h"
#include "schema/json_encoder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace binbus;
  using namespace binbus::schema;
  static JsonEncoder encoder;
  ByteVector document;
  if (!encoder.encode(as_text(Bytes(data, size)), document)) return 0;
  std::string text, again;
  BINBUS_CHECK(append_json(text, document));
  if (!encoder.encode(text, document)) return 0;  // a key grew over its limit by U+FFFD
  BINBUS_CHECK(append_json(again, document));
  BINBUS_CHECK(again == text);
  return 0;
}
