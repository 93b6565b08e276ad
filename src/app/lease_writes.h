// What a stream's sinks write under its lease: checkpoints, and what their filter tables held there, which the coordinator takes
// from the stream's owner alone.
#pragma once

#include <memory>

#include "coordinate/lease.h"
#include "sink/checkpoints.h"
#include "sink/filter_history.h"
#include "sink/options.h"
#include "store/log.h"

namespace binbus::app {

// A sink's checkpoint at the coordinator, as SavedPlace. One that somebody has changed or removed by hand meanwhile fails a
// write() with kRemote, and the next read() has it, whatever the target has kept. `before`: where it was kept without a coordinator; believed while there is
// none, and removed then. What a target of this node's own (a file) has kept is a place of `log`; that of one that all nodes share,
// of the log of whoever wrote it.
//
// Owner: borrows the log.
std::shared_ptr<sink::Checkpoints> coordinated_checkpoints(
    const sink::SinkOptions& sink, std::shared_ptr<coordinate::Lease> lease, const store::Log& log,
    std::unique_ptr<sink::Checkpoints> before);

// What its filter table held, at the coordinator, its places as SavedPlace. `own`: where it was kept without one; believed while
// neither that nor a checkpoint is at the coordinator, and removed when it is. While the coordinator is away nothing can be
// written, and so no checkpoint passes a change of the filter table.
//
// Owner: borrows the log.
std::shared_ptr<sink::FilterStore> coordinated_filter_store(
    const std::string& sink, std::shared_ptr<coordinate::Lease> lease, const store::Log& log,
    std::unique_ptr<sink::FilterStore> own);

}  // namespace binbus::app
