// Error 1236 in the words that replicas and tools know from real servers; all stop a replica until someone mends it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace binbus::serve {

// A GTID set's text in at most so many bytes: whole, or its beginning up to an interval's end and "...", which always is
// there.
std::string fitted(const std::string& set, size_t bytes_max);

// MySQL renamed its roles in 8.0.26; older servers and MariaDB say master and slave.
class Wording {
 public:
  explicit Wording(std::string_view server_version);
  // 1236 with "{source}", "{replica}" and "{Replica}" replaced.
  tl::unexpected<Error> fatal(Code code, std::string_view text) const;
  // The same with sets in place of "{first}" and "{second}", if that is there: the first as whole as a client has room
  // for, and the second in what that leaves.
  tl::unexpected<Error> fatal(Code code, std::string_view text, const std::string& first,
                              const std::string& second = "") const;

 private:
  std::string worded(std::string_view text) const;

  bool renamed_;
};

}  // namespace binbus::serve
