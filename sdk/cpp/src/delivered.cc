#include "delivered.h"

namespace binbus {
namespace {

const std::string& id_of(const feed::v1::Transaction& transaction) {
  return transaction.gtid().empty() ? transaction.position() : transaction.gtid();
}

std::pair<uint32_t, uint32_t> number_of(const feed::v1::Change& change) {
  return {change.event(), change.row()};
}

}  // namespace

Delivered::Place Delivered::place_of(const feed::v1::Change& row, const Table& table,
                                     uint64_t copy) {
  return {table.database + "." + table.name, row.row_key(), copy};
}

bool Delivered::has(const feed::v1::Change& change, const feed::v1::Transaction& transaction,
                    const Table* table, uint64_t copy) const {
  if (change.operation() == feed::v1::READ)
    return table != nullptr && last_row_ && place_of(change, *table, copy) <= *last_row_;
  if (transaction_.empty() || id_of(transaction) != transaction_) return false;
  if (shared_) return change.operation() == feed::v1::BEGIN && !committed_;
  if (committed_ || change.operation() == feed::v1::BEGIN) return true;
  return change.operation() != feed::v1::COMMIT && any_ && number_of(change) <= last_change_;
}

void Delivered::add(const feed::v1::Change& change, const feed::v1::Transaction& transaction,
                    const Table* table, uint64_t copy) {
  if (change.operation() == feed::v1::READ) {
    if (table != nullptr) last_row_ = place_of(change, *table, copy);
    return;
  }
  if (id_of(transaction) != transaction_) {
    transaction_ = id_of(transaction);
    committed_ = any_ = false;
  }
  if (change.operation() == feed::v1::COMMIT) committed_ = true;
  if (change.operation() == feed::v1::COMMIT || change.operation() == feed::v1::BEGIN) return;
  any_ = true;
  last_change_ = number_of(change);
}

}  // namespace binbus
