// A two-way byte stream: a TCP socket or TLS over one.
//
// Thread: one reader and one writer at a time, which may be different threads only for plain TCP; shutdown() from any.
// Errors: kNetwork (also when the peer closed), kTimeout, kTls.
#pragma once

#include <sys/uio.h>

#include <memory>
#include <string>
#include <vector>

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

// Accepts connections on "HOST:PORT": on every address that the host's name stands for ("": all of the machine's, in both
// families), the same port on each. Port 0 takes a free one. An address that this machine does not have is left out when
// another one works; a port that is taken on any of them is an error.
class Listener {
 public:
  static Result<std::unique_ptr<Listener>> open(const std::string& address);
  ~Listener();
  // Blocks for the next connection; kStopped after stop().
  Result<std::unique_ptr<Stream>> accept();
  void stop();  // any thread, any number of times
  uint16_t port() const { return port_; }

 private:
  Listener() = default;
  Status listen(const std::string& address);

  std::vector<int> descriptors_;
  int wake_ = -1;  // eventfd that stop() signals
  uint16_t port_ = 0;
};

// Connects to "HOST:PORT". What binbus connects to itself goes through libraries; tests use this.
Result<std::unique_ptr<Stream>> connect(const std::string& address, int timeout_ms);

// A Stream over a connected socket, which it owns and closes.
std::unique_ptr<Stream> make_socket_stream(int descriptor, std::string peer);

}  // namespace binbus::io
