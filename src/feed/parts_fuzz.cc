// A position of a shared cursor, of any text, as clients give it: what is one reads the same again when it is printed.
#include "base/check.h"
#include "feed/parts.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using binbus::feed::PartPlaces;
  const auto places = PartPlaces::parse({reinterpret_cast<const char*>(data), size});
  if (!places) return 0;
  const auto again = PartPlaces::parse(places->print());
  BINBUS_CHECK(again && again->all == places->all);
  return 0;
}
