// What a DDL statement says, before anything is looked up: the parser's output, the catalog's input.
//
// Values. Names are as they were written, quotes resolved; what was not said is empty. `unclear`, where a statement has it: why the
// rest of it was not understood; what was read until there stands. Empty: all of it was.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "schema/column.h"

namespace binbus::schema {

struct TableName {
  std::string database;  // "": the session's default
  std::string table;
};

// A label of ENUM or SET. Hexadecimal and bit literals are bytes in the column's charset.
struct Label {
  std::string value;
  bool bytes = false;
};

struct TypeSpec {
  SqlType type = SqlType::kUnknown;
  std::string unknown;  // how a type that is kUnknown was written
  bool json = false;    // MariaDB's JSON
  bool boolean = false;
  std::optional<uint32_t> length;
  std::optional<uint32_t> decimals;
  bool is_unsigned = false;
  bool zerofill = false;
  std::string charset;        // by CHARACTER SET, NATIONAL, ASCII, UNICODE, BYTE
  bool binary_order = false;  // BINARY: the charset's _bin collation
  std::vector<Label> labels;
};

enum class VersioningRole : uint8_t { kNone, kRowStart, kRowEnd };

struct ColumnSpec {
  std::string name;
  TypeSpec type;
  std::string collation;
  std::optional<bool> nullable;
  bool generated = false;
  bool stored = false;
  bool invisible = false;
  bool auto_increment = false;
  bool compressed = false;
  bool serial = false;  // SERIAL, or SERIAL DEFAULT VALUE: NOT NULL AUTO_INCREMENT UNIQUE
  bool primary = false;
  bool unique = false;
  bool versioned = false;  // WITH SYSTEM VERSIONING, which makes the table versioned
  VersioningRole role = VersioningRole::kNone;
};

struct KeySpec {
  enum class Kind : uint8_t { kPrimary, kUnique, kOther };
  Kind kind = Kind::kOther;
  std::string name;
  struct Part {
    std::string column;  // "" for an expression
    uint32_t prefix = 0;
  };
  std::vector<Part> parts;
  bool hash = false;  // USING HASH
  bool if_not_exists = false;
};

// Those that a column's own attributes declare.
std::vector<KeySpec> keys_of(const ColumnSpec& column);

struct PeriodSpec {
  std::string name;  // "" for SYSTEM_TIME
  std::string start, end;
  bool operator==(const PeriodSpec&) const = default;
};

struct CharsetSpec {
  std::optional<std::string> charset;  // "" for DEFAULT
  std::optional<std::string> collation;
  bool given() const { return charset.has_value() || collation.has_value(); }
};

struct CreateTable {
  TableName name;
  bool or_replace = false;
  bool if_not_exists = false;
  bool temporary = false;
  std::vector<ColumnSpec> columns;
  std::vector<KeySpec> keys;  // in the statement's order; keys_of() columns, too
  std::vector<PeriodSpec> periods;
  CharsetSpec charset;
  std::string engine;
  bool versioned = false;
  std::optional<TableName> like;
  bool select = false;  // AS SELECT: more columns, which the text does not tell
  std::string unclear;
};

struct AlterClause {
  enum class Kind : uint8_t {
    kAddColumn,
    kChangeColumn,  // `name` becomes `column`; MODIFY too
    kDropColumn,
    kRenameColumn,  // `name` becomes `to.table`
    kSetVisible,
    kSetInvisible,
    kAddKey,
    kDropPrimaryKey,
    kDropKey,  // `name`
    kRenameKey,
    kRenameTable,  // to `to`
    kConvert,      // CONVERT TO CHARACTER SET
    kSetCharset,
    kAddPeriod,
    kDropPeriod,
    kAddVersioning,
    kDropVersioning,
    kPartitionToTable,  // MariaDB: a partition becomes the table `to`
    kTableToPartition,  // MariaDB: the table `to` becomes a partition
  };
  enum class Place : uint8_t { kLast, kFirst, kAfter };
  Kind kind = Kind::kAddColumn;
  std::string name = {};
  ColumnSpec column = {};
  Place place = Place::kLast;
  std::string after = {};
  bool if_exists = false;  // or IF NOT EXISTS where something is added
  KeySpec key = {};
  PeriodSpec period = {};
  CharsetSpec charset = {};
  TableName to = {};
};

struct AlterTable {
  TableName name;
  bool if_exists = false;
  std::vector<AlterClause> clauses;
  bool options = false;  // others change the table or copy it: COMMENT, FORCE, ALGORITHM=COPY
  std::string unclear;
};

struct RenameTables {
  struct Pair {
    TableName from, to;
  };
  std::vector<Pair> pairs;
};

struct DropTables {
  std::vector<TableName> names;
  bool temporary = false;
};

struct CreateDatabase {
  std::string name;
  bool or_replace = false;
  bool if_not_exists = false;
  CharsetSpec charset;
  std::string unclear;
};
struct AlterDatabase {
  std::string name;  // "": the session's default
  CharsetSpec charset;
  std::string unclear;
};
struct DropDatabase {
  std::string name;
};

// MariaDB's; it is a table of eight columns, and its changes are in the log as rows.
struct CreateSequence {
  TableName name;
  bool or_replace = false;
  bool if_not_exists = false;
  bool temporary = false;
  std::optional<TypeSpec> type;  // AS INT UNSIGNED
  std::optional<TableName> like;
  std::string unclear;
};
struct AlterSequence {
  TableName name;
  std::optional<TypeSpec> type;
  std::string unclear;
};

struct Irrelevant {};  // cannot change any table's columns

struct TruncateTable {
  TableName name;
};

using DdlStatement =
    std::variant<Irrelevant, CreateTable, AlterTable, RenameTables, DropTables, TruncateTable,
                 CreateDatabase, AlterDatabase, DropDatabase, CreateSequence, AlterSequence>;

}  // namespace binbus::schema
