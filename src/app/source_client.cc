#include "app/source_client.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/ingest_options.h"

namespace binbus::app {
namespace {

// How long a source with many tables may think before its first row.
constexpr uint32_t kAnswerMs = 300'000;

}  // namespace

Result<std::unique_ptr<mysql::Client>> connect_to_source(const StreamConfig& config,
                                                         const ingest::Ingest& ingest) {
  const ingest::IngestStatus status = ingest.status();
  if (status.state != ingest::IngestState::kStreaming)
    return fail(Code::kNetwork, "no source is connected");
  mysql::ConnectOptions options = ingest_options(config, "").connect;
  options.address = status.address;
  options.timeout_ms = std::max(options.timeout_ms, kAnswerMs);
  return mysql::Client::connect(options);
}

Result<std::vector<sink::FilterRow>> read_filter_table(const StreamConfig& config,
                                                       const ingest::Ingest& ingest,
                                                       const std::string& table) {
  BINBUS_TRY(client, connect_to_source(config, ingest));
  const size_t dot = table.find('.');
  const std::string quoted = fmt::format("`{}`.`{}`", table.substr(0, dot), table.substr(dot + 1));
  const auto answer = client->query(
      "SELECT db_name, tb_name, monitor_insert + 0, monitor_update + 0, monitor_delete + 0 FROM " +
      quoted);
  if (!answer) {
    Error error = answer.error();
    error.message = fmt::format(
        "filter_table {}: {}; it needs the columns db_name, tb_name, monitor_insert, "
        "monitor_update, monitor_delete, and binbus's account GRANT SELECT ON {}",
        table, error.message, quoted);
    return fail(std::move(error));
  }
  std::vector<sink::FilterRow> rows;
  for (const mysql::Row& row : answer->rows) {
    const auto on = [&](size_t column) { return row[column].value_or("0") != "0"; };
    rows.push_back({row[0].value_or(""), row[1].value_or(""), on(2), on(3), on(4)});
  }
  return rows;
}

}  // namespace binbus::app
