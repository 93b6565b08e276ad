// What ingest is doing, by value.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "binlog/position.h"
#include "ingest/receiver.h"

namespace binbus::ingest {

enum class IngestState : uint8_t {
  kConnecting,  // asking a source
  kStreaming,   // receiving
  kBackingOff,  // will try again at retry_at_us
  kHalted,  // somebody must act: `error` says how; looked at again every minute, in case somebody has
  kDiskFull,  // not reading until there is room; what is stored is served
  kFailed,    // the disk failed: nothing more is written until a restart
  kStopped
};
std::string_view state_name(IngestState state);

// Times are wall clock, microseconds since the epoch.
struct IngestStatus {
  IngestState state = IngestState::kConnecting;
  uint64_t since_us = 0;       // of the state
  std::optional<Error> error;  // newest failure; none while all is well
  uint64_t retry_at_us = 0;    // of kBackingOff and kDiskFull

  std::string address;    // of the source in use, or tried last
  SourceIdentity source;  // its file and offset: the end of what it has sent
  std::string flavor;     // "mysql", "mariadb"; "" before the first contact
  std::string gtid_mode;  // MySQL's, at the newest contact: "ON", ...; else ""
  std::map<std::string, std::string>
      variables;           // the source's, see SourceFacts; at the newest contact
  std::string tls;         // of the newest connection: "TLSv1.3"; "" without
  uint32_t server_id = 0;  // ours, towards the source
  std::string server_uuid;
  bool semi_sync = false;  // acknowledgements are agreed

  binlog::Position position;   // our end
  uint64_t last_heard_us = 0;  // anything from the source, heartbeats included
  // Since start:
  ReceiverCounts received;
  uint64_t connects = 0;  // dumps begun
  uint64_t acks = 0;      // semi-sync acknowledgements sent
};

}  // namespace binbus::ingest
