#include "app/verify_tail.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "sink/pattern.h"

namespace binbus::app {
namespace {

using Json = nlohmann::ordered_json;
using state::RowDifference;
using state::TableVerdict;
using Stage = TableVerdict::Stage;

std::string line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string_view kind_name(RowDifference::Kind kind) {
  switch (kind) {
    case RowDifference::Kind::kMissing:
      return "missing";
    case RowDifference::Kind::kExtra:
      return "extra";
    default:
      return "differs";
  }
}

Json to_json(const RowDifference& difference) {
  Json out{{"kind", kind_name(difference.kind)}, {"key", Json::object()}};
  for (const auto& [column, value] : difference.key) out["key"][column] = value;
  if (difference.kind == RowDifference::Kind::kDiffers) out["columns"] = difference.columns;
  return out;
}

Json to_json(const TableVerdict& table) {
  Json out{{"table", table.table},      {"rows", table.rows},    {"differ", table.differ},
           {"missing", table.missing},  {"extra", table.extra},  {"repaired", table.repaired},
           {"not_comparable", nullptr}, {"first", Json::array()}};
  if (!table.not_comparable.empty()) out["not_comparable"] = table.not_comparable;
  for (const RowDifference& difference : table.first) out["first"].push_back(to_json(difference));
  return out;
}

std::string progress(const state::VerificationStatus& status) {
  Json out{{"tables", status.tables.size()},
           {"tables_done", 0},
           {"differences", 0},
           {"table", nullptr},
           {"rows", 0},
           {"rows_expected", 0},
           {"stage", nullptr},
           {"waits", status.waits}};
  uint64_t done = 0, differences = 0;
  for (const TableVerdict& table : status.tables) {
    done += table.stage == Stage::kDone ? 1 : 0;
    differences += table.differences();
    if (table.stage != Stage::kComparing && table.stage != Stage::kExtras) continue;
    out["table"] = table.table;
    out["rows"] = table.rows;
    out["rows_expected"] = table.rows_expected;
    out["stage"] = table.stage == Stage::kExtras ? "extras" : "rows";
  }
  out["tables_done"] = done;
  out["differences"] = differences;
  return line({{"progress", out}});
}

class VerifyTail final : public admin::Tail {
 public:
  VerifyTail(std::string stream, std::shared_ptr<state::Verification> run)
      : stream_(std::move(stream)), run_(std::move(run)) {}
  ~VerifyTail() override { run_->cancel(); }

  Result<bool> next(const std::function<Status(std::string_view)>& give, uint64_t wait_ms,
                    const std::stop_token& stop) override {
    const state::VerificationStatus status = run_->wait(wait_ms, stop);
    BINBUS_RETURN_IF_ERROR(give(status.ended ? result(status) : progress(status)));
    return !status.ended;
  }

 private:
  std::string result(const state::VerificationStatus& status) const {
    Json out{{"stream", stream_},
             {"position", status.place},
             {"repair", run_->repairs()},
             {"error", nullptr},
             {"tables", Json::array()}};
    if (!status.error.empty()) out["error"] = status.error;
    for (const TableVerdict& table : status.tables) out["tables"].push_back(to_json(table));
    return line({{"result", out}});
  }

  const std::string stream_;
  const std::shared_ptr<state::Verification> run_;
};

}  // namespace

Result<std::shared_ptr<state::Verification>> make_verification(const state::KeptTables& kept,
                                                               const admin::VerifyQuery& query) {
  const state::KeeperStatus status = kept.status();
  if (status.tables->empty()) return fail(Code::kNotFound, "no table is kept yet");
  if (query.tables.empty()) {
    return std::make_shared<state::Verification>(
        [](std::string_view, std::string_view) { return true; }, query.repair);
  }
  for (const std::string& pattern : query.tables) {
    BINBUS_TRY(set, sink::PatternSet::compile({&pattern, 1}));
    const bool fits = std::ranges::any_of(*status.tables, [&](const state::TableRecord& record) {
      return set.matches(record.table->database, record.table->table);
    });
    if (!fits) {
      return fail(Code::kNotFound,
                  fmt::format("{} is not one of the tables that are kept, and fits none of them; "
                              "see `binbus snapshot status`",
                              pattern));
    }
  }
  BINBUS_TRY(compiled, sink::PatternSet::compile(query.tables));
  auto set = std::make_shared<const sink::PatternSet>(std::move(compiled));
  return std::make_shared<state::Verification>(
      [set](std::string_view database, std::string_view table) {
        return set->matches(database, table);
      },
      query.repair);
}

std::unique_ptr<admin::Tail> make_verify_tail(std::string stream,
                                              std::shared_ptr<state::Verification> run) {
  return std::make_unique<VerifyTail>(std::move(stream), std::move(run));
}

}  // namespace binbus::app
