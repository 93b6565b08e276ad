#include "batch.h"

#include <array>
#include <utility>

#include "binbus/error.h"

namespace binbus {
namespace {

using feed::v1::Operation;

[[noreturn]] void unknown(const std::string& what) {
  throw Error(ErrorCode::kProtocol,
              "the node told of " + what +
                  ", which this version of the library does not understand: is it "
                  "older than the node?");
}

Kind kind_of(const feed::v1::Column& column) {
  static constexpr std::array<std::pair<std::string_view, Kind>, 20> kKinds = {{
      {"tinyint", Kind::kInteger},   {"smallint", Kind::kInteger},   {"mediumint", Kind::kInteger},
      {"int", Kind::kInteger},       {"bigint", Kind::kInteger},     {"year", Kind::kInteger},
      {"decimal", Kind::kDecimal},   {"float", Kind::kFloat},        {"double", Kind::kFloat},
      {"bit", Kind::kBit},           {"date", Kind::kDate},          {"time", Kind::kTime},
      {"datetime", Kind::kDateTime}, {"timestamp", Kind::kDateTime}, {"enum", Kind::kEnum},
      {"set", Kind::kSet},           {"json", Kind::kText},          {"uuid", Kind::kText},
      {"inet4", Kind::kText},        {"inet6", Kind::kText},
  }};
  for (const auto& [type, kind] : kKinds) {
    if (type == column.type()) return kind;
  }
  return column.charset().empty() || column.charset() == "binary" ? Kind::kBytes : Kind::kText;
}

Column column_of(const feed::v1::Column& told) {
  return {.name = told.name(),
          .type = told.type(),
          .type_text = told.type_text().empty() ? told.type() : told.type_text(),
          .charset = told.charset(),
          .kind = kind_of(told),
          .nullable = told.nullable(),
          .is_unsigned = told.is_unsigned(),
          .json = told.json(),
          .generated = told.generated(),
          .invisible = told.invisible(),
          .length = told.length(),
          .decimals = told.decimals(),
          .labels = {told.labels().begin(), told.labels().end()}};
}

void check_row(const feed::v1::Row& row, const Table* table) {
  if (table == nullptr || static_cast<size_t>(row.values_size()) != table->columns.size())
    unknown("a row of " + std::to_string(row.values_size()) + " values of " +
            (table == nullptr ? "no table"
                              : table->database + "." + table->name + ", which has " +
                                    std::to_string(table->columns.size()) + " columns"));
}

}  // namespace

void Tables::add(const feed::v1::Table& told) {
  auto table = std::make_shared<Table>();
  table->database = told.database();
  table->name = told.table();
  for (const auto& column : told.columns()) table->columns.push_back(column_of(column));
  for (const uint32_t column : told.key()) {
    if (column >= table->columns.size()) unknown("a key of a column that is not there");
    table->key.push_back(column);
  }
  if (!tables_.insert_or_assign(told.id(), std::move(table)).second)
    std::erase(order_, told.id());  // told again
  order_.push_back(told.id());
  if (order_.size() <= kNamedMax) return;
  tables_.erase(order_.front());
  order_.pop_front();
}

const Table* Tables::find(uint32_t id, detail::Batch& user) const {
  if (id == 0) return nullptr;
  const auto found = tables_.find(id);
  if (found == tables_.end()) unknown("a table " + std::to_string(id) + " without its columns");
  if (user.held.empty() || user.held.back() != found->second) user.held.push_back(found->second);
  return found->second.get();
}

std::shared_ptr<detail::Batch> Tables::make(feed::v1::Batch&& message) {
  auto batch = std::make_shared<detail::Batch>();
  batch->message = std::move(message);
  for (const auto& table : batch->message.tables()) add(table);
  batch->tables.reserve(static_cast<size_t>(batch->message.changes_size()));
  for (const auto& change : batch->message.changes()) {
    const bool of_transaction = change.operation() != Operation::READ;
    if (of_transaction &&
        change.transaction() >= static_cast<uint32_t>(batch->message.transactions_size()))
      unknown("a change without its transaction");
    if (change.operation() < Operation::READ || change.operation() > Operation::COMMIT)
      unknown("an operation " + std::to_string(change.operation()));
    detail::Batch::ChangeTables& tables = batch->tables.emplace_back();
    tables.table = find(change.table(), *batch);
    if (change.has_ddl()) {
      tables.before = find(change.ddl().table_before(), *batch);
      tables.after = find(change.ddl().table_after(), *batch);
    }
    if (change.has_before()) check_row(change.before(), tables.table);
    if (change.has_after()) check_row(change.after(), tables.table);
  }
  return batch;
}

}  // namespace binbus
