// What ingest is told by configuration.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "mysql/client.h"
#include "mysql/executed.h"

namespace binbus::ingest {

// Where an empty log begins. Always at the head of the file that holds the place, so that whole files are stored.
struct Start {
  enum class At : uint8_t { kEarliest, kLatest, kGtid, kFile };
  At at = At::kEarliest;
  std::string executed;  // kGtid: the set that is not wanted any more, in the source's flavour
  std::string file;      // kFile
  uint64_t offset = 4;   // kFile; must be in the file, whose head is where the log begins
  // "earliest", "latest", "gtid:SET", "FILE:POS".
  static Result<Start> parse(const std::string& text);
};

// What to do about a source that came back from a crash with less than it had sent.
enum class OnSourceLoss : uint8_t {
  kStop,   // halt, naming what it lost
  kAccept  // keep what we hold, and go on with the file that the source opened after its crash
};

struct IngestOptions {
  std::string stream;                   // for logs
  std::vector<std::string> sources;     // candidates' addresses, in order of preference
  mysql::ConnectOptions connect;        // for all of them; its address is not used
  std::optional<mysql::Flavor> flavor;  // not given: by what the source says of itself
  Start start;
  uint32_t server_id = 0;   // 0: one is drawn, and another when it clashes
  std::string server_uuid;  // ours, towards the source; "": one is drawn
  std::string report_host;  // what SHOW REPLICAS at the source shows of us
  uint16_t report_port = 0;
  bool semi_sync = true;  // acknowledge whenever the source has semi-sync on
  OnSourceLoss on_source_loss = OnSourceLoss::kStop;
  uint32_t heartbeat_ms =
      5'000;  // asked of an idle source; twice that in silence is a lost connection
  uint32_t failover_after_ms =
      30'000;  // how long the source must be away before another server's log is taken up
  // Where several may ingest, one at a time: whether it is still our turn, with the connection that is to dump, as text.
  std::function<Status(const std::string& connection)> take_turn;
  std::function<bool()> has_turn;  // whether it is, and is not about to go to another
  std::string predecessor;  // the connection of who had the turn before, as it was told; "": nobody
};

}  // namespace binbus::ingest
