#include "cli/status_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/units.h"

namespace binbus::cli {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// As /status answers; see admin/status_json_test.cc.
const char* const kStatus = R"({
  "version": "0.1.0", "now_us": 1700000010000000, "started_us": 1699992010000000,
  "streams": [
    {"name": "shop", "state": "streaming", "reason": "", "error_code": "", "flavor": "mysql",
     "source": {"address": "127.0.0.1:3306", "server_uuid": "3e11fa47-71ca-11e1-9e33-c80aa9429562", "server_id": 1,
                "version": "9.7.0", "tls": "TLSv1.3", "position": {"file": "mysql-bin.000003", "offset": 154}, "semi_sync": true},
     "candidates": ["127.0.0.1:3306"],
     "position": {"file": "binlog.000007", "offset": 4711},
     "gtid_executed": "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-500", "server_uuid": "u", "server_id": 77,
     "lag_ms": 250, "lag_bytes": 1500000, "last_commit_us": 1700000000000000, "last_activity_us": 1700000000500000,
     "transactions": 5100, "bytes_received": 24000000, "connects": 2, "semi_sync_acks": 400,
     "segments": 7, "log_bytes": 454001234, "oldest": {"file": "binlog.000001", "offset": 4},
     "disk_free_bytes": 20000000000, "listen": "127.0.0.1:3307", "listen_error": "",
     "replicas": [{"peer": "127.0.0.1:51234", "user": "replica", "server_id": 11, "server_uuid": "r", "mode": "gtid",
                   "state": "sending", "position": {"file": "binlog.000006", "offset": 154}, "lag_ms": 7500,
                   "lag_bytes": 3000000, "bytes_sent": 12345, "connected_us": 1699999810000000, "semi_sync": false}],
     "sinks": [{"name": "changes", "type": "file", "format": "maxwell", "state": "retrying", "reason": "the disk is full",
                "position": "binlog.000007:4000", "lag_ms": 3000, "messages": 4000, "bytes": 5000, "rejected": 7}],
     "feed": {"bytes_sent": 9000, "subscribers": [
         {"client": "ann", "peer": "127.0.0.1:51300", "cursor": "app", "parts": 13, "state": "waiting", "reason": "no credit is left",
          "position": "binlog.000007:4000", "lag_ms": 1500, "bytes_sent": 8000, "connected_us": 1699999810000000}]},
     "snapshot": {"position": "binlog.000007:4711", "caught_up": true, "reason": "", "fill_reason": "the source runs 9 statements",
                  "disk_bytes": 43300000, "patterns": ["shop.*", "crm.users"], "patterns_told": true,
                  "tables": [{"name": "shop.orders", "phase": "filling", "error": "", "paused": false, "rows_read": 300000,
                              "rows_expected": 400000, "bytes_read": 28800000, "chunks": 12, "since_us": 1700000004000000},
                             {"name": "shop.logs", "phase": "filling", "error": "", "paused": true, "rows_read": 0,
                              "rows_expected": 0, "bytes_read": 0, "chunks": 0, "since_us": 0},
                             {"name": "shop.gone", "phase": "failed", "error": "no key", "paused": false, "rows_read": 0,
                              "rows_expected": 0, "bytes_read": 0, "chunks": 0, "since_us": 0}]},
     "lease": null, "cluster": null},
    {"name": "orders", "state": "waiting", "reason": "127.0.0.1:3406: connection refused", "error_code": "network",
     "flavor": "", "source": {"address": "", "server_uuid": "", "server_id": 0, "version": "", "tls": "", "position": null,
                              "semi_sync": false},
     "candidates": ["127.0.0.1:3406"], "position": null, "gtid_executed": "", "server_uuid": "u2", "server_id": 78,
     "lag_ms": null, "lag_bytes": null, "last_commit_us": 0, "last_activity_us": 0, "transactions": 0,
     "bytes_received": 0, "connects": 0, "semi_sync_acks": 0, "segments": 0, "log_bytes": 0, "oldest": null,
     "disk_free_bytes": null, "listen": "127.0.0.1:3308",
     "listen_error": "cannot listen on 127.0.0.1:3308: address in use", "replicas": [], "sinks": [], "feed": null, "snapshot": null, "lease": null, "cluster": null}
  ]})";

