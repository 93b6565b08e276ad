#include "schema/catalog.h"

#include <algorithm>

#include "base/check.h"
#include "schema/ddl_parser.h"
#include "schema/table_codec.h"

namespace binbus::schema {
namespace {

// A database's default charset that a statement has set which was not understood.
constexpr std::string_view kUnknownCharset = "?";

TablePtr share(TableVersion version) {
  return std::make_shared<const TableVersion>(std::move(version));
}

Status understood(const std::string& unclear) {
  return unclear.empty() ? ok() : Status(fail(Code::kUnsupported, unclear));
}

}  // namespace

std::string Catalog::key_of(std::string_view name) const {
  return lower_case_ == 0 ? std::string(name) : folded(name);
}

std::string Catalog::stored_name(std::string_view name) const {
  return lower_case_ == 1 ? folded(name) : std::string(name);
}

Catalog::Place Catalog::place_of(std::string_view database, std::string_view table) const {
  return {key_of(database), key_of(table), stored_name(database), stored_name(table)};
}

Catalog::Place Catalog::place_of(const TableName& name, const StatementContext& context) const {
  return place_of(name.database.empty() ? context.database : name.database, name.table);
}

const Catalog::Stored* Catalog::find(const Place& place) const {
  const auto database = databases_.find(place.database_key);
  if (database == databases_.end()) return nullptr;
  const auto table = database->second.tables.find(place.table_key);
  return table == database->second.tables.end() ? nullptr : &table->second;
}

Catalog::Stored* Catalog::find(const Place& place) {
  return const_cast<Stored*>(std::as_const(*this).find(place));
}

Catalog::Database& Catalog::database_of(const Place& place) {
  Database& database = databases_[place.database_key];
  if (database.name.empty()) database.name = place.database;
  return database;
}

Result<TableDefinition> Catalog::definition_of(const Stored& stored) const {
  return decode_table(stored.encoded);
}

TableState Catalog::state_of(const Stored& stored) const {
  TablePtr version = stored.shared.lock();
  if (version == nullptr) {
    auto definition = definition_of(stored);
    BINBUS_CHECK(definition.has_value());  // encoded here, or decoded once already
    version = share(std::move(definition->version));
    stored.shared = version;
  }
  return {std::move(version), stored.reread};
}

TableState Catalog::table(std::string_view database, std::string_view table) const {
  const auto found = databases_.find(key_of(database));
  if (found == databases_.end()) return {};
  const auto stored = found->second.tables.find(key_of(table));
  return stored == found->second.tables.end() ? TableState{} : state_of(stored->second);
}

size_t Catalog::table_count() const {
  size_t count = 0;
  for (const auto& [key, database] : databases_) count += database.tables.size();
  return count;
}

CharsetPair Catalog::default_of(const Place& place) const {
  const auto database = databases_.find(place.database_key);
  return database == databases_.end() ? CharsetPair{} : database->second.charset;
}

bool Catalog::is_temporary(const Place& place, const StatementContext& context) const {
  const auto session = temporary_.find(context.session);
  return session != temporary_.end() &&
         session->second.contains({place.database_key, place.table_key});
}

TableChange Catalog::store(const Place& place, TableDefinition definition) {
  const auto takes_unknown = [](const Column& column) { return column.charset == kUnknownCharset; };
  if (std::ranges::any_of(definition.version.columns, takes_unknown)) {
    return store_for_reread(place, "its columns have the default character set of " +
                                       place.database +
                                       ", which a statement has set that was not understood");
  }
  Stored& stored = database_of(place).tables[place.table_key];
  TableChange change;
  if (!stored.encoded.empty()) change.before = state_of(stored).version;
  // A statement may name a table that it changes in other letter cases than the table has.
  const bool same = change.before != nullptr && !definition.version.table.empty() &&
                    key_of(definition.version.database) == place.database_key &&
                    key_of(definition.version.table) == place.table_key;
  if (!same) {
    definition.version.database = place.database;
    definition.version.table = place.table;
  }
  stored.encoded = encode_table(definition);
  stored.encoded.shrink_to_fit();
  stored.reread.clear();
  change.after = share(std::move(definition.version));
  stored.shared = change.after;
  return change;
}

TableChange Catalog::store_for_reread(const Place& place, std::string reason) {
  TableDefinition definition;
  TableChange change = store(place, std::move(definition));
  change.reread = std::move(reason);
  find(place)->reread = change.reread;
  return change;
}

TableChange Catalog::take_out(const Place& place) {
  Database& database = database_of(place);
  const auto table = database.tables.find(place.table_key);
  TableChange change;
  change.before = state_of(table->second).version;
  database.tables.erase(table);
  return change;
}

std::optional<TableChange> Catalog::move(const Place& from, const Place& to) {
  Stored* stored = find(from);
  if (stored == nullptr) return std::nullopt;
  auto definition = definition_of(*stored);
  BINBUS_CHECK(definition.has_value());
  const std::string reread = stored->reread;
  TableChange change = take_out(from);
  const TablePtr before = change.before;
  change = store(to, std::move(*definition));
  change.before = before;
  change.reread = find(to)->reread = reread;
  return change;
}

void Catalog::put_database(std::string_view name, CharsetPair charset) {
  Database& database = databases_[key_of(name)];
  database.name = stored_name(name);
  database.known = true;
  database.charset = std::move(charset);
}

void Catalog::put_table(TableVersion version) {
  const Place place = place_of(version.database, version.table);
  TableDefinition definition;
  definition.version = std::move(version);
  definition.keys_known = false;
  store(place, std::move(definition));
}

void Catalog::take_table(const Catalog& from, std::string_view database, std::string_view table) {
  const Stored* stored = from.find(from.place_of(database, table));
  if (stored == nullptr) return;
  auto definition = definition_of(*stored);
  BINBUS_CHECK(definition.has_value());  // encoded there, or decoded once already
  const Place place = place_of(database, table);
  store(place, std::move(*definition));
  find(place)->reread = stored->reread;
}

void Catalog::put_for_reread(std::string_view database, std::string_view table,
                             std::string reason) {
  store_for_reread(place_of(database, table), std::move(reason));
}

template <class Statement>
void Catalog::doubt(const Statement& statement, const StatementContext& context, Effect& effect) {
  if constexpr (requires { statement.unclear, statement.name.table; }) {
    const Place place = place_of(statement.name, context);
    effect.changes.push_back(store_for_reread(place, effect.unclear));
    if constexpr (std::is_same_v<Statement, AlterTable>) {
      alter_others(statement, place, context, effect);
    }
  } else if constexpr (requires { statement.unclear; }) {  // a database
    if constexpr (std::is_same_v<Statement, CreateDatabase>) {
      if (statement.or_replace) (void)run(DropDatabase{statement.name}, context, effect);
    }
    put_database(statement.name.empty() ? context.database : statement.name,
                 {std::string(kUnknownCharset), ""});
  }
}

Result<Effect> Catalog::apply(std::string_view statement, const StatementContext& context) {
  BINBUS_TRY(parsed, parse_ddl(statement, context));
  Effect effect;
  effect.relevant = !std::holds_alternative<Irrelevant>(parsed);
  const Status done =
      std::visit([&](const auto& what) { return run(what, context, effect); }, parsed);
  if (!done) {
    effect.unclear =
        "a statement was not understood (" + done.error().message + "): " + beginning_of(statement);
    std::visit([&](const auto& what) { doubt(what, context, effect); }, parsed);
  }
  return effect;
}

Status Catalog::run(const Irrelevant&, const StatementContext&, Effect&) { return ok(); }

Status Catalog::run(const CreateTable& create, const StatementContext& context, Effect& effect) {
  const Place place = place_of(create.name, context);
  if (create.temporary) {
    temporary_[context.session].insert({place.database_key, place.table_key});
    return ok();
  }
  const bool exists = find(place) != nullptr;
  if (exists && create.if_not_exists) return ok();
  BINBUS_RETURN_IF_ERROR(understood(create.unclear));
  if (create.like) {
    const Place model = place_of(*create.like, context);
    Stored* stored = is_temporary(model, context) ? nullptr : find(model);
    if (stored == nullptr || !stored->reread.empty()) {
      effect.changes.push_back(store_for_reread(place, "made like a table that is not known"));
      return ok();
    }
    BINBUS_TRY(definition, definition_of(*stored));
    BINBUS_TRY(like, alter_definition(definition, AlterTable{}, default_of(place), context));
    effect.changes.push_back(store(place, std::move(like)));
    return ok();
  }
  if (create.select) {
    effect.changes.push_back(store_for_reread(place, "made of a query's result or by its engine"));
    return ok();
  }
  auto definition = create_definition(create, default_of(place), context);
  if (!definition)
    return fail_in("CREATE TABLE " + place.database + "." + place.table,
                   std::move(definition).error());
  effect.changes.push_back(store(place, std::move(*definition)));
  return ok();
}

// Tables beside the one that is altered, and its new name.
void Catalog::alter_others(const AlterTable& alter, const Place& place,
                           const StatementContext& context, Effect& effect) {
  for (const AlterClause& clause : alter.clauses) {
    const Place other = place_of(clause.to, context);
    if (clause.kind == AlterClause::Kind::kRenameTable) {
      if (auto change = move(place, other)) {
        // One change from what was there before the statement
        if (!effect.changes.empty() && effect.changes.back().after == change->before) {
          change->before = effect.changes.back().before;
          effect.changes.pop_back();
        }
        effect.changes.push_back(std::move(*change));
      }
    } else if (clause.kind == AlterClause::Kind::kTableToPartition) {
      if (find(other) != nullptr) effect.changes.push_back(take_out(other));
    } else if (clause.kind == AlterClause::Kind::kPartitionToTable) {
      Stored* stored = find(place);
      auto definition = stored != nullptr ? definition_of(*stored) : fail(Code::kNotFound, "");
      effect.changes.push_back(definition && stored->reread.empty()
                                   ? store(other, std::move(*definition))
                                   : store_for_reread(other, "was a partition"));
    }
  }
}

Status Catalog::run(const AlterTable& alter, const StatementContext& context, Effect& effect) {
  const Place place = place_of(alter.name, context);
  if (is_temporary(place, context)) {
    for (const AlterClause& clause : alter.clauses) {
      if (clause.kind != AlterClause::Kind::kRenameTable) continue;
      const Place to = place_of(clause.to, context);
      temporary_[context.session].erase({place.database_key, place.table_key});
      temporary_[context.session].insert({to.database_key, to.table_key});
    }
    return ok();
  }
  Stored* stored = find(place);
  if (stored == nullptr) return ok();  // a view's name, or a table that the baseline left out
  if (stored->reread.empty()) {
    BINBUS_RETURN_IF_ERROR(understood(alter.unclear));
    BINBUS_TRY(before, definition_of(*stored));
    auto after = alter_definition(before, alter, default_of(place), context);
    if (!after && after.error().code != Code::kNotFound) {
      return fail_in("ALTER TABLE " + place.database + "." + place.table, std::move(after).error());
    }
    if (!after) {
      effect.changes.push_back(store_for_reread(place, "ALTER TABLE: " + after.error().message));
    } else if (!(*after == before)) {
      TableChange change = store(place, std::move(*after));
      if (!(*change.before == *change.after)) effect.changes.push_back(std::move(change));
    }
  }
  alter_others(alter, place, context, effect);
  return ok();
}

Status Catalog::run(const RenameTables& rename, const StatementContext& context, Effect& effect) {
  for (const RenameTables::Pair& pair : rename.pairs) {
    const Place from = place_of(pair.from, context);
    const Place to = place_of(pair.to, context);
    // MySQL renames the table behind a temporary one
    if (context.server.mariadb && is_temporary(from, context)) {
      temporary_[context.session].erase({from.database_key, from.table_key});
      temporary_[context.session].insert({to.database_key, to.table_key});
    } else if (auto change = move(from, to)) {
      effect.changes.push_back(std::move(*change));
    }
  }
  return ok();
}

Status Catalog::run(const DropTables& drop, const StatementContext& context, Effect& effect) {
  for (const TableName& name : drop.names) {
    const Place place = place_of(name, context);
    if (is_temporary(place, context)) {
      temporary_[context.session].erase({place.database_key, place.table_key});
    } else if (!drop.temporary && find(place) != nullptr) {
      effect.changes.push_back(take_out(place));
    }
  }
  return ok();
}

// A table that is not known is named all the same: whoever is told needs no more.
Status Catalog::run(const TruncateTable& truncate, const StatementContext& context,
                    Effect& effect) {
  const Place place = place_of(truncate.name, context);
  if (is_temporary(place, context)) return ok();
  const Stored* stored = find(place);
  if (stored != nullptr) effect.truncated = state_of(*stored).version;
  if (effect.truncated == nullptr) {
    auto named = std::make_shared<TableVersion>();
    named->database = place.database;
    named->table = place.table;
    effect.truncated = std::move(named);
  }
  return ok();
}

Status Catalog::run(const CreateDatabase& create, const StatementContext& context, Effect& effect) {
  const auto found = databases_.find(key_of(create.name));
  const bool exists = found != databases_.end() && found->second.known;
  if (exists && create.if_not_exists) return ok();
  BINBUS_RETURN_IF_ERROR(understood(create.unclear));
  CharsetPair around;
  if (!context.collation_server.empty()) {
    BINBUS_TRY(server, pair_of_collation(context.collation_server, "", context));
    around = std::move(server);
  }
  BINBUS_TRY(charset, resolve(create.charset, around, context));
  if (exists) BINBUS_RETURN_IF_ERROR(run(DropDatabase{create.name}, context, effect));
  put_database(create.name, std::move(charset));
  return ok();
}

Status Catalog::run(const AlterDatabase& alter, const StatementContext& context, Effect&) {
  const std::string& name = alter.name.empty() ? context.database : alter.name;
  const auto found = databases_.find(key_of(name));
  if (found == databases_.end()) return ok();
  BINBUS_RETURN_IF_ERROR(understood(alter.unclear));
  if (!alter.charset.given()) return ok();
  CharsetPair around = found->second.charset;
  if (alter.charset.charset && alter.charset.charset->empty() &&
      !context.collation_server.empty()) {
    BINBUS_TRY(server, pair_of_collation(context.collation_server, "", context));
    around = std::move(server);
  }
  BINBUS_TRY(charset, resolve(alter.charset, around, context));
  put_database(name, std::move(charset));
  return ok();
}

Status Catalog::run(const DropDatabase& drop, const StatementContext&, Effect& effect) {
  const auto found = databases_.find(key_of(drop.name));
  if (found == databases_.end()) return ok();
  for (const auto& [name, stored] : found->second.tables) {
    effect.changes.push_back({.before = state_of(stored).version, .after = nullptr, .reread = ""});
  }
  databases_.erase(found);
  return ok();
}

Status Catalog::run(const CreateSequence& create, const StatementContext& context, Effect& effect) {
  const Place place = place_of(create.name, context);
  if (create.temporary) {
    temporary_[context.session].insert({place.database_key, place.table_key});
    return ok();
  }
  if (create.if_not_exists && find(place) != nullptr) return ok();
  BINBUS_RETURN_IF_ERROR(understood(create.unclear));
  if (create.like) {
    CreateTable like;
    like.name = create.name;
    like.like = create.like;
    return run(like, context, effect);
  }
  BINBUS_TRY(definition, sequence_definition(create.type, context));
  effect.changes.push_back(store(place, std::move(definition)));
  return ok();
}

Status Catalog::run(const AlterSequence& alter, const StatementContext& context, Effect& effect) {
  const Place place = place_of(alter.name, context);
  if (is_temporary(place, context) || find(place) == nullptr) return ok();
  BINBUS_RETURN_IF_ERROR(understood(alter.unclear));
  if (!alter.type) return ok();
  BINBUS_TRY(definition, sequence_definition(alter.type, context));
  effect.changes.push_back(store(place, std::move(definition)));
  return ok();
}

}  // namespace binbus::schema
