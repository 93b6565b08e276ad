#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "io/address.h"
#include "io/stream.h"

namespace binbus::io {
namespace {

constexpr int kBacklog = 256;

Result<int> listen_on(const addrinfo& address, const std::string& name) {
  const int descriptor = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0)
    return fail(Code::kNetwork, "cannot listen on " + name + ": " + os_error(errno));
  const int on = 1;
  ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (::bind(descriptor, address.ai_addr, address.ai_addrlen) != 0 ||
      ::listen(descriptor, kBacklog) != 0) {
    const int error = errno;
    ::close(descriptor);
    return fail(error == EADDRINUSE ? Code::kExists : Code::kNetwork,
                "cannot listen on " + name + ": " + os_error(error));
  }
  return descriptor;
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
  BINBUS_TRY(resolved, ResolvedAddress::resolve(address, true));
  BINBUS_TRY(descriptor, listen_on(*resolved.first(), address));
  const int wake = ::eventfd(0, EFD_CLOEXEC);
  if (wake < 0) {
    const int error = errno;
    ::close(descriptor);
    return fail(Code::kLimit, "cannot listen on " + address + ": " + os_error(error));
  }
  return std::unique_ptr<Listener>(new Listener(descriptor, wake, port_of(descriptor)));
}

Listener::~Listener() {
  ::close(descriptor_);
  ::close(wake_);
}

Result<std::unique_ptr<Stream>> Listener::accept() {
  for (;;) {
    pollfd entries[] = {{descriptor_, POLLIN, 0}, {wake_, POLLIN, 0}};
    if (::poll(entries, 2, -1) < 0 && errno != EINTR) {
      return fail(Code::kNetwork, "waiting for connections: " + os_error(errno));
    }
    if (entries[1].revents != 0) return fail(Code::kStopped, "the listener was stopped");
    if (entries[0].revents == 0) continue;
    sockaddr_storage address{};
    socklen_t length = sizeof(address);
    const int descriptor =
        ::accept4(descriptor_, reinterpret_cast<sockaddr*>(&address), &length, SOCK_CLOEXEC);
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
