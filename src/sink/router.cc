#include "sink/router.h"

#include "sink/names.h"

namespace binbus::sink {

using schema::Change;
using schema::Field;
using schema::Operation;
using schema::TableVersion;
using Kind = TemplatePart::Kind;

namespace {

// FNV-1a of 64 bits: the same on every machine and in every version.
uint64_t stable_hash(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return hash ^ (hash >> 32);
}

bool told(const Field& field) {
  return field.state == Field::State::kValue || field.state == Field::State::kNull;
}

// What is joined to a key of several parts.
void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\\' || c == '|') out += '\\';
    out += c;
  }
}

// "id" -> {column:id}; else as templates are.
Result<Template> parse_key_entry(const std::string& text, const SinkOptions& options) {
  if (text.find('{') == std::string::npos) return Template{{Kind::kColumn, text, 0}};
  BINBUS_TRY(parts, parse_template(text, options.stream, options.name));
  for (const TemplatePart& part : parts) {
    if (part.kind == Kind::kKey || part.kind == Kind::kShard) {
      return fail(Code::kInvalid, "key \"" + text + "\": a key cannot be made of itself");
    }
  }
  return parts;
}

Status bind(Template& parts, const TableVersion* table) {
  for (TemplatePart& part : parts) {
    if (part.kind != Kind::kColumn) continue;
    if (table == nullptr) continue;
    const std::optional<uint32_t> found = find_column(*table, part.text);
    if (!found) {
      return fail(Code::kInvalid, "table " + shown(*table) + " as it is delivered has no column `" +
                                      part.text +
                                      "`, which its key, topic or routing key is made of; give "
                                      "that table a [[sink.table]] of its own");
    }
    part.number = *found;
  }
  return ok();
}

}  // namespace

// The parts of templates for one change.
class Router::Printer {
 public:
  // `before`: by the row before the change.
  Printer(const Change& change, format::Writer& writer, bool before)
      : change_(change),
        writer_(writer),
        row_(before || change.after.empty() ? change.before : change.after),
        other_(before ? std::span<const Field>() : change.before) {}

  // Appends; false when all it would print is NULL.
  Result<bool> print(const Template& parts, std::string_view key, std::string& out) const {
    bool any = false;
    for (const TemplatePart& part : parts) {
      BINBUS_TRY(printed, print(part, key, out));
      any |= printed;
    }
    return any;
  }

 private:
  Result<bool> print(const TemplatePart& part, std::string_view key, std::string& out) const {
    const schema::TablePtr& table = table_of(change_);
    switch (part.kind) {
      case Kind::kText:
        out += part.text;
        return true;
      case Kind::kDatabase:
        out += database_of(change_);
        return true;
      case Kind::kTable:
        if (table != nullptr) out += table->table;
        return true;
      case Kind::kOperation:
        out += operation_name(change_.operation);
        return true;
      case Kind::kColumn:
        if (row_.empty()) return false;  // a statement, a transaction's bounds
        return print_column(part.number, out);
      case Kind::kKey:
        out += key;
        return true;
      case Kind::kShard:
        out += std::to_string(stable_hash(key) % part.number);
        return true;
      case Kind::kPrimaryKey:
        return print_primary_key(out);
      case Kind::kFormatKey:
        return print_format_key(out);
    }
    return false;
  }

  Result<bool> print_column(uint32_t ordinal, std::string& out) const {
    const Field* field = &row_[ordinal];
    if (!told(*field) && ordinal < other_.size()) field = &other_[ordinal];
    if (!told(*field)) {
      return fail(Code::kUnsupported,
                  "the row image of table " + shown(*change_.table) + " lacks column `" +
                      field->column->name +
                      "`, which its key, topic or routing key is made of; take a column of the "
                      "primary key, or set binlog_row_image = FULL at the source");
    }
    if (field->state == Field::State::kNull) return false;
    BINBUS_RETURN_IF_ERROR(schema::append_text(out, *field));
    return true;
  }

  Result<bool> print_primary_key(std::string& out) const {
    if (row_.empty() || change_.table->primary_key.empty()) return false;
    const std::vector<uint32_t>& key = change_.table->primary_key;
    if (key.size() == 1) return print_column(key[0], out);
    for (size_t i = 0; i < key.size(); ++i) {
      if (i > 0) out += '|';
      std::string text;
      BINBUS_TRY(value, print_column(key[i], text));
      if (value) append_escaped(out, text);
      if (!value) out += "\\N";
    }
    return true;
  }

