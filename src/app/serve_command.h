// `binbus serve`.
#pragma once

#include <string>

namespace binbus::app {

// Runs until TERM or INT; a second one ends the process at once, HUP reads the TLS files again.
// Returns the exit status.
int serve(const std::string& config_path);

}  // namespace binbus::app
