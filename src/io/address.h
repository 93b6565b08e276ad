// Network addresses as people write them: "127.0.0.1:3306", "db1:3306", "[::1]:3306"; ":3307" listens on all of them.
#pragma once

#include <sys/socket.h>

#include <string>

#include "base/result.h"

struct addrinfo;

namespace binbus::io {

struct HostPort {
  std::string host;  // "" for any
  std::string port;
  // kInvalid names what is missing.
  static Result<HostPort> parse(const std::string& address);
};

// The addresses that a name stands for, freed with it. `for_listening`: "" means every interface.
class ResolvedAddress {
 public:
  static Result<ResolvedAddress> resolve(const std::string& address, bool for_listening);
  ResolvedAddress(ResolvedAddress&& other) noexcept;
  ResolvedAddress& operator=(ResolvedAddress&&) = delete;
  ~ResolvedAddress();
  const addrinfo* first() const { return list_; }

 private:
  explicit ResolvedAddress(addrinfo* list) : list_(list) {}
  addrinfo* list_;
};

// "127.0.0.1:3307" or "[::1]:3307".
std::string to_string(const sockaddr_storage& address);

// The operating system's words for an errno: "connection refused (111)".
std::string os_error(int error);

}  // namespace binbus::io
