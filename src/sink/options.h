// What a sink is told to do, as binbus.toml says it in [[sink]] and [[sink.table]]; docs/configuration.md explains every key.
// Plain values: app fills them, Plan (sink/plan.h) and the targets check what they mean.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace binbus::sink {

// What is said of tables. In a [[sink.table]], what is not set is as [[sink]] says.
struct TableOptions {
  std::string match = {};                        // of [[sink.table]]: a pattern
  std::vector<std::string> operations = {};      // insert, update, delete, ddl
  std::vector<std::string> columns = {};         // only these
  std::vector<std::string> drop_columns = {};    // all but these
  std::string where = {};                        // a condition on rows (sink/condition.h)
  std::map<std::string, std::string> mask = {};  // column -> the text that stands for its values
  std::vector<std::string> mask_null = {};       // columns whose values become NULL
  std::vector<std::string> hash = {};            // columns whose values become SHA-256 in hex
  std::string rename = {};                       // a template for "database.table"
  std::map<std::string, std::string> rename_columns = {};

  // Templates (sink/router.h).
  std::string topic = {};
  std::string exchange = {};
  std::string routing_key = {};
  std::vector<std::string> key = {};
  std::string key_change = {};  // update, delete_insert

  bool operator==(const TableOptions&) const = default;
};

struct SinkOptions : TableOptions {
  std::string name;
  std::string stream;
  std::string type;    // file, kafka, rabbitmq
  std::string format;  // as format::make_writer() takes it
  std::string start;   // earliest, latest, gtid:SET, FILE:POS; while there is no checkpoint
  std::vector<std::string> tables;   // patterns; empty: all but the system schemas
  std::vector<std::string> exclude;  // patterns
  std::string filter_table;          // "database.table" of the source; "": none
  std::vector<TableOptions> table_rules;
  std::string hash_salt;
  bool tombstones = false;        // after a delete, a message with its key and no payload
  std::string transaction_topic;  // a template, for what is about no database

  // What messages hold.
  bool transaction_bounds = false;
  bool schemas = false;
  bool sql_text = false;
  bool full_rows = false;
  bool gtid = true;
  bool primary_key = false;

  std::string on_loss = "stop";             // skip: where the log does not have the rows
  std::string on_rejected = "dead_letter";  // stop, skip
  uint64_t commit_interval_ms = 1000;
  uint64_t commit_messages = 100'000;
  uint64_t retry_max_ms = 30'000;
  bool paused = false;  // at start
  bool hold = true;     // retention keeps what is not delivered yet

  // file
  std::string path;  // "-": standard output
  uint64_t rotate_bytes = 0;
  uint64_t rotate_ms = 0;
  std::string compression = "none";  // gzip, zstd

  // kafka, rabbitmq
  std::string delivery = "at_least_once";  // transactional
  std::vector<std::string> brokers;
  std::string url;
  std::map<std::string, std::string> properties;  // of the target's own library

  bool operator==(const SinkOptions&) const = default;
};

}  // namespace binbus::sink
