// The program: reads the command line and does what it says.
#pragma once

namespace binbus::app {

// Returns the exit status (cli::ExitCode).
int run(int argc, char** argv);

}  // namespace binbus::app
