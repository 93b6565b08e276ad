#include "feed/place.h"

#include <fmt/format.h>

#include <charconv>

#include "base/hex.h"

namespace binbus::feed {
namespace {

bool parse_number(std::string_view text, uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

// Up to the next slash, and behind it.
std::string_view cut(std::string_view& text) {
  const size_t slash = text.find('/');
  const std::string_view part = text.substr(0, slash);
  text.remove_prefix(slash == std::string_view::npos ? text.size() : slash + 1);
  return part;
}

}  // namespace

Result<Place> Place::parse(std::string_view text) {
  const auto wrong = [text] {
    return fail(
        Code::kInvalid,
        fmt::format("\"{}\" is no position: give one that came with a change, as it is", text));
  };
  std::string_view rest = text;
  Place place;
  place.at = cut(rest);
  const size_t colon = place.at.rfind(':');
  uint64_t offset = 0;
  if (colon == std::string::npos || colon == 0 ||
      !parse_number(std::string_view(place.at).substr(colon + 1), offset))
    return wrong();
  if (place.at.size() == text.size()) return place;
  if (const std::string_view within = cut(rest); !within.empty()) {
    const size_t dot = within.find('.');
    Change change;
    if (dot == std::string_view::npos || !parse_number(within.substr(0, dot), change.event) ||
        !parse_number(within.substr(dot + 1), change.row))
      return wrong();
    place.within = change;
  }
  if (rest.empty()) return place.within ? Result<Place>(place) : wrong();
  const auto key = parse_hex(cut(rest));
  if (!key || rest.find('.') == std::string_view::npos) return wrong();
  place.row = {std::string(rest), *key};
  return place;
}

std::string Place::print() const {
  std::string out;
  append_to(out);
  return out;
}

void Place::append_to(std::string& out) const {
  out += at;
  if (within || row) out += '/';
  if (within) fmt::format_to(std::back_inserter(out), "{}.{}", within->event, within->row);
  if (!row) return;
  out += '/';
  append_hex(out, row->key);
  out += '/';
  out += row->table;
}

}  // namespace binbus::feed
