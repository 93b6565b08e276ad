#include "app/ingest_options.h"

namespace binbus::app {

ingest::IngestOptions ingest_options(const StreamConfig& config, const std::string& server_uuid) {
  ingest::IngestOptions options;
  options.stream = config.name;
  options.sources = config.source;
  options.connect.user = config.user;
  options.connect.password = config.password;
  options.connect.tls = mysql::parse_tls_mode(config.tls).value();  // the configuration was checked
  options.connect.ca = config.tls_ca;
  options.connect.certificate = config.tls_cert;
  options.connect.key = config.tls_key;
  if (config.flavor == "mysql") options.flavor = mysql::Flavor::kMysql;
  if (config.flavor == "mariadb") options.flavor = mysql::Flavor::kMariadb;
  options.start = ingest::Start::parse(config.start).value();
  options.server_id = static_cast<uint32_t>(config.server_id);
  options.server_uuid = server_uuid;
  options.semi_sync = config.semi_sync == "auto";
  options.on_source_loss = config.on_source_loss == "accept" ? ingest::OnSourceLoss::kAccept
                                                             : ingest::OnSourceLoss::kStop;
  options.heartbeat_ms = static_cast<uint32_t>(config.heartbeat_ms);
  options.failover_after_ms = static_cast<uint32_t>(config.failover_after_ms);
  return options;
}

}  // namespace binbus::app
