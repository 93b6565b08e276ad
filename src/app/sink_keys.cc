// The rows of the configuration table for sinks.
#include "app/config_keys.h"
#include "ingest/options.h"
#include "sink/condition.h"
#include "sink/filter_table.h"
#include "sink/pattern.h"
#include "sink/template.h"

namespace binbus::app {
namespace {

using Kind = KeyKind;
using sink::SinkOptions;
using sink::TableOptions;

constexpr std::string_view kTypes[] = {"file", "kafka", "rabbitmq"};
constexpr std::string_view kFormats[] = {"maxwell", "canal", "debezium", "binbus", "sql"};
constexpr std::string_view kRejections[] = {"dead_letter", "stop", "skip"};
constexpr std::string_view kLosses[] = {"stop", "skip"};
constexpr std::string_view kKeyChanges[] = {"update", "delete_insert"};
constexpr std::string_view kCompressions[] = {"none", "gzip", "zstd"};
constexpr std::string_view kDeliveries[] = {"at_least_once", "transactional"};

Status check_name(std::string_view name) {
  const bool plain =
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
      std::string_view::npos;
  if (plain && !name.empty() && name.size() <= 64) return ok();
  return fail(Code::kInvalid, "must be 1 to 64 letters, digits, \"_\" or \"-\": it names files");
}

Status check_start(std::string_view text) {
  BINBUS_RETURN_IF_ERROR(ingest::Start::parse(std::string(text)));
  return ok();
}

Status check_pattern(std::string_view text) {
  BINBUS_RETURN_IF_ERROR(sink::PatternSet::compile(std::vector<std::string>{std::string(text)}));
  return ok();
}

Status check_filter_table(std::string_view text) {
  BINBUS_RETURN_IF_ERROR(sink::FilterTable::make(std::string(text)));
  return ok();
}

Status check_condition(std::string_view text) {
  BINBUS_RETURN_IF_ERROR(sink::Condition::parse(text));
  return ok();
}

Status check_template(std::string_view text) {
  BINBUS_RETURN_IF_ERROR(sink::parse_template(text, "", ""));
  return ok();
}

Status check_operation(std::string_view text) {
  if (text == "insert" || text == "update" || text == "delete" || text == "ddl") return ok();
  return fail(Code::kInvalid,
              "has \"" + std::string(text) + "\"; there are: insert, update, delete, ddl");
}

// What is said of tables, in [[sink]] (with `defaults`) and in [[sink.table]].
template <class T>
void add_table_keys(std::vector<Key<T>>& keys, bool defaults) {
  const auto fallback = [defaults](std::string_view value) {
    return defaults ? value : std::string_view();
  };
  const Key<T> rows[] = {
      {.name = "operations",
       .kind = Kind::kTexts,
       .member = &TableOptions::operations,
       .fallback = "",
       .help = "What is delivered: `insert`, `update`, `delete`, `ddl` (statements, TRUNCATE too). "
               "Default: all but `ddl`.",
       .check = check_operation},
      {.name = "where",
       .kind = Kind::kText,
       .member = &TableOptions::where,
       .fallback = "",
       .help = "A condition on rows, as `status = 'paid' AND total >= 100`. An update is delivered "
               "when its row fulfils it before or after.",
       .check = check_condition},
      {.name = "columns",
       .kind = Kind::kTexts,
       .member = &TableOptions::columns,
       .fallback = "",
       .help = "Only these columns are delivered."},
      {.name = "drop_columns",
       .kind = Kind::kTexts,
       .member = &TableOptions::drop_columns,
       .fallback = "",
       .help = "These columns are not delivered."},
      {.name = "mask",
       .kind = Kind::kMap,
       .member = &TableOptions::mask,
       .fallback = "",
       .help = "Columns and the text that takes the place of their values."},
      {.name = "mask_null",
       .kind = Kind::kTexts,
       .member = &TableOptions::mask_null,
       .fallback = "",
       .help = "Columns whose values become NULL."},
      {.name = "hash",
       .kind = Kind::kTexts,
       .member = &TableOptions::hash,
       .fallback = "",
       .help = "Columns whose values become the SHA-256, in hex, of `hash_salt` and the value."},
      {.name = "rename",
       .kind = Kind::kText,
       .member = &TableOptions::rename,
       .fallback = "",
       .help = "What the table is called in messages, topics and keys, as `archive.{table}`."},
      {.name = "rename_columns",
       .kind = Kind::kMap,
       .member = &TableOptions::rename_columns,
       .fallback = "",
       .help = "Columns and what they are called."},
      {.name = "topic",
       .kind = Kind::kText,
       .member = &TableOptions::topic,
       .fallback = fallback("{database}"),
       .help = "Kafka: the topic, a template.",
       .check = check_template},
      {.name = "exchange",
       .kind = Kind::kText,
       .member = &TableOptions::exchange,
       .fallback = fallback("binbus"),
       .help = "RabbitMQ: the exchange, a template.",
       .check = check_template},
      {.name = "routing_key",
       .kind = Kind::kText,
       .member = &TableOptions::routing_key,
       .fallback = fallback("{database}.{table}"),
       .help = "RabbitMQ: the routing key, a template.",
       .check = check_template},
      {.name = "key",
       .kind = Kind::kTexts,
       .member = &TableOptions::key,
       .fallback = fallback("{table}"),
       .help = "What messages that must stay in order have in common: columns, or templates.",
       .check = check_template},
      {.name = "key_change",
       .kind = Kind::kChoice,
       .member = &TableOptions::key_change,
       .fallback = fallback("update"),
       .help = "An update that changes the key: `update` is one message under the new key, "
               "`delete_insert` a delete under the old one and an insert under the new.",
       .choices = kKeyChanges},
  };
  keys.insert(keys.end(), std::begin(rows), std::end(rows));
}

const Key<SinkOptions> kSinkKeys[] = {
    {.name = "name",
     .kind = Kind::kText,
     .member = &SinkOptions::name,
     .fallback = "",
     .help = "Names the sink in commands, logs and metrics, and its files.",
     .required = true,
     .check = check_name},
    {.name = "stream",
     .kind = Kind::kText,
     .member = &SinkOptions::stream,
     .fallback = "",
     .help = "The `[[stream]]` whose changes it delivers.",
     .required = true},
    {.name = "type",
     .kind = Kind::kChoice,
     .member = &SinkOptions::type,
     .fallback = "",
     .help = "What it delivers to.",
     .required = true,
     .choices = kTypes},
    {.name = "format",
     .kind = Kind::kChoice,
     .member = &SinkOptions::format,
     .fallback = "binbus",
     .help = "What messages look like.",
     .choices = kFormats},
    {.name = "tables",
     .kind = Kind::kTexts,
     .member = &SinkOptions::tables,
     .fallback = "",
     .help = "Patterns of the tables that are delivered, as `shop.*`. Default: all but the system "
             "schemas.",
     .check = check_pattern},
    {.name = "exclude",
     .kind = Kind::kTexts,
     .member = &SinkOptions::exclude,
     .fallback = "",
     .help = "Patterns of tables that are not delivered whatever `tables` says.",
     .check = check_pattern},
    {.name = "filter_table",
     .kind = Kind::kText,
     .member = &SinkOptions::filter_table,
     .fallback = "",
     .help = "A table of the source, as `ops.monitored`, whose rows say which of these tables are "
             "delivered, [from where they are on](sinks.md#a-filter-table-in-the-source).",
     .check = check_filter_table},
    {.name = "start",
     .kind = Kind::kText,
     .member = &SinkOptions::start,
     .fallback = "earliest",
     .help = "Where a new sink begins: `earliest` (of what is stored), `latest`, `gtid:SET` (what "
             "is in the set is not needed) or `FILE:POS`. Not used once something was delivered. "
             "With a "
             "`[coordinator]` the default is `latest`.",
     .check = check_start},
    {.name = "paused",
     .kind = Kind::kBool,
     .member = &SinkOptions::paused,
     .fallback = "false",
     .help = "Waits at the start until it is resumed."},
    {.name = "hold",
     .kind = Kind::kBool,
     .member = &SinkOptions::hold,
     .fallback = "true",
     .help = "Retention keeps segments that this sink has not delivered yet, also while it is "
             "paused or cannot reach its target, and all of them until the first schema "
             "baseline. With `false` they go, and it stops when it comes too late."},
    {.name = "path",
     .kind = Kind::kPath,
     .member = &SinkOptions::path,
     .fallback = "",
     .help = "File: where messages go, one per line. `-` is standard output."},
    {.name = "rotate_bytes",
     .kind = Kind::kBytes,
     .member = &SinkOptions::rotate_bytes,
     .fallback = "0",
     .help = "File: another is begun once one is as large. 0: no limit."},
    {.name = "rotate_after",
     .kind = Kind::kDuration,
     .member = &SinkOptions::rotate_ms,
     .fallback = "0s",
     .help = "File: another is begun once one is as old. 0: no limit."},
    {.name = "compression",
     .kind = Kind::kChoice,
     .member = &SinkOptions::compression,
     .fallback = "none",
     .help = "File: how it is compressed. Kafka's is the property `compression.type`.",
     .choices = kCompressions},
    {.name = "brokers",
     .kind = Kind::kAddresses,
     .member = &SinkOptions::brokers,
     .fallback = "",
     .help = "Kafka: brokers to ask for the others."},
    {.name = "delivery",
     .kind = Kind::kChoice,
     .member = &SinkOptions::delivery,
     .fallback = "at_least_once",
     .help = "Kafka: `transactional` keeps the position with the messages, so that consumers with "
             "`read_committed` see each change once.",
     .choices = kDeliveries},
    {.name = "tombstones",
     .kind = Kind::kBool,
     .member = &SinkOptions::tombstones,
     .fallback = "false",
     .help = "Kafka: each delete is followed by a message with its key and no value."},
    {.name = "url",
     .kind = Kind::kText,
     .member = &SinkOptions::url,
     .fallback = "",
     .help = "RabbitMQ: `amqp://USER:PASSWORD@HOST:PORT/VHOST`, or `amqps:`."},
    {.name = "properties",
     .kind = Kind::kMap,
     .member = &SinkOptions::properties,
     .fallback = "",
     .help = "Kafka: settings of librdkafka by their names there. RabbitMQ: see its page."},
    {.name = "transaction_bounds",
     .kind = Kind::kBool,
     .member = &SinkOptions::transaction_bounds,
     .fallback = "false",
     .help = "Messages where a transaction begins and ends, if anything of it is delivered."},
    {.name = "transaction_topic",
     .kind = Kind::kText,
     .member = &SinkOptions::transaction_topic,
     .fallback = "{stream}.transaction",
     .help = "Where those and statements about no database go: a topic or exchange, a template.",
     .check = check_template},
    {.name = "schemas",
     .kind = Kind::kBool,
     .member = &SinkOptions::schemas,
     .fallback = "false",
     .help = "Debezium: each message with its schema."},
    {.name = "sql_text",
     .kind = Kind::kBool,
     .member = &SinkOptions::sql_text,
     .fallback = "false",
     .help =
         "Messages hold the original statement where the source logs it, of long ones the first "
         "64 KiB. Never where columns are dropped, masked or hashed."},
    {.name = "full_rows",
     .kind = Kind::kBool,
     .member = &SinkOptions::full_rows,
     .fallback = "false",
     .help =
         "Rows have what the source's log leaves out of them (binlog_row_image, partial JSON), as "
         "far as it is kept: see fill_images of [[state]]."},
    {.name = "gtid",
     .kind = Kind::kBool,
     .member = &SinkOptions::gtid,
     .fallback = "true",
     .help = "Messages hold GTID, position, server and thread."},
    {.name = "primary_key",
     .kind = Kind::kBool,
     .member = &SinkOptions::primary_key,
     .fallback = "false",
     .help = "Maxwell: messages hold the primary key's columns and values once more."},
    {.name = "hash_salt",
     .kind = Kind::kText,
     .member = &SinkOptions::hash_salt,
     .fallback = "",
     .help = "A secret that `hash` needs, so that nobody can guess values by their hashes."},
    {.name = "on_loss",
     .kind = Kind::kChoice,
     .member = &SinkOptions::on_loss,
     .fallback = "stop",
     .help = "Where the log does not have the rows that changed (logged as a statement, lost by "
             "the source, or of an XA transaction prepared before the oldest segment): `stop`, or "
             "`skip` to go on without them.",
     .choices = kLosses},
    {.name = "on_rejected",
     .kind = Kind::kChoice,
     .member = &SinkOptions::on_rejected,
     .fallback = "dead_letter",
     .help =
         "A message that the target takes from nobody, or that cannot be printed: "
         "`dead_letter` keeps it in a file and goes on, `stop` keeps it and stops, `skip` drops "
         "it. All are counted.",
     .choices = kRejections},
    {.name = "commit_interval",
     .kind = Kind::kDuration,
     .member = &SinkOptions::commit_interval_ms,
     .fallback = "1s",
     .help = "The position is kept at least so often, and whenever nothing new is there.",
     .min = 1,
     .max = 3600 * 1000},
    {.name = "commit_messages",
     .kind = Kind::kInteger,
     .member = &SinkOptions::commit_messages,
     .fallback = "100000",
     .help = "And after so many messages, at the transaction's end.",
     .min = 1},
    {.name = "retry_max",
     .kind = Kind::kDuration,
     .member = &SinkOptions::retry_max_ms,
     .fallback = "30s",
     .help = "The longest wait between two tries to reach the target.",
     .min = 100,
     .max = 3600 * 1000},
};

std::vector<Key<SinkOptions>> all_sink_keys() {
  std::vector<Key<SinkOptions>> keys(std::begin(kSinkKeys), std::end(kSinkKeys));
  add_table_keys(keys, true);
  return keys;
}

std::vector<Key<TableOptions>> all_sink_table_keys() {
  std::vector<Key<TableOptions>> keys = {
      {.name = "match",
       .kind = Kind::kText,
       .member = &TableOptions::match,
       .fallback = "",
       .help = "A pattern of tables. Does not say that they are delivered: `tables` does.",
       .required = true,
       .check = check_pattern}};
  add_table_keys(keys, false);
  return keys;
}

constexpr std::string_view kFile[] = {"file"};
constexpr std::string_view kKafka[] = {"kafka"};
constexpr std::string_view kRabbitmq[] = {"rabbitmq"};
constexpr std::string_view kBrokers[] = {"kafka", "rabbitmq"};
const SinkKeyUse kUses[] = {
    {"path", kFile, true},   {"rotate_bytes", kFile},    {"rotate_after", kFile},
    {"compression", kFile},  {"brokers", kKafka, true},  {"delivery", kKafka},
    {"tombstones", kKafka},  {"topic", kKafka},          {"url", kRabbitmq, true},
    {"exchange", kRabbitmq}, {"routing_key", kRabbitmq}, {"properties", kBrokers},
};

}  // namespace

std::span<const Key<SinkOptions>> sink_keys() {
  static const std::vector<Key<SinkOptions>> kKeys = all_sink_keys();
  return kKeys;
}
std::span<const Key<TableOptions>> sink_table_keys() {
  static const std::vector<Key<TableOptions>> kKeys = all_sink_table_keys();
  return kKeys;
}
std::span<const SinkKeyUse> sink_key_uses() { return kUses; }

}  // namespace binbus::app
