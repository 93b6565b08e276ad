#include "serve/dump.h"

#include <algorithm>

#include "base/log.h"
#include "binlog/control_events.h"
#include "mysql/server_replies.h"
#include "serve/event_filter.h"

namespace binbus::serve {
namespace {

using binlog::EventHeader;
using binlog::kMagic;

constexpr uint8_t kSemiSyncMagic = 0xef;
constexpr int kHearMs = 10;
constexpr size_t kHeardBytesMax = 64 * 1024;  // of a packet that a reader sends during its dump
// How often a waiting dump looks whether its reader is still there.
constexpr uint64_t kLookMs = 1000;
constexpr uint8_t kUntilReachedFlag = 0x10;  // in the upper bits of a Gtid_list's count

// Within a format description.
constexpr size_t kCreatedAt = binlog::kHeaderBytes + 2 + 50;
constexpr size_t kLogPosAt = 13;

// Nothing can be told to the reader any more.
bool ends_connection(const Error& error) {
  return error.code == Code::kNetwork || error.code == Code::kTimeout || error.code == Code::kTls ||
         error.code == Code::kStopped;
}

class Dump {
 public:
  Dump(const DumpRequest& request, const ReaderTraits& traits, const DumpContext& context)
      : request_(request),
        traits_(traits),
        context_(context),
        log_(context.catalog.log()),
        channel_(context.channel),
        version_(context.catalog.version()),
        flavor_(context.catalog.flavor()),
        wording_(version_),
        server_id_(context.catalog.options().server_id),
        checksummed_(traits.checksum == ChecksumWish::kCrc32),
        sent_us_(context.clock.monotonic_us()) {}

  Status run() {
    const Status sent = send_all();
    if (sent) return finish([&] { return mysql::write_eof(channel_, 0); });
    // Whoever is to get its transaction whole gets what is still buffered of it.
    if (sent.error().code == Code::kStopped && finishes_transaction()) (void)channel_.flush();
    if (ends_connection(sent.error()) || channel_.within_packet()) return sent;
    const Error error = explain(sent.error());
    log::warn("dump_refused", {{"stream", context_.catalog.options().stream},
                               {"peer", channel_.stream().peer()},
                               {"error", error}});
    return finish([&] {
      const uint16_t number =
          error.mysql_errno != 0 ? error.mysql_errno : mysql::kErrorReadingBinlog;
      return mysql::write_error(channel_, {number, "HY000", error.message});
    });
  }

 private:
  template <class Write>
  Status finish(Write write) {
    BINBUS_RETURN_IF_ERROR(write());
    return channel_.flush();
  }

  // Returns well at the end of a dump that does not wait, or when the reader's UNTIL is reached.
  Status send_all() {
    BINBUS_TRY(start, find_start());
    BINBUS_TRY(feed, store::EventFeed::open(log_, {start.at.segment, 0}));
    feed_.emplace(std::move(feed));
    if (request_.executed) {
      filter_ = make_mysql_gtid_filter(*request_.executed, start, ServerVersion::parse(version_),
                                       wording_);
    } else if (flavor_ == mysql::Flavor::kMariadb) {
      filter_ = make_mariadb_filter(request_, traits_, start, log_, wording_);
    }
    BINBUS_RETURN_IF_ERROR(start_segment(start.at.offset, start.skip_to));
    for (;;) {
      BINBUS_TRY(done, send_what_is_there());
      if (done) return ok();
      if (feed_->next_segment()) {
        BINBUS_RETURN_IF_ERROR(start_segment(kMagic.size(), 0));
        continue;
      }
      // The reader's place moves on with what it did not need; into the next segment it does so by itself.
      BINBUS_RETURN_IF_ERROR(tell_skipped());
      if (nonblocking()) return ok();
      BINBUS_RETURN_IF_ERROR(wait_for_more());
    }
  }

  Result<DumpStart> find_start() {
    auto start = find_dump_start(request_, traits_, context_.catalog, wording_, context_.stop);
    if (!start && context_.stop.stop_requested()) return ended_by_others();
    const auto segments = log_.segments();
    if (!start && start.error().code == Code::kUnavailable && !segments.empty()) {
      // MySQL's replicas stop for good after SOURCE_RETRY_COUNT attempts in turn that bring them no event.
      file_ = request_.file.empty() ? segments.back().name : request_.file;
      BINBUS_RETURN_IF_ERROR(send_fake_rotate(request_.position));
    }
    return start;
  }

