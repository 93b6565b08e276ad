// The databases and tables of a source at one place of its log, and what each statement does to them: the schema history's
// core.
//
// Pure: statements in, table versions out; no I/O. One object from one thread at a time; what it hands out may go anywhere.
// A table is kept as its encoded bytes, some 20 a column, and decoded when it is asked for; versions in use are shared.
//
// Statements come from the log, so the server has accepted them: the catalog does not check what the server has checked.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>

#include "base/bytes.h"
#include "schema/charset_names.h"
#include "schema/table_definition.h"

namespace binbus::schema {

// One table that a statement changed.
struct TableChange {
  TablePtr before;  // null: it is new
  TablePtr after;   // null: it is gone. Its name differs from before's when it was renamed
  // Not empty: the statement does not tell the table's columns (CREATE ... SELECT, a table not known as LIKE's model, ...),
  // `after` has none, and its definition must be read at the source; the reason.
  std::string reread = {};
};

struct Effect {
  bool relevant = false;  // false: a statement that can change neither a table nor its columns
  // Not empty: the statement was not understood, for this reason, which has its place and text. The tables that it may have changed
  // are in `changes`, to be read again; no others are concerned.
  std::string unclear = {};
  std::vector<TableChange> changes;
  TablePtr truncated;  // TRUNCATE: the table that lost its rows, if it is known
};

struct TableState {
  TablePtr version;    // null: no such table
  std::string reread;  // not empty: its definition must be read at the source, see TableChange
};

class Catalog {
 public:
  // lower_case_table_names of the source: 0, 1 or 2.
  explicit Catalog(uint8_t lower_case_table_names = 0) : lower_case_(lower_case_table_names) {}

  // What the statement does, which is done when it returns. kUnsupported: it may change any table's columns, since not even a
  // name in it was understood; the message names the place in the statement, and the catalog is as it was.
  // `statement` is UTF-8. Statements that are no DDL cost their first word.
  Result<Effect> apply(std::string_view statement, const StatementContext& context);

  TableState table(std::string_view database, std::string_view table) const;
  // Every table in the order of names, until `visit` returns false.
  template <class Visit>  // bool(const TableState&)
  void for_each_table(const Visit& visit) const {
    for (const auto& [key, database] : databases_) {
      for (const auto& [name, stored] : database.tables) {
        if (!visit(state_of(stored))) return;
      }
    }
  }
  size_t table_count() const;

  // The baseline, and what was read again. The statement of SHOW CREATE TABLE is the better source of a table, by apply(): it tells
  // MariaDB's hidden columns and the keys beside the primary one, which are not known of a version alone.
  void put_database(std::string_view name, CharsetPair charset);
  void put_table(TableVersion version);
  // All that is known of another catalog's table; nothing is done where it has none of that name.
  void take_table(const Catalog& from, std::string_view database, std::string_view table);
  void put_for_reread(std::string_view database, std::string_view table, std::string reason);

  // Temporary tables end with their sessions: to call when the source has restarted.
  void forget_sessions() { temporary_.clear(); }

  // All of it as bytes, for baselines and checkpoints.
  ByteVector encode() const;
  static Result<Catalog> decode(Bytes bytes);

 private:
  struct Stored {
    ByteVector encoded;
    std::string reread;
    mutable std::weak_ptr<const TableVersion> shared;
  };
  struct Database {
    std::string name;
    bool known = false;  // false: only tables told of it
    CharsetPair charset;
    std::map<std::string, Stored, std::less<>> tables;
  };
  // A table's place: folded names for finding it, names as they are stored.
  struct Place {
    std::string database_key, table_key;
    std::string database, table;
  };

  Place place_of(const TableName& name, const StatementContext& context) const;
  Place place_of(std::string_view database, std::string_view table) const;
  std::string key_of(std::string_view name) const;
  std::string stored_name(std::string_view name) const;
  const Stored* find(const Place& place) const;
  Stored* find(const Place& place);
  Database& database_of(const Place& place);
  Result<TableDefinition> definition_of(const Stored& stored) const;
  TableState state_of(const Stored& stored) const;
  CharsetPair default_of(const Place& place) const;
  bool is_temporary(const Place& place, const StatementContext& context) const;

  TableChange store(const Place& place, TableDefinition definition);
  TableChange store_for_reread(const Place& place, std::string reason);
  TableChange take_out(const Place& place);
  std::optional<TableChange> move(const Place& from, const Place& to);

  Status run(const Irrelevant& statement, const StatementContext& context, Effect& effect);
  Status run(const CreateTable& statement, const StatementContext& context, Effect& effect);
  Status run(const AlterTable& statement, const StatementContext& context, Effect& effect);
  Status run(const RenameTables& statement, const StatementContext& context, Effect& effect);
  Status run(const DropTables& statement, const StatementContext& context, Effect& effect);
  Status run(const TruncateTable& statement, const StatementContext& context, Effect& effect);
  Status run(const CreateDatabase& statement, const StatementContext& context, Effect& effect);
  Status run(const AlterDatabase& statement, const StatementContext& context, Effect& effect);
  Status run(const DropDatabase& statement, const StatementContext& context, Effect& effect);
  Status run(const CreateSequence& statement, const StatementContext& context, Effect& effect);
  Status run(const AlterSequence& statement, const StatementContext& context, Effect& effect);
  // What a statement that was not understood (effect.unclear) may have changed is not known any more.
  template <class Statement>
  void doubt(const Statement& statement, const StatementContext& context, Effect& effect);
  void alter_others(const AlterTable& statement, const Place& place,
                    const StatementContext& context, Effect& effect);

  uint8_t lower_case_;
  std::map<std::string, Database, std::less<>> databases_;  // by folded name
  std::map<uint64_t, std::set<std::pair<std::string, std::string>>>
      temporary_;  // by session: folded names
};

}  // namespace binbus::schema
