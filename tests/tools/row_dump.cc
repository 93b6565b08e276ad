// Lets a script see every row of binlog files, as binbus decodes it: one JSON document per line.
//
//   row_dump [--columns COLUMNS.json] FILE...
//
//   {"position": 4711, "event": "Write_rows", "table": "db.t", "op": "insert", "before": null, "after": {"a": "1", "b": null}}
//
// A value is its text where that is UTF-8, else {"base64": "..."}; null; left out when it is not in the image; {"partial": "..."}
// for a JSON update without a document. An error is a line {"position": ..., "error": "..."} and exit status 1.
//
// Columns are those of FULL metadata; else of COLUMNS.json, {"db.t": [{"name": ..., "type": "bigint", "unsigned": true, "zerofill":
// false, "length": 20, "decimals": 0, "charset": "utf8mb4", "labels": [...], "compressed": false}]}, which wins where it has the table;
// else they have numbers for names ("@1") and the types that the table map tells. With --wire each value is
// {"type": WIRE_TYPE, "metadata": N, "text": ..., "integer": N} for a comparison with mysqlbinlog.
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "schema/charset.h"
#include "schema/json_update.h"
#include "schema/row_reader.h"
#include "schema/transaction_payload.h"
#include "schema/wire_types.h"

namespace binbus::schema {
namespace {

using Json = nlohmann::ordered_json;

std::string base64(std::string_view bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t group = 0;
    const size_t count = std::min<size_t>(3, bytes.size() - at);
    for (size_t i = 0; i < 3; ++i) {
      group = group << 8 | (i < count ? static_cast<uint8_t>(bytes[at + i]) : 0U);
    }
    for (size_t i = 0; i < 4; ++i) out += i <= count ? kDigits[group >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

bool is_utf8(const std::string& text) {
  try {
    (void)nlohmann::json(text).dump();
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

Json json_text(const std::string& text) {
  return is_utf8(text) ? Json(text) : Json{{"base64", base64(text)}};
}

SqlType type_of_name(const std::string& name) {
  for (size_t i = 0; i < static_cast<size_t>(SqlType::kUnknown); ++i) {
    if (sql_type_name(static_cast<SqlType>(i)) == name) return static_cast<SqlType>(i);
  }
  return SqlType::kUnknown;
}

Column column_of(const Json& json) {
  Column column;
  column.name = json.at("name");
  column.type = type_of_name(json.at("type"));
  column.is_unsigned = json.value("unsigned", false);
  column.zerofill = json.value("zerofill", false);
  column.compressed = json.value("compressed", false);
  column.length = json.value("length", 0U);
  column.decimals = json.value("decimals", uint8_t{0});
  column.charset = json.value("charset", std::string());
  column.type_text = json.value("type_text", std::string());
  column.labels = json.value("labels", std::vector<std::string>());
  return column;
}

class Dumper {
 public:
  Dumper(Json columns, bool wire) : columns_(std::move(columns)), wire_(wire) {}

  Status run(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    const std::string data = text.str();
    const Bytes bytes = as_bytes(data);
    format_ = {};
    maps_.clear();
    for (size_t at = binlog::kMagic.size(); at + binlog::kHeaderBytes <= bytes.size();) {
      position_ = at;
      const binlog::EventHeader header = binlog::parse_header(bytes.data() + at);
      if (header.size < binlog::kHeaderBytes || header.size > bytes.size() - at) return ok();
      BINBUS_RETURN_IF_ERROR(take(bytes.subspan(at, header.size)));
      at += header.size;
    }
    return ok();
  }

  uint64_t position() const { return position_; }

 private:
  struct Table {
    ByteVector event;
    std::optional<RowLayout> layout;
  };

  Status take(Bytes event) {
    if (event[4] == binlog::kFormatDescriptionEvent) {
      BINBUS_TRY(format, binlog::parse_format_description(event));
      format_ = format;
      return ok();
    }
    const bool checksummed = format_.checksum == binlog::Checksum::kCrc32;
    return take_body(event.first(event.size() - (checksummed ? binlog::kChecksumBytes : 0)));
  }

  Status take_body(Bytes event) {
    const uint8_t type = event[4];
    if (type == binlog::kTableMapEvent) return take_map(event);
    if (type == binlog::kTransactionPayloadEvent) return take_payload(event);
    if (is_rows_event(type)) return take_rows(event);
    return ok();
  }

  Status take_payload(Bytes event) {
    BINBUS_TRY(head, parse_transaction_payload(event));
    PayloadReader reader(head, 1 << 30);
    reader.feed(event.subspan(head.payload_at));
    while (true) {
      BINBUS_TRY(inner, reader.next());
      if (!inner) break;
      BINBUS_RETURN_IF_ERROR(take_body(*inner));
    }
    return reader.check_ended();
  }

  Status take_map(Bytes event) {
    BINBUS_TRY(id, parse_table_id(event, format_));
    Table& table = maps_[id];
    table.event = to_owned(event);
    BINBUS_TRY(map, parse_table_map(table.event, format_));
    BINBUS_TRY(described, describe(map));
    const auto declared = columns_.find(map.database + "." + map.table);
    if (declared != columns_.end()) {
      described.columns.clear();
      for (const Json& column : *declared) described.columns.push_back(column_of(column));
    } else if (map.metadata.names.empty()) {
      for (size_t i = 0; i < described.columns.size(); ++i) {
        described.columns[i].name = "@" + std::to_string(i + 1);
      }
    }
    BINBUS_TRY(layout, RowLayout::make(map, std::make_shared<const TableVersion>(described)));
    table.layout = std::move(layout);
    return ok();
  }

  Status take_rows(Bytes event) {
    BINBUS_TRY(head, parse_rows_head(event, format_));
    if (head.is_dummy()) return ok();
    const auto table = maps_.find(head.table_id);
    if (table == maps_.end()) return fail(Code::kCorrupt, "rows of a table that no map names");
    BINBUS_RETURN_IF_ERROR(reader_.open(*table->second.layout, head, event));
    while (true) {
      BINBUS_TRY(more, reader_.next());
      if (!more) return ok();
      BINBUS_RETURN_IF_ERROR(print_row(event[4], *table->second.layout->table()));
    }
  }

  Status print_row(uint8_t type, const TableVersion& table) {
    static constexpr const char* kOperations[] = {"insert", "update", "delete"};
    BINBUS_TRY(before, image(reader_.before()));
    BINBUS_TRY(after, image(reader_.after()));
    const Json line{{"position", position_},
                    {"event", std::string(binlog::event_type_name(type))},
                    {"table", table.database + "." + table.table},
                    {"op", kOperations[static_cast<size_t>(reader_.operation())]},
                    {"before", before},
                    {"after", after}};
    std::cout << line.dump() << '\n';
    return ok();
  }

  Result<Json> image(std::span<const Field> fields) {
    if (fields.empty()) return Json();
    Json out = Json::object();
    for (const Field& field : fields) {
      if (field.state == Field::State::kAbsent) continue;
      BINBUS_TRY(printed, value(field));
      out[field.column->name] = printed;
    }
    return out;
  }

  Result<Json> value(const Field& field) {
    Json out;
    std::string text;
    if (field.state == Field::State::kPartial) {
      BINBUS_RETURN_IF_ERROR(append_json_update(text, field.bytes));
      return Json{{"partial", text}};
    }
    if (field.state == Field::State::kNull && !wire_) return out;
    const bool labelled = is_labelled(field.wire, false) && field.column->labels.empty();
    if (field.state == Field::State::kValue && !labelled) {
      BINBUS_RETURN_IF_ERROR(append_text(text, field));
      out = json_text(text);
    }
    if (!wire_) return out;
    Json wire{{"type", field.wire.type}, {"metadata", field.wire.metadata}, {"text", out}};
    wire["base64"] = base64(as_text(field.bytes));
    wire["null"] = field.state == Field::State::kNull;
    wire["unsigned"] = field.column->is_unsigned;
    wire["charset"] = field.column->charset;
    if (const auto integer = read_integer(field)) wire["integer"] = integer->bits;
    if (const auto real = read_double(field)) wire["real"] = *real;
    return wire;
  }

  Json columns_;
  bool wire_;
  uint64_t position_ = 0;
  binlog::FormatDescription format_;
  std::map<uint64_t, Table> maps_;
  RowReader reader_;
};

int run(const std::vector<std::string>& arguments) {
  Json columns = Json::object();
  bool wire = false;
  std::vector<std::string> files;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--columns" && i + 1 < arguments.size()) {
      columns = Json::parse(std::ifstream(arguments[++i]));
    } else if (arguments[i] == "--wire") {
      wire = true;
    } else {
      files.push_back(arguments[i]);
    }
  }
  Dumper dumper(columns, wire);
  for (const std::string& file : files) {
    if (const Status status = dumper.run(file); !status) {
      const Json line{{"position", dumper.position()}, {"error", status.error().message}};
      std::cout << line.dump() << '\n';
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace binbus::schema

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  return binbus::schema::run({argv + 1, argv + argc});
}
