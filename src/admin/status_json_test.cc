#include "admin/status_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "admin/snapshot_testing.h"

namespace binbus::admin {
namespace {

using nlohmann::json;

TEST(StatusJson, HoldsEverythingUnderItsName) {
  const json all = json::parse(to_json(example_snapshot()));
  EXPECT_EQ(all["version"], "0.1.0");
  EXPECT_EQ(all["now_us"], 1'700'000'001'000'000);
  const json& shop = all["streams"][0];
  const json want = json::parse(R"({
    "name": "shop", "state": "streaming", "reason": "", "error_code": "", "flavor": "mysql",
    "source": {"address": "127.0.0.1:3306", "server_uuid": "3e11fa47-71ca-11e1-9e33-c80aa9429562", "server_id": 1,
               "version": "9.7.0", "tls": "TLSv1.3", "position": {"file": "binlog.000007", "offset": 4711}, "semi_sync": true},
    "candidates": ["127.0.0.1:3306", "127.0.0.1:3316"],
    "position": {"file": "binlog.000007", "offset": 4711},
    "gtid_executed": "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-500",
    "server_uuid": "11111111-71ca-11e1-9e33-c80aa9429562", "server_id": 77,
    "lag_ms": 250, "lag_bytes": 1000, "last_commit_us": 1700000000000000, "last_activity_us": 1700000000500000,
    "transactions": 500, "bytes_received": 454000000, "connects": 2, "semi_sync_acks": 400,
    "segments": 7, "log_bytes": 454001234, "oldest": {"file": "binlog.000001", "offset": 4},
    "disk_free_bytes": 20000000000, "listen": "127.0.0.1:3307", "listen_error": "",
    "replicas": [{"peer": "127.0.0.1:51234", "user": "replica", "server_id": 11,
                  "server_uuid": "22222222-71ca-11e1-9e33-c80aa9429562", "mode": "gtid", "state": "sending",
                  "position": {"file": "binlog.000006", "offset": 154}, "lag_ms": 7500, "lag_bytes": 3000000,
                  "bytes_sent": 12345, "connected_us": 1699999000000000, "semi_sync": false}],
    "sinks": [{"name": "changes", "type": "file", "format": "maxwell", "state": "retrying", "reason": "why",
               "since_us": 1, "position": "binlog.000007:4000", "read": "binlog.000007:4711", "lag_ms": 3, "messages": 4,
               "bytes": 5, "filtered": 6, "rejected": 7, "skipped": 8, "revision": 9,
               "revision_from": "binlog.000006:4"}],
    "feed": {"bytes_sent": 9000,
             "subscribers": [{"client": "ann", "peer": "127.0.0.1:51300", "cursor": "app", "parts": 0, "state": "sending", "reason": "",
                              "position": "binlog.000007:4000", "lag_ms": 1500, "bytes_sent": 8000,
                              "connected_us": 1699999000000000}]},
    "snapshot": {"position": "binlog.000007:4711", "caught_up": true, "reason": "", "fill_reason": "",
                 "disk_bytes": 43300000, "patterns": ["shop.*"], "patterns_told": false,
                 "tables": [{"name": "shop.orders", "phase": "filling", "error": "", "paused": false, "rows_read": 310500,
                             "rows_expected": 500000, "bytes_read": 28800000, "chunks": 12, "since_us": 1699999996000000},
                            {"name": "shop.customers", "phase": "ready", "error": "", "paused": false, "rows_read": 80000,
                             "rows_expected": 79500, "bytes_read": 6100000, "chunks": 2, "since_us": 1699999990000000}]},
    "lease": {"coordinator": "etcd", "group": "db_mall", "connected": true, "error": "", "node": "a",
              "nodes": ["a", "b"], "owner": "a", "epoch": 7, "held": true, "remaining_ms": 6500},
    "cluster": null, "kept_at": []
  })");
  EXPECT_EQ(shop, want) << json::diff(want, shop);
}

TEST(StatusJson, WhatIsNotKnownIsNull) {
  const json orders = json::parse(to_json(example_snapshot()))["streams"][1];
  EXPECT_EQ(orders["state"], "waiting");
  EXPECT_EQ(orders["error_code"], "network");
  EXPECT_TRUE(orders["lag_ms"].is_null());
  EXPECT_TRUE(orders["lag_bytes"].is_null());
  EXPECT_TRUE(orders["disk_free_bytes"].is_null());
  EXPECT_TRUE(orders["position"].is_null());
  EXPECT_TRUE(orders["source"]["position"].is_null());
  EXPECT_TRUE(orders["lease"].is_null());
  EXPECT_TRUE(orders["snapshot"].is_null());
}

TEST(StatusJson, TellsOfACluster) {
  Snapshot snapshot = example_snapshot();
  EXPECT_TRUE(json::parse(to_json(snapshot))["cluster"].is_null());
  snapshot.cluster = {.node = "n1",
                      .name = "c",
                      .nodes = {{.name = "n1", .id = 7, .address = "a:1", .connected = true}}};
  const json all = json::parse(to_json(snapshot));
  EXPECT_EQ(all["cluster"],
            json::parse(R"({"node": "n1", "name": "c", "reason": "", "busy_ms": 0, "nodes": [
      {"name": "n1", "id": 7, "address": "a:1", "connected": true, "votes": true, "site": "",
       "drained": false, "leaving": false}]})"));
  EXPECT_EQ(all["streams"][1]["cluster"], json::parse(R"({"node": "n1", "role": "leader",
      "leader": "n1", "term": 3, "last_index": 9, "commit_index": 8, "reason": "",
      "members": [{"name": "n2", "voter": true, "lag_entries": 4, "active": true}], "placed": [],
      "busy_ms": 0, "lag_ms": 0})"));
}

TEST(StatusJson, AGroupIsReadAsItWasTold) {
  const GroupStatus told{.node = "n1",
                         .role = "leader",
                         .leader = "n1",
                         .term = 3,
                         .last_index = 9,
                         .commit_index = 8,
                         .reason = "why",
                         .members = {{.name = "n1", .lag_entries = 0, .active = true},
                                     {.name = "n2", .voter = false, .lag_entries = 4}},
                         .placed = {"n1", "n2"},
                         .busy_ms = 5,
                         .lag_ms = 6};
  const auto read = parse_group(to_json(told));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_json(*read), to_json(told));
  EXPECT_TRUE(json::parse(to_json(*read))["members"][1]["active"].is_null());
  EXPECT_EQ(parse_group("{}").error().code, Code::kCorrupt);
}

