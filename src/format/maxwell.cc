// Maxwell's JSON: one object per row, "old" with what an update changed.
#include <array>
#include <vector>

#include "format/event_id.h"
#include "format/format_writer.h"
#include "format/json_document.h"
#include "format/json_output.h"
#include "format/maxwell_ddl.h"
#include "format/maxwell_place.h"
#include "format/table_cache.h"
#include "format/value.h"
#include "format/wkt.h"

namespace binbus::format {
namespace {

using schema::Change;
using schema::Field;
using schema::Operation;
using schema::SqlType;
using schema::TableVersion;

std::string_view row_type(Operation operation) {
  switch (operation) {
    case Operation::kInsert:
      return ",\"type\":\"insert\"";
    case Operation::kUpdate:
      return ",\"type\":\"update\"";
    case Operation::kDelete:
      return ",\"type\":\"delete\"";
    default:
      return ",\"type\":\"bootstrap-insert\"";
  }
}

// Of one table version.
struct MaxwellTable {
  std::string head;  // {"database":"shop","table":"orders"
  // The same with ,"type":"insert" and so on, by operation.
  std::array<std::string, static_cast<size_t>(Operation::kRead) + 1> row_heads;
  std::vector<ColumnPlan> columns;
  std::vector<uint32_t> key;
  std::vector<std::string> key_members;  // ,"pk.id":
  std::string key_columns;               // ["id"]
};

std::string lower_ascii(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

MaxwellTable make_table(const TableVersion& table) {
  MaxwellTable made;
  made.head = "{\"database\":";
  append_json_string(made.head, table.database);
  made.head += ",\"table\":";
  append_json_string(made.head, table.table);
  for (size_t i = 0; i < made.row_heads.size(); ++i) {
    made.row_heads[i] = made.head;
    made.row_heads[i] += row_type(static_cast<Operation>(i));
  }
  made.columns = shown_plans(table);
  made.key = table.primary_key;
  made.key_columns = "[";
  for (const uint32_t ordinal : table.primary_key) {
    const std::string& name = table.columns[ordinal].name;
    made.key_members.push_back(json_member("pk." + lower_ascii(name)));
    if (made.key_columns.size() > 1) made.key_columns += ',';
    append_json_string(made.key_columns, name);
  }
  made.key_columns += ']';
  return made;
}

class MaxwellWriter : public FormatWriter {
 public:
  explicit MaxwellWriter(const WriterOptions& options)
      : options_(options), id_(options.stream), place_(id_, options.gtid) {}

 protected:
  Result<bool> print(std::string& out, const Change& change) override {
    switch (change.operation) {
      case Operation::kInsert:
        return row(out, change, change.after);
      case Operation::kUpdate:
        return row(out, change, change.after);
      case Operation::kDelete:
        return row(out, change, change.before);
      case Operation::kRead:
        return row(out, change, change.after);
      case Operation::kDdl:
      case Operation::kTruncate:
        return options_.ddl && ddl(out, change);
      case Operation::kBegin:
      case Operation::kCommit:
        return false;
    }
    return false;
  }

  void mark_last(std::string& message) const override {
    if (message.compare(commit_at_, MaxwellPlace::kCommit.size(), MaxwellPlace::kCommit) != 0)
      message.insert(commit_at_, MaxwellPlace::kCommit);
  }
  bool tells_last() const override { return true; }

  Result<bool> print_key(std::string& out, const Change& change) override {
    if (change.table == nullptr) return false;
    const MaxwellTable& table = tables_.get(change.table, make_table);
    out += table.head;
    const bool row = !change.after.empty() || !change.before.empty();
    if (table.key.empty() || !row) {
      out += ",\"_uuid\":\"";
      id_.append(out, change);
      out += "\"}";
      return true;
    }
    for (size_t i = 0; i < table.key.size(); ++i) {
      out += table.key_members[i];
      BINBUS_RETURN_IF_ERROR(key_value(out, table, change, table.key[i]));
    }
    out += '}';
    return true;
  }

 private:
  Result<bool> row(std::string& out, const Change& change, std::span<const Field> data) {
    const MaxwellTable& table = tables_.get(change.table, make_table);
    const size_t message_at = out.size();
    if (options_.sql_text && !change.sql.empty()) {
      out += table.head;
      out += ",\"query\":";
      append_json_string(out, change.sql);
      out += row_type(change.operation);
    } else {
      out += table.row_heads[static_cast<size_t>(change.operation)];
    }
    place_.append(out, change);
    commit_at_ = place_.commit_at() - message_at;
    if (options_.primary_key) {
      BINBUS_RETURN_IF_ERROR(primary_key(out, table, change));
    }
    out += ",\"data\":{";
    const size_t start = out.size();
    bool full = true;
    for (size_t i = 0; i < table.columns.size(); ++i) {
      if (is_absent(data[i])) {
        full = false;
        continue;
      }
      BINBUS_RETURN_IF_ERROR(member(out, table.columns[i], data[i], start));
    }
    if (change.operation == Operation::kUpdate) {
      if (!full) {
        BINBUS_RETURN_IF_ERROR(rest_of_update(out, table, change, start));
      }
      out += '}';
      BINBUS_RETURN_IF_ERROR(old_values(out, table, change));
      out += '}';
    } else {
      out += "}}";
    }
    return true;
  }

  // Columns of a minimal image that only the image before has: they found the row, and still hold.
  Status rest_of_update(std::string& out, const MaxwellTable& table, const Change& change,
                        size_t start) {
    for (size_t i = 0; i < table.columns.size(); ++i) {
      if (!is_absent(change.after[i]) || is_absent(change.before[i])) continue;
      BINBUS_RETURN_IF_ERROR(member(out, table.columns[i], change.before[i], start));
    }
    return ok();
  }

  // ,"old":{...} of what is in both images and differs; nothing when nothing does.
  Status old_values(std::string& out, const MaxwellTable& table, const Change& change) {
    const size_t start = out.size();
    out += ",\"old\":{";
    const size_t first = out.size();
    for (size_t i = 0; i < table.columns.size(); ++i) {
      const Field& before = change.before[i];
      const Field& after = change.after[i];
      if (is_absent(before) || is_absent(after) || same_value(before, after)) continue;
      BINBUS_RETURN_IF_ERROR(member(out, table.columns[i], before, first));
    }
    if (out.size() == first) {
      out.resize(start);
    } else {
      out += '}';
    }
    return ok();
  }

  Status primary_key(std::string& out, const MaxwellTable& table, const Change& change) {
    out += ",\"primary_key\":[";
    for (size_t i = 0; i < table.key.size(); ++i) {
      if (i > 0) out += ',';
      BINBUS_RETURN_IF_ERROR(key_value(out, table, change, table.key[i]));
    }
    out += "],\"primary_key_columns\":";
    out += table.key_columns;
    return ok();
  }

  // A key column as it is after the change, as far as that is known.
  Status key_value(std::string& out, const MaxwellTable& table, const Change& change,
                   uint32_t ordinal) {
    for (const std::span<const Field> image : {change.after, change.before}) {
      if (image.empty() || is_absent(image[ordinal])) continue;
      return value(out, table.columns[ordinal], image[ordinal]);
    }
    out += "null";
    return ok();
  }

  // "name":value, with a comma in front unless it is the first behind `start`.
  Status member(std::string& out, const ColumnPlan& plan, const Field& field, size_t start) {
    out.append(plan.member, out.size() == start ? 1 : 0);
    return value(out, plan, field);
  }

  Status value(std::string& out, const ColumnPlan& plan, const Field& field) {
    if (field.state != Field::State::kValue) return Values::append_no_value(out, plan, field);
    switch (plan.shape) {
      case Shape::kInteger:
      case Shape::kYear:
      case Shape::kFloat:
      case Shape::kDecimal:
        return values_.append_number(out, plan, field);
      case Shape::kText:
      case Shape::kEnum:
        return values_.append_string(out, plan, field);
      case Shape::kDate:
      case Shape::kTime:
      case Shape::kDatetime:
      case Shape::kTimestamp:
      case Shape::kName:
        return values_.append_quoted(out, field);
      case Shape::kBit:
        return bits(out, field);
      case Shape::kBinary:
        return binary(out, plan, field);
      case Shape::kSet:
        return values_.append_labels(out, field);
      case Shape::kJson:
        return schema::append_text(out, field);
      case Shape::kJsonText:
        return json_text(out, plan, field);
      case Shape::kGeometry:
        return geometry(out, field);
      case Shape::kVector:
      case Shape::kUnknown:
        return values_.append_base64(out, plan, field);
    }
    return ok();
  }

  Status bits(std::string& out, const Field& field) {
    BINBUS_TRY(integer, schema::read_integer(field));
    append_number(out, integer.bits);
    return ok();
  }

  // As Maxwell, without the zeros that BINARY(n) is padded with: the log has none of them.
  Status binary(std::string& out, const ColumnPlan& plan, const Field& field) {
    if (plan.column->type != SqlType::kBinary) return values_.append_base64(out, plan, field);
    Bytes bytes = field.bytes;
    while (!bytes.empty() && bytes.back() == 0) bytes = bytes.first(bytes.size() - 1);
    out += '"';
    append_base64(out, bytes);
    out += '"';
    return ok();
  }

  Status json_text(std::string& out, const ColumnPlan& plan, const Field& field) {
    BINBUS_TRY(text, values_.text(field));
    if (append_json_document(out, text)) return ok();
    return values_.append_string(out, plan, field);
  }

  Status geometry(std::string& out, const Field& field) {
    BINBUS_TRY(geometry, values_.geometry(field));
    out += '"';
    BINBUS_RETURN_IF_ERROR(append_wkt(out, geometry.wkb));
    out += '"';
    return ok();
  }

  bool ddl(std::string& out, const Change& change) {
    if (!append_maxwell_ddl(out, change)) return false;
    out += ",\"ts\":";
    append_number(out, uint64_t{change.timestamp_s} * 1000);
    out += ",\"sql\":";
    append_json_string(out, change.statement);
    if (options_.gtid) place_.append_position(out, change);
    out += '}';
    return true;
  }

  WriterOptions options_;
  EventId id_;
  MaxwellPlace place_;
  size_t commit_at_ = 0;  // in the message written last
  TableCache<MaxwellTable> tables_;
  Values values_;
};

}  // namespace

std::unique_ptr<Writer> make_maxwell_writer(const WriterOptions& options) {
  return std::make_unique<MaxwellWriter>(options);
}

}  // namespace binbus::format
