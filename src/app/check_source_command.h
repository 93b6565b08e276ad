// `binbus check-source`.
#pragma once

#include "cli/command_line.h"

namespace binbus::app {

int check_source(const cli::CheckSource& command);

}  // namespace binbus::app
