#include "app/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "app/config_keys.h"
#include "base/temporary_folder_testing.h"

namespace binbus::app {
namespace {

using ::testing::HasSubstr;

// The file of the project's first promise: it must work as it stands.
constexpr std::string_view kPromised =
    R"(data = "data"                        # folder, relative to this file
[admin]
listen = "127.0.0.1:7070"            # REST, /metrics, /live, /ready
[[stream]]
name = "shop"
source = ["127.0.0.1:3306"]          # candidates, the first that answers and fits
user = "repl"
password = "repl"                    # or password_file, or password_env
start = "earliest"                   # latest | gtid:SET | FILE:POS
listen = "127.0.0.1:3307"            # replicas and tools connect here
[[stream.replica_user]]
name = "replica"
password = "replica"
)";

// A stream that is right, to which cases add lines.
constexpr std::string_view kStream = R"(data = "d"
[[stream]]
name = "a"
source = ["127.0.0.1:3306"]
user = "u"
password = "p"
)";

std::string error_of(const std::string& text) {
  const Result<Config> config = parse_config(text, "b.toml");
  return config ? "" : config.error().message;
}

TEST(Config, ThePromisedFileWorksAsItStands) {
  const Result<Config> config = parse_config(std::string(kPromised), "etc/binbus.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->data, "etc/data");
  EXPECT_EQ(config->memory_bytes, 256u << 20);
  EXPECT_EQ(config->admin.listen, "127.0.0.1:7070");
  EXPECT_EQ(config->admin.stalled_after_ms, 60'000u);
  EXPECT_EQ(config->log.level, "info");
  ASSERT_EQ(config->streams.size(), 1u);
  const StreamConfig& stream = config->streams[0];
  EXPECT_EQ(stream.name, "shop");
  EXPECT_EQ(stream.source, std::vector<std::string>{"127.0.0.1:3306"});
  EXPECT_EQ(stream.password, "repl");
  EXPECT_EQ(stream.tls, "preferred");
  EXPECT_EQ(stream.start, "earliest");
  EXPECT_EQ(stream.heartbeat_ms, 5'000u);
  EXPECT_EQ(stream.listen, "127.0.0.1:3307");
  ASSERT_EQ(stream.replica_users.size(), 1u);
  EXPECT_EQ(stream.replica_users[0].name, "replica");
  EXPECT_EQ(stream.replica_users[0].password, "replica");
}

// The sinks of the project's second promise, beside that stream.
constexpr std::string_view kPromisedSinks = R"([[sink]]
name = "changes"
stream = "shop"
type = "file"                        # kafka | rabbitmq | ...
path = "changes.jsonl"               # "-" is stdout
format = "maxwell"                   # canal | debezium | binbus | sql
tables = ["shop.*", "mall.goods"]    # default: all but the system schemas
[[sink]]
name = "orders"
stream = "shop"
type = "kafka"
brokers = ["127.0.0.1:9092"]
format = "maxwell"
delivery = "transactional"           # at_least_once
topic = "{database}"                 # default: the schema
key = ["{table}"]                    # default: the table's name
[[sink.table]]
match = "mall.package"
topic = "mytopic"
key = ["usr_id"]                     # columns
operations = ["insert", "update"]
)";

TEST(Config, ThePromisedSinksWorkAsTheyStand) {
  const Result<Config> config =
      parse_config(std::string(kPromised) + std::string(kPromisedSinks), "etc/binbus.toml");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->sinks.size(), 2u);
  const sink::SinkOptions& file = config->sinks[0];
  EXPECT_EQ(file.path, "etc/changes.jsonl");
  EXPECT_EQ(file.tables, (std::vector<std::string>{"shop.*", "mall.goods"}));
  EXPECT_EQ(file.on_rejected, "dead_letter");
  EXPECT_EQ(file.commit_interval_ms, 1000u);
  EXPECT_TRUE(file.gtid);
  const sink::SinkOptions& kafka = config->sinks[1];
  EXPECT_EQ(kafka.brokers, std::vector<std::string>{"127.0.0.1:9092"});
  EXPECT_EQ(kafka.delivery, "transactional");
  EXPECT_EQ(kafka.key, std::vector<std::string>{"{table}"});
  ASSERT_EQ(kafka.table_rules.size(), 1u);
  EXPECT_EQ(kafka.table_rules[0].match, "mall.package");
  EXPECT_EQ(kafka.table_rules[0].key, std::vector<std::string>{"usr_id"});
  EXPECT_EQ(kafka.table_rules[0].topic, "mytopic");
  EXPECT_EQ(kafka.table_rules[0].routing_key, "");  // as [[sink]]
}

struct Case {
  const char* name;
  std::string
      text;  // a whole file, or, when it starts with "+", lines after kStream (the first is line 7)
  std::string wrong;  // "": the file is right; else all of the message
};

const Case kCases[] = {
    {"start_latest", "+start = \"latest\"\n", ""},
    {"start_mysql_gtid", "+start = \"gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5\"\n", ""},
    {"start_tagged_gtid", "+start = \"gtid:3e11fa47-71ca-11e1-9e33-c80aa9429562:tag:1-5\"\n", ""},
    {"start_mariadb_gtid", "+start = \"gtid:0-1-100,1-2-5\"\n", ""},
    {"start_position", "+start = \"binlog.000007:4\"\n", ""},
    {"one_source_as_text", "data='d'\n[[stream]]\nname='a'\nsource='h:1'\nuser='u'\npassword='p'\n",
     ""},
    {"sizes_with_units", "+retain_bytes = \"200 GB\"\nkeep_free = 1048576\n", ""},
    {"two_streams_two_ports",
     "+listen='0.0.0.0:3307'\nreplica_user=[{name='r',password='p'}]\n[[stream]]\nname='b'\nsource="
     "'h:1'\n"
     "user='u'\npassword='p'\nlisten='0.0.0.0:3308'\nreplica_user=[{name='r',password='p'}]\n",
     ""},
    {"same_port_of_two_loopback_addresses",
     "+listen='127.0.0.1:3307'\nreplica_user=[{name='r',password='p'}]\n[[stream]]\nname='b'"
     "\nsource='h:1'\n"
     "user='u'\npassword='p'\nlisten='127.0.0.2:3307'\nreplica_user=[{name='r',password='p'}]\n",
     ""},
    {"source_on_another_loopback_address",
     "+listen='127.0.0.2:3306'\nreplica_user=[{name='r',password='p'}]\n", ""},
    {"source_elsewhere_on_the_port_that_we_listen_on",
     "data='d'\n[[stream]]\nname='a'\nsource=['h:3306','/run/mysql.sock']\nuser='u'\npassword='p'\n"
     "listen='0.0.0.0:3306'\nreplica_user=[{name='r',password='p'}]\n",
     ""},
    {"remote_feed_when_allowed",
     "+[feed]\nlisten=':7272'\nallow_remote=true\ntoken='t'\ntls_cert='c'\ntls_key='k'\n", ""},
    {"remote_admin_when_allowed", "+[admin]\nlisten='0.0.0.0:7070'\nallow_remote=true\n", ""},

    {"sink_to_stdout", "+[[sink]]\nname='s'\nstream='a'\ntype='file'\npath='-'\n", ""},
    {"sink_masks", "+[[sink]]\nname='s'\nstream='a'\ntype='file'\npath='f'\nmask={phone='x',n=1}\n",
     ""},
    {"sink_without_a_path", "+[[sink]]\nname='s'\nstream='a'\ntype='file'\n",
     "b.toml:7: a sink of type file needs path"},
    {"sink_of_no_stream", "+[[sink]]\nname='s'\nstream='b'\ntype='file'\npath='f'\n",
     "b.toml:9: there is no [[stream]] \"b\""},
    {"sink_key_of_another_type",
     "+[[sink]]\nname='s'\nstream='a'\ntype='file'\npath='f'\nbrokers='h:1'\n",
     "b.toml:12: brokers means nothing to a sink of type file; it is for kafka"},
    {"sinks_of_one_name_and_path",
     "+[[sink]]\nname='s'\nstream='a'\ntype='file'\npath='f'\n"
     "[[sink]]\nname='s'\nstream='a'\ntype='file'\npath='./f'\n",
     "b.toml:13: a sink \"s\" is there already; names must differ\n"
     "b.toml:16: path is that of sink \"s\", too; each needs its own"},
    {"sink_pattern", "+[[sink]]\nname='s'\nstream='a'\ntype='file'\npath='f'\ntables=['shop']\n",
     "b.toml:12: tables pattern \"shop\" is neither database.table, as in \"shop.*\", nor a "
     "/regular expression/"},
    {"sink_condition",
     "+[[sink]]\nname='s'\nstream='a'\ntype='file'\npath='f'\n[[sink.table]]\nmatch='a.*'\n"
     "where='id >'\n",
     "b.toml:14: where condition: a number, a text in '' or TRUE or FALSE expected at character 5, "
     "its end"},
    {"sink_table_key",
     "+[[sink]]\nname='s'\nstream='a'\ntype='file'\npath='f'\n[[sink.table]]\nmatch='a.*'\n"
     "tables='a.b'\n",
     "b.toml:14: unknown key \"tables\" in [[sink.table]]; it belongs to [[sink]]"},
    {"sink_hash_without_salt",
     "+[[sink]]\nname='s'\nstream='a'\ntype='file'\npath='f'\nhash=['email']\n",
     "b.toml:7: sink \"s\": hash needs hash_salt: without one, whoever knows the possible values "
     "finds them from their hashes"},
    {"sink_mask_of_a_list",
     "+[[sink]]\nname='s'\nstream='a'\ntype='file'\npath='f'\nmask={phone=[1]}\n",
     "b.toml:12: mask has \"phone\", which is no text, number, true or false"},

    {"syntax", "data = \n", "b.toml:1: Error while parsing key-value pair: expected value"},
    {"empty", "",
     "b.toml:1: data is missing in the top of the file: Folder that holds the logs, one folder per "
     "stream. "
     "Made when absent; only one binbus may use it.\n"
     "b.toml:1: no [[stream]]: binbus has nothing to do without one"},
    {"misspelt_key", "+lissten = \"127.0.0.1:1\"\n",
     "b.toml:7: unknown key \"lissten\" in [[stream]]; did you mean \"listen\"?"},
    {"key_of_another_section",
     "+listen='h:1'\n[[stream.replica_user]]\nname='r'\npassword='p'\nsemi_sync='off'\n",
     "b.toml:11: unknown key \"semi_sync\" in [[stream.replica_user]]; it belongs to [[stream]]"},
    {"key_like_no_other", "+[admin]\nfrobnicate = 1\n",
     "b.toml:8: unknown key \"frobnicate\" in [admin]; there are: listen, allow_remote, "
     "stalled_after, ready_lag"},
    {"short_key_like_no_other", "+[foo]\n",
     "b.toml:7: unknown key \"foo\" in the top of the file; there are: data, memory, stream, "
     "sink, state, admin, feed, log, node, coordinator"},
    {"state", "+[[state]]\nstream='a'\ntables=['shop.*', '/x[0-9]/']\ntables_at_once=4\n", ""},
    {"state_of_no_stream", "+[[state]]\nstream='b'\ntables='shop.*'\n",
     "b.toml:7: there is no [[stream]] \"b\""},
    {"state_twice", "+[[state]]\nstream='a'\ntables='x.*'\n[[state]]\nstream='a'\ntables='y.*'\n",
     "b.toml:10: stream \"a\" has a [[state]] already; put all patterns into its tables"},
    {"state_with_bad_pattern", "+[[state]]\nstream='a'\ntables='/(/'\n", "b.toml:7: [[state]]: "},
    {"state_without_tables", "+[[state]]\nstream='a'\n",
     "b.toml:7: tables is missing in [[state]]"},
    {"misspelt_section", "+[amdin]\n",
     "b.toml:7: unknown key \"amdin\" in the top of the file; did you mean \"admin\"?"},
    {"stream_in_single_brackets", "data='d'\n[stream]\nname='a'\n",
     "b.toml:1: no [[stream]]: binbus has nothing to do without one\nb.toml:2: stream is written "
     "with two brackets: [[stream]]"},
    {"text_for_a_number", "+server_id = \"seven\"\n", "b.toml:7: server_id must be number"},
    {"number_for_text", "+start = 4\n", "b.toml:7: start must be text"},
    {"number_too_large", "+server_id = 4294967296\n",
     "b.toml:7: server_id is 4294967296; must be from 0 to 4294967295"},
    {"negative_number", "+server_id = -1\n",
     "b.toml:7: server_id is -1; must be from 0 to 4294967295"},
    {"negative_size", "+retain_bytes = -1\n", "b.toml:7: retain_bytes is -1; must be at least 0"},
    {"empty_password", "data='d'\n[[stream]]\nname='a'\nsource='h:1'\nuser='u'\npassword=''\n",
     "b.toml:6: password must not be empty here; for an account that has none, give a "
     "password_file"},
    {"empty_text", "+flavor = ''\n",
     "b.toml:7: flavor must not be empty; leave the line out for the default"},
    {"time_without_unit", "+heartbeat = 5\n",
     "b.toml:7: heartbeat must be time, as \"500ms\", \"30s\", \"5min\", \"2h\""},
    {"time_too_short", "+heartbeat = \"99ms\"\n",
     "b.toml:7: heartbeat is 99ms; must be from 100ms to 3600000ms"},
    {"unknown_choice", "+tls = \"on\"\n",
     "b.toml:7: tls is \"on\"; must be one of disabled, preferred, required, verify_ca, "
     "verify_identity"},
    {"verification_without_authority", "+tls = \"verify_ca\"\n",
     "b.toml:7: tls = \"verify_ca\" needs tls_ca: the file of the authorities to trust"},
    {"certificate_without_key", "+tls_cert = \"c.pem\"\n",
     "b.toml:7: tls_cert and tls_key go together"},
    {"bad_address", "+listen = \"3307\"\n",
     "b.toml:7: listen address '3307' has no port; write HOST:PORT"},
    {"port_too_large", "+listen = \"h:65536\"\n",
     "b.toml:7: listen address 'h:65536' has a port that is not a number from 0 to 65535"},
    {"start_before_the_magic_ends", "+start = \"binlog.000007:3\"\n",
     "b.toml:7: start = \"binlog.000007:3\": want earliest, latest, gtid:SET or FILE:POS"},
    {"start_bad_set", "+start = \"gtid:7\"\n", "b.toml:7: start = \"gtid:7\": "},
    {"stream_name_is_a_path",
     "data='d'\n[[stream]]\nname='../a'\nsource='h:1'\nuser='u'\npassword='p'\n",
     "b.toml:3: name must be 1 to 64 letters, digits, \"_\" or \"-\": it names a folder"},
    {"stream_without_source", "data='d'\n[[stream]]\nname='a'\nuser='u'\npassword='p'\n",
     "b.toml:2: source is missing in [[stream]]: The servers"},
    {"no_candidate", "data='d'\n[[stream]]\nname='a'\nsource=[]\nuser='u'\npassword='p'\n",
     "b.toml:4: source must not be empty"},
    {"bad_source", "data='d'\n[[stream]]\nname='a'\nsource='h:x'\nuser='u'\npassword='p'\n",
     "b.toml:4: source address \"h:x\": want HOST:PORT"},
    {"candidate_twice",
     "data='d'\n[[stream]]\nname='a'\nsource=['h:1','h:1']\nuser='u'\npassword='p'\n",
     "b.toml:4: source has \"h:1\" twice"},
    {"no_password", "data='d'\n[[stream]]\nname='a'\nsource='h:1'\nuser='u'\n",
     "b.toml:2: stream \"a\" needs one of password, password_file, password_env; it has none"},
    {"two_passwords", "+password_env = \"HOME\"\n",
     "b.toml:2: stream \"a\" needs one of password, password_file, password_env; it has several"},
    {"password_file_absent",
     "data='d'\n[[stream]]\nname='a'\nsource='h:1'\nuser='u'\npassword_file='/nonexistent/x'\n",
     "b.toml:6: password_file: cannot read a line from /nonexistent/x"},
    {"password_env_absent",
     "data='d'\n[[stream]]\nname='a'\nsource='h:1'\nuser='u'\npassword_env='BINBUS_TEST_ABSENT'\n",
     "b.toml:6: password_env: the environment has no variable BINBUS_TEST_ABSENT"},
    {"same_name_twice", "+[[stream]]\nname='a'\nsource='h:1'\nuser='u'\npassword='p'\n",
     "b.toml:8: a stream \"a\" is there already; names must differ"},
    {"same_port_twice",
     "+listen='0.0.0.0:3307'\nreplica_user=[{name='r',password='p'}]\n[[stream]]\nname='b'\nsource="
     "'h:1'\n"
     "user='u'\npassword='p'\nlisten='127.0.0.1:3307'\nreplica_user=[{name='r',password='p'}]\n",
     "b.toml:14: stream \"a\" and stream \"b\" both listen on port 3307"},
    {"admin_on_a_streams_port",
     "+listen='127.0.0.1:7070'\nreplica_user=[{name='r',password='p'}]\n[admin]\nlisten='127.0.0.1:"
     "7070'\n",
     "b.toml:10: stream \"a\" and [admin] both listen on port 7070"},
    {"own_listen_as_source", "+listen='127.0.0.1:3306'\nreplica_user=[{name='r',password='p'}]\n",
     "b.toml:4: source \"127.0.0.1:3306\" is binbus's own listen address, of stream \"a\""},
    {"own_listen_as_source_by_another_name",
     "+listen='0.0.0.0:3306'\nreplica_user=[{name='r',password='p'}]\n",
     "b.toml:4: source \"127.0.0.1:3306\" is binbus's own listen address, of stream \"a\""},
    {"own_listen_as_source_by_name",
     "+listen='localhost:3306'\nreplica_user=[{name='r',password='p'}]\n",
     "b.toml:4: source \"127.0.0.1:3306\" is binbus's own listen address, of stream \"a\""},
    {"own_listen_as_source_without_port",
     "data='d'\n[[stream]]\nname='a'\nsource='localhost'\nuser='u'\npassword='p'\n"
     "listen=':3306'\nreplica_user=[{name='r',password='p'}]\n",
     "b.toml:4: source \"localhost\" is binbus's own listen address, of stream \"a\""},
    {"bad_listen_is_said_once", "+listen='3307'\nreplica_user=[{name='r',password='p'}]\n",
     "b.toml:7: listen address '3307' has no port; write HOST:PORT"},
    {"listen_without_users", "+listen='127.0.0.1:3307'\n",
     "b.toml:7: listen needs a [[stream.replica_user]]: without one nobody could log in"},
    {"users_without_listen", "+[[stream.replica_user]]\nname='r'\npassword='p'\n",
     "b.toml:2: a [[stream.replica_user]] without listen: replicas have nowhere to connect to"},
    {"replica_user_twice",
     "+listen='h:1'\n[[stream.replica_user]]\nname='r'\npassword='p'\n[[stream.replica_user]]"
     "\nname='r'\npassword='q'\n",
     "b.toml:11: replica_user \"r\" is there twice"},
    {"remote_admin", "+[admin]\nlisten='0.0.0.0:7070'\n",
     "b.toml:8: listen = \"0.0.0.0:7070\" is not a loopback address, and the endpoint has no "
     "password; if that is "
     "meant, add allow_remote = true"},
    {"remote_feed", "+[feed]\nlisten=':7272'\n",
     "b.toml:7: listen = \":7272\" is not a loopback address, and who reads there reads all row "
     "data; if that is meant, add allow_remote = true, and a token"},
    {"feed_keys_that_go_together",
     "+[feed]\nlisten='[::1]:7070'\ntls_cert='c'\ntoken='t'\ntoken_file='t'\n"
     "[admin]\nlisten='[::1]:7070'\n",
     "b.toml:7: [feed]: tls_cert and tls_key go together\n"
     "b.toml:7: [feed]: token and token_file are two ways to say it; leave one out\n"
     "b.toml:7: [feed]: token_file: cannot read a line from t\n"
     "b.toml:13: [feed] and [admin] both listen on port 7070"},
    {"memory_too_small", "memory='1 MiB'\n" + std::string(kStream),
     "b.toml:1: memory is 1 MiB; must be at least 33554432"},
    {"memory_too_small_for_the_streams", "memory='32 MiB'\n" + std::string(kStream),
     "b.toml:1: memory is too small for 1 streams"},
    {"coordinator",
     "+[node]\nname='n-1.example'\n[coordinator]\ntype='etcd'\nendpoints=['a:2379', 'b:2379']\n"
     "group='db_mall'\nuser='u'\npassword='p'\ntls=true\ntls_ca='ca.pem'\nttl='2s'\n",
     ""},
    {"coordinator_without_anything", "+[coordinator]\n",
     "b.toml:7: type is missing in [coordinator]: What it is: an etcd (v3, from 3.4 on) or a "
     "ZooKeeper (from 3.5 on).\n"
     "b.toml:7: endpoints is missing in [coordinator]: Its servers.\n"
     "b.toml:7: group is missing in [coordinator]: Nodes of one group share their streams"},
    {"coordinator_of_no_type", "+[coordinator]\ntype='consul'\nendpoints='a:1'\ngroup='g'\n",
     "b.toml:8: type is \"consul\"; must be one of etcd, zookeeper"},
    {"coordinator_group_with_a_slash",
     "+[coordinator]\ntype='etcd'\nendpoints='a:1'\ngroup='g/h'\n",
     "b.toml:10: group must be 1 to 64 letters"},
    {"coordinator_endpoint_without_host",
     "+[coordinator]\ntype='etcd'\nendpoints=':1'\ngroup='g'\n",
     "b.toml:9: endpoints must be HOST:PORT"},
    {"coordinator_ttl_too_short",
     "+[coordinator]\ntype='etcd'\nendpoints='a:1'\ngroup='g'\nttl='1s'\n",
     "b.toml:11: ttl is 1s; must be from 2000ms to 600000ms"},
    {"coordinator_user_without_password",
     "+[coordinator]\ntype='etcd'\nendpoints='a:1'\ngroup='g'\nuser='u'\n",
     "b.toml:7: [coordinator] needs one of password, password_file, password_env; it has none"},
    {"coordinator_password_without_user",
     "+[coordinator]\ntype='etcd'\nendpoints='a:1'\ngroup='g'\npassword='p'\n",
     "b.toml:7: [coordinator]: a password needs a user"},
    {"peers_without_listen", "+[node]\nname='a'\npeers=['a@h:1']\n",
     "b.toml:7: [node]: peers mean nothing without listen"},
    {"copies_without_nodes", "+copies = 3\n",
     "b.toml:7: copies means nothing without [node] listen"},
    {"peer_twice", "+[node]\nname='a'\nlisten='h:1'\npeers=['a@h:1', 'a@h:2']\n",
     "b.toml:7: [node]: peers has a twice"},
    {"peer_without_name", "+[node]\nname='a'\nlisten='h:1'\npeers='h:1'\n",
     "b.toml:10: peers must be NAME@HOST:PORT"},
    {"node_tls_in_part", "+[node]\nname='a'\nlisten='h:1'\ntls_cert='c'\n",
     "b.toml:7: [node]: tls_cert, tls_key and tls_ca go together"},
    {"zookeeper_with_tls",
     "+[coordinator]\ntype='zookeeper'\nendpoints='a:1'\ngroup='g'\ntls=true\n",
     "b.toml:7: [coordinator]: ZooKeeper's client library has no TLS"},
    {"coordinator_ca_without_tls",
     "+[coordinator]\ntype='etcd'\nendpoints='a:1'\ngroup='g'\ntls_ca='f'\n",
     "b.toml:7: [coordinator]: tls_ca and tls_cert mean nothing without tls = true"},
    {"node_name", "+[node]\nname='a b'\n", "b.toml:8: name must be 1 to 64 letters"},
    {"everything_wrong_at_once", "+tls='on'\nusr='x'\n",
     "b.toml:7: tls is \"on\"; must be one of disabled, preferred, required, verify_ca, "
     "verify_identity\n"
     "b.toml:8: unknown key \"usr\" in [[stream]]; did you mean \"user\"?"},
};

class ConfigCases : public ::testing::TestWithParam<Case> {};

TEST_P(ConfigCases, AreReadOrRefusedByLine) {
  const Case& c = GetParam();
  const std::string text =
      c.text.starts_with("+") ? std::string(kStream) + c.text.substr(1) : c.text;
  if (c.wrong.empty()) {
    EXPECT_EQ(error_of(text), "");
  } else {
    const std::string said = error_of(text);
    EXPECT_THAT(said, ::testing::StartsWith(c.wrong));
    EXPECT_EQ(std::ranges::count(said, '\n'), std::ranges::count(c.wrong, '\n')) << said;
  }
}

INSTANTIATE_TEST_SUITE_P(All, ConfigCases, ::testing::ValuesIn(kCases),
                         [](const auto& i) { return i.param.name; });

TEST(Config, BesideACoordinatorStreamsAndSinksStartAtTheLatest) {
  const std::string stream(kStream);
  const std::string sinks =
      "[[sink]]\nname='s'\nstream='a'\ntype='file'\npath='f'\n"
      "[[sink]]\nname='t'\nstream='a'\ntype='file'\npath='g'\nstart='earliest'\n";
  const std::string coordinator = "[coordinator]\ntype='etcd'\nendpoints='a:2379'\ngroup='g'\n";
  const auto alone = parse_config(stream + sinks, "b.toml");
  ASSERT_TRUE(alone) << alone.error().message;
  EXPECT_EQ(alone->streams[0].start, "earliest");
  EXPECT_EQ(alone->sinks[0].start, "earliest");
  EXPECT_NE(alone->node.name, "");
  const auto config = parse_config(stream + sinks + coordinator, "b.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->streams[0].start, "latest");
  EXPECT_EQ(config->sinks[0].start, "latest");
  EXPECT_EQ(config->sinks[1].start, "earliest");
  EXPECT_EQ(config->coordinator.ttl_ms, 10'000u);
  const auto added = parse_sink("name='u'\nstream='a'\ntype='file'\npath='h'\n", *config);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(added->start, "latest");
}

TEST(Config, AnAuthorityMeansVerification) {
  const auto config = parse_config(std::string(kStream) + "tls_ca = \"ca.pem\"\n", "/etc/b.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->streams[0].tls, "verify_identity");
  EXPECT_EQ(config->streams[0].tls_ca, "/etc/ca.pem");
}

TEST(Config, AnIdleSourceIsNotStalledBetweenItsHeartbeats) {
  const struct {
    const char* lines;
    uint64_t want_ms;
  } cases[] = {{"", 60'000},
               {"heartbeat = \"27s\"\n", 60'000},
               {"heartbeat = \"1min\"\n", 125'000},
               {"heartbeat = \"1s\"\n[admin]\nstalled_after = \"2s\"\n", 7'000}};
  for (const auto& c : cases) {
    const auto config = parse_config(std::string(kStream) + c.lines, "b.toml");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->stalled_after_ms(), c.want_ms) << c.lines;
  }
}

TEST(Config, ClientsCertificatesNeedNoneOfOurs) {
  const auto config =
      parse_config(std::string(kStream) + "listen_tls_ca = \"ca.pem\"\n", "/etc/b.toml");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->streams[0].listen_tls_ca, "/etc/ca.pem");
}

class ConfigFiles : public ::testing::Test {
 protected:
  std::string write(const std::string& name, std::string_view text, mode_t mode) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }

  const TemporaryFolder temporary_;
  const std::string& folder_ = temporary_.path();
};

TEST_F(ConfigFiles, PasswordComesFromFileOrEnvironment) {
  write("secret", "from file\nsecond line\n", 0600);
  ::setenv("BINBUS_TEST_PASSWORD", "from env", 1);
  const std::string path = write("b.toml", R"(data = "d"
[[stream]]
name = "a"
source = "h:1"
user = "u"
password_file = "secret"
listen = "h:2"
[[stream.replica_user]]
name = "r"
password_env = "BINBUS_TEST_PASSWORD"
)",
                                 0644);
  const auto config = load_config(path, Secrets::kRead);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->streams[0].password, "from file");
  EXPECT_EQ(config->streams[0].replica_users[0].password, "from env");
  EXPECT_TRUE(config->warnings.empty());
}

TEST_F(ConfigFiles, SecretsAreLeftAloneByThoseWhoNeedNone) {
  const std::string path = write("b.toml", R"(data = "d"
[[stream]]
name = "a"
source = "h:1"
user = "u"
password_file = "/nonexistent/secret"
listen = "h:2"
[[stream.replica_user]]
name = "r"
password_env = "BINBUS_TEST_ABSENT"
)",
                                 0600);
  EXPECT_FALSE(load_config(path, Secrets::kRead));
  const auto config = load_config(path, Secrets::kLeave);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->streams[0].password, "");
}

TEST_F(ConfigFiles, WarnsOfPasswordsThatAllCanRead) {
  const auto config = load_config(write("open.toml", kStream, 0644), Secrets::kRead);
  ASSERT_TRUE(config);
  ASSERT_EQ(config->warnings.size(), 1u);
  EXPECT_THAT(config->warnings[0], HasSubstr("chmod o-r " + folder_ + "/open.toml"));

  const auto closed = load_config(write("closed.toml", kStream, 0640), Secrets::kRead);
  ASSERT_TRUE(closed);
  EXPECT_TRUE(closed->warnings.empty());
}

TEST_F(ConfigFiles, AbsentFileIsNamed) {
  const auto config = load_config(folder_ + "/none.toml", Secrets::kRead);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Code::kNotFound);
  EXPECT_THAT(config.error().message, HasSubstr("none.toml: no such file"));
}

struct UnitCase {
  const char* text;
  std::optional<uint64_t> want;
};

TEST(ConfigValues, Sizes) {
  const UnitCase cases[] = {{"0", 0},
                            {"17", 17},
                            {"64 MiB", 64u << 20},
                            {"200GB", 200'000'000'000},
                            {"1KiB", 1024},
                            {"", {}},
                            {"GB", {}},
                            {"1 gb", {}},
                            {"1.5 GB", {}},
                            {"-1", {}},
                            {"18446744073709551615", UINT64_MAX},
                            {"18446744073709551616", {}},
                            {"18446744073709551615 KB", {}}};
  for (const UnitCase& c : cases) {
    const auto got = parse_bytes(c.text);
    EXPECT_EQ(got ? std::optional(*got) : std::nullopt, c.want) << c.text;
  }
}

TEST(ConfigValues, Times) {
  const UnitCase cases[] = {
      {"500ms", 500},      {"30 s", 30'000}, {"5min", 300'000}, {"2h", 7'200'000},
      {"7d", 604'800'000}, {"5", {}},        {"5m", {}},        {"s", {}}};
  for (const UnitCase& c : cases) {
    const auto got = parse_duration_ms(c.text);
    EXPECT_EQ(got ? std::optional(*got) : std::nullopt, c.want) << c.text;
  }
}

std::string file_text(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(ConfigDocs, TheKeyTablesInTheDocsAreThoseOfTheProgram) {
  EXPECT_THAT(file_text("docs/configuration.md"), HasSubstr(keys_markdown()))
      << "docs/configuration.md differs from src/app/config_keys.cc: put the output of\n"
         "  out/release/binbus config-keys\n"
         "between its first heading and \"## Passwords\"";
}

TEST(ConfigDocs, TheExampleIsRightAndNamesEveryKey) {
  ::unsetenv("BINBUS_ORDERS_PASSWORD");
  const std::string text = file_text("examples/binbus.toml");
  const auto config = parse_config(text, "examples/binbus.toml");
  ASSERT_TRUE(config) << config.error().message;
  const auto expect_all = [&](const auto& keys) {
    for (const auto& key : keys)
      EXPECT_THAT(text, HasSubstr(std::string(key.name) + " = ")) << key.name;
  };
  expect_all(root_keys());
  expect_all(log_keys());
  expect_all(admin_keys());
  expect_all(feed_keys());
  expect_all(node_keys());
  expect_all(coordinator_keys());
  expect_all(stream_keys());
  expect_all(replica_user_keys());
  expect_all(sink_keys());
  expect_all(sink_table_keys());
}

}  // namespace
}  // namespace binbus::app
