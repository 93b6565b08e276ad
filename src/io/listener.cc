#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/address.h"
#include "io/stream.h"

namespace binbus::io {
namespace {

constexpr int kBacklog = 256;

// `port` in place of the address's own unless it is 0.
Result<int> listen_on(const addrinfo& address, uint16_t port, const std::string& name) {
  const int descriptor = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) {
    return fail(errno == EAFNOSUPPORT ? Code::kNotFound : Code::kNetwork,
                "cannot listen on " + name + ": " + os_error(errno));
  }
  const int on = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  // Else "::" would take the port of all IPv4 addresses too, which have a socket of their own.
  if (address.ai_family == AF_INET6)
    ::setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  sockaddr_storage where{};
  std::memcpy(&where, address.ai_addr, address.ai_addrlen);
  // The port is at the same place in both families.
  if (port != 0) reinterpret_cast<sockaddr_in&>(where).sin_port = htons(port);
  if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&where), address.ai_addrlen) != 0 ||
      ::listen(descriptor, kBacklog) != 0) {
    const int error = errno;
    ::close(descriptor);
    const Code code = error == EADDRINUSE      ? Code::kExists
                      : error == EADDRNOTAVAIL ? Code::kNotFound
                                               : Code::kNetwork;
    return fail(code, "cannot listen on " + name + ": " + os_error(error));
  }
  return descriptor;
}

// /etc/hosts may give a name the same address twice.
bool named_before(const addrinfo& first, const addrinfo& address) {
  for (const addrinfo* at = &first; at != &address; at = at->ai_next) {
    if (at->ai_addrlen == address.ai_addrlen &&
        std::memcmp(at->ai_addr, address.ai_addr, at->ai_addrlen) == 0) {
      return true;
    }
  }
  return false;
}

uint16_t port_of(int descriptor) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length);
  // The port is at the same place in both families.
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

// The connection is gone or the network hiccuped: the next one may be fine.
bool passing(int error) {
  return error == EINTR || error == ECONNABORTED || error == EPROTO || error == ENETDOWN ||
         error == EHOSTUNREACH || error == ENETUNREACH || error == EAGAIN;
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(const std::string& address) {
  std::unique_ptr<Listener> listener(new Listener());
  BINBUS_RETURN_IF_ERROR(listener->listen(address));
  listener->wake_ = ::eventfd(0, EFD_CLOEXEC);
  if (listener->wake_ < 0)
    return fail(Code::kLimit, "cannot listen on " + address + ": " + os_error(errno));
  return listener;
}

Status Listener::listen(const std::string& address) {
  BINBUS_TRY(resolved, ResolvedAddress::resolve(address, true));
  Status absent = ok();
  for (const addrinfo* at = resolved.first(); at != nullptr; at = at->ai_next) {
    if (named_before(*resolved.first(), *at)) continue;
    auto descriptor = listen_on(*at, port_, address);
    if (descriptor) {
      descriptors_.push_back(*descriptor);
      port_ = port_of(*descriptor);
    } else if (descriptor.error().code == Code::kNotFound) {
      absent = fail(Code::kNetwork, descriptor.error().message);
    } else {
      return fail(std::move(descriptor).error());
    }
  }
  return descriptors_.empty() ? absent : ok();
}

Listener::~Listener() {
  for (const int descriptor : descriptors_) ::close(descriptor);
  if (wake_ >= 0) ::close(wake_);
}

Result<std::unique_ptr<Stream>> Listener::accept() {
  std::vector<pollfd> entries = {{wake_, POLLIN, 0}};
  for (const int descriptor : descriptors_) entries.push_back({descriptor, POLLIN, 0});
  for (;;) {
    if (::poll(entries.data(), entries.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return fail(Code::kNetwork, "waiting for connections: " + os_error(errno));
    }
    if (entries[0].revents != 0) return fail(Code::kStopped, "the listener was stopped");
    const auto ready =
        std::ranges::find_if(entries, [](const pollfd& entry) { return entry.revents != 0; });
    if (ready == entries.end()) continue;
    sockaddr_storage address{};
    socklen_t length = sizeof(address);
    const int descriptor =
        ::accept4(ready->fd, reinterpret_cast<sockaddr*>(&address), &length, SOCK_CLOEXEC);
    if (descriptor >= 0) return make_socket_stream(descriptor, to_string(address));
    if (!passing(errno))
      return fail(Code::kLimit, "cannot accept a connection: " + os_error(errno));
  }
}

void Listener::stop() {
  const uint64_t one = 1;
  // The counter cannot overflow in practice, and the descriptor stays readable: nothing to handle.
  [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof(one));
}

}  // namespace binbus::io
