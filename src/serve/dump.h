// Sends the log to one reader, from where it asks until it leaves: what a source's dump thread does, packet for packet.
#pragma once

#include <atomic>
#include <stop_token>

#include "mysql/packet.h"
#include "serve/catalog.h"
#include "serve/dump_request.h"
#include "serve/progress.h"

namespace binbus::serve {

// Why somebody else ended a dump.
enum class EndReason : uint8_t {
  kStopped,    // the server stops
  kKilled,     // KILL
  kDuplicate,  // a replica with the same server id or UUID has connected
};

struct DumpContext {
  const Catalog& catalog;
  mysql::PacketChannel& channel;
  Progress& progress;
  io::Clock& clock;
  std::stop_token stop;
  const std::atomic<EndReason>& end_reason;  // meaningful once `stop` is asked
};

// Returns when the reader was told that the dump is over (EOF, or an error packet): the connection may go on. An error
// means that the connection is of no further use.
Status run_dump(const DumpRequest& request, const ReaderTraits& traits, const DumpContext& context);

}  // namespace binbus::serve
