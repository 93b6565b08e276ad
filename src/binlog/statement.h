// What a statement in a Query event means for the transaction that it stands in.
#pragma once

#include <cstdint>
#include <string_view>

namespace binbus::binlog {

enum class StatementKind : uint8_t {
  kOther,  // DDL, DML, SAVEPOINT, ROLLBACK TO, XA END, ...
  kBegin,  // BEGIN, START TRANSACTION, XA START, XA BEGIN
  kEnd,    // COMMIT, ROLLBACK, XA COMMIT, XA ROLLBACK, XA PREPARE
};

// By the statement's first words, in any letter case. A leading comment makes it kOther: servers write these statements
// themselves and put none there.
StatementKind statement_kind(std::string_view statement);

}  // namespace binbus::binlog
