#include "serve/queries.h"

#include <gtest/gtest.h>

#include "serve/binlog_listing.h"
#include "serve/log_testing.h"

namespace binbus::serve {
namespace {

using mysql::Flavor;

class FakeServer final : public ServerActions {
 public:
  std::vector<ReplicaStatus> replicas() const override {
    ReplicaStatus replica;
    replica.peer = "10.0.0.7:51234";
    replica.server_id = 77;
    replica.server_uuid = "uuid77";
    replica.mode = "gtid";
    ReplicaStatus unnamed = replica;
    replica.report_host = "db-east";
    replica.report_port = 3306;
    return {replica, unnamed, ReplicaStatus()};
  }
  bool kill(uint32_t id, const std::string& user) override { return id == 9 && user == "me"; }
};

class FakeClock final : public io::Clock {
 public:
  uint64_t wall_us() override { return 1'234'567'890'000'000; }
  uint64_t monotonic_us() override { return 0; }
};

// Rows as "a,b|c,d", OK as "ok", an error by its number.
std::string shown(const Answer& answer) {
  if (std::holds_alternative<OkAnswer>(answer)) return "ok";
  if (const auto* error = std::get_if<mysql::ServerError>(&answer))
    return std::to_string(error->number);
  std::string text;
  for (const auto& row : std::get<mysql::ResultSet>(answer).rows) {
    if (!text.empty()) text += "|";
    for (size_t i = 0; i < row.size(); i++) text += (i == 0 ? "" : ",") + row[i].value_or("NULL");
  }
  return text;
}
std::string columns(const Answer& answer) {
  std::string text;
  for (const mysql::Column& column : std::get<mysql::ResultSet>(answer).columns)
    text += (text.empty() ? "" : ",") + column.name + (column.integer ? "#" : "");
  return text;
}

struct Fixture {
  explicit Fixture(Flavor flavor) : log(store::make_files(flavor, 2, 2, 50)) {
    session.connection_id = 5;
    session.user = "me";
  }
  Answer run(const std::string& statement) {
    return run_query(statement, session, log.catalog, server, clock);
  }
  TestLog log;
  SessionState session;
  FakeServer server;
  FakeClock clock;
};

struct QueryCase {
  const char* name;
  Flavor flavor;
  std::vector<std::string> statements;
  std::string answer;  // of the last
};
const std::string kExecuted = std::string(kSourceUuid) + ":1-4";
const QueryCase kQueryCases[] = {
    // Recorded from MySQL 9.7 replicas.
    {"time", Flavor::kMysql, {"SELECT UNIX_TIMESTAMP()"}, "1234567890"},
    {"server_id", Flavor::kMysql, {"SELECT @@GLOBAL.SERVER_ID"}, "4711"},
    {"heartbeat",
     Flavor::kMysql,
     {"SET @master_heartbeat_period = 30000001024, @source_heartbeat_period = 30000001024",
      "SELECT @source_heartbeat_period"},
     "30000001024"},
    {"checksum",
     Flavor::kMysql,
     {"SET @master_binlog_checksum = @@global.binlog_checksum, @source_binlog_checksum = "
      "@@global.binlog_checksum",
      "SELECT @source_binlog_checksum"},
     "CRC32"},
    {"gtid_mode", Flavor::kMysql, {"SELECT @@GLOBAL.GTID_MODE"}, "ON"},
    {"server_uuid",
     Flavor::kMysql,
     {"SELECT @@GLOBAL.SERVER_UUID"},
     "b1b05000-0000-4000-8000-000000000001"},
    {"semi_sync", Flavor::kMysql, {"SELECT @@global.rpl_semi_sync_source_enabled"}, "1"},
    // MySQL 5.5 and 5.6.
    {"show_server_id", Flavor::kMysql, {"SHOW VARIABLES LIKE 'SERVER_ID'"}, "server_id,4711"},
    {"show_server_uuid",
     Flavor::kMysql,
     {"SHOW VARIABLES LIKE 'SERVER_UUID'"},
     "server_uuid,b1b05000-0000-4000-8000-000000000001"},
    {"slave_uuid", Flavor::kMysql, {"SET @slave_uuid= 'u'", "SELECT @SLAVE_UUID"}, "u"},
    // MariaDB.
    {"capability", Flavor::kMariadb, {"SET @mariadb_slave_capability=4"}, "ok"},
    {"domain", Flavor::kMariadb, {"SELECT @@GLOBAL.gtid_domain_id"}, "0"},
    {"show_semi_sync",
     Flavor::kMariadb,
     {"SHOW VARIABLES LIKE 'rpl_semi_sync_master_enabled'"},
     "rpl_semi_sync_master_enabled,ON"},
    {"binlog_gtid_pos", Flavor::kMariadb, {"SELECT binlog_gtid_pos('binlog.000002',4)"}, "0-1-2"},
    {"binlog_gtid_pos_inside",
     Flavor::kMariadb,
     {"SELECT binlog_gtid_pos('binlog.000002',7)"},
     "NULL"},
    {"binlog_gtid_pos_nowhere", Flavor::kMariadb, {"SELECT binlog_gtid_pos('x',4)"}, "NULL"},
    {"gtid_binlog_pos", Flavor::kMariadb, {"SELECT @@gtid_binlog_pos"}, "0-1-4"},
    {"kill", Flavor::kMariadb, {"KILL 9"}, "ok"},
    {"kill_another", Flavor::kMariadb, {"KILL CONNECTION 10"}, "1094"},
    {"no_uuid", Flavor::kMariadb, {"SELECT @@server_uuid"}, "1193"},
    {"no_uuid_shown", Flavor::kMariadb, {"SHOW VARIABLES LIKE 'server_uuid'"}, ""},
    // Tools.
    {"version", Flavor::kMysql, {"SELECT VERSION()"}, "8.0.32"},
    {"version_mariadb", Flavor::kMariadb, {"select @@version"}, "10.11.6-MariaDB-log"},
    {"comment", Flavor::kMysql, {"select @@version_comment limit 1"}, "binbus"},
    {"several",
     Flavor::kMysql,
     {"/* conn */ SELECT @@session.auto_increment_increment AS a, @@tx_isolation, 1"},
     "1,REPEATABLE-READ,1"},
    {"where",
     Flavor::kMysql,
     {"SHOW GLOBAL VARIABLES WHERE Variable_name = 'binlog_format' OR Variable_name = 'log_bin'"},
     "binlog_format,ROW|log_bin,ON"},
    {"canal_uuid", Flavor::kMysql, {"set @slave_uuid=uuid()"}, "ok"},
    {"names", Flavor::kMysql, {"set names 'binary'"}, "ok"},
    {"session_settings",
     Flavor::kMysql,
     {"SET wait_timeout=9999999, net_write_timeout = 7000, sql_mode=(select 1, 2)"},
     "ok"},
    {"set_null", Flavor::kMysql, {"SET @a='x'", "SET @a=NULL", "SELECT @a"}, "NULL"},
    {"set_takes_old_values", Flavor::kMysql, {"SET @a='x'", "SET @a='y', @b=@a", "SELECT @b"}, "x"},
    {"set_global", Flavor::kMysql, {"SET GLOBAL read_only=0"}, "1227"},
    {"set_global_in_a_list", Flavor::kMysql, {"SET names utf8, @@global.read_only=0"}, "1227"},
    {"subset",
     Flavor::kMysql,
     {"SELECT GTID_SUBSET('" + kExecuted + "', @@global.gtid_executed)"},
     "1"},
    {"subtract",
     Flavor::kMysql,
     {"SELECT GTID_SUBTRACT(@@global.gtid_executed, '" + std::string(kSourceUuid) + ":2-3')"},
     std::string(kSourceUuid) + ":1:4"},
    {"subset_malformed", Flavor::kMysql, {"SELECT GTID_SUBSET('x', '')"}, "1772"},
    {"log_status", Flavor::kMysql, {"SHOW BINARY LOG STATUS"}, "binlog.000002,?,,," + kExecuted},
    {"master_status", Flavor::kMysql, {"show master status"}, "binlog.000002,?,,," + kExecuted},
    {"master_status_mariadb", Flavor::kMariadb, {"show master status"}, "binlog.000002,?,,"},
    {"replicas",
     Flavor::kMysql,
     {"SHOW REPLICAS"},
     "77,db-east,3306,4711,uuid77|77,10.0.0.7,0,4711,uuid77"},
    {"slave_hosts_mariadb",
     Flavor::kMariadb,
     {"SHOW SLAVE HOSTS"},
     "77,db-east,3306,4711|77,10.0.0.7,0,4711"},
    {"replica_status", Flavor::kMysql, {"SHOW REPLICA STATUS"}, ""},
    {"all_slaves_status", Flavor::kMariadb, {"SHOW ALL SLAVES STATUS"}, ""},
    {"warnings", Flavor::kMysql, {"SHOW WARNINGS"}, ""},
    {"grants",
     Flavor::kMysql,
     {"SHOW GRANTS FOR CURRENT_USER()"},
     "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `me`@`%`"},
    {"first_event",
     Flavor::kMysql,
     {"show binlog events limit 1"},
     "binlog.000001,4,Format_desc,1,126,Server ver: 8.0.32, Binlog ver: 4"},
    {"second_event",
     Flavor::kMysql,
     {"show binlog events in 'binlog.000002' limit 1,1"},
     "binlog.000002,126,Previous_gtids,1,197," + std::string(kSourceUuid) + ":1-2"},
    {"events_from",
     Flavor::kMysql,
     {"show binlog events in 'binlog.000002' from 197 limit 1"},
     "binlog.000002,197,Gtid,1,269,SET @@SESSION.GTID_NEXT= '" + std::string(kSourceUuid) + ":3'"},
    {"events_inside", Flavor::kMysql, {"show binlog events in 'binlog.000002' from 199"}, "1220"},
    {"events_nowhere", Flavor::kMysql, {"show binlog events in 'x'"}, "1220"},
    {"dual", Flavor::kMysql, {"select 1 from dual"}, "1"},
    {"begin", Flavor::kMysql, {"START TRANSACTION"}, "ok"},
    {"table", Flavor::kMysql, {"select * from t"}, "1064"},
    {"ddl", Flavor::kMysql, {"drop table t"}, "1064"},
    {"two_statements", Flavor::kMysql, {"select 1; select 2"}, "1064"},
    {"nothing", Flavor::kMysql, {" ; "}, "1065"},
    {"unknown_variable", Flavor::kMysql, {"SELECT @@nope"}, "1193"},
    {"unknown_function", Flavor::kMysql, {"SELECT sleep(1)"}, "1064"},
    {"open_quote", Flavor::kMysql, {"SELECT 'x"}, "1064"},
};

class QueryTest : public testing::TestWithParam<QueryCase> {};
TEST_P(QueryTest, IsAnswered) {
  Fixture fixture(GetParam().flavor);
  std::string want = GetParam().answer;
  if (const size_t at = want.find('?'); at != std::string::npos) {
    want.replace(at, 1, std::to_string(fixture.log.log->visible_end().offset));
  }
  std::string answer;
  for (const std::string& statement : GetParam().statements) answer = shown(fixture.run(statement));
  EXPECT_EQ(answer, want);
}
INSTANTIATE_TEST_SUITE_P(Queries, QueryTest, testing::ValuesIn(kQueryCases),
                         [](const auto& param) { return param.param.name; });

std::string repeated(size_t times, const std::string& text) {
  std::string all;
  for (size_t i = 0; i < times; i++) all += text;
  return all;
}

struct LimitCase {
  const char* name;
  std::vector<std::string> statements;
  const char* answer;  // of the last
};
const std::string kHalf(kVariableBytesMax / 2, 'x');
const LimitCase kLimitCases[] = {
    {"nesting", {"SELECT " + repeated(16, "USER(") + repeated(16, ")")}, "me@%"},
    {"nested_too_deep", {"SELECT " + repeated(17, "USER(") + "1" + repeated(17, ")")}, "1064"},
    {"nested_without_an_end", {"SELECT " + repeated(200'000, "USER(")}, "1064"},
    {"arguments", {"SELECT USER(1, 2, 3)"}, "1582"},
    {"long_statement", {"SET @a = '" + kHalf + "'"}, "ok"},
    {"statement_too_long", {"SELECT '" + std::string(kStatementBytesMax, 'x') + "'"}, "1153"},
    {"variables", {"SET @a = '" + kHalf + "'", "SET @b = '" + kHalf + "'"}, "1226"},
    {"variables_replaced", {"SET @a = '" + kHalf + "'", "SET @a = '" + kHalf + "'"}, "ok"},
    {"variables_copied", {"SET @a = '" + kHalf + "'", "SET @b=1, @c=@a, @d=@a"}, "1226"},
    {"all_or_none", {"SET @a = '" + kHalf + "'", "SET @b=1, @c=@a", "SELECT @b"}, "NULL"},
    {"replaced_in_one",
     {"SET @a = 1" + repeated(2'000, ", @a='" + std::string(300, 'b') + "'")},
     "ok"},
    {"row", {"SET @a = '" + kHalf + "'", "SELECT @a" + repeated(40, ", @a")}, "1153"},
};
class LimitTest : public testing::TestWithParam<LimitCase> {};
TEST_P(LimitTest, NoClientTakesMoreThanItsShare) {
  Fixture fixture(Flavor::kMysql);
  std::string answer;
  for (const std::string& statement : GetParam().statements) answer = shown(fixture.run(statement));
  EXPECT_EQ(answer, GetParam().answer);
}
INSTANTIATE_TEST_SUITE_P(Queries, LimitTest, testing::ValuesIn(kLimitCases),
                         [](const auto& param) { return param.param.name; });

TEST(Queries, ColumnsAreNamedAsServersNameThem) {
  Fixture mysql(Flavor::kMysql), mariadb(Flavor::kMariadb);
  EXPECT_EQ(columns(mysql.run("SELECT @@GLOBAL.Server_Id, VERSION( ) AS v, 'x' `y`")),
            "@@GLOBAL.Server_Id#,v,y");
  EXPECT_EQ(columns(mysql.run("SELECT 'x', -7, USER( )")), "x,-7#,USER( )");
  EXPECT_EQ(columns(mysql.run("SHOW BINARY LOGS")), "Log_name,File_size#,Encrypted");
  EXPECT_EQ(columns(mariadb.run("SHOW BINARY LOGS")), "Log_name,File_size#");
  EXPECT_EQ(columns(mysql.run("SHOW MASTER STATUS")),
            "File,Position#,Binlog_Do_DB,Binlog_Ignore_DB,Executed_Gtid_Set");
  EXPECT_EQ(columns(mysql.run("SHOW REPLICAS")), "Server_Id#,Host,Port#,Source_Id#,Replica_UUID");
  EXPECT_EQ(columns(mysql.run("SHOW SLAVE HOSTS")), "Server_id#,Host,Port#,Master_id#,Slave_UUID");
  EXPECT_EQ(columns(mariadb.run("SHOW REPLICA HOSTS")), "Server_id#,Host,Port#,Master_id#");
  mysql.log.options.version = "5.5.62-log";
  EXPECT_EQ(columns(mysql.run("SHOW SLAVE HOSTS")), "Server_id#,Host,Port#,Master_id#");
}

// Drivers make numbers of these, and some clients compute with them.
TEST(Queries, IntegersAreToldFromTexts) {
  Fixture fixture(Flavor::kMysql);
  EXPECT_EQ(
      columns(fixture.run("SELECT 7 a, -7 b, '7' c, 7.5 d, TRUE e, NULL f, UNIX_TIMESTAMP() g, "
                          "CONNECTION_ID() h, GTID_SUBSET('', '') i, GTID_SUBTRACT('', '') j, "
                          "@@log_bin k, @@gtid_mode l, @@sql_mode m, @@wait_timeout n")),
      "a#,b#,c,d,e#,f,g#,h#,i#,j,k#,l,m,n#");
  EXPECT_EQ(columns(fixture.run("SHOW BINLOG EVENTS LIMIT 1")),
            "Log_name,Pos#,Event_type,Server_id#,End_log_pos#,Info");
}

TEST(Queries, SwitchesAreWordsWhenShownAndNumbersWhenSelected) {
  Fixture fixture(Flavor::kMysql);
  fixture.log.facts.variables = {{"a_switch_of_the_source", "OFF"}};
  EXPECT_EQ(shown(fixture.run("SELECT @@log_bin, @@autocommit, @@a_switch_of_the_source, "
                              "@@gtid_mode, @@enforce_gtid_consistency")),
            "1,1,0,ON,ON");
  EXPECT_EQ(shown(fixture.run("SHOW VARIABLES WHERE Variable_name IN ('log_bin', 'autocommit')")),
            "autocommit,ON|log_bin,ON");
}

TEST(Queries, ANewFileEndsBehindItsMagic) {
  Fixture fixture(Flavor::kMysql);
  ASSERT_TRUE(fixture.log.log->begin_segment("binlog.000003"));
  EXPECT_EQ(shown(fixture.run("SHOW MASTER STATUS")), "binlog.000003,4,,," + kExecuted);
  EXPECT_NE(shown(fixture.run("SHOW BINARY LOGS")).find("binlog.000003,4,No"), std::string::npos);
}

TEST(Queries, ALongListOfEventsIsGivenInParts) {
  store::FileMaker maker(Flavor::kMysql, binlog::Checksum::kCrc32);
  maker.start("binlog.000001", store::executed({store::mysql_gtid(1)}));
  ByteWriter query;
  query.u32(1).u32(0).u8(0).u16(0).u16(0).u8(0).text(std::string(2000, 'x'));
  constexpr size_t kQueries = 20'000;
  for (size_t i = 0; i < kQueries; i++) maker.event(binlog::kQueryEvent, 0, 1, query.view());
  store::MadeFile file = maker.file();
  file.ends.push_back({file.bytes.size(), {}, 1, true});
  TestLog log({file});
  size_t rows = 0;
  for (EventListing listing; listing.from < file.bytes.size();) {
    const auto part = list_events(log.catalog, listing);
    ASSERT_TRUE(part && !part->rows.empty());
    rows += part->rows.size();
    size_t bytes = 0;
    for (const auto& row : part->rows)
      for (const auto& value : row) bytes += value->size();
    EXPECT_LT(bytes, kEventsBytesMax + 2000);
    listing.from = std::stoull(*part->rows.back()[4]);
  }
  EXPECT_EQ(rows, kQueries + 2);
}

// Before ingest has asked the source. A replica believes what it hears, and refuses to follow a mode that does not fit.
TEST(Queries, GtidModeIsThatOfTheNewestTransaction) {
  const auto file = [](bool previous, std::vector<bool> transactions_with_gtid) {
    store::FileMaker maker(Flavor::kMysql, binlog::Checksum::kCrc32);
    maker.start("binlog.000001", previous ? store::executed({store::mysql_gtid(1)})
                                          : mysql::Executed(mysql::GtidSet()));
    uint64_t number = 2;
    for (const bool gtid : transactions_with_gtid) {
      const uint64_t commit_us = number * 1'000'000;
      if (gtid) {
        maker.transaction(store::mysql_gtid(number), commit_us, 50);
      } else {
        maker.event(binlog::kAnonymousGtidEvent, 0, commit_us, ByteVector(42));
        ByteWriter ddl;
        ddl.u32(1).u32(0).u8(0).u16(0).u16(0).u8(0).text("CREATE DATABASE d");
        maker.event(binlog::kQueryEvent, 0, commit_us, ddl.view());
        store::MadeFile made = maker.file();
        made.ends.push_back({made.bytes.size(), {}, commit_us, true});
        maker.resume(made);
      }
      number++;
    }
    return maker.file();
  };
  const auto mode = [](const TestLog& log) { return log.catalog.variable("gtid_mode"); };
  EXPECT_EQ(mode(TestLog({file(false, {})})), "OFF");
  EXPECT_EQ(mode(TestLog({file(true, {})})), "ON");
  EXPECT_EQ(mode(TestLog({file(true, {true})})), "ON");
  EXPECT_EQ(mode(TestLog({file(true, {true, false})})), "OFF");
  EXPECT_EQ(mode(TestLog({file(false, {false, true})})), "ON");
  TestLog known({file(true, {true, false})});
  known.facts.gtid_mode = "ON_PERMISSIVE";
  EXPECT_EQ(mode(known), "ON_PERMISSIVE");
}

TEST(Queries, TheSourcesOwnValuesComeBeforeUsualOnes) {
  Fixture fixture(Flavor::kMysql);
  fixture.log.facts.variables = {{"binlog_format", "MIXED"}, {"server_id", "1"}};
  fixture.log.facts.gtid_mode = "ON_PERMISSIVE";
  EXPECT_EQ(shown(fixture.run("SELECT @@binlog_format, @@gtid_mode, @@server_id")),
            "MIXED,ON_PERMISSIVE,4711");
}

TEST(Queries, SwitchesAreWordsInShowVariablesAndNumbersInSelect) {
  Fixture fixture(Flavor::kMysql);
  fixture.log.facts.variables = {{"binlog_rows_query_log_events", "ON"},
                                 {"enforce_gtid_consistency", "ON"}};
  EXPECT_EQ(shown(fixture.run("SHOW VARIABLES LIKE 'binlog_rows_query_log_events'")),
            "binlog_rows_query_log_events,ON");
  EXPECT_EQ(shown(fixture.run("SELECT @@binlog_rows_query_log_events, @@enforce_gtid_consistency")),
            "1,ON");
}

// All that Canal's reader asks before its dump; it has no library that a test could run as users do.
TEST(Queries, CanalsHandshake) {
  const std::pair<const char*, const char*> kAsked[] = {
      {"set wait_timeout=9999999", "ok"},
      {"set net_write_timeout=1800", "ok"},
      {"set net_read_timeout=1800", "ok"},
      {"set names 'binary'", "ok"},
      {"set @master_binlog_checksum= @@global.binlog_checksum", "ok"},
      {"set @slave_uuid=uuid()", "ok"},
      {"SET @mariadb_slave_capability='4'", "ok"},
      {"SET @master_heartbeat_period=15000000000", "ok"},
      {"select @master_binlog_checksum", "CRC32"},
      {"select @@global.binlog_checksum", "CRC32"},
      {"show variables like 'server_id'", "server_id,4711"},
      {"show variables like 'binlog_format'", "binlog_format,ROW"},
      {"show variables like 'binlog_row_image'", "binlog_row_image,FULL"},
      {"show binlog events limit 1", nullptr},
      {"show master status", nullptr},
  };
  for (const Flavor flavor : {Flavor::kMysql, Flavor::kMariadb}) {
    Fixture fixture(flavor);
    for (const auto& [statement, want] : kAsked) {
      const Answer answer = fixture.run(statement);
      if (want != nullptr) {
        EXPECT_EQ(shown(answer), want) << statement;
      } else {
        EXPECT_TRUE(std::holds_alternative<mysql::ResultSet>(answer)) << statement;
      }
    }
  }
}

TEST(Queries, TheRefusalSaysWhoToAsk) {
  Fixture fixture(Flavor::kMysql);
  const Answer answer = fixture.run(
      "select secret from t where very_long_condition = "
      "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'");
  const auto* error = std::get_if<mysql::ServerError>(&answer);
  ASSERT_TRUE(error);
  EXPECT_NE(error->message.find("binbus"), std::string::npos);
  EXPECT_NE(error->message.find("source"), std::string::npos);
  EXPECT_LT(error->message.size(), 400u);
}

}  // namespace
}  // namespace binbus::serve
