// Questions to the source that a stream is connected to, over connections of their own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "ingest/ingest.h"
#include "mysql/client.h"
#include "sink/filter_table.h"
#include "store/log.h"

namespace binbus::app {

// How long a source with many tables may think before its first row.
inline constexpr uint32_t kTablesAnswerMs = 300'000;

// kNetwork while none is connected.
Result<std::unique_ptr<mysql::Client>> connect_to_source(const StreamConfig& config,
                                                         const ingest::Ingest& ingest,
                                                         uint32_t answer_ms = kTablesAnswerMs);

// To that one of the configured sources, for a node that does not receive from it itself. kNetwork when it is none of them.
Result<std::unique_ptr<mysql::Client>> connect_to_source(const StreamConfig& config,
                                                         const store::SourceSpan& source,
                                                         uint32_t answer_ms);

// The rows of a filter table, "database.table". An error says what the account lacks.
Result<std::vector<sink::FilterRow>> read_filter_table(const StreamConfig& config,
                                                       const ingest::Ingest& ingest,
                                                       const std::string& table);

}  // namespace binbus::app
