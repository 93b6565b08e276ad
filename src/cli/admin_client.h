// Asks a running binbus through its endpoint.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace binbus::cli {

inline constexpr int kAnswerS = 10;

using Parameters = std::vector<std::pair<std::string, std::string>>;

// The body that GET answers with. kNetwork when nobody answers at `address` ("HOST:PORT"), saying
// how to start one;
// kRemote with binbus's own words when it refuses. Takes at most a few seconds.
Result<std::string> admin_get(const std::string& address, const std::string& path,
                              const Parameters& parameters = {});

// The stream to ask: see the_stream().
Result<std::string> ask_stream(const std::string& address, const std::string& given);

// The same for a POST that changes something. `wait_s`: how long binbus may think.
Result<std::string> admin_post(const std::string& address, const std::string& path,
                               const Parameters& parameters = {}, int wait_s = kAnswerS);

// The same for PUT, PATCH, POST and DELETE with a body.
Result<std::string> admin_change(const std::string& address, const std::string& method,
                                 const std::string& path, const Parameters& parameters,
                                 const std::string& body, const std::string& content_type,
                                 int wait_s = kAnswerS);

// The same for an answer without end: gives its pieces to `take` as they come, until that returns false (ok), binbus ends it
// (ok) or the connection breaks off (kNetwork).
Status admin_follow(const std::string& address, const std::string& method, const std::string& path,
                    const Parameters& parameters,
                    const std::function<bool(std::string_view)>& take);

}  // namespace binbus::cli
