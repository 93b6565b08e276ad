#include "schema/column_parser.h"
#include "schema/table_parser.h"

namespace binbus::schema {
namespace {

using Kind = AlterClause::Kind;

Status take_place(TokenReader& in, AlterClause& clause) {
  if (in.accept("FIRST")) {
    clause.place = AlterClause::Place::kFirst;
  } else if (in.accept("AFTER")) {
    clause.place = AlterClause::Place::kAfter;
    BINBUS_TRY(after, parse_column_name(in));
    clause.after = std::move(after);
  }
  return ok();
}

// A clause about partitions: it has commas of its own and is the statement's last.
void skip_partitions(TokenReader& in) { in.skip_to_end(); }

Status parse_add_columns(TokenReader& in, bool if_not_exists, std::vector<AlterClause>& clauses) {
  const bool several = in.accept('(');
  do {
    if (several && at_key(in)) {
      BINBUS_TRY(key, parse_key(in));
      if (key) {
        clauses.push_back({.kind = Kind::kAddKey, .key = std::move(*key)});
      }
      continue;
    }
    if (several && in.accept_sequence({"PERIOD", "FOR"})) {
      BINBUS_TRY(period, parse_period(in));
      clauses.push_back({.kind = Kind::kAddPeriod, .period = std::move(period)});
      continue;
    }
    AlterClause clause{.kind = Kind::kAddColumn, .if_exists = if_not_exists};
    BINBUS_TRY(name, parse_column_name(in));
    BINBUS_TRY(column, parse_column(in, std::move(name)));
    clause.column = std::move(column);
    BINBUS_RETURN_IF_ERROR(take_place(in, clause));
    clauses.push_back(std::move(clause));
  } while (several && in.accept(','));
  return several ? in.expect(')') : ok();
}

Status parse_add(TokenReader& in, std::vector<AlterClause>& clauses) {
  if (in.at("PARTITION")) {
    skip_partitions(in);
    return ok();
  }
  if (in.accept_sequence({"SYSTEM", "VERSIONING"})) {
    clauses.push_back({.kind = Kind::kAddVersioning});
    return ok();
  }
  if (in.accept_sequence({"PERIOD", "FOR"}) ||
      in.accept_sequence({"PERIOD", "IF", "NOT", "EXISTS", "FOR"})) {
    BINBUS_TRY(period, parse_period(in));
    clauses.push_back({.kind = Kind::kAddPeriod, .period = std::move(period)});
    return ok();
  }
  if (at_key(in)) {
    BINBUS_TRY(key, parse_key(in));
    if (key) clauses.push_back({.kind = Kind::kAddKey, .key = std::move(*key)});
    return ok();
  }
  in.accept("COLUMN");
  const bool if_not_exists = in.accept_if_not_exists();
  return parse_add_columns(in, if_not_exists, clauses);
}

Status parse_drop(TokenReader& in, std::vector<AlterClause>& clauses) {
  AlterClause clause{.kind = Kind::kDropColumn};
  if (in.at("PARTITION")) {
    skip_partitions(in);
    return ok();
  }
  if (in.accept_sequence({"SYSTEM", "VERSIONING"})) {
    clause.kind = Kind::kDropVersioning;
  } else if (in.accept_sequence({"PRIMARY", "KEY"})) {
    clause.kind = Kind::kDropPrimaryKey;
  } else if (in.accept_sequence({"PERIOD", "FOR"}) ||
             in.accept_sequence({"PERIOD", "IF", "EXISTS", "FOR"})) {
    clause.kind = Kind::kDropPeriod;
    if (!in.accept("SYSTEM_TIME")) {
      BINBUS_TRY(name, in.name("a period's name"));
      clause.name = std::move(name);
    }
  } else if (in.at_any({"KEY", "INDEX", "CONSTRAINT"})) {
    clause.kind = Kind::kDropKey;
    in.take();
    clause.if_exists = in.accept_if_exists();
    BINBUS_TRY(name, in.name("a key's name"));
    clause.name = std::move(name);
  } else if (in.accept_sequence({"FOREIGN", "KEY"}) || in.at("CHECK")) {
    in.accept("CHECK");
    in.accept_if_exists();
    BINBUS_RETURN_IF_ERROR(in.name("a constraint's name"));
    return ok();
  } else {
    in.accept("COLUMN");
    clause.if_exists = in.accept_if_exists();
    BINBUS_TRY(name, parse_column_name(in));
    clause.name = std::move(name);
    if (!in.accept("RESTRICT")) in.accept("CASCADE");
  }
  clauses.push_back(std::move(clause));
  return ok();
}

Status parse_change(TokenReader& in, bool renames, std::vector<AlterClause>& clauses) {
  AlterClause clause{.kind = Kind::kChangeColumn};
  in.accept("COLUMN");
  clause.if_exists = in.accept_if_exists();
  const bool several = !renames && in.accept('(');  // Oracle's MODIFY (a INT, b INT)
  do {
    BINBUS_TRY(name, parse_column_name(in));
    clause.name = name;
    if (renames) {
      BINBUS_TRY(to, parse_column_name(in));
      name = std::move(to);
    }
    BINBUS_TRY(column, parse_column(in, std::move(name)));
    clause.column = std::move(column);
    BINBUS_RETURN_IF_ERROR(take_place(in, clause));
    clauses.push_back(clause);
  } while (several && in.accept(','));
  return several ? in.expect(')') : ok();
}

// ALTER [COLUMN] name SET DEFAULT x, DROP DEFAULT, SET INVISIBLE; ALTER INDEX, ALTER CHECK, ALTER CONSTRAINT.
Status parse_alter_column(TokenReader& in, std::vector<AlterClause>& clauses) {
  if (in.at_any({"INDEX", "KEY", "CHECK", "CONSTRAINT"})) return in.skip_to_comma();
  AlterClause clause{.kind = Kind::kSetVisible};
  in.accept("COLUMN");
  clause.if_exists = in.accept_if_exists();
  BINBUS_TRY(name, parse_column_name(in));
  clause.name = std::move(name);
  if (in.accept_sequence({"SET", "INVISIBLE"})) {
    clause.kind = Kind::kSetInvisible;
  } else if (!in.accept_sequence({"SET", "VISIBLE"})) {
    return in.skip_to_comma();
  }
  clauses.push_back(std::move(clause));
  return ok();
}

Status parse_rename(TokenReader& in, std::vector<AlterClause>& clauses) {
  AlterClause clause{.kind = Kind::kRenameTable};
  if (in.at_any({"COLUMN", "INDEX", "KEY"}) && !in.peek().is('.')) {
    clause.kind = in.at("COLUMN") ? Kind::kRenameColumn : Kind::kRenameKey;
    in.take();
    clause.if_exists = in.accept_if_exists();
    BINBUS_TRY(name, parse_column_name(in));
    BINBUS_RETURN_IF_ERROR(in.expect("TO"));
    BINBUS_TRY(to, in.name("a name"));
    clause.name = std::move(name);
    clause.to.table = std::move(to);
  } else {
    if (!in.accept("TO") && !in.accept('=')) in.accept("AS");
    BINBUS_TRY(to, parse_table_name(in));
    clause.to = std::move(to);
  }
  clauses.push_back(std::move(clause));
  return ok();
}

Status parse_convert(TokenReader& in, std::vector<AlterClause>& clauses) {
  AlterClause clause{.kind = Kind::kConvert};
  if (in.accept("PARTITION")) {
    clause.kind = Kind::kPartitionToTable;
    BINBUS_RETURN_IF_ERROR(in.name("a partition"));
    BINBUS_RETURN_IF_ERROR(in.expect("TO"));
    BINBUS_RETURN_IF_ERROR(in.expect("TABLE"));
  } else if (in.accept("TABLE")) {
    clause.kind = Kind::kTableToPartition;
  } else {
    BINBUS_RETURN_IF_ERROR(in.expect("TO"));
    BINBUS_TRY(charset, take_charset_option(in, clause.charset));
    if (!charset) return in.unexpected("CHARACTER SET");
    BINBUS_RETURN_IF_ERROR(take_charset_option(in, clause.charset));
    clauses.push_back(std::move(clause));
    return ok();
  }
  BINBUS_TRY(table, parse_table_name(in));
  clause.to = std::move(table);
  clauses.push_back(std::move(clause));
  in.skip_to_end();
  return ok();
}

// Words that begin what is of no interest here.
bool at_other_clause(const TokenReader& in) {
  return in.peek().is('=') || in.at_any({"ENGINE",
                                         "TYPE",
                                         "AUTO_INCREMENT",
                                         "AVG_ROW_LENGTH",
                                         "CHECKSUM",
                                         "COMMENT",
                                         "COMPRESSION",
                                         "CONNECTION",
                                         "DATA",
                                         "INDEX",
                                         "DELAY_KEY_WRITE",
                                         "ENCRYPTION",
                                         "ENGINE_ATTRIBUTE",
                                         "SECONDARY_ENGINE_ATTRIBUTE",
                                         "SECONDARY_ENGINE",
                                         "SECONDARY_LOAD",
                                         "SECONDARY_UNLOAD",
                                         "INSERT_METHOD",
                                         "KEY_BLOCK_SIZE",
                                         "MAX_ROWS",
                                         "MIN_ROWS",
                                         "PACK_KEYS",
                                         "PASSWORD",
                                         "ROW_FORMAT",
                                         "STATS_AUTO_RECALC",
                                         "STATS_PERSISTENT",
                                         "STATS_SAMPLE_PAGES",
                                         "TABLESPACE",
                                         "STORAGE",
                                         "UNION",
                                         "TRANSACTIONAL",
                                         "PAGE_CHECKSUM",
                                         "TABLE_CHECKSUM",
                                         "IETF_QUOTES",
                                         "SEQUENCE",
                                         "AUTOEXTEND_SIZE",
                                         "FORCE",
                                         "ENABLE",
                                         "DISABLE",
                                         "DISCARD",
                                         "IMPORT",
                                         "ALGORITHM",
                                         "LOCK",
                                         "WITHOUT",
                                         "START"});
}

bool at_partition_clause(const TokenReader& in) {
  return in.at_any({"PARTITION", "REMOVE", "COALESCE", "REORGANIZE", "EXCHANGE", "TRUNCATE",
                    "ANALYZE", "CHECK", "OPTIMIZE", "REBUILD", "REPAIR", "UPGRADE"});
}

Status parse_clause(TokenReader& in, AlterTable& alter) {
  std::vector<AlterClause>& clauses = alter.clauses;
  CharsetSpec charset;
  BINBUS_TRY(is_charset, take_charset_option(in, charset));
  if (is_charset) {
    clauses.push_back({.kind = Kind::kSetCharset, .charset = std::move(charset)});
    return ok();
  }
  if (in.accept("ADD")) return parse_add(in, clauses);
  if (in.accept("DROP")) return parse_drop(in, clauses);
  if (in.accept("MODIFY")) return parse_change(in, false, clauses);
  if (in.accept("CHANGE")) return parse_change(in, true, clauses);
  if (in.accept("ALTER")) return parse_alter_column(in, clauses);
  if (in.accept("RENAME")) return parse_rename(in, clauses);
  if (in.accept("CONVERT")) return parse_convert(in, clauses);
  if (in.accept_sequence({"WITH", "SYSTEM", "VERSIONING"})) {
    clauses.push_back({.kind = Kind::kAddVersioning});
    return ok();
  }
  if (in.accept_sequence({"WITHOUT", "SYSTEM", "VERSIONING"})) {
    clauses.push_back({.kind = Kind::kDropVersioning});
    return ok();
  }
  if (in.accept_sequence({"ORDER", "BY"}) || at_partition_clause(in)) {
    in.skip_to_end();
    return ok();
  }
  if (in.at("WITH")) {  // WITH VALIDATION
    in.take();
    in.take();
    return ok();
  }
  if (!at_other_clause(in)) return in.unexpected("a clause of ALTER TABLE");
  // One option: its word, and its value as far as it is one
  const bool how = in.at_any({"ALGORITHM", "LOCK"});
  in.take();
  if (in.at_any({"DIRECTORY", "KEYS", "TABLESPACE", "VALIDATION", "TRANSACTION"})) in.take();
  const bool assigned = in.accept('=');
  if (!how || in.at("COPY")) alter.options = true;
  if (in.at('(')) return in.skip_parentheses();
  const Token::Kind kind = in.current().kind;
  if (assigned || kind == Token::Kind::kString || kind == Token::Kind::kNumber) {
    in.take();
  } else if (kind == Token::Kind::kQuoted ||
             (kind == Token::Kind::kWord && !at_other_clause(in) && !at_partition_clause(in) &&
              !in.at_any({"DEFAULT", "CHARSET", "CHARACTER", "COLLATE"}))) {
    in.take();
  }
  return ok();
}

void skip_wait(TokenReader& in) {
  if (in.accept("WAIT")) {
    in.take();
  } else {
    in.accept("NOWAIT");
  }
}

}  // namespace

Result<AlterTable> parse_alter_table(TokenReader& in) {
  AlterTable alter;
  alter.if_exists = in.accept_if_exists();
  BINBUS_TRY(name, parse_table_name(in));
  alter.name = std::move(name);
  skip_wait(in);
  while (!in.at_end() && alter.unclear.empty()) {
    if (in.accept(',')) continue;
    note_unclear(alter, parse_clause(in, alter));
  }
  return alter;
}

}  // namespace binbus::schema
