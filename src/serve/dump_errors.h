// Error 1236 in the words that replicas and tools know from real servers; all stop a replica until someone mends it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace binbus::serve {

// MySQL renamed its roles in 8.0.26; older servers and MariaDB say master and slave.
class Wording {
 public:
  explicit Wording(std::string_view server_version);
  // 1236 with "{source}", "{replica}" and "{Replica}" replaced.
  tl::unexpected<Error> fatal(Code code, std::string_view text) const;

 private:
  bool renamed_;
};

}  // namespace binbus::serve
