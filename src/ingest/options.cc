#include "ingest/options.h"

#include <charconv>

#include "binlog/position.h"

namespace binbus::ingest {

Result<Start> Start::parse(const std::string& text) {
  Start start;
  if (text == "earliest") return start;
  if (text == "latest") {
    start.at = At::kLatest;
    return start;
  }
  if (text.starts_with("gtid:")) {
    start.at = At::kGtid;
    start.executed = text.substr(5);
    // Which flavour is the source's to say; here it must be one of the two.
    auto parsed = mysql::Executed::parse(mysql::Flavor::kMysql, start.executed);
    if (!parsed) parsed = mysql::Executed::parse(mysql::Flavor::kMariadb, start.executed);
    if (!parsed) return fail_in("start = \"" + text + "\"", std::move(parsed).error());
    return start;
  }
  const std::string bad = "start = \"" + text + "\": want earliest, latest, gtid:SET or FILE:POS";
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return fail(Code::kInvalid, bad);
  start.at = At::kFile;
  start.file = text.substr(0, colon);
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, start.offset);
  if (error != std::errc() || rest != end || start.offset < 4) return fail(Code::kInvalid, bad);
  if (auto name = binlog::SegmentName::parse(start.file); !name)
    return fail_in(bad, std::move(name).error());
  return start;
}

}  // namespace binbus::ingest
