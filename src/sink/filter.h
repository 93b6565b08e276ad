// Which changes a sink delivers: by table, operation and row.
//
// - Tables: those that fit `tables` (all but the system schemas when there are none) and do not fit `exclude`. A statement that
//   renames is delivered when either name is.
// - Statements about no single table (CREATE DATABASE, ...): when their database is no system schema and `ddl` is wanted.
// - An update is delivered as it is when its row fulfils `where` before or after it: who receives changes of a part of a table
//   sees a row come in as an update of a row that it does not know, and go as an update to values outside of the condition.
// - With a filter table: of these, what its rows say.
// - A transaction's bounds always pass; who delivers them drops those around nothing.
//
// Thread: one; keeps the verdict per table version.
#pragma once

#include <memory>
#include <optional>

#include "schema/change.h"
#include "sink/condition.h"
#include "sink/filter_table.h"
#include "sink/rules.h"

namespace binbus::sink {

class Filter {
 public:
  // `rules` must outlive it. kInvalid for what is no pattern, operation or condition.
  static Result<std::unique_ptr<Filter>> make(const SinkOptions& options, Rules& rules);
  // Whether any row of the table can pass.
  bool may_pass(std::string_view database, std::string_view table);
  // Whether rows of tables that may pass are kept back all the same, by what they hold or what was done to them.
  bool selects_rows() const;
  // The filter table, which passes() keeps up to date; null: there is none.
  FilterTable* table() { return filter_table_ ? &*filter_table_ : nullptr; }
  // kInvalid when a condition does not fit the table's columns.
  Result<bool> passes(const schema::Change& change);

 private:
  Filter(Rules& rules, PatternSet include, PatternSet exclude)
      : rules_(rules), include_(std::move(include)), exclude_(std::move(exclude)) {}

  // Bits of what a rule delivers.
  enum Operations : uint8_t { kInserts = 1, kUpdates = 2, kDeletes = 4, kStatements = 8 };
  static constexpr uint8_t kRowOperations = kInserts | kUpdates | kDeletes;
  struct Rule {
    uint8_t operations = 0;
    std::shared_ptr<const Condition> condition;  // null: all rows
  };
  struct Verdict {
    bool wanted = false;
    uint8_t operations = 0;
    const Rule* rule = nullptr;
    Result<std::vector<uint32_t>> columns;  // of the condition
  };
  static Result<uint8_t> parse_operations(const std::vector<std::string>& names);
  Verdict& verdict(const schema::TablePtr& table);
  bool wants(std::string_view database, std::string_view table);
  // Of the filter table: what is to be delivered of a table.
  uint8_t listed_operations(const schema::TableVersion& table) const;
  Status follow_filter_table(const schema::Change& change);
  bool passes_statement(const schema::Change& change);

  Rules& rules_;
  std::vector<Rule> parsed_;  // by the rule's number
  std::optional<FilterTable> filter_table_;
  PatternSet include_, exclude_;
  bool all_tables_ = false;  // `tables` is not given
  NameCache<bool> names_;    // wants()
  format::TableCache<Verdict> verdicts_;
};

// mysql, sys, information_schema, performance_schema
bool is_system_schema(std::string_view database);

}  // namespace binbus::sink