const char* const kText = R"(binbus 0.1.0, up 2 h 13 min, 2023-11-14 22:13:30 UTC

shop: streaming, 0.2 s behind (1.5 MB)
  source    127.0.0.1:3306  mysql 9.7.0, server_id 1, 3e11fa47-71ca-11e1-9e33-c80aa9429562, TLSv1.3, semi-sync
  position  binlog.000007:4711  (mysql-bin.000003:154 at the source)
  gtid      3e11fa47-71ca-11e1-9e33-c80aa9429562:1-500
  newest    2023-11-14 22:13:20 UTC
  log       7 segments, 454 MB; 20 GB free on the disk
  replicas  1 on 127.0.0.1:3307
    SERVER_ID  PEER             USER     BY    STATE    POSITION           LAG    SENT   CONNECTED
    11         127.0.0.1:51234  replica  gtid  sending  binlog.000006:154  7.5 s  12 kB  3 min 20 s
  sinks     1
    SINK     TYPE  FORMAT   STATE     POSITION            LAG    MESSAGES  SENT    REJECTED
    changes  file  maxwell  retrying  binlog.000007:4000  3.0 s  4,000     5.0 kB  7
    changes: the disk is full
  feed      1
    CLIENT  PEER             CURSOR       STATE    POSITION            LAG    SENT    CONNECTED
    ann     127.0.0.1:51300  app (13/64)  waiting  binlog.000007:4000  1.5 s  8.0 kB  3 min 20 s
    ann: no credit is left

orders: waiting
  why       127.0.0.1:3406: connection refused
  source    127.0.0.1:3406
  position  -
  gtid      -
  newest    - UTC
  log       0 segments, 0 B; - free on the disk
  replicas  0 on 127.0.0.1:3308: cannot listen on 127.0.0.1:3308: address in use
)";

TEST(StatusView, ShowsAllThatAnOperatorLooksFor) {
  const auto view = status_text(kStatus, "");
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(*view, kText);
}

TEST(StatusView, SaysWhoHasAStreamThatNodesShare) {
  json status = json::parse(kStatus);
  json& lease = status["streams"][0]["lease"];
  lease = {{"coordinator", "etcd"}, {"group", "mall"}, {"connected", true}, {"error", ""},
           {"node", "a"},           {"owner", "a"},    {"epoch", 7},        {"held", true},
           {"remaining_ms", 6500}};
  EXPECT_THAT(
      status_text(status.dump(), "").value(),
      HasSubstr("\n  lease     a, epoch 7, 6.5 s left; this is a, in group mall at etcd\n"));
  lease["held"] = lease["connected"] = false;
  lease["owner"] = "";
  lease["error"] = "refused";
  EXPECT_THAT(status_text(status.dump(), "").value(),
              HasSubstr("\n  lease     of no node, epoch 7; this is a, in group mall at etcd, "
                        "which is away: refused\n"));
}

TEST(StatusView, SaysWhoLeadsInACluster) {
  json status = json::parse(kStatus);
  status["streams"][0]["cluster"] =
      json::parse(R"({"node": "n2", "leader": "n1", "term": 3, "members": [
      {"name": "n1", "voter": true, "lag_entries": 0}, {"name": "n2", "voter": true, "lag_entries": 4},
      {"name": "n3", "voter": false, "lag_entries": null}]})");
  EXPECT_THAT(status_text(status.dump(), "").value(),
              HasSubstr("\n  cluster   n1 leads, term 3; this is n2; nodes: n1, n2 (4 entries "
                        "behind), n3 (learner) (lag -)\n"));
}

TEST(StatusView, RatesComeFromTwoAnswers) {
  json before = json::parse(kStatus);
  before["now_us"] = before["now_us"].get<uint64_t>() - 2'000'000;
  before["streams"][0]["bytes_received"] = 0;
  before["streams"][0]["transactions"] = 100;
  EXPECT_THAT(status_text(kStatus, before.dump()).value(),
              HasSubstr("shop: streaming, 0.2 s behind (1.5 MB), 12 MB/s, 2,500 transactions/s\n"));
  before["started_us"] = 1;  // another process: its counters are not comparable
  EXPECT_THAT(status_text(kStatus, before.dump()).value(),
              HasSubstr("shop: streaming, 0.2 s behind (1.5 MB)\n"));
}

