// Values as literals that a MySQL or MariaDB server reads back as exactly the same value.
//
// They read the same under every sql_mode and character set of the session: nothing is escaped with backslashes, text
// that is not plain ASCII names its character set, and what plain text cannot carry is hexadecimal.
// Thread: one.
#pragma once

#include <string>

#include "format/value.h"

namespace binbus::format {

class SqlLiterals {
 public:
  // To be stored in the column. Sets needs_session() where the session must not interpret it by its own time zone and
  // sql_mode.
  Status append(std::string& out, const ColumnPlan& plan, const schema::Field& field);
  // `name` compared with the value, so that it is true of exactly the rows that hold it, NULL included.
  Status append_condition(std::string& out, const ColumnPlan& plan, const schema::Field& field);

  bool needs_session() const { return needs_session_; }
  void reset() { needs_session_ = false; }

 private:
  Status text(std::string& out, const ColumnPlan& plan, const schema::Field& field);
  Status date(std::string& out, const ColumnPlan& plan, const schema::Field& field);
  Status binary(std::string& out, const ColumnPlan& plan, const schema::Field& field);
  Status floating(std::string& out, const schema::Field& field);

  Values values_;
  bool needs_session_ = false;
};

}  // namespace binbus::format
