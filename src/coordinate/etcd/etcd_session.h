// A session at an etcd (v3, from 3.4 on): a lease, to which the session's names are attached. Epochs' and owners' versions are
// revisions.
#pragma once

#include "coordinate/session.h"

namespace binbus::coordinate {

// Errors: kNetwork and kTimeout name every endpoint and what it said; kAuth; kTls for files that cannot be read.
Result<std::unique_ptr<Session>> connect_etcd(const SessionOptions& options);

}  // namespace binbus::coordinate