  bool nonblocking() const {
    return (request_.flags & DumpRequest::kNonBlocking) || request_.server_id == 0;
  }

  // The file's name, its format, and then from `offset` on; with GTIDs nothing that ends before `skip_to`.
  Status start_segment(uint64_t offset, uint64_t skip_to) {
    file_ = feed_->segment_name();
    BINBUS_RETURN_IF_ERROR(send_fake_rotate(offset));
    format_sent_ = false;
    skipped_to_ = 0;
    start_offset_ = offset;
    skip_to_ = skip_to;
    return ok();
  }

  // Events up to the end of what is there. True: the reader has reached its UNTIL.
  Result<bool> send_what_is_there() {
    for (;;) {
      if (feed_->drained()) {
        if (context_.stop.stop_requested() && !finishes_transaction()) return ended_by_others();
        report(false);
      }
      BINBUS_TRY(there, feed_->next());
      if (!there) break;
      if (!format_sent_) {
        BINBUS_RETURN_IF_ERROR(send_format());
        continue;
      }
      BINBUS_TRY(until_reached, send_event());
      if (until_reached) return true;
    }
    return false;
  }

  Result<bool> send_event() {
    if (filter_) {
      if (begins_transaction()) {
        if (context_.stop.stop_requested()) return ended_by_others();
        if (skip_to_ > feed_->end_offset()) {
          BINBUS_RETURN_IF_ERROR(jump());
          return false;
        }
      }
      BINBUS_TRY(wanted, filter_->wants(*feed_));
      if (wanted) {
        BINBUS_RETURN_IF_ERROR(tell_skipped());
        BINBUS_RETURN_IF_ERROR(send_current());
      } else {
        BINBUS_RETURN_IF_ERROR(skip_current());
      }
      return after_event();
    }
    BINBUS_RETURN_IF_ERROR(send_current());
    return false;
  }

  bool begins_transaction() const {
    const uint8_t type = feed_->header().type;
    return type == binlog::kGtidEvent || type == binlog::kGtidTaggedEvent;
  }
  // By MySQL's GTIDs a transaction that was cut off is sent again from its start, and its replica has to get rid of the
  // first part, which MySQL's applier cannot do with XA transactions. By position it is simply gone on with.
  bool finishes_transaction() const { return request_.executed.has_value(); }

  // All that lies before skip_to_ is known to the reader: no need to look at it.
  Status jump() {
    skipped_to_ = skip_to_;
    return feed_->seek(skip_to_);
  }

  Status skip_current() {
    BINBUS_RETURN_IF_ERROR(feed_->skip());
    if (!filter_->tells_skips()) return ok();
    skipped_to_ = feed_->end_offset();
    if (traits_.heartbeat_us == 0) return ok();
    const uint64_t now_us = context_.clock.monotonic_us();
    note_sent(now_us);
    if (now_us - sent_us_ < traits_.heartbeat_us) return ok();
    BINBUS_RETURN_IF_ERROR(tell_skipped());
    note_sent(now_us);
    return channel_.flush();
  }
  Status tell_skipped() {
    if (skipped_to_ == 0) return ok();
    return send_heartbeat(std::exchange(skipped_to_, 0));
  }

  Result<bool> after_event() {
    const EventFilter::After after = filter_->after_event();
    if (after.tell_state) BINBUS_RETURN_IF_ERROR(send_state(*after.state, false));
    if (after.until_reached) BINBUS_RETURN_IF_ERROR(send_state(*after.state, true));
    return after.until_reached;
  }

  Status send_state(const mysql::MariadbGtidSet& state, bool until_reached) {
    const EventHeader like{.server_id = server_id_,
                           .log_pos = static_cast<uint32_t>(feed_->end_offset()),
                           .flags = binlog::kFlagArtificial};
    ByteVector list = binlog::make_previous_gtids(like, mysql::Executed(state), checksummed_);
    if (until_reached) {
      list[binlog::kHeaderBytes + 3] |= kUntilReachedFlag;
      if (checksummed_) binlog::write_checksum(list);
    }
    return send_made(list);
  }