TEST(StatusView, WhatIsNotBinbusIsSaidToBeSo) {
  for (const char* body : {"", "<html>", "[]", "{}", R"({"version": 7})"}) {
    const auto view = status_text(body, "");
    ASSERT_FALSE(view) << body;
    EXPECT_THAT(view.error().message, HasSubstr("the answer is not binbus's")) << body;
  }
}

TEST(StatusView, AConnectionWithoutTlsIsSaidToBeSo) {
  json status = json::parse(kStatus);
  status["streams"][0]["source"]["tls"] = "";
  EXPECT_THAT(status_text(status.dump(), "").value(), HasSubstr(", without TLS, semi-sync\n"));
}

TEST(StatusView, LongSetsShowTheirEnd) {
  json status = json::parse(kStatus);
  std::string set;
  for (int i = 0; i < 50; ++i)
    set += "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-" + std::to_string(i) + ",\n";
  status["streams"][0]["gtid_executed"] = set;
  const std::string text = status_text(status.dump(), "").value();
  EXPECT_THAT(text, HasSubstr("gtid      ... "));
  EXPECT_THAT(text, HasSubstr(":1-49,\n"));
}

TEST(StatusView, IsCutToTheTerminal) {
  const struct {
    size_t columns;
    size_t rows;
    const char* want;
  } cases[] = {{80, 3, "one\ntwo\nthree\n"},
               {3, 4, "one\ntwo\nthr\n"},
               {80, 2, "one\n... 2 more lines; a larger window shows them\n"},
               {9, 1, "... 3 mor\n"}};
  for (const auto& c : cases) EXPECT_EQ(fitted("one\ntwo\nthree\n", c.columns, c.rows), c.want);
  EXPECT_EQ(fitted("", 80, 24), "");
}

TEST(StatusView, SegmentsAndLocation) {
  EXPECT_EQ(
      segments_text("shop", R"({"segments": [
      {"name": "binlog.000001", "bytes": 1073741824, "sealed": true, "first_us": 1700000000000000,
       "last_commit_us": 1700000060000000, "previous_gtids": ""},
      {"name": "binlog.000002", "bytes": 157, "sealed": false, "first_us": 1700000060000000, "last_commit_us": 0,
       "previous_gtids": "u:1"}]})")
          .value(),
      "STREAM  SEGMENT        BYTES          FROM                 NEWEST COMMIT\n"
      "shop    binlog.000001  1,073,741,824  2023-11-14 22:13:20  2023-11-14 22:14:20\n"
      "shop    binlog.000002  157            2023-11-14 22:14:20  -                    open\n");
  EXPECT_EQ(location_text(R"({"position": {"file": "binlog.000009", "offset": 200},
                              "source": {"server_uuid": "u", "server_id": 5,
                                         "position": {"file": "mysql-bin.000003", "offset": 154}}})")
                .value(),
            "binbus  binlog.000009:200\nsource  mysql-bin.000003:154  (server_id 5, u)\n");
}

