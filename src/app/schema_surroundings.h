// What a stream's schema keeper needs of the source and of the log's writer.
#pragma once

#include "app/config.h"
#include "app/schema_recorder.h"
#include "changes/schema_keeper.h"
#include "ingest/ingest.h"

namespace binbus::app {

// Borrows what it is given, which must outlive the keeper. Reads over connections of its own.
changes::KeeperSurroundings schema_surroundings(const StreamConfig& config, ingest::Ingest& ingest,
                                                SchemaRecorder& recorder);

}  // namespace binbus::app
