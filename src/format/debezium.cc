// Debezium's JSON, as its MySQL and MariaDB connectors write it through Kafka Connect's JSON converter.
#include <unordered_map>
#include <vector>

#include "format/ddl_kind.h"
#include "format/debezium_ddl.h"
#include "format/debezium_schema.h"
#include "format/debezium_value.h"
#include "format/event_id.h"
#include "format/format_writer.h"
#include "format/json_output.h"
#include "format/table_cache.h"

namespace binbus::format {
namespace {

using schema::Change;
using schema::Field;
using schema::Operation;
using schema::TableVersion;

struct DebeziumTable {
  Connector connector = Connector::kMysql;  // that the schemas are for
  std::vector<DebeziumColumn> columns;
  std::vector<uint32_t> key;
  std::string collection;  // shop.orders
  std::string envelope;    // what a message begins with, up to the payload's first member
  std::string key_head;
  std::string database;  // in quotes
  std::string table;
};

// How many messages a transaction has had, in all and by table.
class TransactionCounts {
 public:
  void reset() {
    total_ = 0;
    by_collection_.clear();
    last_ = nullptr;
  }
  // Counts one more; how many there are now.
  struct Orders {
    uint64_t total;
    uint64_t in_collection;
  };
  Orders count(const std::string& collection) {
    if (last_ == nullptr || last_->first != collection)
      last_ = &*by_collection_.try_emplace(collection, 0).first;
    return {++total_, ++last_->second};
  }
  uint64_t total() const { return total_; }
  const std::unordered_map<std::string, uint64_t>& by_collection() const { return by_collection_; }

 private:
  uint64_t total_ = 0;
  std::unordered_map<std::string, uint64_t> by_collection_;
  std::pair<const std::string, uint64_t>* last_ = nullptr;
};

Connector connector_of(const Change& change) {
  const bool mariadb = change.transaction != nullptr &&
                       std::holds_alternative<mysql::MariadbGtid>(change.transaction->gtid);
  return mariadb ? Connector::kMariadb : Connector::kMysql;
}

const char* operation_code(Operation operation) {
  switch (operation) {
    case Operation::kInsert:
      return "c";
    case Operation::kUpdate:
      return "u";
    case Operation::kDelete:
      return "d";
    case Operation::kRead:
      return "r";
    default:
      return "t";
  }
}

class DebeziumWriter : public FormatWriter {
 public:
  explicit DebeziumWriter(const WriterOptions& options) : options_(options), id_(options.stream) {
    append_json_string(name_, options.stream);
  }

 protected:
  Result<bool> print(std::string& out, const Change& change) override {
    switch (change.operation) {
      case Operation::kBegin:
      case Operation::kCommit:
        if (!options_.transaction_bounds) return false;
        bounds(out, change);
        return true;
      case Operation::kDdl:
        if (!options_.ddl) return false;
        ddl(out, change);
        return true;
      case Operation::kTruncate:
        if (!options_.ddl || change.table == nullptr) return false;
        return row(out, change);
      default:
        return row(out, change);
    }
  }

  Result<bool> print_key(std::string& out, const Change& change) override {
    switch (change.operation) {
      case Operation::kBegin:
      case Operation::kCommit:
        begin_payload(out, transaction_key_schema);
        out += "{\"id\":\"";
        id_.append_transaction(out, change);
        end_payload(out, "\"}");
        return true;
      case Operation::kDdl:
        begin_payload(out, [&] { return schema_change_key_schema(connector_of(change)); });
        out += "{\"databaseName\":";
        append_json_string(out, database_of(change));
        end_payload(out, "}");
        return true;
      case Operation::kTruncate:
        return false;
      default:
        return row_key(out, change);
    }
  }

 private:
  DebeziumTable& table_of(const Change& change) {
    const Connector connector = connector_of(change);
    const auto make = [&](const TableVersion& table) { return make_table(table, connector); };
    DebeziumTable& table = tables_.get(change.table, make);
    if (table.connector != connector) table = make(*change.table);
    return table;
  }

