// The HTTP endpoint: GET /status, /metrics, /live, /ready, /streams/NAME/segments,
// /streams/NAME/locate, ...;
// all of them are in docs/operations.md.
//
// Owner:  borrows the Observed, which must outlive the server.
// Thread: open() and stop() from one; answers come from a few threads of its own.
// Limits: four requests at a time; reading a request and writing an answer take at most five
//         seconds each.
#pragma once

#include <memory>
#include <string>

#include "admin/health.h"
#include "admin/status.h"

namespace binbus::admin {

class Server {
 public:
  // Listens on "HOST:PORT"; port 0 takes a free one. kNetwork names the address when it is taken.
  static Result<std::unique_ptr<Server>> open(const std::string& address, const Observed& observed,
                                              HealthLimits limits);
  ~Server();
  // Refuses new requests and waits for those under way; may be called twice.
  void stop();
  uint16_t port() const;
  size_t tails() const;  // how many watch changes now

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace binbus::admin
