#include "dump/row_change.h"

namespace binbus::dump {

RowChange::RowChange(const state::Place& place, schema::TablePtr table)
    : segment_(place.text.substr(0, place.text.rfind(':'))) {
  transaction_.begin = place.at;
  transaction_.segment = segment_;
  change_.operation = schema::Operation::kRead;
  change_.transaction = &transaction_;
  change_.position = place.at;
  change_.table = std::move(table);
}

}  // namespace binbus::dump
