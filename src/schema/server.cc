#include "schema/server.h"

namespace binbus::schema {
namespace {

// Takes "10.11.6" off the text; 0 when it does not begin so.
uint32_t take_number(std::string_view& text) {
  uint32_t parts[3] = {0, 0, 0};
  for (uint32_t& part : parts) {
    if (text.empty() || text.front() < '0' || text.front() > '9') break;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9' && part < 1000) {
      part = part * 10 + static_cast<uint32_t>(text.front() - '0');
      text.remove_prefix(1);
    }
    if (text.empty() || text.front() != '.') break;
    text.remove_prefix(1);
  }
  return parts[0] * 10000 + parts[1] * 100 + parts[2];
}

}  // namespace

ServerVersion ServerVersion::parse(std::string_view text) {
  ServerVersion version;
  version.mariadb = text.find("MariaDB") != text.npos || text.find("-maria") != text.npos;
  // MariaDB 10 said so to replicas that know only one digit in front.
  if (version.mariadb && text.starts_with("5.5.5-")) text.remove_prefix(6);
  version.number = take_number(text);
  if (!version.mariadb && version.number >= 100000) version.mariadb = true;
  return version;
}

}  // namespace binbus::schema
