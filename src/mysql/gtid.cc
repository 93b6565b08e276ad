#include "mysql/gtid.h"

#include <charconv>

namespace binbus::mysql {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

// 0 to 15, or -1 for anything that is not a hexadecimal digit.
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Takes decimal digits off the front of `text`; false when there are none or they do not fit.
template <class T>
bool take_number(std::string_view& text, T* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

bool take_char(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::string_view flavor_name(Flavor flavor) {
  return flavor == Flavor::kMysql ? "mysql" : "mariadb";
}

Result<Uuid> Uuid::parse(std::string_view text) {
  const auto bad = [text] {
    return fail(Code::kInvalid, "'" + std::string(text.substr(0, 64)) + "' is not a UUID");
  };
  std::string_view rest = text;
  if (rest.size() == 38 && rest.front() == '{' && rest.back() == '}') rest = rest.substr(1, 36);
  const bool dashes = rest.size() == 36;
  if (!dashes && rest.size() != 32) return bad();
  Uuid uuid;
  for (size_t i = 0; i < uuid.bytes.size(); ++i) {
    const bool dash_before = i == 4 || i == 6 || i == 8 || i == 10;
    if (dashes && dash_before && !take_char(rest, '-')) return bad();
    const int high = hex_value(rest[0]);
    const int low = hex_value(rest[1]);
    if (high < 0 || low < 0) return bad();
    uuid.bytes[i] = static_cast<uint8_t>(high * 16 + low);
    rest.remove_prefix(2);
  }
  return uuid;
}

std::string Uuid::to_string() const {
  std::string text;
  text.reserve(36);
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kHexDigits[bytes[i] >> 4];
    text += kHexDigits[bytes[i] & 15];
  }
  return text;
}

std::string Tsid::to_string() const {
  return tag.empty() ? uuid.to_string() : uuid.to_string() + ":" + tag;
}

std::string Gtid::to_string() const { return tsid.to_string() + ":" + std::to_string(number); }

Result<MariadbGtid> MariadbGtid::parse(std::string_view text) {
  std::string_view rest = text;
  MariadbGtid gtid;
  if (!take_number(rest, &gtid.domain) || !take_char(rest, '-') ||
      !take_number(rest, &gtid.server_id) || !take_char(rest, '-') ||
      !take_number(rest, &gtid.sequence) || !rest.empty()) {
    return fail(Code::kInvalid, "'" + std::string(text.substr(0, 64)) +
                                    "' is not a MariaDB GTID (domain-server-sequence)");
  }
  return gtid;
}

std::string MariadbGtid::to_string() const {
  return std::to_string(domain) + "-" + std::to_string(server_id) + "-" + std::to_string(sequence);
}

std::string to_string(const AnyGtid& gtid) {
  if (const auto* mysql = std::get_if<Gtid>(&gtid)) return mysql->to_string();
  if (const auto* mariadb = std::get_if<MariadbGtid>(&gtid)) return mariadb->to_string();
  return "";
}

}  // namespace binbus::mysql
