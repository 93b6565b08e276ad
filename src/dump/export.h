// Writes what is left of an export, several parts at a time.
#pragma once

#include "dump/export_target.h"

namespace binbus::dump {

// Told of each part that is done; one at a time, from any thread.
using OnPart = std::function<void(const Part& part)>;

// Thread: the caller's, which waits for `threads` of its own. The first error ends it; what is done stays done.
Status write_parts(ExportTarget& target, const state::TablesView& view, uint64_t threads,
                   const OnPart& on_part);

}  // namespace binbus::dump
