// A comparison of kept rows with the source's as text: a line of JSON now and then, and one at its end.
#pragma once

#include <memory>

#include "admin/status.h"
#include "state/kept_tables.h"
#include "state/verification.h"

namespace binbus::app {

// kInvalid for a pattern that is none, kNotFound for one that no kept table fits.
Result<std::shared_ptr<state::Verification>> make_verification(const state::KeptTables& kept,
                                                               const admin::VerifyQuery& query);
// Cancels it when it goes.
std::unique_ptr<admin::Tail> make_verify_tail(std::string stream,
                                              std::shared_ptr<state::Verification> run);

}  // namespace binbus::app
