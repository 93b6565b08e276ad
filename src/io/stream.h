// A two-way byte stream: a TCP socket or TLS over one.
//
// Thread: one reader and one writer at a time, which may be different threads only for plain TCP; shutdown() from any.
// Errors: kNetwork (also when the peer closed), kTimeout, kTls.
#pragma once

#include <sys/uio.h>

#include <memory>
#include <string>

#include "base/bytes.h"

namespace binbus::io {

class Stream {
 public:
  virtual ~Stream() = default;
  // Waits for and reads at least one byte. The peer's close is kNetwork.
  virtual Result<size_t> read_some(std::span<uint8_t> buffer) = 0;
  // Writes everything, or fails with an unknown part written.
  virtual Status write_all(Bytes bytes) = 0;
  // The same for several pieces in order; modifies `pieces`.
  virtual Status write_all(std::span<iovec> pieces) = 0;
  // True when a read would return at once (bytes waiting, or the end); waits up to `timeout_ms`.
  virtual Result<bool> wait_readable(int timeout_ms) = 0;
  // Milliseconds that a read or write may take before kTimeout; 0: for ever.
  virtual void set_read_timeout(int timeout_ms) = 0;
  virtual void set_write_timeout(int timeout_ms) = 0;
  // Makes every blocked and later call fail.
  virtual void shutdown() = 0;
  virtual int descriptor() const = 0;
  // "127.0.0.1:3307" of the other side.
  virtual std::string peer() const = 0;
  virtual bool encrypted() const { return false; }
};

// Accepts connections on one address, "HOST:PORT"; port 0 takes a free one.
class Listener {
 public:
  static Result<std::unique_ptr<Listener>> open(const std::string& address);
  ~Listener();
  // Blocks for the next connection; kStopped after stop().
  Result<std::unique_ptr<Stream>> accept();
  void stop();  // any thread, any number of times
  uint16_t port() const { return port_; }

 private:
  Listener(int descriptor, int wake, uint16_t port)
      : descriptor_(descriptor), wake_(wake), port_(port) {}
  int descriptor_;
  int wake_;  // eventfd that stop() signals
  uint16_t port_;
};

// Connects to "HOST:PORT". What binbus connects to itself goes through libraries; tests use this.
Result<std::unique_ptr<Stream>> connect(const std::string& address, int timeout_ms);

// A Stream over a connected socket, which it owns and closes.
std::unique_ptr<Stream> make_socket_stream(int descriptor, std::string peer);

}  // namespace binbus::io
