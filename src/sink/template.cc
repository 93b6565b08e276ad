#include "sink/template.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace binbus::sink {

using Kind = TemplatePart::Kind;

namespace {

constexpr std::pair<std::string_view, Kind> kNames[] = {
    {"database", Kind::kDatabase},      {"table", Kind::kTable},
    {"operation", Kind::kOperation},    {"key", Kind::kKey},
    {"primary_key", Kind::kPrimaryKey}, {"format_key", Kind::kFormatKey},
};

}  // namespace

Result<Template> parse_template(std::string_view text, std::string_view stream,
                                std::string_view sink) {
  const auto wrong = [&](std::string_view what) {
    return fail(Code::kInvalid, "template \"" + std::string(text) + "\": " + std::string(what));
  };
  Template out;
  const auto add_text = [&out](std::string_view more) {
    if (out.empty() || out.back().kind != Kind::kText) out.push_back({Kind::kText, "", 0});
    out.back().text += more;
  };
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t open = std::min(rest.find('{'), rest.size());
    if (open > 0) add_text(rest.substr(0, open));
    if (open == rest.size()) break;
    const size_t close = rest.find('}', open);
    if (close == std::string_view::npos) return wrong("a { has no }");
    const std::string_view name = rest.substr(open + 1, close - open - 1);
    rest.remove_prefix(close + 1);
    const auto known = std::ranges::find(kNames, name, [](const auto& pair) { return pair.first; });
    if (known != std::end(kNames)) {
      out.push_back({known->second, "", 0});
    } else if (name == "stream" || name == "sink") {
      add_text(name == "stream" ? stream : sink);
    } else if (name.starts_with("column:") && name.size() > 7) {
      out.push_back({Kind::kColumn, std::string(name.substr(7)), 0});
    } else if (name.starts_with("shard:")) {
      uint32_t count = 0;
      const auto [end, error] = std::from_chars(name.data() + 6, name.data() + name.size(), count);
      if (error != std::errc() || end != name.data() + name.size() || count == 0) {
        return wrong("{shard:N} takes a number from 1 on");
      }
      out.push_back({Kind::kShard, "", count});
    } else {
      return wrong("{" + std::string(name) +
                   "} is none of {database}, {table}, {operation}, {column:NAME}, {key}, "
                   "{shard:N}, {primary_key}, {format_key}, {stream}, {sink}");
    }
  }
  return out;
}

}  // namespace binbus::sink
