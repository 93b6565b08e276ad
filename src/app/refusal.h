// Answers everybody who connects to a port with one error: a replica's status then says why its
// source does not serve, instead of "connection refused".
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "io/stream.h"

namespace binbus::app {

// Thread: its own; open() and destruction from one.
class Refusal {
 public:
  static Result<std::unique_ptr<Refusal>> open(const std::string& address,
                                               const std::string& reason);
  ~Refusal();
  uint16_t port() const { return listener_->port(); }

 private:
  Refusal(std::unique_ptr<io::Listener> listener, ByteVector packet);
  void run();

  std::unique_ptr<io::Listener> listener_;
  const ByteVector packet_;
  std::jthread thread_;
};

}  // namespace binbus::app
