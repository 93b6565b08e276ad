#include "sink/transform.h"

#include <openssl/sha.h>

#include "base/hex.h"
#include "schema/charset.h"
#include "sink/names.h"

namespace binbus::sink {

using schema::Change;
using schema::Column;
using schema::Field;
using schema::TablePtr;
using schema::TableVersion;

namespace {

constexpr uint32_t kHashDigits = 2 * SHA256_DIGEST_LENGTH;
constexpr uint32_t kMaskLength = 255;

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::any_of(
      names, [name](const std::string& known) { return same_column_name(known, name); });
}

const std::string* find(const std::map<std::string, std::string>& names, std::string_view name) {
  for (const auto& [known, value] : names) {
    if (same_column_name(known, name)) return &value;
  }
  return nullptr;
}

bool keeps(const TableOptions& rule, const Column& column) {
  if (!rule.columns.empty() && !contains(rule.columns, column.name)) return false;
  return !contains(rule.drop_columns, column.name);
}

Column text_column(const Column& from, uint32_t length) {
  Column out;
  out.name = from.name;
  out.type = schema::SqlType::kVarchar;
  out.invisible = from.invisible;
  out.hidden = from.hidden;
  out.length = length;
  out.charset = "utf8mb4";
  out.collation = "utf8mb4_bin";
  out.type_text = "varchar(" + std::to_string(length) + ")";
  return out;
}

std::string sha256(std::string_view salt, std::string_view text) {
  std::string input(salt);
  input += text;
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(input.data()), input.size(), digest);
  std::string out;
  append_hex(out, as_text(digest));
  return out;
}

bool hides(const TableOptions& rule) {
  return !rule.columns.empty() || !rule.drop_columns.empty() || !rule.mask.empty() ||
         !rule.mask_null.empty() || !rule.hash.empty();
}

std::string expanded(const Template& parts, const TableVersion& table) {
  std::string out;
  for (const TemplatePart& part : parts) {
    out += part.kind == TemplatePart::Kind::kDatabase ? table.database
           : part.kind == TemplatePart::Kind::kTable  ? table.table
                                                      : part.text;
  }
  return out;
}

void set_text(Field& field, std::string_view text) {
  field.state = Field::State::kValue;
  field.wire = {schema::kWireVarchar, UINT16_MAX, true};
  static const schema::Charset* const kUtf8 = schema::Charset::find("utf8mb4");
  field.charset = kUtf8;
  field.bytes = as_bytes(text);
}

}  // namespace

Result<std::unique_ptr<Transform>> Transform::make(const SinkOptions& options, Rules& rules) {
  std::unique_ptr<Transform> out(new Transform(options, rules));
  for (const TableOptions& rule : rules.all()) {
    const bool hidden = hides(rule);
    out->hides_anything_ |= hidden;
    out->changes_anything_ |= hidden || !rule.rename.empty() || !rule.rename_columns.empty();
    if (!rule.hash.empty() && options.hash_salt.empty()) {
      return fail(Code::kInvalid,
                  "hash needs hash_salt: without one, whoever knows the possible values finds them "
                  "from their hashes");
    }
    RenameTemplate& rename = out->renames_.emplace_back();
    if (rule.rename.empty()) continue;
    const size_t point = rule.rename.find('.');
    if (point == std::string::npos) {
      return fail(Code::kInvalid, "rename = \"" + rule.rename +
                                      "\" must be \"DATABASE.TABLE\", as \"archive.{table}\"");
    }
    const auto parse = [&](const std::string& text) -> Result<Template> {
      BINBUS_TRY(parts, parse_template(text, options.stream, options.name));
      const bool known = std::ranges::all_of(
          parts, [](const TemplatePart& part) { return part.kind <= TemplatePart::Kind::kTable; });
      if (!known) return fail(Code::kInvalid, "rename takes {database} and {table} only");
      return parts;
    };
    BINBUS_TRY(database, parse(rule.rename.substr(0, point)));
    BINBUS_TRY(table, parse(rule.rename.substr(point + 1)));
    rename = {std::move(database), std::move(table)};
  }
  return out;
}

