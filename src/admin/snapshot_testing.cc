#include "admin/snapshot_testing.h"

namespace binbus::admin {

Snapshot example_snapshot() {
  StreamStatus shop;
  shop.name = "shop";
  shop.state = StreamState::kStreaming;
  shop.flavor = "mysql";
  shop.source = {.address = "127.0.0.1:3306",
                 .server_uuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562",
                 .server_id = 1,
                 .version = "9.7.0",
                 .tls = "TLSv1.3",
                 .position = {"binlog.000007", 4711},
                 .semi_sync = true};
  shop.candidates = {"127.0.0.1:3306", "127.0.0.1:3316"};
  shop.position = {"binlog.000007", 4711};
  shop.gtid_executed = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-500";
  shop.server_uuid = "11111111-71ca-11e1-9e33-c80aa9429562";
  shop.server_id = 77;
  shop.lag_ms = 250;
  shop.lag_bytes = 1000;
  shop.last_commit_us = 1'700'000'000'000'000;
  for (const uint64_t delay_us : {400, 500, 501, 61'000'000}) shop.store_delay.observe(delay_us);
  shop.last_activity_us = 1'700'000'000'500'000;
  shop.transactions = 500;
  shop.bytes_received = 454'000'000;
  shop.connects = 2;
  shop.semi_sync_acks = 400;
  shop.segments = 7;
  shop.log_bytes = 454'001'234;
  shop.oldest = {"binlog.000001", 4};
  shop.disk_free_bytes = 20'000'000'000;
  shop.listen = "127.0.0.1:3307";
  shop.replicas.push_back({.peer = "127.0.0.1:51234",
                           .user = "replica",
                           .server_id = 11,
                           .server_uuid = "22222222-71ca-11e1-9e33-c80aa9429562",
                           .mode = "gtid",
                           .state = "sending",
                           .position = {"binlog.000006", 154},
                           .lag_bytes = 3'000'000,
                           .lag_ms = 7'500,
                           .bytes_sent = 12'345,
                           .connected_us = 1'699'999'000'000'000,
                           .semi_sync = false});
  shop.feed = FeedStatus{.bytes_sent = 9'000,
                         .subscribers = {{.client = "ann",
                                          .peer = "127.0.0.1:51300",
                                          .cursor = "app",
                                          .state = "sending",
                                          .reason = "",
                                          .position = "binlog.000007:4000",
                                          .lag_ms = 1'500,
                                          .bytes_sent = 8'000,
                                          .connected_us = 1'699'999'000'000'000}}};
  shop.kept = KeptStatus{.position = "binlog.000007:4711",
                         .caught_up = true,
                         .reason = "",
                         .fill_reason = "",
                         .disk_bytes = 43'300'000,
                         .patterns = {"shop.*"},
                         .tables = {{.name = "shop.orders",
                                     .phase = "filling",
                                     .error = "",
                                     .rows_read = 310'500,
                                     .rows_expected = 500'000,
                                     .bytes_read = 28'800'000,
                                     .chunks = 12,
                                     .since_us = 1'699'999'996'000'000},
                                    {.name = "shop.customers",
                                     .phase = "ready",
                                     .error = "",
                                     .rows_read = 80'000,
                                     .rows_expected = 79'500,
                                     .bytes_read = 6'100'000,
                                     .chunks = 2,
                                     .since_us = 1'699'999'990'000'000}}};
  shop.sinks.push_back({.name = "changes",
                        .type = "file",
                        .format = "maxwell",
                        .state = "retrying",
                        .reason = "why",
                        .since_us = 1,
                        .position = "binlog.000007:4000",
                        .read = "binlog.000007:4711",
                        .lag_ms = 3,
                        .messages = 4,
                        .bytes = 5,
                        .filtered = 6,
                        .rejected = 7,
                        .skipped = 8,
                        .revision = 9,
                        .revision_from = "binlog.000006:4"});
  shop.lease = {.coordinator = "etcd",
                .group = "db_mall",
                .connected = true,
                .error = "",
                .node = "a",
                .nodes = {"a", "b"},
                .owner = "a",
                .epoch = 7,
                .held = true,
                .remaining_ms = 6'500};
  StreamStatus orders;
  orders.name = "orders";
  orders.state = StreamState::kWaiting;
  orders.reason = "127.0.0.1:3406: connection refused";
  orders.error_code = "network";
  orders.candidates = {"127.0.0.1:3406"};
  orders.cluster = {.node = "n1",
                    .role = "leader",
                    .leader = "n1",
                    .term = 3,
                    .last_index = 9,
                    .commit_index = 8,
                    .reason = "",
                    .members = {{.name = "n2", .voter = true, .lag_entries = 4, .active = true}}};
  return {.version = "0.1.0",
          .now_us = 1'700'000'001'000'000,
          .started_us = 1'699'999'001'000'000,
          .streams = {shop, orders},
          .cluster = {}};
}

}  // namespace binbus::admin
