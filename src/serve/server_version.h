// A server's version text: "9.7.4", "10.11.18-MariaDB-0+deb12u1-log".
#pragma once

#include <string>
#include <string_view>

#include "mysql/gtid.h"

namespace binbus::serve {

struct ServerVersion {
  mysql::Flavor flavor = mysql::Flavor::kMysql;
  uint32_t number = 0;  // 90704, 101118; 0 when there are no numbers

  static ServerVersion parse(std::string_view text);
};

// As a server of this version puts it into its greeting: MariaDB 10 hides behind "5.5.5-" from replicas that could not
// understand a version of two digits.
std::string greeting_version(const std::string& version);

// The password method that a server of this version offers first.
std::string login_plugin(const std::string& version);

}  // namespace binbus::serve
