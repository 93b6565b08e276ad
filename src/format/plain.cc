// binbus's own JSON: everything that is known of a change, and nothing that could be taken for something else.
#include <vector>

#include "format/event_id.h"
#include "format/format_writer.h"
#include "format/json_output.h"
#include "format/table_cache.h"
#include "format/value.h"
#include "schema/json_update.h"

namespace binbus::format {
namespace {

using schema::Change;
using schema::Field;
using schema::Operation;
using schema::TableVersion;

struct PlainTable {
  std::string names;  // ,"database":"shop","table":"orders"
  std::vector<ColumnPlan> columns;
  std::vector<uint32_t> key;
  std::string types;  // {"id":"int unsigned",...}
};

std::string types_of(const TableVersion& table) {
  std::string types = "{";
  for (const schema::Column& column : shown_columns(table)) {
    if (types.size() > 1) types += ',';
    append_json_string(types, column.name);
    types += ':';
    append_json_string(types, column.type_text);
  }
  return types + "}";
}

void append_names(std::string& out, std::string_view database, std::string_view table) {
  out += ",\"database\":";
  append_json_string(out, database);
  out += ",\"table\":";
  append_json_string(out, table);
}

PlainTable make_table(const TableVersion& table) {
  PlainTable made;
  append_names(made.names, table.database, table.table);
  made.columns = shown_plans(table);
  made.key = table.primary_key;
  made.types = types_of(table);
  return made;
}

class PlainWriter : public FormatWriter {
 public:
  explicit PlainWriter(const WriterOptions& options) : options_(options), id_(options.stream) {
    append_json_string(stream_, options.stream);
  }

 protected:
  Result<bool> print(std::string& out, const Change& change) override {
    switch (change.operation) {
      case Operation::kBegin:
      case Operation::kCommit:
        if (!options_.transaction_bounds) return false;
        return bounds(out, change);
      case Operation::kDdl:
      case Operation::kTruncate:
        if (!options_.ddl) return false;
        return ddl(out, change);
      default:
        return row(out, change);
    }
  }

  Result<bool> print_key(std::string& out, const Change& change) override {
    if (change.table == nullptr || (change.after.empty() && change.before.empty())) return false;
    const PlainTable& table = tables_.get(change.table, make_table);
    if (table.key.empty()) return false;
    BINBUS_RETURN_IF_ERROR(key(out, table, change));
    return true;
  }

 private:
  Result<bool> row(std::string& out, const Change& change) {
    const PlainTable& table = tables_.get(change.table, make_table);
    head(out, change);
    out += table.names;
    out += ",\"key\":";
    BINBUS_RETURN_IF_ERROR(key(out, table, change));
    invalid_[0].clear();
    invalid_[1].clear();
    out += ",\"before\":";
    BINBUS_RETURN_IF_ERROR(image(out, table, change.before, invalid_[0]));
    out += ",\"after\":";
    BINBUS_RETURN_IF_ERROR(image(out, table, change.after, invalid_[1]));
    absent(out, table, change);
    BINBUS_RETURN_IF_ERROR(json_updates(out, table, change.after));
    invalid(out);
    out += ",\"types\":";
    out += table.types;
    tail(out, change);
    return true;
  }

  bool ddl(std::string& out, const Change& change) {
    head(out, change);
    const TableVersion* table = change.table != nullptr         ? change.table.get()
                                : change.table_after != nullptr ? change.table_after.get()
                                                                : change.table_before.get();
    if (table != nullptr) {
      append_names(out, table->database, table->table);
    } else {
      out += ",\"database\":null,\"table\":null";
    }
    out += ",\"default_database\":";
    append_json_string(out, change.database);
    out += ",\"statement\":";
    append_json_string(out, change.statement);
    if (change.operation == Operation::kDdl) {
      append_types(out, ",\"types_before\":", change.table_before.get());
      append_types(out, ",\"types_after\":", change.table_after.get());
    }
    tail(out, change);
    return true;
  }
  static void append_types(std::string& out, const char* member, const TableVersion* table) {
    out += member;
    out += table == nullptr ? "null" : types_of(*table);
  }

  bool bounds(std::string& out, const Change& change) {
    head(out, change);
    if (change.operation == Operation::kCommit && change.transaction != nullptr) {
      out += ",\"changes\":";
      append_number(out, change.transaction->changes);
    }
    tail(out, change);
    return true;
  }

