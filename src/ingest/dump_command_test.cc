#include "ingest/dump_command.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ingest/dump_testing.h"

namespace binbus::ingest {
namespace {

using By = DumpPlan::By;

const ReplicaIdentity kIdentity = {0x01020304, "11111111-2222-3333-4444-555555555555"};

SourceFacts mysql_on() {
  SourceFacts facts;
  facts.gtid_mode = "ON";
  return facts;
}

DumpPlan from(By by, const std::string& file, uint64_t offset) {
  DumpPlan plan;
  plan.by = by;
  plan.file = file;
  plan.offset = offset;
  return plan;
}

TEST(DumpCommand, by_file) {
  const Command command = dump_command(from(By::kFile, "b.000001", 0x1234), mysql_on(), kIdentity);
  EXPECT_EQ(command.number, 0x12);
  EXPECT_EQ(command.body, ByteWriter().u32(0x1234).u16(0).u32(0x01020304).text("b.000001").take());
}

TEST(DumpCommand, past_4_gib_by_file_with_the_gtid_command) {
  const Command command =
      dump_command(from(By::kFile, "b.000001", 5'000'000'000), mysql_on(), kIdentity);
  EXPECT_EQ(command.number, 0x1e);
  EXPECT_EQ(command.body, ByteWriter()
                              .u16(0)
                              .u32(0x01020304)
                              .u32(8)
                              .text("b.000001")
                              .u64(5'000'000'000)
                              .u32(8)
                              .u64(0)
                              .take());
}

TEST(DumpCommand, past_4_gib_without_gtids_from_the_head) {
  SourceFacts facts;
  facts.gtid_mode = "OFF";
  const Command command =
      dump_command(from(By::kFile, "b.000001", 5'000'000'000), facts, kIdentity);
  EXPECT_EQ(command.number, 0x12);
  EXPECT_EQ(load_u32(command.body.data()), 4U);
}

TEST(DumpCommand, by_gtid) {
  DumpPlan plan = from(By::kGtid, "", 4);
  const auto set = mysql::GtidSet::parse(std::string(testing_dump::kUuidA) + ":1-5");
  plan.executed = mysql::Executed(*set);
  const Command command = dump_command(plan, mysql_on(), kIdentity);
  EXPECT_EQ(command.number, 0x1e);
  const ByteVector encoded = set->encode();
  EXPECT_EQ(
      command.body,
      ByteWriter().u16(0).u32(0x01020304).u32(0).u64(4).u32(encoded.size()).bytes(encoded).take());
}

TEST(DumpCommand, mariadb_asks_for_annotations_and_tells_its_place_by_variable) {
  SourceFacts facts;
  facts.flavor = mysql::Flavor::kMariadb;
  DumpPlan plan = from(By::kGtid, "", 4);
  plan.executed = *mysql::Executed::parse(mysql::Flavor::kMariadb, "0-1-100,1-2-5");
  const Command command = dump_command(plan, facts, kIdentity);
  EXPECT_EQ(command.number, 0x12);
  EXPECT_EQ(command.body, ByteWriter().u32(4).u16(2).u32(0x01020304).take());
  const auto statements = session_statements(plan, facts, kIdentity, 5000, false);
  EXPECT_TRUE(std::ranges::count(statements, "SET @slave_connect_state = '0-1-100,1-2-5'"));
  EXPECT_TRUE(std::ranges::count(statements, "SET @mariadb_slave_capability = 4"));
}

TEST(DumpCommand, session_is_prepared) {
  const auto with =
      session_statements(from(By::kFile, "b.000001", 4), mysql_on(), kIdentity, 5000, true);
  EXPECT_TRUE(std::ranges::count(
      with, "SET @master_heartbeat_period = 5000000000, @source_heartbeat_period = 5000000000"));
  EXPECT_TRUE(std::ranges::count(with, "SET @rpl_semi_sync_slave = 1, @rpl_semi_sync_replica = 1"));
  const auto without =
      session_statements(from(By::kFile, "b.000001", 4), mysql_on(), kIdentity, 5000, false);
  EXPECT_EQ(with.size(), without.size() + 1);
}

TEST(DumpCommand, semi_sync_acknowledgement) {
  EXPECT_EQ(semi_sync_ack("b.000001", 5'000'000'000),
            ByteWriter().integer<3>(17).u8(0).u8(0xef).u64(5'000'000'000).text("b.000001").take());
}

TEST(DumpCommand, registration_cuts_a_long_host) {
  const Command command = register_command(kIdentity, std::string(100, 'h'), 3307);
  EXPECT_EQ(command.number, 0x15);
  EXPECT_EQ(command.body.size(), 4U + 1 + 60 + 1 + 1 + 2 + 4 + 4);
  EXPECT_EQ(command.body[4], 60);
}

}  // namespace
}  // namespace binbus::ingest
