// `binbus import`.
#pragma once

#include "cli/command_line.h"

namespace binbus::app {

int import_files(const cli::Import& command);

}  // namespace binbus::app
