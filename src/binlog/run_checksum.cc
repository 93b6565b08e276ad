#include "binlog/run_checksum.h"

namespace binbus::binlog {
namespace {

// A CRC32 over bytes and then over their own CRC32 comes to this, whatever the bytes.
constexpr uint32_t kOfChecksummed = 0x2144df1c;

// [n]: kOfChecksummed after n more bytes. CRCs are linear: over a run of events with right checksums, the CRC is the XOR of
// these for each event's end.
constexpr auto kAfter = [] {
  constexpr uint32_t kPolynomial = 0xedb88320;
  std::array<uint32_t, kRunBytesMax> after{};
  uint32_t crc = kOfChecksummed;
  for (uint32_t& entry : after) {
    entry = crc;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
  }
  return after;
}();

}  // namespace

bool run_checksums_match(Bytes run, std::span<const uint16_t> ends) {
  uint32_t crc = 0;
  for (const uint16_t end : ends) crc ^= kAfter[run.size() - end];
  return crc32(0, run) == crc;
}

}  // namespace binbus::binlog
