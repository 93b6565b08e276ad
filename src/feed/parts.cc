#include "feed/parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "state/row_key.h"

namespace binbus::feed {
namespace {

using schema::Field;

// FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/
uint64_t hash(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3;
  return hash;
}

}  // namespace

Result<Parts> part_of(const schema::TableVersion& table, std::span<const Field> row,
                      std::span<const Field> other) {
  std::string key = table.database + '\0' + table.table + '\0';
  const std::vector<uint32_t> columns = state::key_columns(table);
  std::vector<Field> filled;  // where the row lacks something
  for (const uint32_t column : columns) {
    const bool absent = column < row.size() && row[column].state == Field::State::kAbsent;
    if (!absent || column >= other.size()) continue;
    if (filled.empty()) filled.assign(row.begin(), row.end());
    filled[column] = other[column];
  }
  if (!filled.empty()) row = filled;
  if (!columns.empty()) {
    if (const Status made = state::append_key(key, row, columns); !made)
      return fail_in(fmt::format("{}.{}", table.database, table.table), made.error());
  }
  const uint64_t hashed = hash(key);
  return Parts{1} << ((hashed ^ hashed >> 32) % kParts);
}

Result<PartPlaces> PartPlaces::parse(std::string_view text) {
  const auto wrong = [text] {
    return fail(Code::kInvalid,
                fmt::format("\"{}\" is no position of a shared cursor: give one that came with a "
                            "change, as it is",
                            text));
  };
  if (text.empty()) return wrong();
  PartPlaces out;
  Parts seen = 0;
  for (std::string_view rest = text; !rest.empty();) {
    // Names of files may have either sign.
    Parts parts = 0;
    size_t at = rest.find('@'), end = 0;
    for (; at != std::string_view::npos; at = rest.find('@', at + 1)) {
      end = std::min(rest.find('+', at), rest.size());
      if (parse_parts(rest.substr(at + 1, end - at - 1), parts)) break;
    }
    if (at == std::string_view::npos || (parts & seen) != 0 || end + 1 == rest.size())
      return wrong();
    seen |= parts;
    out.all.push_back({std::string(rest.substr(0, at)), parts});
    rest.remove_prefix(std::min(rest.size(), end + 1));
  }
  return out;
}

std::string PartPlaces::print() const {
  std::string out;
  for (const At& at : all) {
    if (!out.empty()) out += '+';
    out += at.place + '@' + print_parts(at.parts);
  }
  return out;
}

void PartPlaces::add(std::string_view place, Parts parts) {
  const auto same = std::ranges::find(all, place, &At::place);
  if (same != all.end()) {
    same->parts |= parts;
  } else {
    all.push_back({std::string(place), parts});
  }
}

std::string_view PartPlaces::of(uint32_t part) const {
  const auto found =
      std::ranges::find_if(all, [&](const At& at) { return (at.parts >> part & 1) != 0; });
  return found == all.end() ? std::string_view() : found->place;
}

std::string print_parts(Parts parts) { return fmt::format("{:x}", parts); }

bool parse_parts(std::string_view text, Parts& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, 16);
  return error == std::errc() && end == text.data() + text.size() && out != 0;
}

}  // namespace binbus::feed