  // The writer takes the row after a change; what it was before goes to it as a delete.
  Result<bool> print_format_key(std::string& out) const {
    if (row_.data() == change_.after.data()) return writer_.write_key(out, change_);
    Change before = change_;
    before.operation = change_.before.empty() ? change_.operation : Operation::kDelete;
    before.after = {};
    return writer_.write_key(out, before);
  }

  const Change& change_;
  format::Writer& writer_;
  const std::span<const Field> row_, other_;
};

Result<std::unique_ptr<Router>> Router::make(const SinkOptions& options, const Rules& rules) {
  std::unique_ptr<Router> router(new Router());
  router->kafka_ = options.type == "kafka";
  const auto parse = [&](const std::string& given, const std::string& fallback) {
    return parse_template(given.empty() ? fallback : given, options.stream, options.name);
  };
  for (const TableOptions& rule : rules.all()) {
    Templates& made = router->rules_.emplace_back();
    BINBUS_TRY(topic, options.type == "rabbitmq" ? parse(rule.exchange, "")
                                                 : parse(rule.topic, "{database}"));
    BINBUS_TRY(routing_key, parse(rule.routing_key, "{database}.{table}"));
    made.topic = std::move(topic);
    made.routing_key = std::move(routing_key);
    for (const std::string& entry :
         rule.key.empty() ? std::vector<std::string>{"{table}"} : rule.key) {
      BINBUS_TRY(key, parse_key_entry(entry, options));
      made.key.push_back(std::move(key));
    }
  }
  BINBUS_TRY(topic, parse(options.transaction_topic, "{stream}.transaction"));
  router->transaction_topic_ = std::move(topic);
  return router;
}

Result<const Router::Templates*> Router::bound(const schema::TablePtr& table, size_t rule) {
  if (table == nullptr) return &rules_[rule];
  Bound& found = cache_.get(table, [&](const TableVersion& version) {
    const auto make = [&]() -> Result<Templates> {
      Templates made = rules_[rule];
      BINBUS_RETURN_IF_ERROR(bind(made.topic, &version));
      BINBUS_RETURN_IF_ERROR(bind(made.routing_key, &version));
      for (Template& entry : made.key) BINBUS_RETURN_IF_ERROR(bind(entry, &version));
      return made;
    };
    return Bound{rule, make()};
  });
  if (!found.templates) return fail(found.templates.error());
  return &*found.templates;
}

Status Router::print_key(const Templates& templates, const Printer& printer, std::string& out) {
  out.clear();
  if (templates.key.size() == 1) {
    BINBUS_TRY(any, printer.print(templates.key[0], "", out));
    if (!any) out.clear();
    return ok();
  }
  std::string text;
  for (size_t i = 0; i < templates.key.size(); ++i) {
    if (i > 0) out += '|';
    text.clear();
    BINBUS_TRY(any, printer.print(templates.key[i], "", text));
    if (any) append_escaped(out, text);
    if (!any) out += "\\N";
  }
  return ok();
}

Result<Route> Router::route(const Change& change, size_t rule, format::Writer& writer) {
  // Columns of a statement's table mean nothing: there is no row.
  const bool row = !change.before.empty() || !change.after.empty();
  BINBUS_TRY(templates, bound(row ? change.table : nullptr, rule));
  const Printer printer(change, writer, false);
  BINBUS_RETURN_IF_ERROR(print_key(*templates, printer, key_));
  const bool nowhere = database_of(change).empty();
  const bool bounds =
      change.operation == Operation::kBegin || change.operation == Operation::kCommit;
  topic_.clear();
  BINBUS_RETURN_IF_ERROR(
      printer.print(bounds || nowhere ? transaction_topic_ : templates->topic, key_, topic_));
  routing_key_.clear();
  BINBUS_RETURN_IF_ERROR(printer.print(templates->routing_key, key_, routing_key_));
  if (kafka_) {
    for (char& c : topic_) {
      const bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
      if (!allowed) c = '_';
    }
  }
  return Route{topic_, routing_key_, key_};
}

Result<bool> Router::key_changes(const Change& update, size_t rule, format::Writer& writer) {
  BINBUS_TRY(templates, bound(update.table, rule));
  BINBUS_RETURN_IF_ERROR(print_key(*templates, Printer(update, writer, true), old_key_));
  BINBUS_RETURN_IF_ERROR(print_key(*templates, Printer(update, writer, false), key_));
  return old_key_ != key_;
}

}  // namespace binbus::sink
