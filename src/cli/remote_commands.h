// The commands that ask a running binbus; they print and return the exit status.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/command_line.h"

namespace binbus::cli {

// `address` is the endpoint's.
int show_status(const ShowStatus& command, const std::string& address);
int show_segments(const ShowSegments& command, const std::string& address);
int locate(const Locate& command, const std::string& address);
int show_snapshot(const ShowSnapshot& command, const std::string& address);
int command_snapshot(const CommandSnapshot& command, const std::string& address);
int keep_tables(const KeepTables& command, const std::string& address);
// Has binbus make a snapshot of a stream's kept rows, as of a point unless `at` is "": its answer, JSON.
Result<std::string> ask_for_snapshot(const std::string& address, const std::string& stream,
                                     const std::string& at, const std::string& purpose);
int create_snapshot(const CreateSnapshot& command, const std::string& address);
int show_feed(const ShowFeed& command, const std::string& address);
int list_cursors(const ListCursors& command, const std::string& address);
int delete_cursor(const DeleteCursor& command, const std::string& address);
int list_sinks(const ListSinks& command, const std::string& address);
int show_table(const ShowTable& command, const std::string& address);
int rebuild_schema(const RebuildSchema& command, const std::string& address);
int show_cluster(const ShowCluster& command, const std::string& address);
// Returns when it is done: the lead handed over, the node in or out.
int command_cluster(const CommandCluster& command, const std::string& address);
int hand_over(const HandOver& command, const std::string& address);
int show_sink(const ShowSink& command, const std::string& address);
int change_sink(const ChangeSink& command, const std::string& address);
int command_sink(const CommandSink& command, const std::string& address);

}  // namespace binbus::cli
