#include "app/saved_place.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "ingest/options.h"

namespace binbus::app {
namespace {

using Json = nlohmann::ordered_json;
using store::Position;

// "binlog.000003:1234"
Result<std::pair<std::string, uint64_t>> parse_place(std::string_view text) {
  const size_t colon = text.rfind(':');
  uint64_t offset = 0;
  const std::string_view digits = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), offset);
  const std::string file(text.substr(0, colon));
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() ||
      !binlog::SegmentName::parse(file))
    return fail(Code::kInvalid, fmt::format("\"{}\" is no FILE:POS", text));
  return std::pair(file, offset);
}

bool same_server(const store::SourceSpan& span, const SavedPlace& place) {
  if (place.server_uuid.empty() && place.server_id == 0) return true;  // written by hand
  if (place.server_uuid.empty() || span.server_uuid.empty())
    return span.server_id == place.server_id;
  return span.server_uuid == place.server_uuid;
}

bool same_server(const SavedPlace& one, const SavedPlace& other) {
  if (!one.server_uuid.empty() && !other.server_uuid.empty())
    return one.server_uuid == other.server_uuid;
  return one.server_id == other.server_id || one.server_id == 0 || other.server_id == 0;
}

// None: without GTIDs.
std::optional<mysql::Executed> executed_at(const SavedPlace& place) {
  if (place.gtid_executed.empty()) return std::nullopt;
  for (const auto flavor : {mysql::Flavor::kMysql, mysql::Flavor::kMariadb}) {
    if (auto set = mysql::Executed::parse(flavor, place.gtid_executed)) return *std::move(set);
  }
  return std::nullopt;
}

uint64_t number_of(const std::string& file) {
  const auto name = binlog::SegmentName::parse(file);
  return name ? name->number : 0;
}

std::string text_of(const store::Log& log, Position at) {
  return fmt::format("{}:{}", log.segment_name(at.segment), at.offset);
}

}  // namespace

Result<Position> position_of(std::string_view text) {
  BINBUS_TRY(place, parse_place(text));
  return Position{number_of(place.first), place.second};
}

Result<SavedPlace> SavedPlace::of(const store::Log& log, const std::string& position,
                                  uint64_t epoch) {
  BINBUS_TRY(at, position_of(position));
  BINBUS_TRY(executed, log.executed_at(at));
  SavedPlace saved;
  saved.position = position;
  saved.gtid_executed = executed.to_string();
  saved.epoch = epoch;
  if (const auto span = log.to_source(at)) {
    saved.server_uuid = span->server_uuid;
    saved.server_id = span->server_id;
    saved.file = span->file;
    saved.offset = span->offset;
  }
  return saved;
}

Result<SavedPlace> SavedPlace::parse(std::string_view text) {
  const auto wrong = [&] {
    return fail(Code::kInvalid, fmt::format("\"{}\" is no place: must be FILE:POS, or what binbus "
                                            "has written there",
                                            text));
  };
  SavedPlace saved;
  const Json json = Json::parse(text, nullptr, false);
  try {
    if (json.is_object()) {
      saved.position = json.at("position").get<std::string>();
      saved.gtid_executed = json.value("gtid_executed", "");
      saved.epoch = json.value("epoch", uint64_t{0});
      const Json source = json.value("source", Json::object());
      saved.server_uuid = source.value("server_uuid", "");
      saved.server_id = source.value("server_id", uint32_t{0});
      saved.file = source.value("file", "");
      saved.offset = source.value("offset", uint64_t{0});
    } else {
      saved.position = text.substr(0, text.find_last_not_of(" \n") + 1);
    }
  } catch (const Json::exception&) {
    return wrong();
  }
  if (saved.position.empty()) return saved;  // of an empty log
  auto place = parse_place(saved.position);
  if (!place) return wrong();
  if (!json.is_object()) std::tie(saved.file, saved.offset) = std::move(*place);
  const bool file_known = saved.file.empty() || binlog::SegmentName::parse(saved.file);
  const std::string start = saved.start();
  if (!file_known || (!start.empty() && !ingest::Start::parse(start))) return wrong();
  return saved;
}

std::string SavedPlace::print() const {
  return Json{{"position", position},
              {"source", Json{{"server_uuid", server_uuid},
                              {"server_id", server_id},
                              {"file", file},
                              {"offset", offset}}},
              {"gtid_executed", gtid_executed},
              {"epoch", epoch}}
      .dump();
}

Result<std::string> SavedPlace::find(const store::Log& log) const {
  if (position.empty()) return position;
  const Position end = log.visible_end();
  if (end.segment == 0) return fail(Code::kNotFound, "the log has nothing yet");
  if (is_beyond(log))
    return fail(Code::kNotFound,
                fmt::format("{}:{} of the source is not in the log yet", file, offset));
  for (const store::SourceSpan& span : log.sources()) {
    if (!same_server(span, *this)) continue;
    const auto found = log.from_source(span.server_uuid, file, offset);
    if (found) return text_of(log, *found);
  }
  if (!gtid_executed.empty()) {
    const mysql::Executed have = log.executed();
    const auto wanted = mysql::Executed::parse(have.flavor(), gtid_executed);
    if (wanted && !have.contains(*wanted))
      return fail(Code::kNotFound, "the log does not have all of " + gtid_executed + " yet");
    if (wanted) {
      BINBUS_TRY(found, log.find_gtids(*wanted));
      return text_of(log, found);
    }
  }
  if (const auto at_end = log.to_source(end); at_end && same_server(*at_end, *this)) {
    return fail(Code::kPurged,
                fmt::format("{}:{} of the source is not in this node's log, which begins at {}",
                            file, offset, log.segment_name(log.size().oldest)));
  }
  return fail(Code::kDiverged,
              fmt::format("{} was delivered from the log of server {}{}, and this node's log comes "
                          "from another one, without GTIDs in common to go by: name the place with "
                          "`binbus sink seek`",
                          position, server_uuid.empty() ? "with id " : "",
                          server_uuid.empty() ? std::to_string(server_id) : server_uuid));
}

bool SavedPlace::is_beyond(const store::Log& log) const {
  const auto end = log.to_source(log.visible_end());
  return end && same_server(*end, *this) &&
         std::pair(number_of(file), offset) > std::pair(number_of(end->file), end->offset);
}

std::string SavedPlace::start() const {
  if (!gtid_executed.empty()) return "gtid:" + gtid_executed;
  // A file's first event stands behind its magic.
  return file.empty() ? "" : fmt::format("{}:{}", file, std::max<uint64_t>(offset, 4));
}

bool is_before(const SavedPlace& one, const SavedPlace& other) {
  if (one.position.empty() || other.position.empty())  // of an empty log
    return one.position.empty() && !other.position.empty();
  if (same_server(one, other) && !one.file.empty() && !other.file.empty())
    return std::pair(number_of(one.file), one.offset) <
           std::pair(number_of(other.file), other.offset);
  const auto at_one = executed_at(one), at_other = executed_at(other);
  return at_one && at_other && at_other->contains(*at_one) && !at_one->contains(*at_other);
}

}  // namespace binbus::app
