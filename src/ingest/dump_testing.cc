#include "ingest/dump_testing.h"

#include "binlog/control_events.h"

namespace binbus::ingest::testing_dump {
namespace {

constexpr uint32_t kServerId = 1;

ByteVector make_event(uint8_t type, Bytes body, uint32_t timestamp, uint64_t end, uint16_t flags) {
  binlog::EventHeader header;
  header.timestamp = timestamp;
  header.type = type;
  header.server_id = kServerId;
  header.size = static_cast<uint32_t>(binlog::kHeaderBytes + body.size() + binlog::kChecksumBytes);
  header.log_pos = static_cast<uint32_t>(end);
  header.flags = flags;
  ByteVector event(header.size);
  binlog::store_header(event.data(), header);
  std::copy(body.begin(), body.end(), event.begin() + binlog::kHeaderBytes);
  binlog::write_checksum(event);
  return event;
}

ByteVector format_body(std::string version) {
  ByteWriter body;
  version.resize(50);
  body.u16(4).text(version).u32(0).u8(binlog::kHeaderBytes).zeros(41).u8(1);  // checksums: CRC32
  return body.take();
}

ByteVector query_body(std::string_view statement) {
  ByteWriter body;
  body.u32(1).u32(0).u8(1).u16(0).u16(0).text("d").u8(0).text(statement);
  return body.take();
}

}  // namespace

SourceFile::SourceFile(std::string name, const std::string& previous_gtids, uint32_t made_s,
                       const std::string& version)
    : name_(std::move(name)), made_s_(made_s) {
  event(binlog::kFormatDescriptionEvent, format_body(version));
  event(binlog::kPreviousGtidsEvent, mysql::GtidSet::parse(previous_gtids)->encode());
}

SourceFile& SourceFile::event(uint8_t type, Bytes body, uint16_t flags) {
  end_ += binlog::kHeaderBytes + body.size() + binlog::kChecksumBytes;
  events_.push_back(make_event(type, body, made_s_, end_, flags));
  return *this;
}

SourceFile& SourceFile::transaction(const std::string& uuid, uint64_t number, size_t row_bytes) {
  ByteWriter gtid;
  gtid.u8(1).bytes(mysql::Uuid::parse(uuid)->bytes).u64(number).u8(2).u64(0).u64(1);
  event(binlog::kGtidEvent, gtid.view());
  event(binlog::kQueryEvent, query_body("BEGIN"));
  event(kRowsEvent, ByteVector(row_bytes, static_cast<uint8_t>(number)));
  return event(binlog::kXidEvent, ByteVector(8));
}

SourceFile& SourceFile::rotate_to(const std::string& next) {
  return event(binlog::kRotateEvent, ByteWriter().u64(4).text(next).view());
}

SourceFile& SourceFile::skip(uint64_t bytes) {
  end_ += bytes;
  return *this;
}

ByteVector SourceFile::bytes() const {
  ByteVector out(binlog::kMagic.begin(), binlog::kMagic.end());
  for (const ByteVector& event : events_) out.insert(out.end(), event.begin(), event.end());
  return out;
}

uint64_t SourceFile::end_of(size_t events) const {
  uint64_t end = 4;
  for (size_t i = 0; i < events; ++i) end += events_[i].size();
  return end;
}

ByteVector fake_rotate(const std::string& file, uint64_t position) {
  return make_event(binlog::kRotateEvent, ByteWriter().u64(position).text(file).view(), 0, 0,
                    binlog::kFlagArtificial);
}

ByteVector heartbeat(const std::string& file, uint64_t position) {
  return make_event(binlog::kHeartbeatEvent, as_bytes(file), 0, position, 0);
}

ByteVector artificial(ByteVector format_description) {
  binlog::set_log_pos(format_description, 0, true);
  return format_description;
}

ByteVector packets(Bytes event, SemiSync semi_sync) {
  constexpr size_t kMax = 0xffffff;
  ByteVector payload = {0};
  if (semi_sync != SemiSync::kOff) {
    payload.push_back(0xef);
    payload.push_back(semi_sync == SemiSync::kAckWanted ? 1 : 0);
  }
  payload.insert(payload.end(), event.begin(), event.end());
  ByteWriter out;
  for (size_t done = 0;; done += kMax) {
    const Bytes part = Bytes(payload).subspan(done, std::min(kMax, payload.size() - done));
    out.integer<3>(part.size()).u8(done / kMax).bytes(part);
    if (part.size() < kMax) return out.take();
  }
}

ByteVector error_packet(uint16_t number, const std::string& message) {
  ByteWriter out;
  out.integer<3>(9 + message.size()).u8(0).u8(0xff).u16(number).text("#HY000").text(message);
  return out.take();
}

ByteVector dump(const SourceFile& file, uint64_t offset) {
  ByteVector out = packets(fake_rotate(file.name(), offset));
  uint64_t at = 4;
  for (const ByteVector& event : file.events()) {
    const bool head = at == 4;
    const bool wanted = at >= offset;
    at += event.size();
    if (!wanted && !head) continue;
    const ByteVector sent = packets(wanted ? event : artificial(event));
    out.insert(out.end(), sent.begin(), sent.end());
  }
  return out;
}

ByteVector concat(std::initializer_list<ByteVector> parts) {
  ByteVector out;
  for (const ByteVector& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Status MemoryDestination::begin_segment(const std::string& name, const SourceIdentity& source) {
  if (last_end_ != (newest_.empty() ? 0 : segments_[newest_].size())) {
    return fail(Code::kInvalid, "a segment must end at a transaction's end");
  }
  newest_ = name;
  names_.push_back(name);
  segments_[name].clear();
  last_end_ = 0;
  return record_source(source);
}

Status MemoryDestination::append(Bytes bytes, std::span<const binlog::TransactionEnd> ends) {
  if (fail_append) return fail(*fail_append);
  ByteVector& segment = segments_[newest_];
  uint64_t before = 0;
  for (const binlog::TransactionEnd& end : ends) {
    if (end.offset <= before || end.offset > bytes.size())
      return fail(Code::kInvalid, "ends out of order");
    before = end.offset;
    last_end_ = segment.size() + end.offset;
    unsynced_.push_back(end.gtid);
  }
  segment.insert(segment.end(), bytes.begin(), bytes.end());
  if (segment.size() == binlog::kMagic.size()) last_end_ = segment.size();
  return ok();
}

Status MemoryDestination::sync() {
  if (fail_sync) return fail(*fail_sync);
  ++syncs_;
  for (const mysql::AnyGtid& gtid : unsynced_) synced_executed_.add(gtid);
  unsynced_.clear();
  synced_ = under_way_ = end();
  return ok();
}

Status MemoryDestination::begin_sync() {
  if (fail_sync) return fail(*fail_sync);
  synced_ = std::exchange(under_way_, end());
  return ok();
}

Status MemoryDestination::abort_transaction() {
  if (newest_.empty() || segments_[newest_].size() == last_end_) return ok();
  segments_[newest_].resize(last_end_);
  return sync();
}

Status MemoryDestination::record_source(const SourceIdentity& source) {
  spans_.push_back({newest_, segments_[newest_].size(), source});
  return ok();
}

binlog::Position MemoryDestination::end() const {
  if (newest_.empty()) return {};
  return {binlog::SegmentName::parse(newest_)->number, segments_.at(newest_).size()};
}

uint32_t MemoryDestination::segment_made_s() const {
  const ByteVector* segment = newest_.empty() ? nullptr : &segments_.at(newest_);
  return segment == nullptr || segment->size() < 8 ? 0 : load_u32(segment->data() + 4);
}

SourceIdentity MemoryDestination::source_at_end() const {
  if (spans_.empty()) return {};
  SourceIdentity source = spans_.back().source;
  source.offset += end().offset - spans_.back().offset;
  return source;
}

}  // namespace binbus::ingest::testing_dump
