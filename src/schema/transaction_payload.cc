#include "schema/transaction_payload.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>

#include "binlog/event.h"

namespace binbus::schema {
namespace {

enum PayloadField : uint8_t {
  kEnd = 0,
  kPayloadBytes = 1,
  kCompression = 2,
  kUncompressedBytes = 3
};

constexpr size_t kStepBytes =
    256 * 1024;  // how much an event's buffer grows at once: never by what is not there yet
constexpr int kWindowLogMax = 27;

}  // namespace

Result<PayloadHead> parse_transaction_payload(Bytes prefix) {
  ByteReader in(prefix);
  BINBUS_RETURN_IF_ERROR(in.skip(binlog::kHeaderBytes, "transaction payload's header"));
  PayloadHead head;
  while (true) {
    BINBUS_TRY(type, in.lenenc("transaction payload's field"));
    if (type == kEnd) break;
    BINBUS_TRY(bytes, in.lenenc_bytes("transaction payload's field"));
    ByteReader field(bytes);
    if (type != kPayloadBytes && type != kCompression && type != kUncompressedBytes) continue;
    BINBUS_TRY(value, field.lenenc("transaction payload's field"));
    if (type == kPayloadBytes) head.payload_bytes = value;
    if (type == kUncompressedBytes) head.uncompressed_bytes = value;
    if (type != kCompression) continue;
    if (value != 0 && value != 255) {
      return fail(Code::kUnsupported, "transaction payload's compression " + std::to_string(value));
    }
    head.compression = static_cast<PayloadCompression>(value);
  }
  head.payload_at = prefix.size() - in.remaining();
  return head;
}

struct PayloadReader::Zstd {
  Zstd() : stream(ZSTD_createDStream(), &ZSTD_freeDStream) {
    ZSTD_initDStream(stream.get());
    ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, kWindowLogMax);
  }
  std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream;
  bool frame_ended = true;
};

PayloadReader::PayloadReader(const PayloadHead& head, uint64_t event_bytes_max)
    : head_(head), event_bytes_max_(event_bytes_max) {
  if (head.compression == PayloadCompression::kZstd) zstd_ = std::make_unique<Zstd>();
}

PayloadReader::~PayloadReader() = default;

void PayloadReader::feed(Bytes piece) {
  fed_ = piece;
  fed_bytes_ += piece.size();
}

Result<std::optional<Bytes>> PayloadReader::next() {
  if (std::exchange(given_, false)) event_.clear();
  BINBUS_TRY(head_there, fill(binlog::kHeaderBytes));
  if (!head_there) return std::optional<Bytes>{};
  const binlog::EventHeader header = binlog::parse_header(event_.data());
  if (header.size < binlog::kHeaderBytes)
    return fail(Code::kCorrupt, "transaction payload: an event's size");
  if (header.size > event_bytes_max_) {
    return fail(Code::kLimit, "transaction payload: an event of " + std::to_string(header.size) +
                                  " bytes, over the limit of " + std::to_string(event_bytes_max_));
  }
  BINBUS_TRY(there, fill(header.size));
  if (!there) return std::optional<Bytes>{};
  given_ = true;
  given_bytes_ += header.size;
  return std::optional<Bytes>{event_};
}

Result<bool> PayloadReader::fill(size_t size) {
  while (event_.size() < size) {
    const size_t before = event_.size();
    const size_t fed_before = fed_.size();
    BINBUS_RETURN_IF_ERROR(append_some(std::min(size - before, kStepBytes)));
    if (event_.size() == before && fed_.size() == fed_before) return false;
  }
  return true;
}

Status PayloadReader::append_some(size_t wanted) {
  if (!zstd_) {
    const Bytes part = fed_.first(std::min(wanted, fed_.size()));
    event_.insert(event_.end(), part.begin(), part.end());
    fed_ = fed_.subspan(part.size());
    return ok();
  }
  const size_t before = event_.size();
  event_.resize(before + wanted);
  ZSTD_outBuffer out{event_.data() + before, wanted, 0};
  ZSTD_inBuffer in{fed_.data(), fed_.size(), 0};
  const size_t left = ZSTD_decompressStream(zstd_->stream.get(), &out, &in);
  event_.resize(before + out.pos);
  fed_ = fed_.subspan(in.pos);
  if (ZSTD_isError(left) != 0) {
    const bool window = ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge;
    return fail(window ? Code::kLimit : Code::kCorrupt,
                std::string("transaction payload: ") + ZSTD_getErrorName(left));
  }
  if (in.pos > 0 || out.pos > 0) zstd_->frame_ended = left == 0;  // else `left` is of a next frame
  return ok();
}

Status PayloadReader::check_ended() const {
  const bool whole = fed_.empty() && fed_bytes_ == head_.payload_bytes &&
                     (given_ || event_.empty()) && (!zstd_ || zstd_->frame_ended);
  if (!whole) return fail(Code::kTruncated, "transaction payload is not whole");
  if (head_.uncompressed_bytes != 0 && given_bytes_ != head_.uncompressed_bytes) {
    return fail(Code::kCorrupt, "transaction payload of " + std::to_string(given_bytes_) +
                                    " bytes that says " + std::to_string(head_.uncompressed_bytes));
  }
  return ok();
}

}  // namespace binbus::schema
