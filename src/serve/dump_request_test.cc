#include "serve/dump_request.h"

#include <gtest/gtest.h>

namespace binbus::serve {
namespace {

ByteVector gtid_dump(std::string_view file, uint64_t position, Bytes set) {
  ByteWriter out;
  out.u16(3).u32(77).u32(file.size()).text(file).u64(position).u32(set.size()).bytes(set);
  return out.take();
}

TEST(DumpRequest, ByPosition) {
  ByteWriter out;
  out.u32(0xfffffff0).u16(1).u32(42).text("binlog.000007");
  const auto request = DumpRequest::parse(mysql::Command::kBinlogDump, out.view());
  ASSERT_TRUE(request);
  EXPECT_EQ(request->file, "binlog.000007");
  EXPECT_EQ(request->position, 0xfffffff0u);
  EXPECT_EQ(request->flags, DumpRequest::kNonBlocking);
  EXPECT_EQ(request->server_id, 42u);
  EXPECT_FALSE(request->executed);
}

TEST(DumpRequest, ByGtids) {
  const auto set = mysql::GtidSet::parse("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:tag:7");
  ASSERT_TRUE(set);
  const auto request = DumpRequest::parse(mysql::Command::kBinlogDumpGtid,
                                          gtid_dump("f.000001", 5ull << 32, set->encode()));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->executed, *set);
  EXPECT_EQ(request->position, 5ull << 32);
  EXPECT_EQ(request->file, "f.000001");
}

TEST(DumpRequest, ANameWithItsNul) {
  const auto request =
      DumpRequest::parse(mysql::Command::kBinlogDumpGtid,
                         gtid_dump(std::string_view("", 1), 4, mysql::GtidSet().encode()));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->file, "");
  ByteWriter out;
  out.u32(4).u16(0).u32(42).nul_terminated("binlog.000007");
  const auto by_position = DumpRequest::parse(mysql::Command::kBinlogDump, out.view());
  ASSERT_TRUE(by_position);
  EXPECT_EQ(by_position->file, "binlog.000007");
}

TEST(DumpRequest, EveryCutIsAnError) {
  const ByteVector whole = gtid_dump("f.000001", 4, mysql::GtidSet().encode());
  ASSERT_TRUE(DumpRequest::parse(mysql::Command::kBinlogDumpGtid, whole));
  for (size_t bytes = 0; bytes < whole.size(); bytes++) {
    EXPECT_FALSE(DumpRequest::parse(mysql::Command::kBinlogDumpGtid, Bytes(whole).first(bytes)))
        << bytes;
  }
}

TEST(Registration, SaysWhereTheReplicaIs) {
  ByteWriter out;
  out.u32(77).u8(7).text("db-east").u8(4).text("repl").u8(0).u16(3306).u32(0).u32(1);
  const auto registration = Registration::parse(out.view());
  ASSERT_TRUE(registration);
  EXPECT_EQ(registration->server_id, 77u);
  EXPECT_EQ(registration->host, "db-east");
  EXPECT_EQ(registration->port, 3306);
  EXPECT_TRUE(Registration::parse(out.view().first(4)));
  for (const size_t bytes : {0u, 3u, 5u, 11u, 13u, 18u, 19u}) {
    EXPECT_FALSE(Registration::parse(out.view().first(bytes))) << bytes;
  }
}

struct TraitsCase {
  const char* name;
  std::map<std::string, std::string> variables;
  ReaderTraits want;
};
const TraitsCase kTraitsCases[] = {
    {"nothing", {}, {}},
    {"mysql97",
     {{"source_heartbeat_period", "30000001024"},
      {"master_heartbeat_period", "30000001024"},
      {"source_binlog_checksum", "CRC32"},
      {"replica_uuid", "u"},
      {"rpl_semi_sync_replica", "1"}},
     {.checksum = ChecksumWish::kCrc32,
      .heartbeat_us = 30'000'001,
      .semi_sync = true,
      .uuid = "u",
      .connect_state = {},
      .until = {}}},
    {"mysql56",
     {{"master_heartbeat_period", "1799999979520"},
      {"master_binlog_checksum", "NONE"},
      {"slave_uuid", "v"}},
     {.checksum = ChecksumWish::kNone,
      .heartbeat_us = 1'799'999'979,
      .uuid = "v",
      .connect_state = {},
      .until = {}}},
    {"mariadb",
     {{"mariadb_slave_capability", "4"},
      {"slave_connect_state", ""},
      {"slave_until_gtid", "0-1-4"},
      {"slave_gtid_strict_mode", "1"},
      {"slave_gtid_ignore_duplicates", "0"},
      {"rpl_semi_sync_slave", "1"}},
     {.semi_sync = true,
      .uuid = "",
      .capability = 4,
      .connect_state = "",
      .until = "0-1-4",
      .strict = true}},
};
class TraitsTest : public testing::TestWithParam<TraitsCase> {};
TEST_P(TraitsTest, AreReadFromUserVariables) {
  SessionState session;
  session.variables = GetParam().variables;
  const ReaderTraits traits = ReaderTraits::of(session, ServerOptions());
  const ReaderTraits& want = GetParam().want;
  EXPECT_EQ(traits.checksum, want.checksum);
  EXPECT_EQ(traits.heartbeat_us, want.heartbeat_us);
  EXPECT_EQ(traits.semi_sync, want.semi_sync);
  EXPECT_EQ(traits.uuid, want.uuid);
  EXPECT_EQ(traits.capability, want.capability);
  EXPECT_EQ(traits.connect_state, want.connect_state);
  EXPECT_EQ(traits.until, want.until);
  EXPECT_EQ(traits.strict, want.strict);
  EXPECT_EQ(traits.ignore_duplicates, want.ignore_duplicates);
}
INSTANTIATE_TEST_SUITE_P(ReaderTraits, TraitsTest, testing::ValuesIn(kTraitsCases),
                         [](const auto& param) { return param.param.name; });

TEST(ReaderTraits, OptionsFillIn) {
  SessionState session;
  session.variables["rpl_semi_sync_replica"] = "1";
  ServerOptions options;
  options.semi_sync = false;
  options.default_heartbeat_ms = 1500;
  const ReaderTraits traits = ReaderTraits::of(session, options);
  EXPECT_FALSE(traits.semi_sync);
  EXPECT_EQ(traits.heartbeat_us, 1'500'000u);
}

}  // namespace
}  // namespace binbus::serve
