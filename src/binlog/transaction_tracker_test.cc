#include "binlog/transaction_tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "binlog/events_testing.h"

namespace binbus::binlog {
namespace {

using testing_events::event;

constexpr uint64_t kCommitUs = 1'700'000'000'123'456;

// Events by short names; a quoted word is a Query event with that statement, a number an event of that type.
ByteVector event_of(const std::string& word) {
  if (word.starts_with("'")) {
    return event(kQueryEvent, testing_events::query_body(word.substr(1, word.size() - 2)));
  }
  if (word[0] >= '0' && word[0] <= '9') return event(static_cast<uint8_t>(std::stoi(word)));
  const ByteVector rows(8 + 2, 0);
  ByteVector last_rows = rows;
  last_rows[6] = 1;  // STMT_END_F
  static const std::map<std::string, ByteVector> kEvents = {
      {"format", event(kFormatDescriptionEvent)},
      {"previous", event(kPreviousGtidsEvent)},
      {"rotate", event(kRotateEvent)},
      {"stop", event(kStopEvent)},
      {"heartbeat", event(kHeartbeatEvent)},
      {"gtid", event(kGtidEvent, testing_events::gtid_body(7, kCommitUs))},
      {"gtid56", event(kGtidEvent, testing_events::gtid_body(7))},
      {"anonymous", event(kAnonymousGtidEvent, testing_events::gtid_body(0, kCommitUs))},
      {"maria", event(kMariadbGtidEvent, testing_events::mariadb_gtid_body(9, 0))},
      {"maria_alone", event(kMariadbGtidEvent, testing_events::mariadb_gtid_body(9, 1))},
      {"list", event(kMariadbGtidListEvent)},
      {"checkpoint", event(kMariadbBinlogCheckpointEvent)},
      {"annotate", event(kMariadbAnnotateRowsEvent)},
      {"query_compressed",
       event(kMariadbQueryCompressedEvent, testing_events::query_body("\x81z"))},
      {"rows_compressed", event(166, last_rows)},
      {"intvar", event(kIntvarEvent)},
      {"rand", event(kRandEvent)},
      {"user_var", event(kUserVarEvent)},
      {"rows_query", event(kRowsQueryEvent)},
      {"map", event(kTableMapEvent, rows)},
      {"rows_v1", event(23, rows)},
      {"last_rows_v1", event(23, last_rows)},
      {"rows", event(30, rows)},
      {"last_rows", event(32, last_rows)},
      {"xid", event(kXidEvent)},
      {"xa_prepare", event(kXaPrepareEvent)},
      {"payload", event(kTransactionPayloadEvent)},
      {"begin_load", event(kBeginLoadQueryEvent)},
      {"append", event(kAppendBlockEvent)},
      {"load", event(kExecuteLoadQueryEvent)},
      {"delete_file", event(kDeleteFileEvent)},
      {"incident", event(kIncidentEvent, ByteVector{1, 0, 0})},
      {"ignorable", event(kIgnorableEvent)},
      {"unknown", event(250)},
  };
  return kEvents.at(word);
}

// Words, where quoted ones may have spaces.
std::vector<std::string> words_of(const std::string& script) {
  std::vector<std::string> words;
  std::istringstream in(script);
  std::string word;
  while (in >> word) {
    for (std::string more; word.starts_with("'") && !word.ends_with("'") && in >> more;) {
      word += " " + more;
    }
    words.push_back(word);
  }
  return words;
}

// The script again, with "|" after each transaction's end and "." after each other place.
std::string tracked(const std::string& script) {
  TransactionTracker tracker;
  std::string out;
  for (const std::string& word : words_of(script)) {
    const ByteVector bytes = event_of(word);
    const EventHeader header = parse_header(bytes.data());
    const bool carried = tracker.carries(header.type);
    const auto end = tracker.on_event(header, bytes);
    out += (out.empty() ? "" : " ") + word;
    if (!end) return out + " !" + end.error().message;
    if (*end) out += (*end)->transaction ? " |" : " .";
    if (carried) {
      EXPECT_EQ(*end, nullptr) << word;
      EXPECT_TRUE(tracker.carries(header.type)) << word;
    }
    EXPECT_TRUE(!*end || !tracker.in_transaction());
  }
  return tracker.in_transaction() ? out + " ..." : out;
}

struct ScriptCase {
  const char* name;
  const char* want;  // the script with its marks
};
void PrintTo(const ScriptCase& test, std::ostream* out) { *out << test.want; }

const ScriptCase kScripts[] = {
    // MySQL with GTIDs
    {"file_head", "format . previous . rotate ."},
    {"ddl", "gtid 'CREATE TABLE t (a INT)' |"},
    {"dml", "gtid 'BEGIN' rows_query map rows last_rows xid |"},
    {"non_transactional", "gtid 'BEGIN' map last_rows 'COMMIT' |"},
    {"rolled_back_non_transactional", "gtid 'BEGIN' map last_rows 'ROLLBACK' |"},
    {"statement_format", "gtid 'BEGIN' intvar rand user_var 'INSERT INTO t VALUES (1)' xid |"},
    {"variables_before_ddl", "gtid user_var 'CREATE TABLE t SELECT @a' |"},
    {"savepoints", "gtid 'BEGIN' 'SAVEPOINT s' last_rows 'ROLLBACK TO s' last_rows xid |"},
    {"create_select_in_transaction",
     "gtid 'BEGIN' 'CREATE TABLE t (a INT) START TRANSACTION' map last_rows xid |"},
    {"empty", "gtid 'BEGIN' 'COMMIT' |"},
    {"commit_alone", "gtid 'COMMIT' |"},
    {"compressed", "gtid payload | gtid payload |"},
    {"anonymous", "anonymous 'BEGIN' last_rows xid | anonymous 'DROP TABLE t' |"},
    {"incident", "gtid incident | rotate ."},
    {"incident_after_transaction_56", "gtid56 'BEGIN' last_rows 'COMMIT' | incident ."},
    {"incident_within", "gtid 'BEGIN' last_rows incident xid |"},
    {"view_change", "gtid 'BEGIN' 37 'COMMIT' |"},
    {"lower_case", "gtid 'begin' last_rows 'commit' |"},
    {"begin_in_a_comment", "gtid '/* BEGIN */ DROP TABLE t' | gtid 'DROP TABLE u' |"},
    // XA
    {"xa", "gtid 'XA START 1' map last_rows 'XA END 1' xa_prepare | gtid 'XA COMMIT 1' |"},
    {"xa_rollback", "gtid 'XA START 1' 'XA END 1' xa_prepare | gtid 'XA ROLLBACK 1' |"},
    {"xa_without_gtid", "'XA START 1' last_rows 'XA END 1' xa_prepare | 'XA COMMIT 1' |"},
    // no GTIDs: MySQL 5.0 to 5.6, MariaDB 5.5
    {"old_ddl", "'CREATE TABLE t (a INT)' | 'DROP TABLE t' |"},
    {"old_transaction",
     "'BEGIN' 'INSERT INTO t VALUES (1)' intvar 'INSERT INTO t VALUES (2)' xid |"},
    {"old_myisam", "intvar 'INSERT INTO t VALUES (1)' | 'DELETE FROM t' |"},
    {"old_myisam_variables", "user_var rand intvar 'INSERT INTO t VALUES (@a)' |"},
    {"old_myisam_rows_51", "map rows_v1 last_rows_v1 | map last_rows_v1 |"},
    {"old_rows_of_two_tables", "map map rows_v1 rows_v1 last_rows_v1 |"},
    {"old_annotated", "annotate map last_rows_v1 |"},
    {"old_xid_alone", "xid |"},
    {"old_savepoint_alone", "'SAVEPOINT s' |"},
    // LOAD DATA
    {"load", "begin_load append append load |"},
    {"load_with_variables", "begin_load user_var intvar load |"},
    {"load_in_transaction", "'BEGIN' begin_load append load xid |"},
    {"load_failed", "begin_load append delete_file |"},
    {"load_beside_another_session", "begin_load 'BEGIN' last_rows xid | append load |"},
    {"load_with_gtid", "gtid 'BEGIN' begin_load load 'COMMIT' | gtid begin_load load |"},
    // MariaDB with GTIDs
    {"maria_head", "format . list . checkpoint ."},
    {"maria_ddl", "maria_alone 'CREATE TABLE t (a INT)' |"},
    {"maria_ddl_compressed", "maria_alone query_compressed |"},
    {"maria_dml", "maria annotate map last_rows_v1 xid |"},
    {"maria_dml_compressed", "maria query_compressed rows_compressed xid |"},
    {"maria_myisam", "maria map last_rows_v1 'COMMIT' |"},
    {"maria_rollback", "maria map last_rows_v1 'ROLLBACK' |"},
    {"maria_variables_alone", "maria_alone intvar 'INSERT INTO t VALUES (1)' |"},
    {"maria_load_alone", "maria_alone begin_load append load |"},
    {"maria_xa", "maria map last_rows_v1 'XA END 1' xa_prepare | maria_alone 'XA COMMIT 1' |"},
    {"maria_xa_commit_not_alone", "maria 'XA COMMIT 1' |"},
    {"maria_create_or_replace_select",
     "maria 'CREATE OR REPLACE TABLE t (a INT)' map last_rows xid |"},
    {"maria_begin_on_top", "maria 'BEGIN' last_rows xid |"},
    // what is not known
    {"unknown_outside", "unknown . ignorable . heartbeat ."},
    {"unknown_within", "gtid 'BEGIN' unknown ignorable last_rows unknown xid |"},
    {"unknown_after_gtid", "gtid unknown 'BEGIN' last_rows xid | gtid ignorable 'DROP TABLE t' |"},
    // not finished
    {"open", "gtid 'BEGIN' last_rows ..."},
    {"open_after_gtid", "gtid ..."},
    {"abandoned_for_the_next", "gtid 'BEGIN' last_rows gtid 'DROP TABLE t' |"},
    // what cannot stand there
    {"rotate_within",
     "gtid 'BEGIN' rotate !Rotate event within the transaction "
     "a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf:7, which its source did not finish"},
    {"format_within",
     "'BEGIN' format !Format_desc event within the transaction that is open, which its source did "
     "not finish"},
};

class Script : public testing::TestWithParam<ScriptCase> {};
TEST_P(Script, EndsWhereItIsMarked) {
  std::string script;
  for (const std::string& word : words_of(GetParam().want)) {
    if (word.starts_with("!")) break;
    if (word != "|" && word != "." && word != "...") script += word + " ";
  }
  EXPECT_EQ(tracked(script), GetParam().want);
}
INSTANTIATE_TEST_SUITE_P(Dialects, Script, testing::ValuesIn(kScripts),
                         [](const auto& test) { return test.param.name; });

TransactionEnd only_end(const std::string& script) {
  TransactionTracker tracker;
  std::vector<TransactionEnd> ends;
  for (const std::string& word : words_of(script)) {
    const ByteVector bytes = event_of(word);
    auto end = tracker.on_event(parse_header(bytes.data()), bytes);
    EXPECT_TRUE(end);
    if (end && *end) ends.push_back(**end);
  }
  EXPECT_EQ(ends.size(), 1u);
  EXPECT_EQ(tracker.gtid().index(), 0u);
  return ends.at(0);
}

TEST(TransactionTracker, EndCarriesGtidAndCommitTime) {
  const TransactionEnd mysql = only_end("gtid 'BEGIN' last_rows xid");
  EXPECT_EQ(mysql::to_string(mysql.gtid), "a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf:7");
  EXPECT_EQ(mysql.commit_us, kCommitUs);
  EXPECT_EQ(mysql.offset, 0u);

  const TransactionEnd old = only_end("gtid56 'DROP TABLE t'");
  EXPECT_EQ(old.commit_us, 1'700'000'000'000'000u);  // the header's second

  const TransactionEnd mariadb = only_end("maria xid");
  EXPECT_EQ(mysql::to_string(mariadb.gtid), "5-1-9");

  EXPECT_EQ(only_end("anonymous 'DROP TABLE t'").gtid.index(), 0u);
  EXPECT_EQ(only_end("'DROP TABLE t'").gtid.index(), 0u);
}

TEST(TransactionTracker, GtidIsTheOpenTransactions) {
  TransactionTracker tracker;
  const ByteVector gtid = event_of("gtid");
  ASSERT_TRUE(tracker.on_event(parse_header(gtid.data()), gtid));
  EXPECT_TRUE(tracker.in_transaction());
  EXPECT_EQ(mysql::to_string(tracker.gtid()), "a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf:7");
  tracker.reset();
  EXPECT_FALSE(tracker.in_transaction());
  EXPECT_EQ(tracker.gtid().index(), 0u);
}

TEST(TransactionTracker, StatementAfterTheLargestStatusVariables) {
  TransactionTracker tracker;
  const ByteVector begin = event(kQueryEvent, testing_events::query_body("BEGIN", 65535));
  ASSERT_LE(begin.size(), TransactionTracker::kPrefixBytes);
  ASSERT_TRUE(tracker.on_event(parse_header(begin.data()), begin));
  EXPECT_TRUE(tracker.in_transaction());
}

TEST(TransactionTracker, PrefixShorterThanItsFormatIsTruncated) {
  for (const std::string word : {"'BEGIN'", "gtid", "maria", "incident"}) {
    const ByteVector bytes = event_of(word);
    TransactionTracker tracker;
    const auto end = tracker.on_event(parse_header(bytes.data()), Bytes(bytes).first(20));
    ASSERT_FALSE(end) << word;
    EXPECT_EQ(end.error().code, Code::kTruncated) << word;
  }
}

TEST(TransactionTracker, IncidentOfNoKnownNumberIsRefused) {
  TransactionTracker tracker;
  const ByteVector bytes = event(kIncidentEvent, ByteVector{66, 0, 0});
  const auto end = tracker.on_event(parse_header(bytes.data()), bytes);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, Code::kCorrupt);
  EXPECT_THAT(end.error().message, testing::HasSubstr("66"));
}

}  // namespace
}  // namespace binbus::binlog
