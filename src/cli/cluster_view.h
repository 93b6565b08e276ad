// The endpoint's view of a cluster as text for people. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/command_line.h"

namespace binbus::cli {

// The body of GET /cluster. kCorrupt when it is not what binbus answers with.
Result<std::string> cluster_text(std::string_view cluster);
// What of the command is not to be seen in it yet; "": it is done.
Result<std::string> cluster_change_left(std::string_view cluster, const CommandCluster& command);

}  // namespace binbus::cli
