#include "dump/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "dump/split.h"
#include "format/json_output.h"
#include "sink/file/compressor.h"
#include "sink/pattern.h"

namespace binbus::dump {
namespace {

using Json = nlohmann::json;

constexpr size_t kNameBytesMax = 200;  // of a file's 255

std::string to_hex(std::string_view key) {
  std::string out;
  format::append_hex(out, as_bytes(key));
  return out;
}

// As it may stand in any file system, and no two the same.
std::string file_stem(const state::TableRecord& record) {
  std::string out;
  const auto append = [&](std::string_view name) {
    for (const char c : name) {
      const auto byte = static_cast<uint8_t>(c);
      if (byte <= 0x20 || byte == 0x7f ||
          std::string_view("./\\%:*?\"<>|").find(c) != std::string_view::npos) {
        out += fmt::format("%{:02x}", byte);
      } else {
        out += c;
      }
    }
  };
  append(record.table->database);
  out += '.';
  append(record.table->table);
  return out.size() <= kNameBytesMax ? out : fmt::format("table-{}", record.id);
}

void append_parts(Plan& plan, const state::TablesView& view, const state::TableRecord& record,
                  uint64_t part_bytes, std::string_view suffix) {
  const std::string prefix = state::row_prefix(record.id);
  const std::vector<std::string> keys =
      split(*view.store, prefix, state::end_of(prefix), part_bytes);
  for (size_t i = 0; i + 1 < keys.size(); ++i) {
    plan.parts.push_back(
        {.table = record.full_name(),
         .from = keys[i],
         .to = keys[i + 1],
         .file = fmt::format("{}.{:05}.{}{}", file_stem(record), i + 1, plan.format, suffix),
         .disk_bytes = view.store->bytes_between(keys[i], keys[i + 1])});
  }
}

Status check_patterns(const Plan& plan, const state::TablesView& view, const Near& near) {
  for (const std::string& wanted : plan.tables) {
    BINBUS_TRY(pattern, sink::PatternSet::compile(std::span(&wanted, 1)));
    const auto fits = [&](const state::TableRecord& record) {
      return pattern.matches(record.table->database, record.table->table);
    };
    if (std::ranges::any_of(*view.tables, fits)) continue;
    std::vector<std::string> names;
    for (const state::TableRecord& record : *view.tables) names.push_back(record.full_name());
    const std::string meant = near(wanted, names);
    return fail(
        Code::kNotFound,
        fmt::format("snapshot {} has no table {}{}; see `binbus snapshot list`", plan.snapshot,
                    wanted, meant.empty() ? "" : fmt::format("; did you mean {}?", meant)));
  }
  return ok();
}

}  // namespace

Status make_parts(Plan& plan, const state::TablesView& view, const PlanOptions& options,
                  const Near& near) {
  BINBUS_RETURN_IF_ERROR(check_patterns(plan, view, near));
  BINBUS_TRY(patterns, sink::PatternSet::compile(plan.tables));
  BINBUS_TRY(compressor, sink::make_compressor(plan.compress));
  for (const state::TableRecord& record : *view.tables) {
    if (plan.tables.empty() || patterns.matches(record.table->database, record.table->table))
      append_parts(plan, view, record, options.part_bytes, compressor->suffix());
  }
  return ok();
}

std::string to_json(const Plan& plan) {
  Json parts = Json::array();
  for (const Part& part : plan.parts) {
    parts.push_back(Json{{"table", part.table},
                         {"from", to_hex(part.from)},
                         {"to", to_hex(part.to)},
                         {"file", part.file},
                         {"disk_bytes", part.disk_bytes}});
  }
  return Json{{"layout", 1},
              {"stream", plan.stream},
              {"snapshot", plan.snapshot},
              {"at", plan.at},
              {"snapshot_is_own", plan.snapshot_is_own},
              {"tables", plan.tables},
              {"format", plan.format},
              {"compress", plan.compress},
              {"parts", parts}}
             .dump(1) +
         "\n";
}

Result<Plan> plan_from_json(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    if (json.at("layout") != 1)
      return fail(Code::kUnsupported, "the export was begun by a newer binbus");
    Plan plan{.stream = json.at("stream"),
              .snapshot = json.at("snapshot"),
              .at = json.at("at"),
              .snapshot_is_own = json.at("snapshot_is_own"),
              .tables = json.at("tables"),
              .format = json.at("format"),
              .compress = json.at("compress"),
              .parts = {}};
    for (const Json& part : json.at("parts")) {
      plan.parts.push_back({.table = part.at("table"),
                            .from = parse_hex(part.at("from").get<std::string>()).value(),
                            .to = parse_hex(part.at("to").get<std::string>()).value(),
                            .file = part.at("file"),
                            .disk_bytes = part.at("disk_bytes")});
    }
    return plan;
  } catch (const std::exception& error) {
    return fail(Code::kCorrupt, std::string("what an export was to write is damaged: ") +
                                    error.what() + "; empty the folder and begin again");
  }
}

std::string to_line(const std::string& part, const PartDone& done) {
  return Json{{"part", part},
              {"file", done.file},
              {"rows", done.rows},
              {"bytes", done.bytes},
              {"sha256", done.sha256}}
             .dump() +
         "\n";
}

PartsDone done_from_lines(const std::string& text, size_t& bytes_read) {
  PartsDone out;
  bytes_read = 0;
  for (size_t end = 0; (end = text.find('\n', bytes_read)) != std::string::npos;
       bytes_read = end + 1) {
    const Json line =
        Json::parse(text.substr(bytes_read, end - bytes_read), nullptr, /*allow_exceptions=*/false);
    try {
      out[line.at("part")] = {.file = line.at("file"),
                              .rows = line.at("rows"),
                              .bytes = line.at("bytes"),
                              .sha256 = line.at("sha256")};
    } catch (const Json::exception&) {
      break;
    }
  }
  return out;
}

std::string make_manifest(const Plan& plan, const state::SnapshotInfo& snapshot,
                          const PartsDone& done) {
  struct Sum {
    uint64_t rows = 0, bytes = 0;
    Json parts = Json::array();
  };
  std::map<std::string, Sum> tables;
  for (const Part& part : plan.parts) {
    const PartDone& written = done.at(part.file);
    Sum& table = tables[part.table];
    table.rows += written.rows;
    table.bytes += written.bytes;
    if (written.file.empty()) continue;
    table.parts.push_back(Json{{"file", written.file},
                               {"rows", written.rows},
                               {"bytes", written.bytes},
                               {"sha256", written.sha256}});
  }
  Json json{{"layout", 1},
            {"stream", plan.stream},
            {"snapshot", plan.snapshot},
            {"time_us", snapshot.time_us},
            {"position", snapshot.position},
            {"gtid_executed", snapshot.gtid_executed},
            {"format", plan.format},
            {"compress", plan.compress},
            {"not_ready", snapshot.not_ready},
            {"tables", Json::array()}};
  for (const auto& [name, sum] : tables) {
    json["tables"].push_back(
        Json{{"name", name}, {"rows", sum.rows}, {"bytes", sum.bytes}, {"parts", sum.parts}});
  }
  return json.dump(1) + "\n";
}

}  // namespace binbus::dump
