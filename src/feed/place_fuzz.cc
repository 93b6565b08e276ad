// A position of any text, as clients give it: what is one reads the same again when it is printed.
#include "base/check.h"
#include "feed/place.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto place = binbus::feed::Place::parse({reinterpret_cast<const char*>(data), size});
  if (!place) return 0;
  const auto again = binbus::feed::Place::parse(place->print());
  BINBUS_CHECK(again && *again == *place);
  return 0;
}
