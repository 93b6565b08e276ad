// A kept row as the change that says so: "read", at the place that the rows are of.
//
// Owner:  borrows nothing.
// Thread: one.
#pragma once

#include "schema/change.h"
#include "state/tables.h"

namespace binbus::dump {

class RowChange {
 public:
  RowChange(const state::Place& place, schema::TablePtr table);
  RowChange(const RowChange&) = delete;  // the change points into it
  // Good until the next call.
  const schema::Change& of(std::span<const schema::Field> row) {
    change_.after = row;
    return change_;
  }

 private:
  const std::string segment_;
  schema::TransactionInfo transaction_;
  schema::Change change_;
};

}  // namespace binbus::dump
