// A server and an account at it, as given on the command line.
#pragma once

#include "cli/command_line.h"
#include "mysql/client.h"

namespace binbus::app {

// kInvalid: the address, or the file of the password.
Result<mysql::ConnectOptions> connect_options(const std::string& address,
                                              const cli::Account& account);

}  // namespace binbus::app
