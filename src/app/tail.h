// A stream's changes as text, for one who watches.
#pragma once

#include <memory>
#include <stop_token>

#include "admin/status.h"
#include "changes/log_changes.h"

namespace binbus::app {

// `keep` is held as long as the tail is, which ends when `closing` says so. kInvalid for a query that makes no sense.
Result<std::unique_ptr<admin::Tail>> make_tail(const std::string& stream,
                                               const admin::TailQuery& query,
                                               std::unique_ptr<changes::LogChanges> changes,
                                               std::shared_ptr<void> keep, std::stop_token closing);

}  // namespace binbus::app
