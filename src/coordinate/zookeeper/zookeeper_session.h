// A session at a ZooKeeper (from 3.5 on): names bound to it are ephemeral. Versions are those of the nodes' data: an owner's
// node is written once, and every take-over changes the epoch's.
#pragma once

#include "coordinate/session.h"

namespace binbus::coordinate {

// Errors: kNetwork; kAuth; kUnsupported for TLS, which Debian's client library has not.
Result<std::unique_ptr<Session>> connect_zookeeper(const SessionOptions& options);

}  // namespace binbus::coordinate
