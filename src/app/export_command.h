// `binbus snapshot export`.
#pragma once

#include "cli/command_line.h"

namespace binbus::app {

int export_snapshot(const cli::ExportSnapshot& command);

}  // namespace binbus::app
