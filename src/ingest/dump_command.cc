#include "ingest/dump_command.h"

#include <algorithm>

namespace binbus::ingest {
namespace {

constexpr uint8_t kComBinlogDump = 0x12;
constexpr uint8_t kComRegisterSlave = 0x15;
constexpr uint8_t kComBinlogDumpGtid = 0x1e;
constexpr uint16_t kSendAnnotateRows = 0x02;  // MariaDB leaves Annotate_rows out otherwise
constexpr uint64_t kFileHead = 4;

Command dump_by_file(const DumpPlan& plan, const SourceFacts& facts,
                     const ReplicaIdentity& identity) {
  // The command's position has 32 bits. What lies beyond is reached from the file's head; the receiver leaves out
  // what is held.
  const uint64_t offset = plan.offset > UINT32_MAX ? kFileHead : std::max(plan.offset, kFileHead);
  ByteWriter body;
  body.u32(offset)
      .u16(facts.flavor == mysql::Flavor::kMariadb ? kSendAnnotateRows : 0)
      .u32(identity.server_id)
      .text(plan.by == DumpPlan::By::kFile ? plan.file : "");
  return {kComBinlogDump, body.take()};
}

Command dump_by_gtid(const std::string& file, uint64_t offset, const mysql::GtidSet& executed,
                     const ReplicaIdentity& identity) {
  const ByteVector set = executed.encode();
  ByteWriter body;
  body.u16(0)
      .u32(identity.server_id)
      .u32(file.size())
      .text(file)
      .u64(std::max(offset, kFileHead))
      .u32(set.size())
      .bytes(set);
  return {kComBinlogDumpGtid, body.take()};
}

}  // namespace

std::vector<std::string> session_statements(const DumpPlan& plan, const SourceFacts& facts,
                                            const ReplicaIdentity& identity, uint32_t heartbeat_ms,
                                            bool semi_sync) {
  const std::string heartbeat_ns = std::to_string(uint64_t{heartbeat_ms} * 1'000'000);
  std::vector<std::string> statements = {
      // "Checksums are understood": what has one in the file comes with it.
      "SET @master_binlog_checksum = 'CRC32', @source_binlog_checksum = 'CRC32'",
      "SET @master_heartbeat_period = " + heartbeat_ns +
          ", @source_heartbeat_period = " + heartbeat_ns,
      "SET @slave_uuid = '" + identity.server_uuid + "', @replica_uuid = '" + identity.server_uuid +
          "'"};
  if (semi_sync) statements.push_back("SET @rpl_semi_sync_slave = 1, @rpl_semi_sync_replica = 1");
  if (facts.flavor == mysql::Flavor::kMariadb) {
    statements.push_back("SET @mariadb_slave_capability = 4");
    if (plan.by != DumpPlan::By::kFile) {
      statements.push_back("SET @slave_connect_state = '" + plan.executed.to_string() + "'");
      statements.push_back("SET @slave_gtid_strict_mode = 0, @slave_gtid_ignore_duplicates = 0");
    }
  }
  return statements;
}

Command register_command(const ReplicaIdentity& identity, const std::string& host, uint16_t port) {
  const std::string shown = host.substr(0, 60);  // the server's limit
  ByteWriter body;
  body.u32(identity.server_id).u8(shown.size()).text(shown);
  body.u8(0).u8(0);  // no user or password to show
  body.u16(port).u32(0).u32(0);
  return {kComRegisterSlave, body.take()};
}

Command dump_command(const DumpPlan& plan, const SourceFacts& facts,
                     const ReplicaIdentity& identity) {
  if (facts.flavor == mysql::Flavor::kMysql && plan.by != DumpPlan::By::kFile) {
    return dump_by_gtid("", kFileHead, *plan.executed.mysql(), identity);
  }
  // With a file's name this command goes by the name, and its position has 64 bits.
  if (facts.gtid_mode == "ON" && plan.offset > UINT32_MAX) {
    return dump_by_gtid(plan.file, plan.offset, {}, identity);
  }
  return dump_by_file(plan, facts, identity);
}

ByteVector semi_sync_ack(const std::string& file, uint64_t offset) {
  ByteWriter packet;
  packet.integer<3>(1 + 8 + file.size()).u8(0).u8(0xef).u64(offset).text(file);
  return packet.take();
}

}  // namespace binbus::ingest
