// The feed's gRPC service: sdk/proto/binbus/feed/v1/feed.proto.
//
// Owner:  borrows streams and clock, which must outlive it.
// Thread: open() and stop() from one. Of its own: gRPC's, and for each subscriber one that reads the log for it, with a cursor one
//         more that keeps what is committed.
// Limits: kSubscribersMax; of what a client sends, 1 MiB a message.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "feed/streams.h"

namespace binbus::feed {

struct ServerOptions {
  std::string listen;  // HOST:PORT; port 0 takes a free one
  std::string node;    // what this one is called
  std::string token;   // that clients must give; "": none
  // PEM files, taken anew for new connections when they change. With a certificate, TLS; with `tls_ca`, clients must have a certificate of one of these authorities.
  std::string tls_cert = {}, tls_key = {}, tls_ca = {};
};

class Server {
 public:
  static constexpr size_t kSubscribersMax = 1'000;

  // kNetwork names the address when it is taken, kTls the file that is no good.
  static Result<std::unique_ptr<Server>> open(const ServerOptions& options, Streams& streams,
                                              io::Clock& clock);
  ~Server();
  // Ends all subscriptions with UNAVAILABLE; may be called twice.
  void stop();
  uint16_t port() const;
  size_t subscribers() const;

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace binbus::feed
