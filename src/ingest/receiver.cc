#include "ingest/receiver.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "binlog/control_events.h"
#include "binlog/gtid_events.h"

namespace binbus::ingest {
namespace {

using binlog::EventHeader;

bool is_executed_list(uint8_t type) {
  return type == binlog::kPreviousGtidsEvent || type == binlog::kMariadbGtidListEvent;
}

// MariaDB begins a dump by GTID with a list of its own making, and one within an encrypted file with a copy of what tells
// how it is encrypted.
bool made_for_connection(const EventHeader& header) {
  const bool copied =
      is_executed_list(header.type) || header.type == binlog::kMariadbStartEncryptionEvent;
  return binlog::is_artificial(header) || (copied && header.log_pos == 0);
}

bool is_gtid(uint8_t type) {
  return type == binlog::kGtidEvent || type == binlog::kAnonymousGtidEvent ||
         type == binlog::kGtidTaggedEvent || type == binlog::kMariadbGtidEvent;
}

// Written by the new source itself, or by a server that nothing held is from.
bool may_be_errant(const mysql::AnyGtid& gtid, const mysql::Executed& known,
                   const std::string& source_uuid) {
  const auto* const mysql_gtid = std::get_if<mysql::Gtid>(&gtid);
  if (mysql_gtid == nullptr || known.mysql() == nullptr) return false;
  return !known.mysql()->members().contains(mysql_gtid->tsid) ||
         mysql_gtid->tsid.uuid.to_string() == source_uuid;
}

Status whole(const Piece& piece) {
  if (piece.first && piece.last) return ok();
  return fail(Code::kCorrupt, std::string(binlog::event_type_name(piece.header.type)) +
                                  " event of " + std::to_string(piece.header.size) + " bytes");
}

}  // namespace

Receiver::Receiver(Destination& destination, const DumpPlan& plan, SourceIdentity source)
    : destination_(destination),
      by_(plan.by),
      own_numbering_(plan.own_numbering),
      new_source_(plan.new_source),
      source_(std::move(source)),
      held_(plan.new_source ? SourcePlace{}
                            : SourcePlace{destination.source_at_end().file,
                                          destination.source_at_end().offset}),
      segment_(destination.segment_name()) {
  source_.file = held_.file;
  source_.lacks = plan.lacks;
  source_.seeded = plan.seeded;
  shift_ = static_cast<int64_t>(destination.end().offset - held_.offset);
  if (new_source_) known_ = destination.executed();
}

std::optional<SourcePlace> Receiver::take_ack() { return std::exchange(ack_, std::nullopt); }

Status Receiver::take(const Piece& piece) {
  if (piece.first) {
    rewriting_ = false;
    BINBUS_TRY(fate, begin_event(piece));
    fate_ = fate;
  }
  if (fate_ == Fate::kStore) {
    if (rewriting_) BINBUS_RETURN_IF_ERROR(rewriter_.apply(piece.bytes));
    keep(piece.bytes);
    counts_.events += piece.last;
  }
  if (piece.last && piece.ack_wanted) taken_ack_ = source_end_;
  return ok();
}

Status Receiver::flush() {
  BINBUS_RETURN_IF_ERROR(append_run());
  if (taken_ack_) ack_ = std::exchange(taken_ack_, std::nullopt);
  return ok();
}

Status Receiver::append_run() {
  if (run_.empty()) return ok();
  const std::span<uint8_t> run = std::exchange(run_, {});
  const uint64_t start = scanner_->offset();
  ends_.clear();
  const auto on_end = [&](const binlog::TransactionEnd& end) {
    ends_.push_back(end);
    ends_.back().offset -= start;
    if (!end.transaction) return;
    if (new_source_ && may_be_errant(end.gtid, known_, source_.server_uuid)) brought_.add(end.gtid);
    ++counts_.transactions;
    counts_.last_commit_us = end.commit_us;
  };
  if (Status scanned = scanner_->feed(run, on_end); !scanned) {
    return fail_in("from " + source_end_.file, std::move(scanned).error());
  }
  counts_.bytes += run.size();
  return destination_.append(run, ends_);
}

// Pieces follow each other in the buffer but for packet headers and dropped events: closing these gaps leaves one run.
void Receiver::keep(std::span<uint8_t> bytes) {
  if (run_.empty()) {
    run_ = bytes;
    return;
  }
  uint8_t* const end = run_.data() + run_.size();
  if (end != bytes.data()) std::memmove(end, bytes.data(), bytes.size());
  run_ = {run_.data(), run_.size() + bytes.size()};
}

Result<Receiver::Fate> Receiver::begin_event(const Piece& piece) {
  const EventHeader& header = piece.header;
  switch (header.type) {
    case binlog::kRotateEvent:
      if (made_for_connection(header)) return on_fake_rotate(piece);
      break;
    case binlog::kHeartbeatEvent:
    case binlog::kHeartbeatEventV2:
      return on_heartbeat(piece);
    case binlog::kFormatDescriptionEvent:
      return on_format_description(piece);
    default:
      break;
  }
  if (!scanner_) return fail(Code::kCorrupt, "an event before its file's format description");
  if (is_executed_list(header.type) && own_numbering_ && !head_done_)
    return on_executed_list(piece);
  if (made_for_connection(header)) return Fate::kDrop;
  return place_event(piece);
}

// The header has the lower 32 bits; the event ends at the first such place that it can end at. MariaDB's events within
// transactions tell nothing: they follow each other.
uint64_t Receiver::source_end_of(const EventHeader& header) const {
  const uint64_t least = source_end_.offset + header.size;
  if (header.log_pos == 0) return least;
  const uint64_t end = (least & ~uint64_t{UINT32_MAX}) | header.log_pos;
  return end >= least ? end : end + (uint64_t{1} << 32);
}

Result<Receiver::Fate> Receiver::on_fake_rotate(const Piece& piece) {
  BINBUS_RETURN_IF_ERROR(whole(piece));
  // Whether it has a checksum depends on the server, the file before and the file to come; the bytes tell.
  BINBUS_TRY(rotate, binlog::parse_rotate(piece.bytes, binlog::checksum_matches(piece.bytes)));
  if (rotate.file == source_end_.file) return Fate::kDrop;
  BINBUS_RETURN_IF_ERROR(flush());
  continues_ = rotate.file == held_.file;
  source_end_ = {rotate.file, rotate.position};
  scanner_.reset();
  return Fate::kDrop;
}

Result<Receiver::Fate> Receiver::on_heartbeat(const Piece& piece) {
  BINBUS_RETURN_IF_ERROR(whole(piece));
  BINBUS_TRY(heartbeat,
             binlog::parse_heartbeat(piece.bytes, binlog::checksum_matches(piece.bytes)));
  // A source that filters by GTID tells by heartbeats how far it has come without sending anything.
  if (own_numbering_ && heartbeat.file == source_end_.file &&
      heartbeat.position > source_end_.offset) {
    BINBUS_RETURN_IF_ERROR(note_errant());
    source_end_.offset = heartbeat.position;
  }
  return Fate::kDrop;
}

Result<Receiver::Fate> Receiver::on_format_description(const Piece& piece) {
  BINBUS_RETURN_IF_ERROR(whole(piece));
  if (source_end_.file.empty())
    return fail(Code::kCorrupt, "a format description before its file's name");
  BINBUS_TRY(format, binlog::parse_format_description(piece.bytes));
  format_ = format;
  if (!scanner_ && !continues_) {
    if (made_for_connection(piece.header))
      return fail(Code::kCorrupt, source_end_.file + " was not sent from its beginning");
    BINBUS_RETURN_IF_ERROR(begin_segment());
  } else if (!scanner_) {
    const uint32_t made_s = destination_.segment_made_s();
    if (made_s != 0 && made_s != piece.header.timestamp) {
      file_replaced_ = true;
      return fail(
          Code::kCorrupt,
          source_end_.file + " at the source is not the file that is stored: it was made at " +
              std::to_string(piece.header.timestamp) + ", ours at " + std::to_string(made_s));
    }
    BINBUS_RETURN_IF_ERROR(continue_segment());
    head_done_ = destination_.end().offset > binlog::kMagic.size() + piece.header.size;
  }
  // Sent again for a dump that begins within the file, which not every server marks.
  const bool again = source_end_.offset > binlog::kMagic.size();
  if (again || made_for_connection(piece.header)) return Fate::kDrop;
  return place_event(piece);
}

Status Receiver::begin_segment() {
  if (own_numbering_) {
    BINBUS_TRY(name, binlog::SegmentName::parse(segment_));
    ++name.number;
    segment_ = name.to_string();
  } else {
    segment_ = source_end_.file;
  }
  // A source that crashed may leave a file that ends within a transaction, and never commits that: a replica rolls it
  // back at the next file, and so do we.
  const binlog::Position end = destination_.end();
  BINBUS_RETURN_IF_ERROR(destination_.abort_transaction());
  if (destination_.end() != end) {
    log::warn("ingest_transaction_abandoned",
              {{"before", segment_}, {"bytes", end.offset - destination_.end().offset}});
  }
  source_.file = source_end_.file;
  source_.offset = 0;
  BINBUS_RETURN_IF_ERROR(destination_.begin_segment(segment_, source_));
  BINBUS_RETURN_IF_ERROR(continue_segment());
  head_done_ = false;
  return ok();
}

Status Receiver::continue_segment() {
  const uint64_t offset = destination_.end().offset;
  scanner_.emplace(binlog::EventScanner::Options{.offset = offset, .format = format_});
  if (offset > 0) return ok();
  BINBUS_RETURN_IF_ERROR(record_source(0));
  std::array<uint8_t, binlog::kMagic.size()> magic = binlog::kMagic;
  run_ = magic;
  return flush();
}

Status Receiver::record_source(uint64_t offset) {
  source_.file = source_end_.file;
  source_.offset = offset;
  shift_ = static_cast<int64_t>(next_offset() - offset);
  return destination_.record_source(source_);
}

// What was executed before a file of another server is not what was executed before our segment.
Result<Receiver::Fate> Receiver::on_executed_list(const Piece& piece) {
  BINBUS_RETURN_IF_ERROR(flush());
  BINBUS_RETURN_IF_ERROR(destination_.sync());
  const mysql::Executed ours = destination_.executed();
  head_done_ = true;
  if (piece.last && !made_for_connection(piece.header)) {
    const auto theirs = binlog::parse_previous_gtids(piece.bytes, checksummed());
    if (theirs && *theirs == ours) return place_event(piece);
  }
  BINBUS_RETURN_IF_ERROR(
      append_own(binlog::make_previous_gtids(piece.header, ours, checksummed())));
  if (!made_for_connection(piece.header)) source_end_.offset = source_end_of(piece.header);
  return Fate::kDrop;
}

Result<Receiver::Fate> Receiver::place_event(const Piece& piece) {
  const EventHeader& header = piece.header;
  if (continues_ && by_ == DumpPlan::By::kGtid && held_.offset > UINT32_MAX &&
      is_gtid(header.type)) {
    // Skipping what we hold, the source has passed the places where 32 bits begin anew, and does not tell.
    source_end_.offset = std::max(source_end_.offset, held_.offset);
  }
  const uint64_t end = source_end_of(header);
  const uint64_t start = end - header.size;
  if (start > source_end_.offset) BINBUS_RETURN_IF_ERROR(note_errant());
  source_end_.offset = end;
  if (header.type == binlog::kMariadbStartEncryptionEvent) return Fate::kDrop;  // see fill_hole()
  if (continues_ && end <= held_.offset) return Fate::kDrop;
  if (!own_numbering_) {
    if (start > next_offset()) BINBUS_RETURN_IF_ERROR(fill_hole(start - next_offset()));
    return Fate::kStore;  // the scanner sees to it that it ends where it says
  }

  if (header.type == binlog::kRotateEvent) {
    BINBUS_RETURN_IF_ERROR(whole(piece));
    BINBUS_TRY(next, binlog::SegmentName::parse(segment_));
    ++next.number;
    BINBUS_RETURN_IF_ERROR(
        append_own(binlog::make_rotate(header, {4, next.to_string()}, checksummed())));
    return Fate::kDrop;
  }
  if (source_.file != source_end_.file || static_cast<int64_t>(next_offset() - start) != shift_) {
    BINBUS_RETURN_IF_ERROR(flush());
    BINBUS_RETURN_IF_ERROR(record_source(start));
  }
  const auto our_end = static_cast<uint32_t>(next_offset() + header.size);
  rewriting_ = our_end != header.log_pos && header.log_pos == static_cast<uint32_t>(end);
  if (rewriting_) rewriter_.begin(header, our_end, checksummed());
  return Fate::kStore;
}

Status Receiver::note_errant() {
  if (!new_source_) return ok();
  BINBUS_RETURN_IF_ERROR(flush());
  errant_.add(std::exchange(brought_, {}));
  return ok();
}

Status Receiver::append_own(ByteVector made) {
  BINBUS_RETURN_IF_ERROR(flush());
  binlog::set_log_pos(made, static_cast<uint32_t>(next_offset() + made.size()), checksummed());
  run_ = made;
  return flush();
}

// MariaDB with encrypt_binlog keeps an event in its file that tells how it is encrypted, and does not send it (or
// marked as ignorable): its place is taken by an event that every reader passes over. A replica by GTID takes only a few
// kinds outside a transaction; a binlog checkpoint, which means nothing to it, is one.
Status Receiver::fill_hole(uint64_t bytes) {
  constexpr uint64_t kStartEncryptionBytesMax = 256;
  constexpr uint64_t kNameLengthBytes = 4;
  const uint64_t frame =
      binlog::kHeaderBytes + kNameLengthBytes + (checksummed() ? binlog::kChecksumBytes : 0);
  if (!format_.mariadb() || bytes < frame || bytes > kStartEncryptionBytesMax) {
    return fail(Code::kCorrupt, "the source left out " + std::to_string(bytes) + " bytes at " +
                                    source_end_.file + ":" + std::to_string(next_offset()));
  }
  EventHeader header;
  header.type = binlog::kMariadbBinlogCheckpointEvent;
  header.server_id = source_.server_id;
  header.size = static_cast<uint32_t>(bytes);
  ByteVector filler(bytes);
  binlog::store_header(filler.data(), header);
  const std::string name = segment_.substr(0, bytes - frame);
  store_le<4>(filler.data() + binlog::kHeaderBytes, name.size());
  std::copy(name.begin(), name.end(), filler.begin() + binlog::kHeaderBytes + kNameLengthBytes);
  return append_own(std::move(filler));
}

}  // namespace binbus::ingest
