// `binbus decode`: binlog files as changes, offline.
#pragma once

#include "cli/command_line.h"

namespace binbus::cli {

// Prints to standard output; what goes wrong, and the file and offset, to standard error. Returns the exit status.
int decode(const Decode& command);

}  // namespace binbus::cli
