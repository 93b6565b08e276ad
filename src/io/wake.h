// Ends another thread's wait for a stream.
#pragma once

#include "io/stream.h"

namespace binbus::io {

// Thread: wake() from any, wait_readable() from the one that waits.
class Wake {
 public:
  Wake();  // with no descriptor left it wakes nobody: waits last until something comes, or for their time
  ~Wake();
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;
  // Ends the wait that is going on, or else the next.
  void wake();
  enum class Ended { kReadable, kWoken, kTimeout };
  // As Stream::wait_readable, of a stream for which that has just said that there is nothing.
  Result<Ended> wait_readable(const Stream& stream, int timeout_ms);

 private:
  const int event_;  // an eventfd; -1: none
};

}  // namespace binbus::io
