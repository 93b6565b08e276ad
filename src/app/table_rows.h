// Rows that a stream keeps, as text: one message a row.
#pragma once

#include <memory>

#include "admin/status.h"
#include "state/tables.h"

namespace binbus::app {

// kNotFound when there is no such table or row, kInvalid for a query that makes no sense.
Result<std::unique_ptr<admin::Tail>> make_rows(const std::string& stream,
                                               const admin::RowsQuery& query,
                                               std::shared_ptr<const state::TablesView> view);

}  // namespace binbus::app
