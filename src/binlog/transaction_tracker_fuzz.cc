// Any order of events: never a crash, and what the tracker says of itself holds. The input is a row of events, each a
// type, a length and that many bytes of body.
#include <algorithm>

#include "base/check.h"
#include "binlog/transaction_tracker.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace binbus;
  using namespace binbus::binlog;
  Bytes rest(data, size);
  TransactionTracker tracker;
  while (rest.size() >= 2) {
    const size_t body_bytes = std::min<size_t>(rest[1], rest.size() - 2);
    ByteVector event(kHeaderBytes);
    event.insert(event.end(), rest.begin() + 2,
                 rest.begin() + 2 + static_cast<ptrdiff_t>(body_bytes));
    store_header(event.data(),
                 {.timestamp = 1, .type = rest[0], .size = static_cast<uint32_t>(event.size())});
    rest = rest.subspan(2 + body_bytes);

    const bool was_open = tracker.in_transaction();
    const bool carried = tracker.carries(event[4]);
    BINBUS_CHECK(!carried || was_open);
    const auto end = tracker.on_event(parse_header(event.data()), event);
    if (!end) {
      tracker.reset();
      continue;
    }
    if (carried) BINBUS_CHECK(!*end && tracker.carries(event[4]));
    if (*end) {
      BINBUS_CHECK(!tracker.in_transaction() && tracker.gtid().index() == 0);
      BINBUS_CHECK((*end)->transaction || !was_open);
    } else {
      BINBUS_CHECK(tracker.in_transaction());
    }
  }
  return 0;
}
