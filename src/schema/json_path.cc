#include "schema/json_path.h"

#include <charconv>

#include "schema/json_binary.h"

namespace binbus::schema {
namespace {

tl::unexpected<Error> bad_path() { return fail(Code::kCorrupt, "JSON path that is none"); }

void append_utf8(std::string& out, uint32_t point) {
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xc0 | point >> 6);
    out += static_cast<char>(0x80 | (point & 63));
  } else {
    out += static_cast<char>(0xe0 | point >> 12);
    out += static_cast<char>(0x80 | (point >> 6 & 63));
    out += static_cast<char>(0x80 | (point & 63));
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  Result<std::vector<JsonPathLeg>> run() {
    std::vector<JsonPathLeg> legs;
    if (!take('$')) return bad_path();
    while (!rest_.empty()) {
      if (legs.size() == kJsonDepthMax) return fail(Code::kLimit, "JSON path of too many legs");
      JsonPathLeg leg;
      BINBUS_RETURN_IF_ERROR(take('.') ? read_member(leg) : read_index(leg));
      legs.push_back(std::move(leg));
    }
    return legs;
  }

 private:
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool take_number(size_t& number) {
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (error != std::errc{}) return false;
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return true;
  }

  Status read_index(JsonPathLeg& leg) {
    if (!take('[')) return bad_path();
    if (rest_.starts_with("last")) {
      rest_.remove_prefix(4);
      leg.from_last = true;
      if (take('-') && !take_number(leg.index)) return bad_path();
    } else if (!take_number(leg.index)) {
      return bad_path();
    }
    return take(']') ? ok() : bad_path();
  }

  Status read_member(JsonPathLeg& leg) {
    leg.member = true;
    if (take('"')) return read_quoted(leg.name);
    const size_t end = std::min(rest_.find_first_of(".["), rest_.size());
    if (end == 0) return bad_path();
    leg.name = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return ok();
  }

  // A name as a JSON string.
  Status read_quoted(std::string& name) {
    while (!rest_.empty()) {
      const char c = rest_[0];
      rest_.remove_prefix(1);
      if (c == '"') return ok();
      if (c != '\\') {
        name += c;
      } else if (!read_escape(name)) {
        return bad_path();
      }
    }
    return bad_path();
  }

  bool read_escape(std::string& name) {
    static constexpr std::string_view kFrom = "\"\\/bfnrt";
    static constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
    if (rest_.empty()) return false;
    const char c = rest_[0];
    rest_.remove_prefix(1);
    if (c == 'u') {
      uint32_t point = 0;
      if (rest_.size() < 4) return false;
      const char* end = rest_.data() + 4;
      if (std::from_chars(rest_.data(), end, point, 16).ptr != end) return false;
      rest_.remove_prefix(4);
      append_utf8(name, point);
      return true;
    }
    const size_t at = kFrom.find(c);
    if (at == kFrom.npos) return false;
    name += kTo[at];
    return true;
  }

  std::string_view rest_;
};

}  // namespace

Result<std::vector<JsonPathLeg>> parse_json_path(std::string_view path) {
  return Parser(path).run();
}

}  // namespace binbus::schema
