#include "format/ddl_kind.h"

namespace binbus::format {
namespace {

// Words of a statement: identifiers, in quotes or not, and single other characters. Comments are passed over; the text of
// an executable one counts.
class Words {
 public:
  explicit Words(std::string_view statement) : rest_(statement) {}

  // In upper case, "" at the end. A quoted one is `name()` only.
  std::string_view next() {
    skip_blanks();
    word_.clear();
    quoted_ = false;
    if (rest_.empty()) return word_;
    const char first = rest_[0];
    if (first == '`' || first == '"' || first == '\'') {
      take_quoted(first);
      return {};
    }
    size_t size = 0;
    while (size < rest_.size() && is_word(rest_[size])) ++size;
    if (size == 0) size = 1;
    word_ = rest_.substr(0, size);
    name_ = word_;
    for (char& c : word_)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    rest_.remove_prefix(size);
    return word_;
  }
  // The last word as it was written, without its quotes.
  const std::string& name() const { return name_; }
  bool quoted() const { return quoted_; }
  bool at_end() {
    skip_blanks();
    return rest_.empty();
  }

 private:
  static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || static_cast<uint8_t>(c) > 0x7f;
  }

  void take_quoted(char quote) {
    quoted_ = true;
    name_.clear();
    rest_.remove_prefix(1);
    while (!rest_.empty()) {
      const char c = rest_[0];
      rest_.remove_prefix(1);
      if (c == quote) {
        if (rest_.empty() || rest_[0] != quote) return;
        rest_.remove_prefix(1);
      }
      name_ += c;
    }
  }

  void skip_blanks() {
    while (!rest_.empty()) {
      if (std::string_view(" \t\r\n\f\v").find(rest_[0]) != std::string_view::npos) {
        rest_.remove_prefix(1);
      } else if (rest_[0] == '#' || rest_.substr(0, 3) == "-- " || rest_.substr(0, 3) == "--\n" ||
                 rest_.substr(0, 3) == "--\t") {
        skip_past("\n");
      } else if (rest_.substr(0, 3) == "/*!" || rest_.substr(0, 4) == "/*M!") {
        rest_.remove_prefix(rest_[2] == '!' ? 3 : 4);
        while (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9') rest_.remove_prefix(1);
      } else if (rest_.substr(0, 2) == "/*") {
        skip_past("*/");
      } else if (rest_.substr(0, 2) == "*/") {  // of an executable comment
        rest_.remove_prefix(2);
      } else {
        return;
      }
    }
  }
  void skip_past(std::string_view end) {
    const size_t at = rest_.find(end);
    rest_.remove_prefix(at == std::string_view::npos ? rest_.size() : at + end.size());
  }

  std::string_view rest_;
  std::string word_;
  std::string name_;
  bool quoted_ = false;
};

// CREATE OR REPLACE TEMPORARY TABLE, ALTER ONLINE IGNORE TABLE, CREATE UNIQUE INDEX.
bool stands_before_object(std::string_view word) {
  for (const std::string_view known : {"OR", "REPLACE", "TEMPORARY", "UNIQUE", "FULLTEXT",
                                       "SPATIAL", "VECTOR", "ONLINE", "OFFLINE", "IGNORE"})
    if (word == known) return true;
  return false;
}

bool is_database(std::string_view word) { return word == "DATABASE" || word == "SCHEMA"; }

// Behind CREATE, ALTER or DROP: [IF [NOT] EXISTS] [name] [... [CHARACTER SET | CHARSET] [=] charset].
DdlWords database_words(DdlKind kind, Words& words) {
  DdlWords found{kind, "", ""};
  std::string_view word = words.next();
  while (word == "IF" || word == "NOT" || word == "EXISTS") word = words.next();
  const auto begins_option = [](std::string_view w) {
    return w == "CHARACTER" || w == "CHARSET" || w == "DEFAULT" || w == "COLLATE";
  };
  if (words.quoted() || (!word.empty() && !begins_option(word))) {
    found.database = words.name();
    word = words.next();
  }
  for (; !word.empty() || words.quoted(); word = words.next()) {
    if (word != "CHARSET" && word != "CHARACTER") continue;
    if (word == "CHARACTER") words.next();  // SET
    if (words.next() == "=") words.next();
    found.charset = words.name();
    return found;
  }
  return found;
}

}  // namespace

DdlWords ddl_words(std::string_view statement) {
  Words words(statement);
  const std::string verb(words.next());
  if (verb == "RENAME") return {DdlKind::kRenameTable, "", ""};
  if (verb == "TRUNCATE") return {DdlKind::kTruncate, "", ""};
  const bool create = verb == "CREATE";
  const bool alter = verb == "ALTER";
  if (!create && !alter && verb != "DROP") return {};
  const auto by_verb = [&](DdlKind if_create, DdlKind if_alter, DdlKind if_drop) {
    return create ? if_create : alter ? if_alter : if_drop;
  };
  while (!words.at_end()) {
    const std::string_view word = words.next();
    if (word == "TABLE" || word == "TABLES") {
      return {by_verb(DdlKind::kCreateTable, DdlKind::kAlterTable, DdlKind::kDropTable), "", ""};
    }
    if (word == "INDEX") {
      return {by_verb(DdlKind::kCreateIndex, DdlKind::kOther, DdlKind::kDropIndex), "", ""};
    }
    if (is_database(word)) {
      return database_words(
          by_verb(DdlKind::kCreateDatabase, DdlKind::kAlterDatabase, DdlKind::kDropDatabase),
          words);
    }
    if (!stands_before_object(word)) return {};
  }
  return {};
}

DdlKind ddl_kind(const schema::Change& change) {
  const DdlKind kind = ddl_words(change.statement).kind;
  const schema::TableVersion* before = change.table_before.get();
  const schema::TableVersion* after = change.table_after.get();
  const bool renames = before != nullptr && after != nullptr &&
                       (before->table != after->table || before->database != after->database);
  return kind == DdlKind::kAlterTable && renames ? DdlKind::kRenameTable : kind;
}

std::string_view ddl_kind_name(DdlKind kind) {
  switch (kind) {
    case DdlKind::kCreateTable:
      return "create_table";
    case DdlKind::kAlterTable:
      return "alter_table";
    case DdlKind::kDropTable:
      return "drop_table";
    case DdlKind::kRenameTable:
      return "rename_table";
    case DdlKind::kTruncate:
      return "truncate_table";
    case DdlKind::kCreateIndex:
      return "create_index";
    case DdlKind::kDropIndex:
      return "drop_index";
    case DdlKind::kCreateDatabase:
      return "create_database";
    case DdlKind::kAlterDatabase:
      return "alter_database";
    case DdlKind::kDropDatabase:
      return "drop_database";
    case DdlKind::kOther:
      break;
  }
  return "other";
}

}  // namespace binbus::format
