#include "binlog/scanner.h"

#include <algorithm>

#include "binlog/readable.h"
#include "binlog/run_checksum.h"

namespace binbus::binlog {
namespace {

constexpr size_t kHeadBytesMax = TransactionTracker::kPrefixBytes + kChecksumBytes;

size_t trailer_bytes_of(const FormatDescription& format) {
  return format.checksum == Checksum::kCrc32 ? kChecksumBytes : 0;
}

// Asks for as many bytes as this event has, some way ahead. Event by event the processor does not see that memory is
// read in order, and half of the time would go into waiting for it. An address past the end does no harm. (Not
// inlined, gcc 12 takes the function for one without effect, and drops its calls.)
[[gnu::always_inline]] inline void prefetch_like(const uint8_t* event, size_t size) {
  constexpr size_t kCacheLine = 64;
  for (size_t i = 0; i < size; i += kCacheLine) __builtin_prefetch(event + kRunBytesMax + i);
}

// Moves up to `count` bytes from the front of `from` to the end of `to`.
void move_bytes(Bytes& from, uint64_t count, ByteVector& to) {
  const Bytes moved = from.first(static_cast<size_t>(std::min<uint64_t>(count, from.size())));
  to.insert(to.end(), moved.begin(), moved.end());
  from = from.subspan(moved.size());
}

}  // namespace

EventScanner::EventScanner(Options options)
    : options_(std::move(options)),
      zero_log_pos_allowed_(options_.format.mariadb()),
      trailer_bytes_(trailer_bytes_of(options_.format)),
      event_start_(options_.offset),
      last_end_(options_.offset) {}

uint64_t EventScanner::offset() const { return event_start_ + taken_; }
uint64_t EventScanner::whole_events_end() const { return event_start_; }
uint64_t EventScanner::last_end() const { return last_end_; }
const FormatDescription& EventScanner::format() const { return options_.format; }

Status EventScanner::feed(Bytes bytes, const OnEnd& on_end) {
  if (event_start_ == 0) BINBUS_RETURN_IF_ERROR(read_magic(bytes));
  while (!bytes.empty()) {
    BINBUS_RETURN_IF_ERROR(take_run(bytes, on_end));
    if (bytes.empty()) break;
    if (taken_ > 0 || bytes.size() < kHeaderBytes) {
      BINBUS_RETURN_IF_ERROR(take_part(bytes, on_end));
      continue;
    }
    const EventHeader header = parse_header(bytes.data());
    BINBUS_RETURN_IF_ERROR(check(header));
    if (header.size > bytes.size()) {
      BINBUS_RETURN_IF_ERROR(take_part(bytes, on_end));
      continue;
    }
    const Bytes event = bytes.first(header.size);
    bytes = bytes.subspan(header.size);
    BINBUS_RETURN_IF_ERROR(take_whole(header, event, on_end));
  }
  return ok();
}

Status EventScanner::take_run(Bytes& bytes, const OnEnd& on_end) {
  std::array<uint16_t, kRunBytesMax / kHeaderBytes> ends;  // within the run
  const std::span events = frame_run(bytes, ends);
  if (events.empty()) return ok();
  const Bytes run = bytes.first(events.back());
  const bool summed = trailer_bytes_ > 0 && options_.verify_checksums;
  if (summed && !run_checksums_match(run, events)) return ok();  // one by one it is seen whose
  bytes = bytes.subspan(run.size());
  size_t begin = 0;
  for (const uint16_t end : events) {
    const Bytes event = run.subspan(begin, end - begin);
    begin = end;
    prefetch_like(event.data(), event.size());
    const EventHeader header = parse_header(event.data());
    if (tracker_.carries(header.type)) {
      event_start_ += event.size();  // most events go this way
      continue;
    }
    if (header.log_pos == 0) BINBUS_RETURN_IF_ERROR(check(header));
    BINBUS_RETURN_IF_ERROR(finish(header, event.first(event.size() - trailer_bytes_), on_end));
  }
  return ok();
}

std::span<const uint16_t> EventScanner::frame_run(Bytes bytes, std::span<uint16_t> ends) const {
  if (taken_ > 0 || closed_ || event_start_ <= kMagic.size()) return {};
  const size_t smallest = kHeaderBytes + trailer_bytes_;
  const size_t limit = std::min(bytes.size(), kRunBytesMax);
  size_t count = 0;
  size_t end = 0;
  while (limit - end >= smallest) {
    const EventHeader header = parse_header(bytes.data() + end);
    if (header.size < smallest || header.size > limit - end) break;
    if (kEventRoles[header.type] == EventRole::kControl) break;
    const bool in_place =
        header.log_pos == static_cast<uint32_t>(event_start_ + end + header.size) ||
        (header.log_pos == 0 && zero_log_pos_allowed_) || !options_.require_log_pos;
    if (!in_place) break;
    end += header.size;
    ends[count++] = static_cast<uint16_t>(end);
  }
  return ends.first(count);
}

Status EventScanner::check_ended() const {
  if (taken_ == 0 && event_start_ > 0) return ok();
  return located(
      {Code::kTruncated, "the file ends " + std::to_string(taken_) + " bytes into an event"});
}

Status EventScanner::read_magic(Bytes& bytes) {
  move_bytes(bytes, kMagic.size() - taken_, head_);
  taken_ = head_.size();
  if (taken_ < kMagic.size()) return ok();
  if (auto magic = check_magic(head_); !magic) return located(std::move(magic).error());
  event_start_ = last_end_ = kMagic.size();
  taken_ = 0;
  head_.clear();
  return ok();
}

Status EventScanner::take_part(Bytes& bytes, const OnEnd& on_end) {
  if (taken_ < kHeaderBytes) {
    move_bytes(bytes, kHeaderBytes - taken_, head_);
    taken_ = head_.size();
    if (taken_ < kHeaderBytes) return ok();
    BINBUS_RETURN_IF_ERROR(check(parse_header(head_.data())));
    crc_ = crc32(0, head_);
  }
  const EventHeader header = parse_header(head_.data());
  if (header.size > kHeadBytesMax) {
    const auto count = static_cast<size_t>(std::min<uint64_t>(header.size - taken_, bytes.size()));
    const Bytes part = bytes.first(count);
    bytes = bytes.subspan(count);
    return take_long(header, part, on_end);
  }
  move_bytes(bytes, header.size - taken_, head_);
  taken_ = head_.size();
  if (taken_ < header.size) return ok();
  return take_whole(header, head_, on_end);
}

Status EventScanner::take_long(const EventHeader& header, Bytes part, const OnEnd& on_end) {
  const uint64_t body_end = header.size - trailer_bytes_;
  const uint64_t body_left = body_end - std::min(body_end, taken_);
  const Bytes body = part.first(static_cast<size_t>(std::min<uint64_t>(part.size(), body_left)));
  Bytes unread = body;
  move_bytes(unread, TransactionTracker::kPrefixBytes - head_.size(), head_);
  if (options_.verify_checksums) crc_ = crc32(crc_, body);
  for (size_t i = body.size(); i < part.size(); ++i) {
    trailer_[static_cast<size_t>(taken_ + i - body_end)] = part[i];
  }
  taken_ += part.size();
  if (taken_ < header.size) return ok();
  if (trailer_bytes_ > 0 && options_.verify_checksums && load_u32(trailer_.data()) != crc_) {
    return bad_checksum(header);
  }
  return finish(header, head_, on_end);
}

Status EventScanner::take_whole(const EventHeader& header, Bytes event, const OnEnd& on_end) {
  if (header.type == kFormatDescriptionEvent) {
    BINBUS_RETURN_IF_ERROR(take_format(event));
    return finish(header, event, on_end);
  }
  if (!checksum_good(event)) return bad_checksum(header);
  const Bytes body = event.first(event.size() - trailer_bytes_);
  return finish(header, body.first(std::min(body.size(), TransactionTracker::kPrefixBytes)),
                on_end);
}

Status EventScanner::take_format(Bytes event) {
  auto format = parse_format_description(event);
  if (!format) return located(format.error());
  options_.format = std::move(*format);
  zero_log_pos_allowed_ = options_.format.mariadb();
  trailer_bytes_ = trailer_bytes_of(options_.format);
  return ok();
}

bool EventScanner::checksum_good(Bytes event) const {
  if (trailer_bytes_ == 0 || !options_.verify_checksums) return true;
  const Bytes body = event.first(event.size() - kChecksumBytes);
  return crc32(0, body) == load_u32(event.data() + body.size());
}

Status EventScanner::check(const EventHeader& header) const {
  const bool is_format = header.type == kFormatDescriptionEvent;
  if (is_unreadable(header.type)) return located(why_unreadable(header.type));
  if (event_start_ == kMagic.size() && !is_format) {
    return corrupt("the file does not begin with a format description");
  }
  if (auto framed = check_header(header, trailer_bytes_ > 0 && !is_format); !framed) {
    return located(framed.error());
  }
  if (is_format && header.size > kHeadBytesMax) {
    return corrupt("format description of " + std::to_string(header.size) + " bytes");
  }
  if (!options_.require_log_pos) return ok();
  if (closed_) return corrupt("bytes after the event that closed the file");
  if (!log_pos_good(header)) {
    const uint64_t end = event_start_ + header.size;
    return corrupt(std::string(event_type_name(header.type)) + " event of " +
                   std::to_string(header.size) + " bytes claims to end at " +
                   std::to_string(header.log_pos) + " rather than " + std::to_string(end));
  }
  return ok();
}

Status EventScanner::finish(const EventHeader& header, Bytes prefix, const OnEnd& on_end) {
  auto end = track(header, prefix);
  if (!end) return located(end.error());
  closed_ = header.type == kStopEvent || header.type == kRotateEvent;
  event_start_ += header.size;
  taken_ = 0;
  head_.clear();
  if (TransactionEnd* at = *end) {
    last_end_ = at->offset = event_start_;
    on_end(*at);
  }
  return ok();
}

Result<TransactionEnd*> EventScanner::track(const EventHeader& header, Bytes prefix) {
  const size_t header_bytes = options_.format.header_bytes;
  if (header_bytes == kHeaderBytes || header.type == kFormatDescriptionEvent) {
    return tracker_.on_event(header, prefix);
  }
  if (prefix.size() < header_bytes) return fail(Code::kCorrupt, "event smaller than its header");
  const Bytes body = prefix.subspan(header_bytes);
  ByteVector usual = to_owned(prefix.first(kHeaderBytes));
  usual.insert(usual.end(), body.begin(), body.end());
  return tracker_.on_event(header, usual);
}

tl::unexpected<Error> EventScanner::corrupt(const std::string& what) const {
  return located({Code::kCorrupt, what});
}

tl::unexpected<Error> EventScanner::bad_checksum(const EventHeader& header) const {
  return corrupt(std::string(event_type_name(header.type)) + " event of " +
                 std::to_string(header.size) + " bytes: its checksum does not match");
}

tl::unexpected<Error> EventScanner::located(Error error) const {
  return fail_in("binlog offset " + std::to_string(event_start_), std::move(error));
}

}  // namespace binbus::binlog
