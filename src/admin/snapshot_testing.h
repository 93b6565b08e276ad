// A Snapshot for tests: one stream that streams with a replica, one that waits.
#pragma once

#include "admin/status.h"

namespace binbus::admin {

Snapshot example_snapshot();

}  // namespace binbus::admin
