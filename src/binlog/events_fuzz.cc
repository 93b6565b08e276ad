// Every parser of an event's body, on any bytes; what parses and can be made again is made again.
#include "base/check.h"
#include "binlog/control_events.h"
#include "binlog/gtid_events.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace binbus;
  using namespace binbus::binlog;
  const Bytes event(data, size);
  if (size < kHeaderBytes) return 0;
  const EventHeader header = parse_header(data);
  (void)check_header(header, true);
  (void)parse_format_description(event);
  (void)parse_query(event);
  if (const auto gtid = parse_gtid_event(header, event)) (void)mysql::to_string(gtid->gtid);
  for (const bool checksummed : {false, true}) {
    if (const auto executed = parse_previous_gtids(event, checksummed)) {
      const ByteVector made = make_previous_gtids(header, *executed, checksummed);
      BINBUS_CHECK(parse_previous_gtids(made, checksummed).value() == *executed);
    }
    if (const auto rotate = parse_rotate(event, checksummed)) {
      const auto again = parse_rotate(make_rotate(header, *rotate, checksummed), checksummed);
      BINBUS_CHECK(again->position == rotate->position && again->file == rotate->file);
    }
    if (const auto heartbeat = parse_heartbeat(event, checksummed)) {
      const uint8_t type = header.type == kHeartbeatEventV2 ? kHeartbeatEventV2 : kHeartbeatEvent;
      if (heartbeat->position == 0 && type == kHeartbeatEvent) continue;  // nothing sends that
      const auto again =
          parse_heartbeat(make_heartbeat(type, 1, *heartbeat, checksummed), checksummed);
      BINBUS_CHECK(again->position == heartbeat->position && again->file == heartbeat->file);
    }
  }
  return 0;
}
