#include "store/log_writer.h"

#include "base/check.h"
#include "binlog/event.h"
#include "store/control.h"
#include "store/source_map.h"

namespace binbus::store {
namespace {

// Proposals: one that the disks work on, and one that comes to them.
constexpr size_t kUnderWayMax = 2;
// Bytes that wait for one of them to be settled.
constexpr uint64_t kWaitBytesMax = 1024 * 1024;

}  // namespace

Proposal inline_proposal(EntryKind kind, ByteVector payload, uint64_t offset) {
  Proposal proposal;
  proposal.entry.kind = kind;
  proposal.entry.offset = offset;
  proposal.entry.length = static_cast<uint32_t>(payload.size());
  proposal.entry.payload_crc = binlog::crc32(0, payload);
  proposal.payload = std::move(payload);
  return proposal;
}

LogWriter::LogWriter(Log& log, Agreement& agreement)
    : log_(log), agreement_(agreement), builder_(0, log.options().entry_bytes_max) {
  reset();
  synced_ = end();
}

// As the log is.
void LogWriter::reset() { go_on(agreement_.tail()); }

void LogWriter::go_on(const Agreement::Tail& tail) {
  segment_ = tail.end.segment;
  builder_ = EntryBuilder(tail.end.offset, log_.options().entry_bytes_max);
  ends_.clear();
  unsynced_ = 0;
  waits_ = false;
  last_end_ = tail.last_end.offset;
}

Status LogWriter::propose(std::vector<Proposal> proposals) {
  const auto proposed = agreement_.propose(std::move(proposals));
  failed_ = !proposed;
  if (!proposed) {
    reset();
    return fail(proposed.error());
  }
  under_way_.push_back({*proposed, end()});
  return ok();
}

// Until no more than so many are under way.
Status LogWriter::wait_for(size_t left) {
  while (under_way_.size() > left) {
    if (auto settled = agreement_.wait(under_way_.front().index); !settled) {
      failed_ = true;
      return settled;
    }
    note_settled();
  }
  return ok();
}

void LogWriter::note_settled() {
  synced_ = under_way_.front().end;
  under_way_.pop_front();
}

// Once agreed on, they end the log there, between transactions. It may be longer already, by what another leader has written.
Status LogWriter::agree(std::vector<Proposal> proposals, Position end) {
  BINBUS_RETURN_IF_ERROR(propose(std::move(proposals)));
  if (auto agreed = wait_for(0); !agreed) {
    reset();
    return agreed;
  }
  go_on({end, end});
  synced_ = end;
  return ok();
}

// The newest segment's beginning, or a cut, may have been agreed on and then found the disk full; and a log that has failed
// says so each time.
Status LogWriter::catch_up() {
  if (!failed_) return ok();
  const auto may = agreement_.propose({});
  failed_ = !may;
  reset();
  if (!may) return fail(may.error());
  return ok();
}

Status LogWriter::agree_on(EntryKind kind, ByteVector document, Position end) {
  std::vector<Proposal> proposals;
  proposals.push_back(inline_proposal(kind, std::move(document), builder_.end()));
  return agree(std::move(proposals), end);
}

Status LogWriter::between_transactions(const char* what) {
  BINBUS_RETURN_IF_ERROR(catch_up());
  if (segment_ == 0 || within_transaction()) {
    return fail(Code::kInvalid,
                std::string(what) + " is recorded where no transaction is under way, in a segment");
  }
  return ok();
}

Status LogWriter::begin_segment(const std::string& name, std::optional<SourceSpan> source) {
  BINBUS_RETURN_IF_ERROR(catch_up());
  BINBUS_TRY(parsed, binlog::SegmentName::parse(name));
  const std::string newest_name = log_.segment_name(segment_);
  if (segment_ != 0) {
    if (name == newest_name && builder_.end() == 0)
      return source ? record_source(std::move(*source)) : ok();
    if (parsed.number <= segment_) {
      return fail(Code::kInvalid, "segment " + name + " cannot follow " + newest_name);
    }
    if (within_transaction()) {
      return fail(Code::kInvalid,
                  "segment " + name + " cannot begin within a transaction of " + newest_name);
    }
  }
  BINBUS_RETURN_IF_ERROR(sync());
  if (source) {
    source->from = {parsed.number, 0};
    const auto known = map_to_source(log_.sources(), source->from);
    if (known && *known == *source) source.reset();
  }
  return agree_on(EntryKind::kBegin, encode_begin(name, source), {parsed.number, 0});
}

Status LogWriter::append(Bytes bytes, std::span<const TransactionEnd> ends) {
  BINBUS_RETURN_IF_ERROR(catch_up());
  if (segment_ == 0) return fail(Code::kInvalid, "append before the first segment");
  const uint64_t whole = ends.empty() ? 0 : ends.back().offset;
  BINBUS_CHECK(whole <= bytes.size());
  const uint64_t base = builder_.end();
  if (auto staged = agreement_.stage(bytes); !staged) {
    failed_ = true;
    reset();
    return staged;
  }
  builder_.events(bytes.first(static_cast<size_t>(whole)), true);
  builder_.events(bytes.subspan(static_cast<size_t>(whole)), false);
  for (const TransactionEnd& end : ends) {
    ends_.push_back(end);
    ends_.back().offset += base;
  }
  if (whole > 0) last_end_ = base + whole;
  unsynced_ += bytes.size();
  return ok();
}

Status LogWriter::propose_appended() {
  waits_ = false;
  if (builder_.empty()) return ok();
  std::vector<Proposal> proposals;
  auto end = ends_.begin();
  for (Entry& entry : builder_.take()) {
    Proposal& proposal = proposals.emplace_back();
    proposal.entry = entry;
    for (; end != ends_.end() && end->offset <= entry.end(); ++end)
      proposal.ends.push_back(std::move(*end));
  }
  BINBUS_RETURN_IF_ERROR(propose(std::move(proposals)));
  ends_.clear();
  unsynced_ = 0;
  return ok();
}

Status LogWriter::sync() {
  BINBUS_RETURN_IF_ERROR(catch_up());
  BINBUS_RETURN_IF_ERROR(propose_appended());
  return wait_for(0);
}

Status LogWriter::begin_sync() {
  BINBUS_RETURN_IF_ERROR(catch_up());
  waits_ = !builder_.empty();
  return take_turn();
}

// Few are under way, so that what comes meanwhile goes together.
Status LogWriter::take_turn() {
  while (!under_way_.empty()) {
    const auto settled = agreement_.settled(under_way_.front().index);
    if (!settled) {
      failed_ = true;
      return fail(settled.error());
    }
    if (!*settled) break;
    note_settled();
  }
  if (!waits_ || (under_way_.size() >= kUnderWayMax && unsynced_ < kWaitBytesMax)) return ok();
  BINBUS_RETURN_IF_ERROR(wait_for(kUnderWayMax - 1));
  return propose_appended();
}

Result<Position> LogWriter::synced() {
  BINBUS_RETURN_IF_ERROR(take_turn());
  return synced_;
}

Status LogWriter::abort_transaction() {
  BINBUS_RETURN_IF_ERROR(sync());
  if (!within_transaction()) return ok();
  std::vector<Proposal> proposals;
  proposals.push_back(inline_proposal(EntryKind::kAbort, {}, last_end_));
  return agree(std::move(proposals), {segment_, last_end_});
}

Status LogWriter::record_source(SourceSpan span) {
  BINBUS_RETURN_IF_ERROR(between_transactions("a source"));
  BINBUS_RETURN_IF_ERROR(sync());
  span.from = end();
  const auto known = map_to_source(log_.sources(), span.from);
  if (known && *known == span) return ok();
  return agree_on(EntryKind::kControl, encode_source(span), end());
}

Status LogWriter::check_schema(const SchemaPlace& place) {
  BINBUS_RETURN_IF_ERROR(between_transactions("a schema baseline"));
  if (place.at > end() || place.origin > place.at)
    return fail(Code::kInvalid, "a schema baseline is recorded for a place before the log's end");
  return ok();
}

Status LogWriter::record_schema(SchemaPlace place, Bytes baseline) {
  BINBUS_RETURN_IF_ERROR(check_schema(place));
  BINBUS_RETURN_IF_ERROR(sync());
  const SchemaRecord record{place, "", baseline.size(), binlog::crc32(0, baseline)};
  std::vector<Proposal> proposals;
  const size_t part_bytes = std::min<size_t>(kInlineBytesMax, log_.options().entry_bytes_max);
  for (size_t at = 0; at < baseline.size(); at += part_bytes) {
    const Bytes part = baseline.subspan(at, std::min(part_bytes, baseline.size() - at));
    proposals.push_back(inline_proposal(EntryKind::kPart, to_owned(part), builder_.end()));
  }
  proposals.push_back(inline_proposal(EntryKind::kControl, encode_schema(record), builder_.end()));
  return agree(std::move(proposals), end());
}

Status LogWriter::record_same_schema(SchemaPlace place, Position same) {
  BINBUS_RETURN_IF_ERROR(check_schema(place));
  BINBUS_RETURN_IF_ERROR(sync());
  BINBUS_TRY(bytes, log_.read_schema(same));
  const SchemaRecord record{place, "", bytes.size(), binlog::crc32(0, bytes)};
  return agree_on(EntryKind::kControl, encode_schema(record, same), end());
}

}  // namespace binbus::store
