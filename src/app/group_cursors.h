// What a stream's leader keeps in its group's log for whoever leads next.
#pragma once

#include <map>
#include <string>

#include "raft/group_runner.h"
#include "serve/server.h"
#include "sink/checkpoints.h"
#include "sink/filter_history.h"

namespace binbus::app {

// The cursor that a sink's checkpoint is.
std::string cursor_name(const std::string& sink);
// What a sink is told to do, when that is not what binbus.toml says; whether it is paused.
inline constexpr std::string_view kSectionCursors = "sink_section/";
std::string section_cursor(const std::string& sink);
std::string paused_cursor(const std::string& sink);
// By a sink's name.
std::map<std::string, std::string> sink_sections(const store::Log& log);
// A sink's place, as a leader of that term keeps it.
std::unique_ptr<sink::Checkpoints> cursor_checkpoints(const std::string& sink,
                                                      raft::GroupRunner& group, uint64_t term);

// What its filter table held, beside the place: the same text as in the file of a node that keeps it alone.
std::string filter_table_cursor(const std::string& sink);
std::unique_ptr<sink::FilterStore> cursor_filter_store(const std::string& sink,
                                                       raft::GroupRunner& group, uint64_t term);
// Puts what this node has kept in files while it was alone into its group's log: sinks' places, what their filter
// tables held, what sinks were told, clients' cursors. What the log has already is newer. By a leader of that term.
Status take_over_files(io::FileSystem& files, const std::string& folder, raft::GroupRunner& group,
                       uint64_t term);

inline constexpr std::string_view kServerUuidCursor = "server_uuid";  // towards replicas
inline constexpr std::string_view kSourceFactsCursor = "source";  // of the source, for who serves
inline constexpr std::string_view kIngestCursor = "ingest";       // the connection of who ingests

std::string encode_facts(const serve::SourceFacts& facts);
// Nothing of a text that is none.
serve::SourceFacts decode_facts(const std::string& text);

}  // namespace binbus::app
