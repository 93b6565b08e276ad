// `binbus verify source`: has a running binbus compare its kept rows with the source's, shows how far it is, and prints what it found.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/command_line.h"

namespace binbus::cli {

int verify_source(const VerifySource& command, const std::string& address);

// What the endpoint's lines mean (docs/operations.md). Pure; kCorrupt when it is not what binbus answers with.
struct VerifyLine {
  std::string progress;  // how far it is, one line; "": it has ended
  std::string result;    // as text, or as JSON
  std::string error;     // why it ended before its end
  bool all_equal = false;
};
Result<VerifyLine> read_verify_line(std::string_view line, bool json);

}  // namespace binbus::cli
