// What a group has at its coordinator, below /binbus/GROUP; docs/coordination.md is for users.
#pragma once

#include <string>

namespace binbus::coordinate::names {

inline constexpr char kId[] =
    "group/id";  // drawn by the first node; another one: the data is not what it was
inline constexpr char kRestored[] =
    "group/restored";  // the first node that has put its copy back; not there when none had to
inline constexpr char kNodes[] = "nodes";                 // who lives; bound to their sessions
inline constexpr char kOwners[] = "owners";               // who works on a stream; bound
inline constexpr char kEpochs[] = "epochs";               // how often a stream was taken over
inline constexpr char kPositions[] = "positions";         // how far a stream's log has come
inline constexpr char kCheckpoints[] = "checkpoints";     // what a sink has delivered
inline constexpr char kFilterTables[] = "filter_tables";  // what a sink's filter table held
inline constexpr char kSinks[] = "sinks";                 // what sinks are told, as TOML

inline std::string in(const char* folder, const std::string& name) {
  return std::string(folder) + "/" + name;
}
inline std::string owner(const std::string& stream) { return in(kOwners, stream); }
inline std::string epoch(const std::string& stream) { return in(kEpochs, stream); }
inline std::string node(const std::string& name) { return in(kNodes, name); }
inline std::string position(const std::string& stream) { return in(kPositions, stream); }
inline std::string checkpoint(const std::string& sink) { return in(kCheckpoints, sink); }
inline std::string filter_table(const std::string& sink) { return in(kFilterTables, sink); }
inline std::string sink(const std::string& name) { return in(kSinks, name); }

}  // namespace binbus::coordinate::names
