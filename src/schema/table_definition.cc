#include "schema/table_definition.h"

#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>

#include "schema/column_type.h"
#include "schema/hidden_columns.h"

namespace binbus::schema {
namespace {

constexpr size_t kNone = SIZE_MAX;

// Columns with identities, which stay through renames and moves, so that keys can name them.
struct Item {
  Column column;
  size_t id = 0;
};

tl::unexpected<Error> missing(const char* what, const std::string& name) {
  return fail(Code::kNotFound, std::string(what) + " " + name + " is not there");
}

size_t find_item(const std::vector<Item>& items, std::string_view name) {
  const auto found =
      std::ranges::find_if(items, [&](const Item& i) { return same_name(i.column.name, name); });
  return found == items.end() ? kNone : static_cast<size_t>(found - items.begin());
}

// A key while its table is worked on.
struct Key {
  std::string name;
  struct Part {
    size_t id;
    uint32_t prefix;
  };
  std::vector<Part> parts;
  bool hash = false;
};

class Builder {
 public:
  Builder(const StatementContext& context, CharsetPair around)
      : context_(context), around_(std::move(around)) {}

  void load(const TableDefinition& before);
  Status create(const CreateTable& create);
  Status alter(const AlterTable& alter);
  Result<TableDefinition> finish();

 private:
  Status take_charset(const AlterTable& alter);
  Status drop_and_change(const AlterTable& alter);
  Status place_others(const AlterTable& alter);
  Status change_keys(const AlterTable& alter);
  Status place(Item item, const AlterClause& clause);
  bool generated_key_first() const;
  Result<Item> make(const ColumnSpec& spec);
  void add_inline_keys(const ColumnSpec& spec);
  Status add_key(const KeySpec& spec);
  Status set_not_null(const std::string& name);
  Status add_period(const PeriodSpec& period);
  void drop_key(const std::string& name);
  std::string unused_key_name(const KeySpec& spec) const;
  CharsetPair pair() const { return {out_.version.charset, out_.version.collation}; }

