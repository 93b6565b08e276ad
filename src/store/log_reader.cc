// LogReader.

#include <algorithm>
#include <chrono>

#include "store/log_state.h"

namespace binbus::store {
namespace {

uint64_t now_us() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(since).count());
}

}  // namespace

LogReader::LogReader(std::unique_ptr<State> state) : state_(std::move(state)) {}

LogReader::~LogReader() {
  const std::lock_guard lock(state_->log->mutex);
  state_->log->readers.erase(state_.get());
}

Result<std::unique_ptr<LogReader>> Log::reader(Position at) {
  auto state = std::make_unique<LogReader::State>();
  state->log = state_.get();
  std::unique_ptr<LogReader> reader(new LogReader(std::move(state)));
  BINBUS_RETURN_IF_ERROR(reader->seek(at));
  return reader;
}

Status LogReader::seek(Position position) {
  const std::lock_guard lock(state_->log->mutex);
  BINBUS_TRY(segment, state_->log->find_segment_locked(position.segment));
  if (position.offset > segment->visible.load()) {
    return fail(Code::kNotFound, segment->name() + ":" + std::to_string(position.offset) +
                                     " is past its end at " +
                                     std::to_string(segment->visible.load()));
  }
  if (segment != state_->segment) state_->file = nullptr;
  state_->segment = std::move(segment);
  state_->offset = position.offset;
  state_->log->readers.insert(state_.get());
  return ok();
}

// The files of a segment that is gone may be another's by now.
Result<Bytes> LogReader::read(std::span<uint8_t> buffer) {
  auto bytes = state_->read(buffer);
  if (state_->segment->gone.load() && (!bytes || bytes->empty()))
    return fail(Code::kPurged, "the log has begun anew behind " + state_->segment->name());
  return bytes;
}

Result<Bytes> LogReader::State::read(std::span<uint8_t> buffer) {
  const uint64_t available = segment->visible.load() - offset;
  const auto part = buffer.first(static_cast<size_t>(std::min<uint64_t>(buffer.size(), available)));
  if (part.empty() || segment->gone.load()) return Bytes();
  if (!file) {
    BINBUS_TRY(opened, segment->file());
    file = std::move(opened);
  }
  BINBUS_TRY(count, file->read_at(offset, part));
  if (count < part.size()) {
    return fail(Code::kCorrupt, "segment " + segment->name() + " got shorter: no bytes at " +
                                    std::to_string(offset + count));
  }
  offset += count;
  return part;
}

bool LogReader::next_segment() {
  // `sealed` first: after it, `visible` is final.
  if (!state_->segment->sealed.load() || state_->offset < state_->segment->visible.load())
    return false;
  const std::lock_guard lock(state_->log->mutex);
  const auto next = state_->log->segments.upper_bound(state_->segment->number());
  if (next == state_->log->segments.end()) return false;  // the log began anew
  state_->segment = next->second;
  state_->file = nullptr;
  state_->offset = 0;
  return true;
}

Position LogReader::position() const { return state_->position(); }

std::string LogReader::segment_name() const { return state_->segment->name(); }

bool LogReader::wait(uint64_t timeout_ms, const std::stop_token& stop) {
  const Segment& segment = *state_->segment;
  const auto more = [&] {
    return segment.visible.load() > state_->offset || segment.sealed.load() || segment.gone.load();
  };
  if (more()) return true;
  Wake& wake = state_->log->wake;
  const std::stop_callback on_stop(stop, [&wake] { wake.all(); });
  const uint64_t deadline_us = now_us() + timeout_ms * 1000;
  for (;;) {
    const uint32_t ticket = wake.ticket();
    if (more()) return true;
    const uint64_t now = now_us();
    if (stop.stop_requested() || now >= deadline_us) return false;
    wake.sleep(ticket, deadline_us - now);
  }
}

}  // namespace binbus::store