  DebeziumTable make_table(const TableVersion& table, Connector connector) const {
    DebeziumTable made;
    made.connector = connector;
    made.columns = shown_plans<DebeziumColumn>(table);
    made.key = table.primary_key;
    made.collection = table.database + "." + table.table;
    append_json_string(made.database, table.database);
    append_json_string(made.table, table.table);
    begin_payload(made.envelope,
                  [&] { return envelope_schema(table, options_.stream, connector); });
    begin_payload(made.key_head, [&] { return key_schema(table, options_.stream); });
    return made;
  }

  // With schemas: {"schema":{...},"payload": and a "}" at the end.
  template <class Schema>
  void begin_payload(std::string& out, Schema schema) const {
    if (!options_.schemas) return;
    out += "{\"schema\":";
    out += schema();
    out += ",\"payload\":";
  }
  void end_payload(std::string& out, const char* end) const {
    out += end;
    if (options_.schemas) out += '}';
  }

  Result<bool> row(std::string& out, const Change& change) {
    const DebeziumTable& table = table_of(change);
    out += table.envelope;
    out += "{\"before\":";
    BINBUS_RETURN_IF_ERROR(image(out, table, change.before, {}));
    out += ",\"after\":";
    BINBUS_RETURN_IF_ERROR(image(out, table, change.after, change.before));
    out += ",\"source\":";
    source(out, change, table.connector, table.database, table.table);
    out += ",\"transaction\":";
    transaction_block(out, table, change);
    out += ",\"op\":\"";
    out += operation_code(change.operation);
    out += '"';
    const uint64_t time_us = commit_us(change);
    number(out, ",\"ts_ms\":", time_us / 1000);
    fine_times(out, time_us);
    end_payload(out, "}");
    return true;
  }

  // {...} of the columns that the image has, or else `other` has: what is not in an image after a change did not change.
  Status image(std::string& out, const DebeziumTable& table, std::span<const Field> fields,
               std::span<const Field> other) {
    if (fields.empty()) {
      out += "null";
      return ok();
    }
    out += '{';
    const size_t start = out.size();
    for (size_t i = 0; i < table.columns.size(); ++i) {
      const bool elsewhere = is_absent(fields[i]) && !other.empty();
      BINBUS_RETURN_IF_ERROR(
          member(out, table.columns[i], elsewhere ? other[i] : fields[i], start));
    }
    out += '}';
    return ok();
  }
  Status member(std::string& out, const DebeziumColumn& plan, const Field& field, size_t start) {
    const size_t before = out.size();
    out.append(plan.member, before == start ? 1 : 0);
    if (!is_absent(field)) return values_.append(out, plan, field);
    if (!DebeziumValues::append_unavailable(out, plan)) out.resize(before);
    return ok();
  }

  Result<bool> row_key(std::string& out, const Change& change) {
    if (change.table == nullptr || change.table->primary_key.empty()) return false;
    const DebeziumTable& table = table_of(change);
    out += table.key_head;
    out += '{';
    const size_t start = out.size();
    for (const uint32_t ordinal : table.key) {
      const bool in_after = !change.after.empty() && !is_absent(change.after[ordinal]);
      const std::span<const Field> image =
          in_after || change.before.empty() ? change.after : change.before;
      BINBUS_RETURN_IF_ERROR(member(out, table.columns[ordinal], image[ordinal], start));
    }
    end_payload(out, "}");
    return true;
  }