  const StatementContext& context_;
  CharsetPair around_;
  TableDefinition out_;
  std::vector<Item> items_;
  size_t next_id_ = 0;
  std::vector<Key::Part> primary_;
  std::vector<Key> unique_;
  std::optional<CharsetPair> convert_to_;
  std::vector<bool> done_;  // of ALTER's clauses
};

void Builder::load(const TableDefinition& before) {
  out_ = before;
  for (Column& column : out_.version.columns) {
    if (!column.hidden) items_.push_back({std::move(column), next_id_});
    ++next_id_;
  }
  out_.version.columns.clear();
  for (const uint32_t ordinal : before.version.primary_key) primary_.push_back({ordinal, 0});
  for (const UniqueKey& key : before.unique_keys) {
    Key& loaded = unique_.emplace_back(Key{key.name, {}, key.hash});
    for (const UniqueKey::Part& part : key.parts) {
      const size_t at = find_item(items_, part.column);
      if (at != kNone) loaded.parts.push_back({items_[at].id, part.prefix});
    }
  }
}

Result<Item> Builder::make(const ColumnSpec& spec) {
  BINBUS_TRY(column, make_column(spec, pair(), context_, convert_to_ ? &*convert_to_ : nullptr));
  return Item{std::move(column), next_id_++};
}

void Builder::add_inline_keys(const ColumnSpec& spec) {
  if (spec.versioned) out_.versioned = true;
  if (spec.role != VersioningRole::kNone) out_.versioned = false;
  const size_t at = find_item(items_, spec.name);
  if (at == kNone) return;
  if (spec.primary) primary_ = {{items_[at].id, 0}};
  if (!spec.unique && !spec.serial) return;
  KeySpec key;
  key.kind = KeySpec::Kind::kUnique;
  key.parts.push_back({spec.name, 0});
  unique_.push_back({unused_key_name(key), {{items_[at].id, 0}}, false});
}

std::string Builder::unused_key_name(const KeySpec& spec) const {
  if (!spec.name.empty()) return spec.name;
  const std::string base = spec.parts.empty() ? "" : spec.parts[0].column;
  std::string name = base;
  const auto used = [&] {
    return std::ranges::any_of(unique_, [&](const Key& k) { return same_name(k.name, name); });
  };
  for (int number = 2; used() && number < 1000; ++number)
    name = base + "_" + std::to_string(number);
  return name;
}

Status Builder::add_key(const KeySpec& spec) {
  std::vector<Key::Part> parts;
  for (const KeySpec::Part& part : spec.parts) {
    const auto period = std::ranges::find_if(out_.periods, [&](const PeriodSpec& p) {
      return !p.name.empty() && same_name(p.name, part.column);
    });
    std::vector<std::string> names = {part.column};
    if (find_item(items_, part.column) == kNone && period != out_.periods.end())
      names = {period->end, period->start};
    for (const std::string& name : names) {
      if (name.empty()) continue;  // an expression, in UNIQUE only
      const size_t at = find_item(items_, name);
      if (at == kNone) return missing("column", name);
      parts.push_back({items_[at].id, part.prefix});
    }
  }
  if (spec.kind == KeySpec::Kind::kPrimary) {
    if (spec.if_not_exists && !primary_.empty()) return ok();
    primary_ = std::move(parts);
  } else if (spec.kind == KeySpec::Kind::kUnique) {
    const bool exists =
        std::ranges::any_of(unique_, [&](const Key& k) { return same_name(k.name, spec.name); });
    if (!spec.name.empty() && exists) {
      if (spec.if_not_exists) return ok();
      drop_key(spec.name);
    }
    unique_.push_back({unused_key_name(spec), std::move(parts), spec.hash});
  }
  return ok();
}

void Builder::drop_key(const std::string& name) {
  if (same_name(name, "PRIMARY")) primary_.clear();
  std::erase_if(unique_, [&](const Key& key) { return same_name(key.name, name); });
}

Status Builder::set_not_null(const std::string& name) {
  const size_t at = find_item(items_, name);
  if (at == kNone) return missing("column", name);
  items_[at].column.nullable = false;
  return ok();
}

Status Builder::add_period(const PeriodSpec& period) {
  const bool exists = std::ranges::any_of(
      out_.periods, [&](const PeriodSpec& p) { return same_name(p.name, period.name); });
  if (exists) return ok();  // IF NOT EXISTS
  out_.periods.push_back(period);
  BINBUS_RETURN_IF_ERROR(set_not_null(period.start));
  return set_not_null(period.end);
}

Status Builder::create(const CreateTable& create) {
  BINBUS_TRY(table_pair, resolve(create.charset, around_, context_));
  out_.version.charset = table_pair.charset;
  out_.version.collation = table_pair.collation;
  out_.engine = folded(create.engine);
  out_.versioned = create.versioned;
  for (const ColumnSpec& spec : create.columns) {
    BINBUS_TRY(item, make(spec));
    items_.push_back(std::move(item));
  }
  for (const ColumnSpec& spec : create.columns) add_inline_keys(spec);
  for (const PeriodSpec& period : create.periods) BINBUS_RETURN_IF_ERROR(add_period(period));
  for (const KeySpec& key : create.keys) BINBUS_RETURN_IF_ERROR(add_key(key));
  return ok();
}

Status Builder::take_charset(const AlterTable& alter) {
  CharsetSpec options;
  for (const AlterClause& clause : alter.clauses) {
    const bool convert = clause.kind == AlterClause::Kind::kConvert;
    if (!convert && clause.kind != AlterClause::Kind::kSetCharset) continue;
    if (clause.charset.charset) options.charset = clause.charset.charset;
    // To old servers a charset that comes later is one with its default collation.
    const ServerVersion& server = context_.server;
    if (clause.charset.charset && !server.mariadb && server.number < 80000)
      options.collation.reset();
    if (clause.charset.collation) options.collation = clause.charset.collation;
    if (convert) convert_to_.emplace();
  }
  if (!options.given()) return ok();
  // DEFAULT is the database's
  const bool is_default = options.charset && options.charset->empty();
  BINBUS_TRY(resolved, resolve(options, is_default ? around_ : pair(), context_));
  out_.version.charset = resolved.charset;
  out_.version.collation = resolved.collation;
  if (!convert_to_) return ok();
  convert_to_ = resolved;
  for (Item& item : items_) convert_column(item.column, resolved, context_);
  return ok();
}

// Columns that go, and those that change where they are. Clauses name columns as they were before.
Status Builder::drop_and_change(const AlterTable& alter) {
  const std::vector<Item> before = items_;
  const auto item_of = [&](const std::string& name) -> Item* {
    const size_t at = find_item(before, name);
    if (at == kNone) return nullptr;
    const auto found = std::ranges::find(items_, before[at].id, &Item::id);
    return found == items_.end() ? nullptr : &*found;
  };
  using Kind = AlterClause::Kind;
  for (size_t i = 0; i < alter.clauses.size(); ++i) {
    const AlterClause& clause = alter.clauses[i];
    const bool concerns = clause.kind == Kind::kDropColumn || clause.kind == Kind::kChangeColumn ||
                          clause.kind == Kind::kRenameColumn || clause.kind == Kind::kSetVisible ||
                          clause.kind == Kind::kSetInvisible;
    if (!concerns) continue;
    Item* item = item_of(clause.name);
    if (item == nullptr) {
      if (!clause.if_exists) return missing("column", clause.name);
      done_[i] = true;
      continue;
    }
    if (clause.kind == Kind::kDropColumn) {
      const size_t id = item->id;
      std::erase_if(items_, [&](const Item& other) { return other.id == id; });
      std::erase_if(primary_, [&](const Key::Part& part) { return part.id == id; });
    } else if (clause.kind == Kind::kRenameColumn) {
      item->column.name = clause.to.table;
    } else if (clause.kind == Kind::kChangeColumn) {
      BINBUS_TRY(changed, make(clause.column));
      item->column = std::move(changed.column);
    } else {
      item->column.invisible = clause.kind == Kind::kSetInvisible;
    }
  }
  return ok();
}

// MySQL's generated invisible primary key stays in front.
bool Builder::generated_key_first() const {
  if (items_.empty() || context_.server.mariadb) return false;
  const Item& first = items_.front();
  return first.column.name == "my_row_id" && first.column.invisible &&
         first.column.auto_increment && primary_.size() == 1 && primary_[0].id == first.id;
}

Status Builder::place(Item item, const AlterClause& clause) {
  if (clause.place == AlterClause::Place::kLast) {
    items_.push_back(std::move(item));
  } else if (clause.place == AlterClause::Place::kFirst) {
    items_.insert(items_.begin() + (generated_key_first() ? 1 : 0), std::move(item));
  } else {
    const size_t at = find_item(items_, clause.after);
    if (at == kNone) return missing("column", clause.after);
    items_.insert(items_.begin() + static_cast<std::ptrdiff_t>(at) + 1, std::move(item));
  }
  return ok();
}

// Columns that come and those that move, in the order of their clauses. Those that move are out of the way first.
Status Builder::place_others(const AlterTable& alter) {
  using Kind = AlterClause::Kind;
  std::vector<Item> moved(alter.clauses.size());
  for (size_t i = 0; i < alter.clauses.size(); ++i) {
    const AlterClause& clause = alter.clauses[i];
    if (clause.kind != Kind::kChangeColumn || clause.place == AlterClause::Place::kLast || done_[i])
      continue;
    const size_t at = find_item(items_, clause.column.name);
    if (at == kNone) return missing("column", clause.column.name);
    moved[i] = std::move(items_[at]);
    items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  for (size_t i = 0; i < alter.clauses.size(); ++i) {
    const AlterClause& clause = alter.clauses[i];
    if (done_[i]) continue;
    if (clause.kind == Kind::kAddColumn) {
      if (clause.if_exists && find_item(items_, clause.column.name) != kNone) {
        done_[i] = true;
        continue;
      }
      BINBUS_TRY(item, make(clause.column));
      BINBUS_RETURN_IF_ERROR(place(std::move(item), clause));
    } else if (clause.kind == Kind::kChangeColumn && clause.place != AlterClause::Place::kLast) {
      BINBUS_RETURN_IF_ERROR(place(std::move(moved[i]), clause));
    }
  }
  return ok();
}

Status Builder::change_keys(const AlterTable& alter) {
  using Kind = AlterClause::Kind;
  for (const AlterClause& clause : alter.clauses) {
    if (clause.kind == Kind::kDropPrimaryKey) primary_.clear();
    if (clause.kind == Kind::kDropKey) drop_key(clause.name);
    if (clause.kind == Kind::kDropPeriod) {
      std::erase_if(out_.periods,
                    [&](const PeriodSpec& p) { return same_name(p.name, clause.name); });
    }
    if (clause.kind == Kind::kDropVersioning) out_.versioned = false;
    if (clause.kind == Kind::kAddVersioning) out_.versioned = true;
  }
  // Keys of columns that went
  for (Key& key : unique_) {
    std::erase_if(key.parts, [&](const Key::Part& p) {
      return std::ranges::find(items_, p.id, &Item::id) == items_.end();
    });
  }
  std::erase_if(unique_, [](const Key& key) { return key.parts.empty(); });
  for (size_t i = 0; i < alter.clauses.size(); ++i) {
    const AlterClause& clause = alter.clauses[i];
    const bool declares = clause.kind == Kind::kAddColumn || clause.kind == Kind::kChangeColumn;
    if (declares && !done_[i]) add_inline_keys(clause.column);
    if (clause.kind == Kind::kAddPeriod) BINBUS_RETURN_IF_ERROR(add_period(clause.period));
    if (clause.kind == Kind::kAddKey) BINBUS_RETURN_IF_ERROR(add_key(clause.key));
    if (clause.kind == Kind::kRenameKey) {
      for (Key& key : unique_) {
        if (same_name(key.name, clause.name)) key.name = clause.to.table;
      }
    }
  }
  return ok();
}

Status Builder::alter(const AlterTable& alter) {
  done_.assign(alter.clauses.size(), false);
  for (Key& key : unique_) key.hash = false;  // the server asks for a hash again only where it must
  BINBUS_RETURN_IF_ERROR(take_charset(alter));
  BINBUS_RETURN_IF_ERROR(drop_and_change(alter));
  BINBUS_RETURN_IF_ERROR(place_others(alter));
  return change_keys(alter);
}

Result<TableDefinition> Builder::finish() {
  out_.version.primary_key.clear();
  out_.unique_keys.clear();
  std::vector<size_t> ordinal_of(next_id_, kNone);
  for (size_t i = 0; i < items_.size(); ++i) ordinal_of[items_[i].id] = i;
  for (const Key::Part& part : primary_) {
    if (part.id >= next_id_ || ordinal_of[part.id] == kNone) continue;
    const size_t ordinal = ordinal_of[part.id];
    items_[ordinal].column.nullable = false;
    out_.version.primary_key.push_back(static_cast<uint32_t>(ordinal));
  }
  for (Item& item : items_) out_.version.columns.push_back(std::move(item.column));
  if (context_.server.mariadb) {
    for (const Key& key : unique_) {
      UniqueKey& unique = out_.unique_keys.emplace_back(UniqueKey{key.name, {}, key.hash});
      for (const Key::Part& part : key.parts) {
        if (ordinal_of[part.id] == kNone) continue;
        unique.parts.push_back({out_.version.columns[ordinal_of[part.id]].name, part.prefix});
      }
    }
  }
  add_hidden_columns(out_, context_);
  return std::move(out_);
}

}  // namespace

std::string folded(std::string_view name) {
  std::string out(name);
  const auto is_ascii = [](char c) { return (c & 0x80) == 0; };
  if (std::ranges::all_of(out, is_ascii)) {
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    return out;
  }
  const auto text = icu::UnicodeString::fromUTF8(out);
  icu::UnicodeString lower;
  for (int32_t at = 0; at < text.length(); at = text.moveIndex32(at, 1)) {
    lower.append(u_tolower(text.char32At(at)));
  }
  out.clear();
  return lower.toUTF8String(out);
}

bool same_name(std::string_view a, std::string_view b) {
  const auto is_ascii = [](char c) { return (c & 0x80) == 0; };
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  if (std::ranges::equal(a, b, {}, lower, lower)) return true;
  if (std::ranges::all_of(a, is_ascii) && std::ranges::all_of(b, is_ascii)) return false;
  return folded(a) == folded(b);
}

Result<TableDefinition> create_definition(const CreateTable& create, const CharsetPair& around,
                                          const StatementContext& context) {
  Builder builder(context, around);
  BINBUS_RETURN_IF_ERROR(builder.create(create));
  return builder.finish();
}

Result<TableDefinition> alter_definition(const TableDefinition& before, const AlterTable& alter,
                                         const CharsetPair& around,
                                         const StatementContext& context) {
  Builder builder(context, around);
  builder.load(before);
  BINBUS_RETURN_IF_ERROR(builder.alter(alter));
  return builder.finish();
}

Result<TableDefinition> sequence_definition(const std::optional<TypeSpec>& type,
                                            const StatementContext& context) {
  constexpr std::string_view kNumbers[] = {"next_not_cached_value", "minimum_value",
                                           "maximum_value", "start_value"};
  CreateTable create;
  const auto add = [&](std::string_view name, const TypeSpec& of) {
    ColumnSpec spec;
    spec.name = name;
    spec.type = of;
    spec.nullable = false;
    create.columns.push_back(std::move(spec));
  };
  TypeSpec bigint;
  bigint.type = SqlType::kBigint;
  bigint.length = 21;
  TypeSpec value = type.value_or(bigint);
  if (value.type == SqlType::kBigint) value.length = 21;
  if (value.type == SqlType::kInt) value.length = 12;
  if (value.type == SqlType::kMediumint) value.length = 10;
  if (value.type == SqlType::kSmallint) value.length = 7;
  if (value.type == SqlType::kTinyint) value.length = 5;
  for (const std::string_view name : kNumbers) add(name, value);
  add("increment", bigint);
  TypeSpec count = bigint;
  count.is_unsigned = true;
  add("cache_size", count);
  TypeSpec flag = count;
  flag.type = SqlType::kTinyint;
  flag.length = 1;
  add("cycle_option", flag);
  add("cycle_count", bigint);
  return create_definition(create, {}, context);
}

}  // namespace binbus::schema