  // The format description, and where to go on after it.
  Status send_format() {
    if (feed_->header().type != binlog::kFormatDescriptionEvent || !feed_->whole()) {
      return wording_.fatal(Code::kCorrupt,
                            "Could not find format_description_event in binlog file");
    }
    BINBUS_RETURN_IF_ERROR(feed_->learn_format());
    checksummed_ = feed_->checksummed();
    if (checksummed_ && traits_.checksum == ChecksumWish::kUnaware) {
      return wording_.fatal(
          Code::kUnsupported,
          "{Replica} can not handle replication events with the checksum that {source} is "
          "configured to log");
    }
    const bool from_within = start_offset_ > kMagic.size();
    const bool hide_position = from_within && !request_.executed;
    const std::span<uint8_t> event = feed_->head();
    const bool hide_creation = (hide_position || (filter_ && filter_->hides_creation())) &&
                               load_u32(&event[kCreatedAt]) != 0;
    if (hide_position) store_le<4>(&event[kLogPosAt], 0);
    if (hide_creation) store_le<4>(&event[kCreatedAt], 0);
    if (checksummed_ && (hide_position || hide_creation)) binlog::write_checksum(event);
    if (filter_) filter_->on_segment_start(hide_creation);
    format_sent_ = true;
    BINBUS_RETURN_IF_ERROR(send_current());
    if (start_offset_ <= feed_->end_offset()) return ok();
    return feed_->seek(start_offset_);
  }

  Status send_fake_rotate(uint64_t offset) {
    const EventHeader like{.server_id = server_id_, .flags = binlog::kFlagArtificial};
    return send_made(binlog::make_rotate(like, {offset, file_}, checksummed_));
  }

  Status send_heartbeat(uint64_t offset) {
    const bool v2 =
        flavor_ == mysql::Flavor::kMysql && (request_.flags & DumpRequest::kHeartbeatV2);
    const bool v1 = flavor_ == mysql::Flavor::kMysql && !v2;
    offset =
        std::max<uint64_t>(offset, kMagic.size());   // of a file that has no byte to be sent yet
    if (v1) offset = static_cast<uint32_t>(offset);  // it has no room for more
    return send_made(
        binlog::make_heartbeat(v2 ? binlog::kHeartbeatEventV2 : binlog::kHeartbeatEvent, server_id_,
                               {file_, offset}, checksummed_));
  }

  Status send_made(Bytes event) {
    bytes_sent_ += event.size();
    sent_ = true;
    return channel_.write(packet_head(false), event);
  }

  Status send_current() {
    const bool acknowledge = traits_.semi_sync && wants_acknowledgement();
    bytes_sent_ += feed_->header().size;
    sent_ = true;
    if (feed_->whole()) {
      BINBUS_RETURN_IF_ERROR(channel_.write(packet_head(acknowledge), feed_->head()));
    } else {
      BINBUS_RETURN_IF_ERROR(send_long(acknowledge));
    }
    if (!acknowledge) return ok();
    // Both sides count anew after an event that is to be acknowledged.
    BINBUS_RETURN_IF_ERROR(channel_.flush());
    channel_.set_sequence(1);
    return ok();
  }

  Status send_long(bool acknowledge) {
    const Bytes head = packet_head(acknowledge);
    BINBUS_RETURN_IF_ERROR(channel_.begin(head.size() + feed_->header().size));
    BINBUS_RETURN_IF_ERROR(channel_.append(head));
    BINBUS_RETURN_IF_ERROR(channel_.append(feed_->head()));
    for (;;) {
      BINBUS_TRY(piece, feed_->more());
      if (piece.empty()) return ok();
      BINBUS_RETURN_IF_ERROR(channel_.append(piece));
    }
  }

  // What stands before an event in its packet.
  Bytes packet_head(bool acknowledge) const {
    static constexpr uint8_t kHeads[2][3] = {{0, kSemiSyncMagic, 0}, {0, kSemiSyncMagic, 1}};
    return Bytes(kHeads[acknowledge ? 1 : 0], traits_.semi_sync ? 3 : 1);
  }

  // Of a semi-sync replica, for the last event there is: it tells how far the replica is safe.
  bool wants_acknowledgement() {
    return !nonblocking() && feed_->drained() && format_sent_ &&
           log_.visible_end() == binlog::Position{feed_->segment(), feed_->end_offset()};
  }

  Status wait_for_more() {
    BINBUS_RETURN_IF_ERROR(channel_.flush());
    report(true);
    const uint64_t period_us = traits_.heartbeat_us;
    uint64_t beat_us = context_.clock.monotonic_us();
    for (;;) {
      if (traits_.semi_sync) BINBUS_RETURN_IF_ERROR(listen_to_reader());
      const uint64_t now_us = context_.clock.monotonic_us();
      if (period_us != 0 && now_us - beat_us >= period_us) {
        BINBUS_RETURN_IF_ERROR(send_heartbeat(feed_->end_offset()));
        BINBUS_RETURN_IF_ERROR(channel_.flush());
        beat_us = now_us;
      }
      const uint64_t left_ms =
          period_us == 0 ? kLookMs : (beat_us + period_us - now_us + 999) / 1000;
      if (feed_->wait(std::min(kLookMs, left_ms), context_.stop)) return ok();
      if (context_.stop.stop_requested()) return ended_by_others();
      BINBUS_RETURN_IF_ERROR(listen_to_reader());
    }
  }

