// What kind of DDL a statement is, by its first words: messages of other tools name it.
//
// Pure; any thread. Looks at the first words only; whatever it does not know is kOther.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "schema/change.h"

namespace binbus::format {

enum class DdlKind : uint8_t {
  kOther,
  kCreateTable,
  kAlterTable,
  kDropTable,
  kRenameTable,
  kTruncate,
  kCreateIndex,
  kDropIndex,
  kCreateDatabase,
  kAlterDatabase,
  kDropDatabase,
};

struct DdlWords {
  DdlKind kind = DdlKind::kOther;
  std::string database;  // of the three last kinds; "": the session's default
  std::string charset;   // as they say it; "" when not
};
DdlWords ddl_words(std::string_view statement);
// Of a kDdl or kTruncate: an ALTER that gives its table another name is kRenameTable.
DdlKind ddl_kind(const schema::Change& change);
std::string_view ddl_kind_name(DdlKind kind);  // "create_table", "other"

}  // namespace binbus::format