  void head(std::string& out, const Change& change) {
    out += "{\"id\":\"";
    id_.append(out, change);
    out += "\",\"stream\":";
    out += stream_;
    out += ",\"op\":\"";
    out += operation_name(change.operation);
    out += '"';
  }

  // When, where and by whom.
  void tail(std::string& out, const Change& change) {
    number(out, ",\"ts_us\":", commit_us(change));
    if (options_.gtid) place(out, change);
    if (options_.sql_text && !change.sql.empty()) {
      out += ",\"sql\":";
      append_json_string(out, change.sql);
    }
    out += '}';
  }
  void place(std::string& out, const Change& change) {
    const schema::TransactionInfo* transaction = change.transaction;
    if (transaction != nullptr && transaction->original_commit_us != 0)
      number(out, ",\"original_ts_us\":", transaction->original_commit_us);
    out += ",\"position\":\"";
    id_.append_position(out, change);
    out += '"';
    number(out, ",\"row\":", change.row);
    number(out, ",\"number\":", change.number);
    const std::string_view gtid = id_.gtid(change);
    out += ",\"gtid\":";
    out += gtid.empty() ? "null" : "\"";
    if (!gtid.empty()) {
      out += gtid;
      out += '"';
    }
    number(out, ",\"server_id\":", change.server_id);
    if (transaction == nullptr) return;
    if (transaction->thread_id != 0) number(out, ",\"thread_id\":", transaction->thread_id);
    if (transaction->xid != 0) number(out, ",\"xid\":", transaction->xid);
    if (transaction->xa.empty()) return;
    out += ",\"xa\":";
    append_json_string(out, transaction->xa);
  }
  static void number(std::string& out, const char* member, uint64_t value) {
    out += member;
    append_number(out, value);
  }

  // {"id":1}; null for a table without a primary key.
  Status key(std::string& out, const PlainTable& table, const Change& change) {
    if (table.key.empty()) {
      out += "null";
      return ok();
    }
    out += '{';
    const size_t start = out.size();
    for (const uint32_t ordinal : table.key) {
      for (const std::span<const Field> image : {change.after, change.before}) {
        if (image.empty() || is_absent(image[ordinal])) continue;
        const ColumnPlan& plan = table.columns[ordinal];
        out.append(plan.member, out.size() == start ? 1 : 0);
        BINBUS_RETURN_IF_ERROR(value(out, plan, image[ordinal], nullptr));
        break;
      }
    }
    out += '}';
    return ok();
  }

  // {...} of what the image has; null when there is none.
  Status image(std::string& out, const PlainTable& table, std::span<const Field> fields,
               std::string& invalid) {
    if (fields.empty()) {
      out += "null";
      return ok();
    }
    out += '{';
    const size_t start = out.size();
    for (size_t i = 0; i < table.columns.size(); ++i) {
      if (is_absent(fields[i]) || is_partial(fields[i])) continue;
      const ColumnPlan& plan = table.columns[i];
      out.append(plan.member, out.size() == start ? 1 : 0);
      BINBUS_RETURN_IF_ERROR(value(out, plan, fields[i], &invalid));
    }
    out += '}';
    return ok();
  }

  // ,"absent":{"after":["note"]}: what an image does not have. Nothing when both are full.
  static void absent(std::string& out, const PlainTable& table, const Change& change) {
    const size_t start = out.size();
    out += ",\"absent\":{";
    const size_t first = out.size();
    absent_of(out, table, ",\"before\":[", change.before, first);
    absent_of(out, table, ",\"after\":[", change.after, first);
    if (out.size() == first) {
      out.resize(start);
    } else {
      out += '}';
    }
  }
  static void absent_of(std::string& out, const PlainTable& table, std::string_view member,
                        std::span<const Field> fields, size_t first) {
    bool any = false;
    if (fields.empty()) return;
    for (size_t i = 0; i < table.columns.size(); ++i) {
      if (!is_absent(fields[i])) continue;
      if (any) {
        out += ',';
      } else {
        out += member.substr(out.size() == first ? 1 : 0);
      }
      any = true;
      append_json_string(out, table.columns[i].column->name);
    }
    if (any) out += ']';
  }