  // A reader has nothing to say during a dump but acknowledgements and its good-bye. Some send commands meanwhile, to
  // keep the connection alive (mysql-binlog-connector-java pings once a minute): real servers do not look at them.
  Status listen_to_reader() {
    for (;;) {
      BINBUS_TRY(readable, channel_.stream().wait_readable(0));
      if (!readable) return ok();
      const uint8_t sequence = channel_.sequence();
      channel_.set_sequence(0);
      // Within TLS there may be less than a packet.
      BINBUS_TRY(packet, channel_.read_if_any(kHeardBytesMax, kHearMs));
      channel_.set_sequence(sequence);
      if (!packet) return ok();
      BINBUS_RETURN_IF_ERROR(hear(*packet));
    }
  }

  Status hear(Bytes packet) {
    if (packet.empty()) return ok();
    if (packet[0] == static_cast<uint8_t>(mysql::Command::kQuit))
      return fail(Code::kNetwork, "the reader has left");
    if (!traits_.semi_sync || packet[0] != kSemiSyncMagic) return ok();
    return take_acknowledgement(packet.subspan(1));
  }

  Status take_acknowledgement(Bytes packet) {
    ByteReader in(packet);
    BINBUS_TRY(offset, in.u64("acknowledged position"));
    if (const auto name = binlog::SegmentName::parse(as_text(in.rest()))) {
      context_.progress.update([&](ReplicaStatus& status) {
        status.acknowledged = {name->number, offset};
      });
    }
    return ok();
  }

  // Sending itself does not look at the clock: it is many small packets.
  void note_sent(uint64_t now_us) {
    if (std::exchange(sent_, false)) sent_us_ = now_us;
  }

  void report(bool caught_up) {
    note_sent(context_.clock.monotonic_us());
    context_.progress.update([&](ReplicaStatus& status) {
      status.position = {feed_->segment(), feed_->end_offset()};
      status.caught_up = caught_up;
      status.bytes_sent += std::exchange(bytes_sent_, 0);
    });
  }

  tl::unexpected<Error> ended_by_others() const {
    switch (context_.end_reason.load()) {
      case EndReason::kDuplicate:
        return wording_.fatal(Code::kExists,
                              "A {replica} with the same server_uuid/server_id as this {replica} "
                              "has connected to the {source}");
      case EndReason::kKilled:
        return fail(Code::kStopped, "killed by its user");
      case EndReason::kStopped:
        break;
    }
    return fail(Code::kStopped, "the server stops");
  }

  // Once a file is being sent, real servers append where they are.
  Error explain(Error error) const {
    if (!feed_ || error.mysql_errno != mysql::kErrorReadingBinlog) return error;
    const std::string at = "'" + file_ + "' at " + std::to_string(feed_->end_offset());
    error.message += "; the first event '" + request_.file + "' at " +
                     std::to_string(request_.position) + ", the last event read from " + at +
                     ", the last byte read from " + at + ".";
    return error;
  }

  const DumpRequest& request_;
  const ReaderTraits& traits_;
  const DumpContext& context_;
  store::Log& log_;
  mysql::PacketChannel& channel_;
  const std::string version_;
  const mysql::Flavor flavor_;
  const Wording wording_;
  const uint32_t server_id_;
  std::optional<store::EventFeed> feed_;
  std::unique_ptr<EventFilter> filter_;  // null: every event is sent
  std::string file_;
  bool
      checksummed_;  // of what is sent; before the first format description: what the reader expects
  bool format_sent_ = false;   // of this segment
  uint64_t start_offset_ = 0;  // of this segment
  uint64_t skip_to_ = 0;
  uint64_t skipped_to_ = 0;  // end of what was left out since something was sent; 0: nothing was
  uint64_t bytes_sent_ = 0;  // not yet reported
  bool sent_ = false;        // something, since sent_us_ was set
  uint64_t sent_us_;         // about when something was sent last
};

}  // namespace

Status run_dump(const DumpRequest& request, const ReaderTraits& traits,
                const DumpContext& context) {
  return Dump(request, traits, context).run();
}

}  // namespace binbus::serve
