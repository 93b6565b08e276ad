#include "serve/server_version.h"

#include <charconv>

#include "mysql/capabilities.h"

namespace binbus::serve {

ServerVersion ServerVersion::parse(std::string_view text) {
  ServerVersion version;
  if (text.find("MariaDB") != std::string_view::npos) version.flavor = mysql::Flavor::kMariadb;
  uint32_t parts[3] = {};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (uint32_t& part : parts) {
    const auto [next, error] = std::from_chars(at, end, part);
    if (error != std::errc()) break;
    at = next < end && *next == '.' ? next + 1 : end;
  }
  version.number = parts[0] * 10'000 + parts[1] * 100 + parts[2];
  return version;
}

std::string greeting_version(const std::string& version) {
  const ServerVersion parsed = ServerVersion::parse(version);
  const bool hidden = parsed.flavor == mysql::Flavor::kMariadb && parsed.number / 10'000 == 10;
  return (hidden ? "5.5.5-" : "") + version;
}

std::string login_plugin(const std::string& version) {
  const ServerVersion parsed = ServerVersion::parse(version);
  const bool sha2 = parsed.flavor == mysql::Flavor::kMysql && parsed.number >= 80'000;
  return sha2 ? mysql::kCachingSha2Password : mysql::kNativePassword;
}

}  // namespace binbus::serve