TEST(Units, AreReadable) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(1000), "1.0 kB");
  EXPECT_EQ(bytes_text(999'600), "1.0 MB");
  EXPECT_EQ(bytes_text(UINT64_MAX), "18446744 TB");
  EXPECT_EQ(duration_text(0), "0 s");
  EXPECT_EQ(duration_text(1), "1 ms");
  EXPECT_EQ(duration_text(100), "0.1 s");
  EXPECT_EQ(duration_text(59'999), "59 s");
  EXPECT_EQ(duration_text(60'000), "1 min 0 s");
  EXPECT_EQ(duration_text(90'000'000), "1 d 1 h");
  EXPECT_EQ(time_text(0), "-");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1000), "1,000");
  EXPECT_EQ(count_text(1577636), "1,577,636");
}

TEST(StatusView, StreamsThatNeedNoName) {
  const std::string one =
      R"({"streams": [{"name": "shop", "kept_at": [], "sinks": [{"name": "a"}, {"name": "b"}]}]})";
  const std::string two =
      R"({"streams": [{"name": "shop", "kept_at": ["n1", "n2"], "sinks": []},
                      {"name": "mall", "kept_at": [], "sinks": [{"name": "c"}]}]})";
  EXPECT_EQ(the_stream(one, "").value(), "shop");
  EXPECT_EQ(the_stream(two, "mall").value(), "mall");
  EXPECT_EQ(the_stream(two, "").error().message,
            "there are several streams; name one of: shop, mall");
  EXPECT_EQ(stream_of_sink(one, "b").value(), "shop");
  EXPECT_EQ(stream_of_sink(two, "c").value(), "mall");
  EXPECT_EQ(stream_of_sink(one, "c").error().message, "there is no sink \"c\"; there are: a, b");
  EXPECT_EQ(stream_of_sink(two, "a").error().message,
            "there is no sink \"a\"; there are: c; those of stream shop are known at n1, n2");
}

TEST(StatusView, PlaceOfARevision) {
  const std::string status =
      R"({"streams": [{"name": "shop", "sinks": [{"name": "a", "revision": 3, "revision_from": "b.000001:4"}]}]})";
  EXPECT_EQ(revision_place(status, R"({"revision": 3})", "a").value(), "b.000001:4");
  EXPECT_EQ(revision_place(status, R"({"revision": 4})", "a").value(), std::nullopt);
}

TEST(StatusView, Feed) {
  EXPECT_EQ(feed_text(kStatus, "", false).value(),
            R"(shop: 1 clients
    CLIENT  PEER             CURSOR       STATE    POSITION            LAG    SENT    CONNECTED
    ann     127.0.0.1:51300  app (13/64)  waiting  binlog.000007:4000  1.5 s  8.0 kB  3 min 20 s
    ann: no credit is left
orders: nobody is fed; see [feed]
)");
  EXPECT_EQ(cursors_text(R"({"cursors": [
      {"name": "app", "position": "b.000001:4", "client": "ann", "lag_ms": 1500, "purged": false, "shared": false, "workers": []},
      {"name": "new", "position": "", "client": "", "lag_ms": null, "purged": false, "shared": false, "workers": []},
      {"name": "old", "position": "b.000000:4", "client": "", "lag_ms": null, "purged": true, "shared": false, "workers": []},
      {"name": "work", "position": "b.000001:4", "client": "", "lag_ms": 1500, "purged": false, "shared": true,
       "workers": [{"client": "ann", "parts": 32}, {"client": "bob", "parts": 32}]}]})")
                .value(),
            R"(CURSOR  POSITION    CLIENT       LAG
app     b.000001:4  ann          1.5 s
new     -           -            -
old     b.000000:4  -            what comes next was removed by retention
work    b.000001:4  2 workers    1.5 s
                    ann (32/64)
                    bob (32/64)
)");
}

TEST(StatusView, KeptRows) {
  EXPECT_EQ(snapshot_text(kStatus, "", false).value(),
            R"(shop: 3 tables as of binlog.000007:4711, 43 MB on disk
    TABLE        STATE    ROWS READ  BYTES  PROGRESS
    shop.orders  filling  300,000    29 MB  75%, 2.0 s left
    shop.logs    filling  0          0 B    paused
    shop.gone    failed   0          0 B
    waits: the source runs 9 statements
    shop.gone: no key
orders: no rows are kept; see [[state]]
)");
  EXPECT_EQ(json::parse(snapshot_text(kStatus, "shop", true).value())[0]["snapshot"]["disk_bytes"],
            43300000);
  EXPECT_EQ(snapshot_text(kStatus, "none", false).error().code, Code::kNotFound);
  EXPECT_EQ(kept_patterns_text(kStatus, "").value(),
            "shop: shop.* crm.users (told live, not those of binbus.toml)\n"
            "orders: no rows are kept; see [[state]]\n");
}

}  // namespace
}  // namespace binbus::cli
