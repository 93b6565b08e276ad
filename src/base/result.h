// How functions fail: Result<T> and Status carry an Error; nothing of ours throws.
//
//   Result<Packet> read_packet(Stream& in) {
//     BINBUS_TRY(header, in.read(4));                    // on failure: returned to our caller
//     if (header.size() < 4) return fail(Code::kTruncated, "packet header");
//     ...
//   }
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace binbus {

// What kind of failure; error_table.h maps each to its retry class, MySQL error number, HTTP status.
enum class Code : uint8_t {
  kInvalid,      // the caller's or user's input makes no sense: configuration, SQL, a bad argument
  kCorrupt,      // bytes from disk or network contradict their format or checksum
  kTruncated,    // bytes end before their format does
  kNotFound,     // a file, segment, position or name that does not exist
  kExists,       // it is there already
  kIo,           // the disk failed; after a failed sync the file's tail is unknown
  kDiskFull,     // no space left on the device
  kNetwork,      // connect, read or write failed, or the peer closed
  kTimeout,      // nothing came within the time allowed
  kAuth,         // user or password refused
  kTls,          // certificate or TLS handshake refused
  kUnsupported,  // understood, and not something that binbus does
  kPurged,       // needed events are no longer there; the message names the set
  kDiverged,     // the two sides' histories differ; the message names the set
  kLimit,        // over a configured limit
  kStopped,      // asked to stop
  kRemote,       // the other server answered with an error of its own
  kUnavailable,  // not this node can do it, or not now: another one leads, or the lead changes hands
};

struct Error {
  Code code;
  std::string message;  // what, where, and how to mend it; no secrets, no row data
  uint16_t mysql_errno =
      0;  // the server's own number where one was received or must be sent; 0: by `code`
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};
using Status = Result<void>;

inline Status ok() { return {}; }

[[nodiscard]] inline tl::unexpected<Error> fail(Code code, std::string message,
                                                uint16_t mysql_errno = 0) {
  return tl::unexpected<Error>(Error{code, std::move(message), mysql_errno});
}
[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}
// The same error with words in front: "segment binlog.000007: no space left on device".
[[nodiscard]] inline tl::unexpected<Error> fail_in(const std::string& where, Error error) {
  error.message = where + ": " + error.message;
  return tl::unexpected<Error>(std::move(error));
}

// BINBUS_TRY(name, expression): `name` is the value of a Result, or its error is returned.
#define BINBUS_TRY(name, ...)                                                                     \
  auto name##_result = (__VA_ARGS__);                                                             \
  if (!name##_result) return ::tl::unexpected<::binbus::Error>(std::move(name##_result).error()); \
  auto& name = *name##_result

// BINBUS_RETURN_IF_ERROR(expression): the same for a Status.
#define BINBUS_RETURN_IF_ERROR(...)                                         \
  do {                                                                      \
    if (auto status_ = (__VA_ARGS__); !status_)                             \
      return ::tl::unexpected<::binbus::Error>(std::move(status_).error()); \
  } while (false)

}  // namespace binbus