  // ,"json_update":{"doc":[{"op": "replace", ...}]}: what changed in documents that the log does not have as a whole.
  static Status json_updates(std::string& out, const PlainTable& table,
                             std::span<const Field> after) {
    bool any = false;
    if (after.empty()) return ok();
    for (size_t i = 0; i < table.columns.size(); ++i) {
      if (!is_partial(after[i])) continue;
      if (!any) out += ",\"json_update\":{";
      out.append(table.columns[i].member, any ? 0 : 1);
      any = true;
      BINBUS_RETURN_IF_ERROR(schema::append_json_update(out, after[i].bytes));
    }
    if (any) out += '}';
    return ok();
  }

  // ,"invalid":{"after":{"name":"/w=="}}: the bytes of text that is none in its charset, in base64.
  void invalid(std::string& out) const {
    if (invalid_[0].empty() && invalid_[1].empty()) return;
    out += ",\"invalid\":{";
    for (const size_t side : {0U, 1U}) {
      if (invalid_[side].empty()) continue;
      if (side == 1 && !invalid_[0].empty()) out += ',';
      out += side == 0 ? "\"before\":{" : "\"after\":{";
      out.append(invalid_[side], 1);
      out += '}';
    }
    out += '}';
  }

  Status value(std::string& out, const ColumnPlan& plan, const Field& field, std::string* invalid) {
    if (field.state != Field::State::kValue) return Values::append_no_value(out, plan, field);
    switch (plan.shape) {
      case Shape::kInteger:
      case Shape::kYear:
      case Shape::kFloat:
        return values_.append_number(out, plan, field);
      case Shape::kDecimal:
        return decimal(out, plan, field);
      case Shape::kText:
      case Shape::kJson:
      case Shape::kJsonText:
        return text(out, plan, field, invalid);
      case Shape::kDate:
      case Shape::kTime:
      case Shape::kDatetime:
      case Shape::kTimestamp:
      case Shape::kName:
        return values_.append_quoted(out, field);
      case Shape::kBit:
        return bits(out, field);
      case Shape::kEnum:
        return label(out, plan, field);
      case Shape::kSet:
        return values_.append_labels(out, field);
      case Shape::kGeometry:
        return geometry(out, field);
      case Shape::kVector:
        return values_.append_vector(out, field);
      case Shape::kBinary:
      case Shape::kUnknown:
        return values_.append_base64(out, plan, field);
    }
    return ok();
  }

  Status decimal(std::string& out, const ColumnPlan& plan, const Field& field) {
    out += '"';
    BINBUS_RETURN_IF_ERROR(values_.append_number(out, plan, field));
    out += '"';
    return ok();
  }

  Status text(std::string& out, const ColumnPlan& plan, const Field& field, std::string* invalid) {
    static constexpr std::string_view kReplacement = "\xef\xbf\xbd";
    const size_t start = out.size();
    BINBUS_RETURN_IF_ERROR(values_.append_string(out, plan, field));
    if (invalid == nullptr ||
        std::string_view(out).substr(start).find(kReplacement) == std::string_view::npos)
      return ok();
    *invalid += plan.member;
    *invalid += '"';
    append_base64(*invalid, field.bytes);
    *invalid += '"';
    return ok();
  }

  Status bits(std::string& out, const Field& field) {
    BINBUS_TRY(integer, schema::read_integer(field));
    append_number(out, integer.bits);
    return ok();
  }

  // The label; 0 for what is none of them, which a label '' is not to be confused with.
  Status label(std::string& out, const ColumnPlan& plan, const Field& field) {
    BINBUS_TRY(index, schema::read_integer(field));
    if (index.bits != 0) return values_.append_string(out, plan, field);
    out += '0';
    return ok();
  }

  Status geometry(std::string& out, const Field& field) {
    BINBUS_TRY(geometry, values_.geometry(field));
    out += "{\"srid\":";
    append_number(out, geometry.srid);
    out += ",\"wkb\":\"";
    append_base64(out, geometry.wkb);
    out += "\"}";
    return ok();
  }

  WriterOptions options_;
  EventId id_;
  std::string stream_;  // in quotes
  TableCache<PlainTable> tables_;
  Values values_;
  std::string invalid_[2];  // of the change under way: its images' members of "invalid"
};

}  // namespace

std::unique_ptr<Writer> make_plain_writer(const WriterOptions& options) {
  return std::make_unique<PlainWriter>(options);
}

}  // namespace binbus::format