  // `database` and `table` as JSON.
  void source(std::string& out, const Change& change, Connector connector,
              std::string_view database, std::string_view table) {
    out += "{\"version\":\"binbus\",\"connector\":\"";
    out += connector_name(connector);
    out += "\",\"name\":";
    out += name_;
    const uint64_t time_us = commit_us(change);
    number(out, ",\"ts_ms\":", time_us / 1000);
    out += change.operation == Operation::kRead ? ",\"snapshot\":\"true\",\"db\":"
                                                : ",\"snapshot\":\"false\",\"db\":";
    out += database;
    fine_times(out += ",\"sequence\":null", time_us);
    out += ",\"table\":";
    out += table;
    number(out, ",\"server_id\":", change.server_id);
    const std::string_view gtid = id_.gtid(change);
    out += gtid.empty() ? ",\"gtid\":null" : ",\"gtid\":\"";
    if (!gtid.empty()) (out += gtid) += '"';
    out += ",\"file\":\"";
    append_json_escaped(out, file_of(change));
    number(out, "\",\"pos\":", change.position.offset);
    number(out, ",\"row\":", change.row);
    const uint32_t thread = change.transaction == nullptr ? 0 : change.transaction->thread_id;
    if (thread == 0) {
      out += ",\"thread\":null";
    } else {
      number(out, ",\"thread\":", thread);
    }
    out += ",\"query\":";
    if (options_.sql_text && !change.sql.empty()) {
      append_json_string(out, change.sql);
    } else {
      out += "null";
    }
    out += '}';
  }
  static void fine_times(std::string& out, uint64_t time_us) {
    number(out, ",\"ts_us\":", time_us);
    number(out, ",\"ts_ns\":", time_us);
    out += "000";
  }
  static void number(std::string& out, const char* member, uint64_t value) {
    out += member;
    append_number(out, value);
  }

  void transaction_block(std::string& out, const DebeziumTable& table, const Change& change) {
    if (!options_.transaction_bounds) {
      out += "null";
      return;
    }
    const TransactionCounts::Orders orders = counts_.count(table.collection);
    out += "{\"id\":\"";
    id_.append_transaction(out, change);
    number(out, "\",\"total_order\":", orders.total);
    number(out, ",\"data_collection_order\":", orders.in_collection);
    out += '}';
  }

  void bounds(std::string& out, const Change& change) {
    const bool begin = change.operation == Operation::kBegin;
    if (begin) counts_.reset();
    begin_payload(out, transaction_schema);
    out += begin ? "{\"status\":\"BEGIN\",\"id\":\"" : "{\"status\":\"END\",\"id\":\"";
    id_.append_transaction(out, change);
    if (begin) {
      out += "\",\"event_count\":null,\"data_collections\":null";
    } else {
      number(out, "\",\"event_count\":", counts_.total());
      collections(out += ",\"data_collections\":[");
    }
    number(out, ",\"ts_ms\":", commit_us(change) / 1000);
    end_payload(out, "}");
    if (!begin) counts_.reset();
  }
  void collections(std::string& out) const {
    const char* separator = "";
    for (const auto& [collection, count] : counts_.by_collection()) {
      out += separator;
      out += "{\"data_collection\":";
      append_json_string(out, collection);
      number(out, ",\"event_count\":", count);
      out += '}';
      separator = ",";
    }
    out += ']';
  }

  static std::string database_of(const Change& change) {
    if (change.table_after != nullptr) return change.table_after->database;
    if (change.table_before != nullptr) return change.table_before->database;
    std::string named = ddl_words(change.statement).database;
    return named.empty() ? std::string(change.database) : named;
  }

  void ddl(std::string& out, const Change& change) {
    const Connector connector = connector_of(change);
    const TableVersion* table =
        change.table_after != nullptr ? change.table_after.get() : change.table_before.get();
    std::string database;
    append_json_string(database, database_of(change));
    std::string name = "null";
    if (table != nullptr) append_json_string(name = "", table->table);
    begin_payload(out, [&] { return schema_change_schema(connector); });
    out += "{\"source\":";
    source(out, change, connector, database, name);
    number(out, ",\"ts_ms\":", commit_us(change) / 1000);
    out += ",\"databaseName\":";
    out += database;
    out += ",\"schemaName\":null,\"ddl\":";
    append_json_string(out, change.statement);
    out += ",\"tableChanges\":";
    append_table_changes(out, change);
    end_payload(out, "}");
  }

  WriterOptions options_;
  EventId id_;
  std::string name_;  // the stream's, in quotes
  TableCache<DebeziumTable> tables_;
  DebeziumValues values_;
  TransactionCounts counts_;
};

}  // namespace

std::unique_ptr<Writer> make_debezium_writer(const WriterOptions& options) {
  return std::make_unique<DebeziumWriter>(options);
}

}  // namespace binbus::format
