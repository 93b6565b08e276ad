// Messages in files, one per line, each exactly once whatever happens: a commit makes them durable and then, in
// <path>.checkpoint, says how long the file is; what stands behind that length when the target is opened is cut.
//
// Without rotation there is one file, <path>. With it there are <path>.000001, <path>.000002, ...; a file is complete when
// <path>.checkpoint names a later one, and then never changes. Compressed output is a sequence of gzip members or zstd frames, one
// or more per commit, each whole: files can be read while they grow, and end in .gz or .zst.
//
// A topic or key means nothing here; a tombstone writes nothing.
//
// Owner:  borrows files and clock.
// Errors: kExists: there is such a file that no checkpoint tells of; kCorrupt: it is shorter than its checkpoint; kIo, kDiskFull:
//         to be tried again with a target made anew.
#pragma once

#include <memory>

#include "io/clock.h"
#include "io/file.h"
#include "sink/options.h"
#include "sink/target.h"

namespace binbus::sink {

// kInvalid for options that make no sense. A path of "-" is standard output, which keeps no checkpoint.
Result<std::unique_ptr<Target>> make_file_target(const SinkOptions& options, io::FileSystem& files,
                                                 io::Clock& clock);

}  // namespace binbus::sink
