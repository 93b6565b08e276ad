// What a stream's configuration means to ingest.
#pragma once

#include <string>

#include "app/config.h"
#include "ingest/options.h"

namespace binbus::app {

// `config` was checked by load_config(); `server_uuid` is the stream's.
ingest::IngestOptions ingest_options(const StreamConfig& config, const std::string& server_uuid);

}  // namespace binbus::app
