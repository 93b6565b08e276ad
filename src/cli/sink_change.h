// `binbus sink add`, `set`, `reset` and `remove` as requests to the endpoint.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/admin_client.h"
#include "cli/command_line.h"

namespace binbus::cli {

struct SinkChangeRequest {
  std::string method;
  std::string verb;    // behind the sink's path: "", "/reset"
  std::string stream;  // of `add`, where the keys on the command line tell
  Parameters parameters;
  std::string keys;  // the body: TOML
};

// Reads the file that is named. kInvalid for what is no KEY=VALUE; kNotFound when there is no such file.
Result<SinkChangeRequest> sink_change_request(const ChangeSink& command);

}  // namespace binbus::cli
