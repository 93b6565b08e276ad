#include "io/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <system_error>
#include <utility>

namespace binbus::io {

Result<HostPort> HostPort::parse(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon + 1 == address.size()) {
    return fail(Code::kInvalid, "address '" + address + "' has no port; write HOST:PORT");
  }
  HostPort result{address.substr(0, colon), address.substr(colon + 1)};
  if (result.host.size() >= 2 && result.host.front() == '[' && result.host.back() == ']') {
    result.host = result.host.substr(1, result.host.size() - 2);
  } else if (result.host.find(':') != std::string::npos) {
    return fail(Code::kInvalid,
                "address '" + address + "': write an IPv6 host in brackets, [::1]:3306");
  }
  if (result.port.find_first_not_of("0123456789") != std::string::npos || result.port.size() > 5 ||
      std::stoul(result.port) > 65535) {
    return fail(Code::kInvalid,
                "address '" + address + "' has a port that is not a number from 0 to 65535");
  }
  return result;
}

Result<ResolvedAddress> ResolvedAddress::resolve(const std::string& address, bool for_listening) {
  BINBUS_TRY(parts, HostPort::parse(address));
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = for_listening ? AI_PASSIVE : 0;
  addrinfo* list = nullptr;
  const char* host = parts.host.empty() ? nullptr : parts.host.c_str();
  if (const int error = ::getaddrinfo(host, parts.port.c_str(), &hints, &list); error != 0) {
    return fail(Code::kNetwork, "cannot resolve '" + parts.host + "': " + ::gai_strerror(error));
  }
  return ResolvedAddress(list);
}

ResolvedAddress::ResolvedAddress(ResolvedAddress&& other) noexcept
    : list_(std::exchange(other.list_, nullptr)) {}

ResolvedAddress::~ResolvedAddress() {
  if (list_) ::freeaddrinfo(list_);
}

std::string to_string(const sockaddr_storage& address) {
  char host[INET6_ADDRSTRLEN] = "?";
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof(host));
    return "[" + std::string(host) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  ::inet_ntop(AF_INET, &v4.sin_addr, host, sizeof(host));
  return std::string(host) + ":" + std::to_string(ntohs(v4.sin_port));
}

std::string os_error(int error) {
  return std::generic_category().message(error) + " (" + std::to_string(error) + ")";
}

}  // namespace binbus::io