TEST(StatusJson, TextThatIsNoUtf8DoesNoHarm) {
  Snapshot snapshot = example_snapshot();
  snapshot.streams[0].replicas[0].user = "caf\xe9";
  const json all = json::parse(to_json(snapshot));
  EXPECT_EQ(all["streams"][0]["replicas"][0]["user"], "caf\xef\xbf\xbd");
}

TEST(StatusJson, Segments) {
  const std::vector<SegmentStatus> segments = {{.name = "binlog.000001",
                                                .bytes = 157,
                                                .sealed = true,
                                                .first_us = 1,
                                                .last_commit_us = 2,
                                                .previous_gtids = "u:1-5"}};
  EXPECT_EQ(
      json::parse(to_json(segments)),
      json::parse(
          R"({"segments": [{"name": "binlog.000001", "bytes": 157, "sealed": true, "first_us": 1,
                                          "last_commit_us": 2, "previous_gtids": "u:1-5"}]})"));
}

TEST(StatusJson, LocationHealthAndErrors) {
  const Location location{.position = {"binlog.000009", 200},
                          .server_uuid = "u",
                          .server_id = 5,
                          .source = {"mysql-bin.000003", 154}};
  EXPECT_EQ(json::parse(to_json(location)),
            json::parse(R"({"position": {"file": "binlog.000009", "offset": 200},
                            "source": {"server_uuid": "u", "server_id": 5,
                                       "position": {"file": "mysql-bin.000003", "offset": 154}}})"));
  EXPECT_EQ(json::parse(to_json(Health{.ok = false, .reasons = {"why"}})),
            json::parse(R"({"ok": false, "reasons": ["why"]})"));
  EXPECT_EQ(json::parse(to_json(Error{Code::kNotFound, "no stream"})),
            json::parse(R"({"error": "not_found", "message": "no stream"})"));
}

}  // namespace
}  // namespace binbus::admin
