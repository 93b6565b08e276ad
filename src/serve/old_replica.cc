#include "serve/old_replica.h"

#include <algorithm>
#include <string>

#include "binlog/event.h"

namespace binbus::serve {
namespace {

constexpr uint16_t kFlagThreadSpecific = 0x0004;
constexpr uint16_t kFlagSuppressUse = 0x0008;
constexpr size_t kQueryHeaderBytes = 13;
// Header, thread, time, database length, error, status length, the database's NUL and one byte of text.
constexpr size_t kQueryBytesMin = binlog::kHeaderBytes + kQueryHeaderBytes + 1 + 1;
// Header, name length, one byte of name, the mark of NULL.
constexpr size_t kUserVarBytesMin = binlog::kHeaderBytes + 4 + 1 + 1;
constexpr uint8_t kStatusTimeZone =
    5;  // status variables with a length byte: of no effect when empty
constexpr uint8_t kStatusCatalog = 6;

std::span<uint8_t> without_checksum(std::span<uint8_t> event, bool checksummed) {
  return checksummed ? event.first(event.size() - binlog::kChecksumBytes) : event;
}

void change_type(std::span<uint8_t> event, uint8_t type) {
  binlog::EventHeader header = binlog::parse_header(event.data());
  header.type = type;
  header.flags = static_cast<uint16_t>((header.flags & ~kFlagThreadSpecific) | kFlagSuppressUse);
  binlog::store_header(event.data(), header);
}

// Fills from `at` on with the text, cut or followed by blanks.
void fill_text(std::span<uint8_t> data, size_t at, const std::string& text) {
  const std::span<uint8_t> room = data.subspan(at);
  std::ranges::fill(room, ' ');
  std::copy_n(text.begin(), std::min(text.size(), room.size()), room.begin());
}

}  // namespace

Status make_dummy(std::span<uint8_t> event, bool checksummed) {
  const std::span<uint8_t> data = without_checksum(event, checksummed);
  const uint8_t old_type = binlog::parse_header(event.data()).type;
  if (data.size() < kUserVarBytesMin) {
    return fail(Code::kUnsupported, "an event too small to be replaced for an old replica");
  }
  const std::span<uint8_t> body = data.subspan(binlog::kHeaderBytes);
  if (data.size() < kQueryBytesMin) {
    change_type(event, binlog::kUserVarEvent);
    store_le<4>(body.data(), body.size() - 5);
    std::ranges::fill(body.subspan(4), '!');
    body.back() = 1;  // its value is NULL
  } else {
    change_type(event, binlog::kQueryEvent);
    std::ranges::fill(body.first(kQueryHeaderBytes + 1), 0);
    fill_text(body, kQueryHeaderBytes + 1,
              "# Dummy event replacing event type " + std::to_string(old_type) +
                  " that slave cannot handle.");
  }
  if (checksummed) binlog::write_checksum(event);
  return ok();
}

Status make_begin(std::span<uint8_t> event, bool checksummed) {
  const std::string begin = "BEGIN";
  const std::span<uint8_t> data = without_checksum(event, checksummed);
  if (data.size() < kQueryBytesMin + begin.size() - 1) {
    return fail(Code::kCorrupt, "a GTID event that is too short");
  }
  change_type(event, binlog::kQueryEvent);
  const std::span<uint8_t> body = data.subspan(binlog::kHeaderBytes);
  std::ranges::fill(body, 0);
  // The word must stand alone: what is left over becomes an empty status variable before it.
  const size_t spare = body.size() - (kQueryHeaderBytes + 1 + begin.size());
  if (spare >= 2) {
    store_le<2>(&body[11], spare);
    body[kQueryHeaderBytes] = spare == 2 ? kStatusTimeZone : kStatusCatalog;
    body[kQueryHeaderBytes + 1] = static_cast<uint8_t>(spare - 2);
  }
  fill_text(body, kQueryHeaderBytes + (spare >= 2 ? spare : 0) + 1, begin);
  if (checksummed) binlog::write_checksum(event);
  return ok();
}

}  // namespace binbus::serve
