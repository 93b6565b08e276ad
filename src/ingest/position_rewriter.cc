#include "ingest/position_rewriter.h"

#include <algorithm>

namespace binbus::ingest {
namespace {
constexpr size_t kLogPosAt = 13;  // in the header
}  // namespace

void PositionRewriter::begin(const binlog::EventHeader& header, uint32_t log_pos,
                             bool checksummed) {
  *this = {};
  summed_ = header.size - (checksummed ? binlog::kChecksumBytes : 0);
  log_pos_ = log_pos;
  checksummed_ = checksummed;
}

Status PositionRewriter::apply(std::span<uint8_t> piece) {
  const size_t body_bytes =
      static_cast<size_t>(std::min<uint64_t>(piece.size(), summed_ - std::min(summed_, done_)));
  const std::span<uint8_t> body = piece.first(body_bytes);
  if (checksummed_) crc_before_ = binlog::crc32(crc_before_, body);
  if (done_ == 0) store_le<4>(piece.data() + kLogPosAt, log_pos_);
  if (checksummed_) crc_after_ = binlog::crc32(crc_after_, body);
  done_ += body_bytes;

  for (uint8_t& byte : piece.subspan(body_bytes)) {
    const auto shift = static_cast<unsigned>(8 * (done_ - summed_));
    stored_ |= static_cast<uint32_t>(byte) << shift;
    byte = static_cast<uint8_t>(crc_after_ >> shift);
    ++done_;
  }
  if (checksummed_ && done_ == summed_ + binlog::kChecksumBytes && stored_ != crc_before_) {
    return fail(Code::kCorrupt, "an event's checksum does not match");
  }
  return ok();
}

}  // namespace binbus::ingest
