// Asks a running binbus through its endpoint.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace binbus::cli {

using Parameters = std::vector<std::pair<std::string, std::string>>;

// The body that GET answers with. kNetwork when nobody answers at `address` ("HOST:PORT"), saying
// how to start one;
// kRemote with binbus's own words when it refuses. Takes at most a few seconds.
Result<std::string> admin_get(const std::string& address, const std::string& path,
                              const Parameters& parameters = {});

}  // namespace binbus::cli
