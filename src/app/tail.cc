#include "app/tail.h"

#include <utility>

#include "format/writer.h"
#include "sink/filter.h"

namespace binbus::app {
namespace {

using schema::Change;
using schema::Operation;

constexpr size_t kTextBytes = 64 * 1024;  // as much is told at once, but for a longer line

class LogTail final : public admin::Tail {
 public:
  LogTail(std::unique_ptr<changes::LogChanges> changes, std::shared_ptr<void> keep,
          std::stop_token closing, bool follow)
      : keep_(std::move(keep)),
        closing_(std::move(closing)),
        changes_(std::move(changes)),
        follow_(follow) {}

  Status prepare(const std::string& stream, const admin::TailQuery& query) {
    sink::SinkOptions options;
    options.tables = query.tables;
    options.operations = {"insert", "update", "delete"};
    if (query.ddl) options.operations.push_back("ddl");
    BINBUS_TRY(rules, sink::Rules::make(options));
    rules_.emplace(std::move(rules));
    BINBUS_TRY(filter, sink::Filter::make(options, *rules_));
    filter_ = std::move(filter);
    BINBUS_TRY(writer, format::make_writer(query.format, {.stream = stream,
                                                          .transaction_bounds = query.transactions,
                                                          .ddl = query.ddl,
                                                          .schemas = query.schemas,
                                                          .sql_text = query.sql_text,
                                                          .gtid = true,
                                                          .primary_key = false}));
    writer_ = std::move(writer);
    changes_->configure(
        {.tables = [this](std::string_view database,
                          std::string_view table) { return filter_->may_pass(database, table); },
         .skip_losses = true,
         .sql_text = query.sql_text});
    return changes_->start(query.from);
  }

  Result<bool> next(const std::function<Status(std::string_view)>& give, uint64_t wait_ms,
                    const std::stop_token& stop) override {
    if (closing_.stop_requested()) return fail(Code::kUnavailable, "the stream was closed here");
    std::string out;
    bool given = false;
    const auto emit = [&](const Change& change) -> Status {
      BINBUS_TRY(wanted, filter_->passes(change));
      if (!wanted) return ok();
      BINBUS_RETURN_IF_ERROR(print(out, change));
      if (out.size() < kTextBytes) return ok();
      given = true;
      return give(std::exchange(out, ""));
    };
    while (!given) {
      const auto any = changes_->read(emit, out.empty() ? wait_ms : 0, stop);
      if (!any) {  // what came before it is told first
        if (!out.empty() && any.error().code != Code::kStopped) BINBUS_RETURN_IF_ERROR(give(out));
        return fail(any.error());
      }
      if (*any) continue;
      if (out.empty() && !follow_ && changes_->at_end()) return false;
      break;
    }
    if (!out.empty()) BINBUS_RETURN_IF_ERROR(give(out));
    return true;
  }

 private:
  // Bounds only around what is told: BEGIN waits for a change behind it.
  Status print(std::string& out, const Change& change) {
    if (change.operation == Operation::kBegin) {
      begin_.clear();
      return print_line(begin_, change);
    }
    if (change.operation == Operation::kCommit && !begin_.empty()) {
      begin_.clear();
      return ok();
    }
    const size_t size = out.size();
    out += begin_;
    BINBUS_RETURN_IF_ERROR(print_line(out, change));
    if (out.size() == size + begin_.size()) {
      out.resize(size);
    } else {
      begin_.clear();
    }
    return ok();
  }

  Status print_line(std::string& out, const Change& change) {
    BINBUS_TRY(printed, writer_->write(out, change));
    if (printed && out.back() != '\n') out += '\n';
    return ok();
  }

  std::shared_ptr<void> keep_;
  const std::stop_token closing_;
  std::unique_ptr<changes::LogChanges> changes_;
  const bool follow_;
  std::optional<sink::Rules> rules_;
  std::unique_ptr<sink::Filter> filter_;
  std::unique_ptr<format::Writer> writer_;
  std::string begin_;  // printed, not yet told
};

}  // namespace

Result<std::unique_ptr<admin::Tail>> make_tail(const std::string& stream,
                                               const admin::TailQuery& query,
                                               std::unique_ptr<changes::LogChanges> changes,
                                               std::shared_ptr<void> keep,
                                               std::stop_token closing) {
  auto tail = std::make_unique<LogTail>(std::move(changes), std::move(keep), std::move(closing),
                                        query.follow);
  BINBUS_RETURN_IF_ERROR(tail->prepare(stream, query));
  return tail;
}

}  // namespace binbus::app
