#include "app/schema_surroundings.h"

#include "app/source_client.h"
#include "ingest/baseline.h"

namespace binbus::app {
changes::KeeperSurroundings schema_surroundings(const StreamConfig& config, ingest::Ingest& ingest,
                                                SchemaRecorder& recorder) {
  changes::KeeperSurroundings around;
  around.connected_server = [&ingest]() -> std::string {
    const ingest::IngestStatus status = ingest.status();
    if (status.state != ingest::IngestState::kStreaming) return "";
    const ingest::SourceIdentity& source = status.source;
    return source.server_uuid.empty() ? std::to_string(source.server_id) : source.server_uuid;
  };
  around.read = [&config, &ingest]() -> Result<schema::Baseline> {
    BINBUS_TRY(client, connect_to_source(config, ingest));
    return ingest::read_baseline(*client);
  };
  around.reread = [&config, &ingest](const std::vector<schema::TableName>& tables,
                                     schema::Baseline& baseline) -> Status {
    BINBUS_TRY(client, connect_to_source(config, ingest));
    return ingest::read_again(*client, tables, baseline);
  };
  around.record = [&recorder, &ingest](changes::SchemaHistory::SegmentStart record,
                                       const std::stop_token& stop) {
    return recorder.record(
        std::move(record), [&ingest] { ingest.wake(); }, stop);
  };
  return around;
}

}  // namespace binbus::app
