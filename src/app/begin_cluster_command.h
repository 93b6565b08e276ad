// `binbus cluster init`: the way back from a lost majority.
#pragma once

#include "cli/command_line.h"

namespace binbus::app {

// Offline. The control group and the streams' are this node's alone from then on, in a cluster of a new name, so that none
// of the old one's nodes can go on with it. Returns the exit status.
int begin_cluster(const cli::BeginCluster& command);

}  // namespace binbus::app
