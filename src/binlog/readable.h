// What a binlog file says of itself when its events cannot be read. Pure; any thread.
#pragma once

#include "binlog/event.h"

namespace binbus::binlog {

// A file's first bytes, as many as kMagic has. kUnsupported: it is encrypted; kCorrupt: it is no binlog file.
Status check_magic(Bytes magic);
// Whether what follows an event of this type cannot be read, for the reason that why_unreadable() gives.
constexpr bool is_unreadable(uint8_t event_type) {
  return event_type == kStartEventV3 || event_type == kMariadbStartEncryptionEvent;
}
Error why_unreadable(uint8_t event_type);

}  // namespace binbus::binlog
