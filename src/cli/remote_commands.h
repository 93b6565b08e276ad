// The commands that ask a running binbus; they print and return the exit status.
#pragma once

#include <string>

#include "cli/command_line.h"

namespace binbus::cli {

// `address` is the endpoint's.
int show_status(const ShowStatus& command, const std::string& address);
int show_segments(const ShowSegments& command, const std::string& address);
int locate(const Locate& command, const std::string& address);
int list_sinks(const ListSinks& command, const std::string& address);
int show_table(const ShowTable& command, const std::string& address);
int rebuild_schema(const RebuildSchema& command, const std::string& address);
int show_sink(const ShowSink& command, const std::string& address);
int change_sink(const ChangeSink& command, const std::string& address);
int command_sink(const CommandSink& command, const std::string& address);

}  // namespace binbus::cli
