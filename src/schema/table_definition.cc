#include "schema/table_definition.h"

#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>

#include "schema/column_type.h"
#include "schema/hidden_columns.h"
#include "schema/unique_keys.h"

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
    size_t id;  // kNone: an expression
    uint32_t prefix;
  };
  std::vector<Part> parts;
  bool hash = false;
  bool unnamed = false;
  bool nullable = false;  // when the server comes to it; a primary key may come after it
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
  void take_versioning(const ColumnSpec& spec);
  Status add_key(const KeySpec& spec);
  void set_primary(std::vector<Key::Part> parts);
  bool is_nullable(const Key& key) const;
  Status set_not_null(const std::string& name);
  Status add_period(const PeriodSpec& period);
  void drop_key(const std::string& name);
  void rename_keys(const AlterTable& alter);
  std::vector<UniqueKey> sorted_keys(const std::vector<size_t>& ordinal_of) const;
  std::string unused_key_name(const KeySpec& spec) const;
  CharsetPair pair() const { return {out_.version.charset, out_.version.collation}; }

  const StatementContext& context_;
  CharsetPair around_;
  TableDefinition out_;
  std::vector<Item> items_;
  size_t next_id_ = 0;
  std::vector<Key::Part> primary_;
  std::vector<Key> unique_;
  std::vector<std::string> other_names_;  // of the statement's other keys
  bool sorts_keys_ = true;                // false: the server leaves them as they are
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
    Key& loaded = unique_.emplace_back(Key{key.name, {}, key.hash, key.unnamed});
    for (const UniqueKey::Part& part : key.parts) {
      const size_t at = find_item(items_, part.column);
      loaded.parts.push_back({at == kNone ? kNone : items_[at].id, part.prefix});
    }
    loaded.nullable = is_nullable(loaded);
  }
}

Result<Item> Builder::make(const ColumnSpec& spec) {
  BINBUS_TRY(column, make_column(spec, pair(), context_, convert_to_ ? &*convert_to_ : nullptr));
  if (spec.primary) column.nullable = false;
  return Item{std::move(column), next_id_++};
}

void Builder::take_versioning(const ColumnSpec& spec) {
  if (spec.versioned) out_.versioned = true;
  if (spec.role != VersioningRole::kNone) out_.versioned = false;
}

std::string Builder::unused_key_name(const KeySpec& spec) const {
  if (!spec.name.empty()) return spec.name;
  const bool functional = std::ranges::any_of(
      spec.parts, [](const KeySpec::Part& part) { return part.column.empty(); });
  const std::string base = functional           ? "functional_index"
                           : spec.parts.empty() ? ""
                                                : spec.parts[0].column;
  std::string name = base;
  const auto used = [&] {
    const auto is_name = [&](const std::string& other) { return same_name(other, name); };
    return is_name("PRIMARY") || std::ranges::any_of(other_names_, is_name) ||
           std::ranges::any_of(unique_, is_name, &Key::name);
  };
  for (int number = 2; used() && number < 1000; ++number)
    name = base + "_" + std::to_string(number);
  return name;
}

void Builder::set_primary(std::vector<Key::Part> parts) {
  primary_ = std::move(parts);
  for (const Key::Part& part : primary_) {
    const auto item = std::ranges::find(items_, part.id, &Item::id);
    if (item != items_.end()) item->column.nullable = false;
  }
}

bool Builder::is_nullable(const Key& key) const {
  return std::ranges::any_of(key.parts, [&](const Key::Part& part) {
    const auto item = std::ranges::find(items_, part.id, &Item::id);
    return item == items_.end() || item->column.nullable;
  });
}

Status Builder::add_key(const KeySpec& spec) {
  sorts_keys_ = true;
  if (spec.kind == KeySpec::Kind::kOther) {
    other_names_.push_back(unused_key_name(spec));
    return ok();
  }
  std::vector<Key::Part> parts;
  for (const KeySpec::Part& part : spec.parts) {
    const auto period = std::ranges::find_if(out_.periods, [&](const PeriodSpec& p) {
      return !p.name.empty() && same_name(p.name, part.column);
    });
    std::vector<std::string> names = {part.column};
    if (find_item(items_, part.column) == kNone && period != out_.periods.end())
      names = {period->end, period->start};
    for (const std::string& name : names) {
      const size_t at = name.empty() ? kNone : find_item(items_, name);
      if (at == kNone && !name.empty()) return missing("column", name);
      parts.push_back({at == kNone ? kNone : items_[at].id, part.prefix});
    }
  }
  if (spec.kind == KeySpec::Kind::kPrimary) {
    if (spec.if_not_exists && !primary_.empty()) return ok();
    set_primary(std::move(parts));
  } else {
    const bool exists =
        std::ranges::any_of(unique_, [&](const Key& k) { return same_name(k.name, spec.name); });
    if (!spec.name.empty() && exists) {
      if (spec.if_not_exists) return ok();
      drop_key(spec.name);
    }
    Key& key = unique_.emplace_back(Key{unused_key_name(spec), std::move(parts), spec.hash});
    key.unnamed = spec.name.empty();
    key.nullable = is_nullable(key);
  }
  return ok();
}

