// A Transaction_payload event of any bytes, its payload fed in pieces of a size that the first byte gives.
#include "base/check.h"
#include "schema/transaction_payload.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace binbus;
  using namespace binbus::schema;
  if (size == 0) return 0;
  const Bytes event(data + 1, size - 1);
  const auto head = parse_transaction_payload(event);
  if (!head) return 0;
  constexpr uint64_t kEventBytesMax = 1 << 20;
  PayloadReader reader(*head, kEventBytesMax);
  const size_t piece = data[0] + 1U;
  Bytes payload = event.subspan(head->payload_at);
  for (size_t events = 0; !payload.empty() && events < 10'000;) {
    const size_t count = std::min(piece, payload.size());
    reader.feed(payload.first(count));
    payload = payload.subspan(count);
    while (events < 10'000) {
      const auto inner = reader.next();
      if (!inner) return 0;
      if (!*inner) break;
      BINBUS_CHECK((*inner)->size() <= kEventBytesMax);
      ++events;
    }
  }
  (void)reader.check_ended();
  return 0;
}
