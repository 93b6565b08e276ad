// What sinks send while a node is the one to send it, and not after.
#pragma once

#include <functional>

#include "app/sink_targets.h"

namespace binbus::app {

// Targets that send nothing any more when `check` fails, and put the epoch into the header "epoch" of each message.
MakeTarget fenced(MakeTarget make, std::function<Status()> check, std::string epoch);

}  // namespace binbus::app
