#include "binlog/gtid_events.h"
#include "serve/event_filter.h"

namespace binbus::serve {
namespace {

class MysqlGtidFilter final : public EventFilter {
 public:
  MysqlGtidFilter(mysql::GtidSet executed, const DumpStart& start, bool hides_once,
                  const Wording& wording)
      : executed_(std::move(executed)),
        hides_once_(hides_once),
        wording_(wording),
        hides_creation_(start.clear_created) {}

  Result<bool> wants(store::EventFeed& feed) override {
    switch (feed.header().type) {
      case binlog::kGtidEvent:
      case binlog::kGtidTaggedEvent: {
        BINBUS_TRY(event, binlog::parse_gtid_event(feed.header(), feed.prefix()));
        const auto* gtid = std::get_if<mysql::Gtid>(&event.gtid);
        skipping_ = gtid && executed_.contains(*gtid);
        return !skipping_;
      }
      case binlog::kAnonymousGtidEvent:
        return wording_.fatal(
            Code::kUnsupported,
            "Cannot replicate anonymous transaction when AUTO_POSITION = 1, at file " +
                feed.segment_name() + ", position " +
                std::to_string(feed.end_offset() - feed.header().size) +
                ". Start behind it, or connect by file and position");
      case binlog::kRotateEvent:
        return true;
      default:
        return !skipping_;
    }
  }
  void on_segment_start(bool creation_hidden) override {
    skipping_ = false;
    if (hides_once_ && creation_hidden) hides_creation_ = false;
  }
  bool tells_skips() const override { return true; }
  bool hides_creation() const override { return hides_creation_; }

 private:
  const mysql::GtidSet executed_;
  const bool hides_once_;
  const Wording& wording_;
  bool hides_creation_;
  bool skipping_ = false;
};

}  // namespace

std::unique_ptr<EventFilter> make_mysql_gtid_filter(mysql::GtidSet executed, const DumpStart& start,
                                                    const ServerVersion& version,
                                                    const Wording& wording) {
  // From 5.7 on, servers hide it in all segments that follow, too.
  constexpr uint32_t kHidesAll = 50700;
  return std::make_unique<MysqlGtidFilter>(std::move(executed), start, version.number < kHidesAll,
                                           wording);
}

}  // namespace binbus::serve