void Builder::drop_key(const std::string& name) {
  if (same_name(name, "PRIMARY")) primary_.clear();
  if (std::erase_if(unique_, [&](const Key& key) { return same_name(key.name, name); }) > 0) return;
  // A plain key, or one that has another name than here as a plain key has that: it is not known to be there any more.
  std::erase_if(unique_, [&](const Key& key) {
    return key.unnamed && name.size() > key.name.size() && name[key.name.size()] == '_' &&
           same_name(name.substr(0, key.name.size()), key.name);
  });
}

// All at once: two may take each other's names.
void Builder::rename_keys(const AlterTable& alter) {
  for (Key& key : unique_) {
    const auto renames = [&](const AlterClause& clause) {
      return clause.kind == AlterClause::Kind::kRenameKey && same_name(clause.name, key.name);
    };
    const auto clause = std::ranges::find_if(alter.clauses, renames);
    if (clause == alter.clauses.end()) continue;
    key.name = clause->to.table;
    key.unnamed = false;
  }
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
  for (const ColumnSpec& spec : create.columns) take_versioning(spec);
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

// MariaDB sorts a table's keys when there are new ones, or the one that stood for the primary key may not any more.
Status Builder::change_keys(const AlterTable& alter) {
  using Kind = AlterClause::Kind;
  const std::string first = primary_.empty() && !unique_.empty() && !unique_[0].nullable
                                ? unique_[0].name
                                : std::string();
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
  sorts_keys_ = !context_.server.mariadb || (alter.clauses.empty() && !alter.options) ||
                (!unique_.empty() && unique_[0].name == first && is_nullable(unique_[0]));
  rename_keys(alter);
  // Keys of columns that went
  for (Key& key : unique_) {
    std::erase_if(key.parts, [&](const Key::Part& p) {
      return p.id != kNone && std::ranges::find(items_, p.id, &Item::id) == items_.end();
    });
  }
  std::erase_if(unique_, [](const Key& key) { return key.parts.empty(); });
  set_primary(std::move(primary_));
  for (Key& key : unique_) key.nullable = is_nullable(key);
  for (size_t i = 0; i < alter.clauses.size(); ++i) {
    const AlterClause& clause = alter.clauses[i];
    const bool declares = clause.kind == Kind::kAddColumn || clause.kind == Kind::kChangeColumn;
    if (declares && !done_[i]) {
      take_versioning(clause.column);
      for (const KeySpec& key : keys_of(clause.column)) BINBUS_RETURN_IF_ERROR(add_key(key));
    }
    if (clause.kind == Kind::kAddPeriod) BINBUS_RETURN_IF_ERROR(add_period(clause.period));
    if (clause.kind == Kind::kAddKey) BINBUS_RETURN_IF_ERROR(add_key(clause.key));
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
  out_.version.unique_key.clear();
  std::vector<size_t> ordinal_of(next_id_, kNone);
  for (size_t i = 0; i < items_.size(); ++i) ordinal_of[items_[i].id] = i;
  for (const Key::Part& part : primary_) {
    if (part.id >= next_id_ || ordinal_of[part.id] == kNone) continue;
    out_.version.primary_key.push_back(static_cast<uint32_t>(ordinal_of[part.id]));
  }
  for (Item& item : items_) out_.version.columns.push_back(std::move(item.column));
  out_.unique_keys = sorted_keys(ordinal_of);
  out_.version.unique_key = find_unique_key(out_, context_);
  add_hidden_columns(out_, context_);
  return std::move(out_);
}

std::vector<UniqueKey> Builder::sorted_keys(const std::vector<size_t>& ordinal_of) const {
  std::vector<std::pair<KeyRank, UniqueKey>> ranked;
  for (const Key& key : unique_) {
    UniqueKey unique{key.name, {}, key.hash, key.unnamed};
    for (const Key::Part& part : key.parts) {
      UniqueKey::Part& named = unique.parts.emplace_back(UniqueKey::Part{"", part.prefix});
      if (part.id == kNone) continue;
      const Column& column = out_.version.columns[ordinal_of[part.id]];
      named = {column.name, needed_prefix(column, part.prefix)};
    }
    KeyRank rank;
    if (sorts_keys_) rank = rank_of(unique, out_, context_);
    rank.nullable = sorts_keys_ && (rank.nullable || key.nullable);
    ranked.emplace_back(rank, std::move(unique));
  }
  std::ranges::stable_sort(ranked, {}, &std::pair<KeyRank, UniqueKey>::first);
  std::vector<UniqueKey> sorted;
  for (auto& [rank, key] : ranked) sorted.push_back(std::move(key));
  return sorted;
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
  BINBUS_TRY(after, builder.finish());
  const auto is_for_more = [](const AlterClause& clause) {
    return clause.kind == AlterClause::Kind::kAddKey && clause.key.kind == KeySpec::Kind::kOther;
  };
  const bool for_keys_alone =
      !alter.options && !alter.clauses.empty() && std::ranges::none_of(alter.clauses, is_for_more);
  if (for_keys_alone && differs_in_order_of_keys(before, after, context)) return before;
  return std::move(after);
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
