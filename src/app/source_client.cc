#include "app/source_client.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/ingest_options.h"

namespace binbus::app {
namespace {

mysql::ConnectOptions options_of(const StreamConfig& config, uint32_t answer_ms) {
  mysql::ConnectOptions options = ingest_options(config, "").connect;
  options.timeout_ms = std::max(options.timeout_ms, answer_ms);
  return options;
}

}  // namespace

Result<std::unique_ptr<mysql::Client>> connect_to_source(const StreamConfig& config,
                                                         const ingest::Ingest& ingest,
                                                         uint32_t answer_ms) {
  const ingest::IngestStatus status = ingest.status();
  if (status.state != ingest::IngestState::kStreaming)
    return fail(Code::kNetwork, "no source is connected");
  mysql::ConnectOptions options = options_of(config, answer_ms);
  options.address = status.address;
  return mysql::Client::connect(options);
}

Result<std::unique_ptr<mysql::Client>> connect_to_source(const StreamConfig& config,
                                                         const store::SourceSpan& source,
                                                         uint32_t answer_ms) {
  mysql::ConnectOptions options = options_of(config, answer_ms);
  Error error{Code::kNetwork, "none of the configured sources is the one that the log comes from"};
  for (const std::string& address : config.source) {
    options.address = address;
    auto client = mysql::Client::connect(options);
    if (!client) {
      error = client.error();
      continue;
    }
    const bool by_uuid = !source.server_uuid.empty();
    const auto id = (*client)->value(by_uuid ? "SELECT @@server_uuid" : "SELECT @@server_id");
    const std::string wanted = by_uuid ? source.server_uuid : std::to_string(source.server_id);
    if (id && id->value_or("") == wanted) return client;
  }
  return fail(std::move(error));
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
