// The commands and variables by which a replica asks for a binlog. Layouts: docs/formats/protocol.md.
#pragma once

#include <string>
#include <vector>

#include "ingest/dump_plan.h"
#include "ingest/options.h"
#include "ingest/source_facts.h"

namespace binbus::ingest {

struct Command {
  uint8_t number = 0;
  ByteVector body;
};

// What we tell the source of ourselves.
struct ReplicaIdentity {
  uint32_t server_id = 0;
  std::string server_uuid;
};

// Statements that prepare the session: bytes as they are in the file, heartbeats, who we are, semi-sync.
std::vector<std::string> session_statements(const DumpPlan& plan, const SourceFacts& facts,
                                            const ReplicaIdentity& identity, uint32_t heartbeat_ms,
                                            bool semi_sync);
// COM_REGISTER_SLAVE: makes us visible in SHOW REPLICAS.
Command register_command(const ReplicaIdentity& identity, const std::string& host, uint16_t port);
// COM_BINLOG_DUMP or COM_BINLOG_DUMP_GTID.
Command dump_command(const DumpPlan& plan, const SourceFacts& facts,
                     const ReplicaIdentity& identity);

// A semi-sync acknowledgement, packet header included.
ByteVector semi_sync_ack(const std::string& file, uint64_t offset);

}  // namespace binbus::ingest
