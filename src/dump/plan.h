// What an export is to write, and what it has written: as kept in its folder, so that one that was broken off goes on.
//
// Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "state/snapshot_folder.h"

namespace binbus::dump {

// Some rows of a table, in a file of their own.
struct Part {
  std::string table;     // DATABASE.TABLE
  std::string from, to;  // keys of the store: see split.h
  std::string file;
  uint64_t disk_bytes = 0;  // of the rows in the store, about
};

struct Plan {
  std::string stream;
  std::string snapshot;
  std::string at = {};              // the point that it was made as of; "": of when it was
  bool snapshot_is_own = false;     // was made for this export, and goes with it
  std::vector<std::string> tables;  // patterns, as asked for; none: all
  std::string format;
  std::string compress;
  std::vector<Part> parts;
};

struct PartDone {
  std::string file;  // "": it would have been empty
  uint64_t rows = 0;
  uint64_t bytes = 0;
  std::string sha256;  // of the file, in hex
};
using PartsDone = std::map<std::string, PartDone>;  // by the part's file in the plan

struct PlanOptions {
  uint64_t part_bytes = 64 << 20;
};

// Fills in the parts of all tables of the snapshot that the plan wants. kNotFound: a pattern fits no table; `near` gives the name
// that was meant, or "".
using Near =
    std::function<std::string(const std::string& word, const std::vector<std::string>& names)>;
Status make_parts(Plan& plan, const state::TablesView& view, const PlanOptions& options,
                  const Near& near);

std::string to_json(const Plan& plan);
Result<Plan> plan_from_json(const std::string& text);
// One line each; what follows a line that is not whole is left out.
std::string to_line(const std::string& part, const PartDone& done);
PartsDone done_from_lines(const std::string& text, size_t& bytes_read);

// What the finished export is: for users, docs/snapshots.md.
std::string make_manifest(const Plan& plan, const state::SnapshotInfo& snapshot,
                          const PartsDone& done);

}  // namespace binbus::dump
