// One connection: login, then commands until the client leaves.
#pragma once

#include <atomic>
#include <stop_token>

#include "serve/dump.h"
#include "serve/queries.h"

namespace binbus::serve {

// A connection as others see it. Owner: the Server. Thread: its own runs it; status and end() from any.
class Connection {
 public:
  Connection(uint32_t id, std::unique_ptr<io::Stream> stream, uint64_t now_us);

  uint32_t id() const { return id_; }
  mysql::PacketChannel& channel() { return channel_; }
  Progress& progress() { return progress_; }
  ReplicaStatus status() const { return progress_.status(); }
  std::stop_token stop_token() const { return stop_.get_token(); }
  const std::atomic<EndReason>& end_reason() const { return end_reason_; }
  // Ends the dump with an error packet, or, for the other reasons, the connection at once. When the server stops, a dump
  // by MySQL's GTIDs first sends the rest of the transaction that it is in.
  void end(EndReason reason);
  // The connection, at once.
  void cut() { socket_.shutdown(); }

 private:
  const uint32_t id_;
  mysql::PacketChannel channel_;
  io::Stream& socket_;  // lives as long as channel_, TLS over it or not
  std::stop_source stop_;
  std::atomic<EndReason> end_reason_ = EndReason::kStopped;
  Progress progress_;
};

// What a session needs of its server.
class SessionHost : public ServerActions {
 public:
  // A dump by this reader begins, and is the connection's status from here on. Older ones with the same UUID, or with
  // the same id when it has none, end; of two that begin at once, one is the older.
  virtual void dump_begins(Connection& connection, const ReplicaStatus& reader) = 0;
  // Its user is known from here on.
  virtual void logged_in(Connection& connection) = 0;
};

struct SessionContext {
  const Catalog& catalog;
  SessionHost& host;
  io::TlsServer& tls;
  mysql::RsaKey& rsa;
  io::Clock& clock;
};

// Runs the connection to its end. The error says why it ended; a client that said good-bye is none.
Status run_session(Connection& connection, const SessionContext& context);

}  // namespace binbus::serve
