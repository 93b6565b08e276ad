#include "binlog/readable.h"

#include <algorithm>

namespace binbus::binlog {
namespace {

constexpr std::array<uint8_t, 4> kEncryptedMagic = {0xfd, 'b', 'i', 'n'};

}  // namespace

Status check_magic(Bytes magic) {
  if (std::ranges::equal(magic, kMagic)) return ok();
  if (!std::ranges::equal(magic, kEncryptedMagic)) {
    return fail(Code::kCorrupt, "not a binlog file: no magic fe 62 69 6e");
  }
  return fail(Code::kUnsupported,
              "this binlog file is encrypted at rest (binlog_encryption); binbus reads it from "
              "the server's replication stream, which is not");
}

Error why_unreadable(uint8_t event_type) {
  return {Code::kUnsupported,
          event_type == kStartEventV3
              ? "binlog format version 1 or 3; binbus reads version 4, of MySQL 5.0 and later"
              : "the rest of this binlog file is encrypted (MariaDB's encrypt_binlog); binbus "
                "reads it from the server's replication stream, which is not"};
}

}  // namespace binbus::binlog
