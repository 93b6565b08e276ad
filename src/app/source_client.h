// Questions to the source that a stream is connected to, over connections of their own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "ingest/ingest.h"
#include "mysql/client.h"
#include "sink/filter_table.h"

namespace binbus::app {

// kNetwork while none is connected.
Result<std::unique_ptr<mysql::Client>> connect_to_source(const StreamConfig& config,
                                                         const ingest::Ingest& ingest);

// The rows of a filter table, "database.table". An error says what the account lacks.
Result<std::vector<sink::FilterRow>> read_filter_table(const StreamConfig& config,
                                                       const ingest::Ingest& ingest,
                                                       const std::string& table);

}  // namespace binbus::app