Result<Transform::TablePlan> Transform::make_plan(const TableVersion& from, size_t number) const {
  const TableOptions& rule = rules_.all()[number];
  TablePlan plan;
  auto table = std::make_shared<TableVersion>(from);
  table->columns.clear();
  table->primary_key.clear();
  if (!rule.rename.empty()) {
    table->database = expanded(renames_[number].database, from);
    table->table = expanded(renames_[number].table, from);
  }
  std::vector<std::optional<uint32_t>> places(from.columns.size());  // in the derived table
  for (uint32_t i = 0; i < from.columns.size(); ++i) {
    const Column& column = from.columns[i];
    if (!keeps(rule, column)) continue;
    ColumnPlan made{i, Action::kKeep, find(rule.mask, column.name)};
    if (made.mask != nullptr) {
      made.action = Action::kMask;
    } else if (contains(rule.mask_null, column.name)) {
      made.action = Action::kMaskNull;
    } else if (contains(rule.hash, column.name)) {
      made.action = Action::kHash;
    }
    Column out = made.action == Action::kMask   ? text_column(column, kMaskLength)
                 : made.action == Action::kHash ? text_column(column, kHashDigits)
                                                : column;
    if (made.action == Action::kMaskNull) out.nullable = true;
    if (const std::string* name = find(rule.rename_columns, column.name)) out.name = *name;
    if (find_column(*table, out.name)) {
      return fail(Code::kInvalid,
                  "rename_columns makes two columns `" + out.name + "` of table " + shown(from));
    }
    places[i] = static_cast<uint32_t>(table->columns.size());
    table->columns.push_back(std::move(out));
    plan.columns.push_back(made);
  }
  for (const uint32_t ordinal : from.primary_key) {
    if (places[ordinal]) table->primary_key.push_back(*places[ordinal]);
  }
  plan.changes_rows =
      !(*table == from) || std::ranges::any_of(plan.columns, [](const auto& column) {
        return column.action != Action::kKeep;
      });
  plan.table = std::move(table);
  return plan;
}

Result<const Transform::TablePlan*> Transform::plan(const TablePtr& table) {
  Result<TablePlan>& made = plans_.get(table, [&](const TableVersion& from) {
    Result<TablePlan> plan = make_plan(from, rules_.of(table));
    if (plan && !plan->changes_rows) plan->table = table;
    return plan;
  });
  if (!made) return fail(made.error());
  return &*made;
}

Result<std::span<const Field>> Transform::image(const TablePlan& plan, std::span<const Field> from,
                                                Image& out) {
  if (from.empty()) return from;
  out.fields.resize(plan.columns.size());
  out.texts.resize(plan.columns.size());
  for (size_t i = 0; i < plan.columns.size(); ++i) {
    const ColumnPlan& column = plan.columns[i];
    Field& field = out.fields[i];
    field = from[column.from];
    field.column = &plan.table->columns[i];
    if (column.action == Action::kKeep || field.state == Field::State::kAbsent) continue;
    if (column.action == Action::kMask) {
      set_text(field, *column.mask);
    } else if (column.action == Action::kMaskNull) {
      field.state = Field::State::kNull;
    } else if (field.state == Field::State::kPartial) {
      field.state = Field::State::kAbsent;  // the whole document is not known, nor is its hash
    } else if (field.state == Field::State::kValue) {
      std::string text;
      BINBUS_RETURN_IF_ERROR(schema::append_text(text, from[column.from]));
      out.texts[i] = sha256(salt_, text);
      set_text(field, out.texts[i]);
    }
  }
  return std::span<const Field>(out.fields);
}

Result<const Change*> Transform::apply(const Change& change) {
  if (!changes_anything_) return &change;
  change_ = change;
  if (hides_anything_) change_.sql = {};
  if (change.table != nullptr) {
    BINBUS_TRY(made, plan(change.table));
    change_.table = made->table;
    if (made->changes_rows) {
      BINBUS_TRY(before, image(*made, change.before, before_));
      BINBUS_TRY(after, image(*made, change.after, after_));
      change_.before = before;
      change_.after = after;
    }
  }
  for (TablePtr* table : {&change_.table_before, &change_.table_after}) {
    if (*table == nullptr) continue;
    BINBUS_TRY(made, plan(*table));
    *table = made->table;
  }
  return &change_;
}

}  // namespace binbus::sink
