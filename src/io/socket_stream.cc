#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "io/address.h"
#include "io/stream.h"

namespace binbus::io {
namespace {

void set_option(int descriptor, int level, int option, int value) {
  ::setsockopt(descriptor, level, option, &value, sizeof(value));
}

class SocketStream final : public Stream {
 public:
  SocketStream(int descriptor, std::string peer) : descriptor_(descriptor), peer_(std::move(peer)) {
    set_option(descriptor_, IPPROTO_TCP, TCP_NODELAY, 1);
    // A peer that vanished without a word is noticed after two minutes of silence.
    set_option(descriptor_, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(descriptor_, IPPROTO_TCP, TCP_KEEPIDLE, 60);
    set_option(descriptor_, IPPROTO_TCP, TCP_KEEPINTVL, 10);
    set_option(descriptor_, IPPROTO_TCP, TCP_KEEPCNT, 6);
  }
  ~SocketStream() override { ::close(descriptor_); }

  Result<size_t> read_some(std::span<uint8_t> buffer) override {
    for (;;) {
      const ssize_t count = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
      if (count > 0) return static_cast<size_t>(count);
      if (count == 0) return fail(Code::kNetwork, peer_ + " closed the connection");
      if (errno != EINTR) return failed("read from");
    }
  }

  Status write_all(Bytes bytes) override {
    iovec piece{const_cast<uint8_t*>(bytes.data()), bytes.size()};
    return write_all(std::span(&piece, 1));
  }

  Status write_all(std::span<iovec> pieces) override {
    while (true) {
      while (!pieces.empty() && pieces.front().iov_len == 0) pieces = pieces.subspan(1);
      if (pieces.empty()) return ok();
      msghdr message{};
      message.msg_iov = pieces.data();
      message.msg_iovlen = pieces.size();
      const ssize_t count = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
      if (count < 0) {
        if (errno == EINTR) continue;
        return failed("write to");
      }
      for (auto left = static_cast<size_t>(count); left > 0;) {
        iovec& piece = pieces.front();
        const size_t taken = std::min(left, piece.iov_len);
        piece.iov_base = static_cast<uint8_t*>(piece.iov_base) + taken;
        piece.iov_len -= taken;
        left -= taken;
        if (piece.iov_len == 0) pieces = pieces.subspan(1);
      }
    }
  }

  Result<bool> wait_readable(int timeout_ms) override {
    pollfd entry{descriptor_, POLLIN, 0};
    const int count = ::poll(&entry, 1, timeout_ms);
    if (count < 0 && errno != EINTR) return failed("wait for");
    return count > 0;
  }

  void set_read_timeout(int timeout_ms) override { set_timeout(SO_RCVTIMEO, timeout_ms); }
  void set_write_timeout(int timeout_ms) override { set_timeout(SO_SNDTIMEO, timeout_ms); }
  void shutdown() override { ::shutdown(descriptor_, SHUT_RDWR); }
  int descriptor() const override { return descriptor_; }
  std::string peer() const override { return peer_; }

 private:
  void set_timeout(int option, int timeout_ms) {
    const timeval time{timeout_ms / 1000, timeout_ms % 1000 * 1000};
    ::setsockopt(descriptor_, SOL_SOCKET, option, &time, sizeof(time));
  }
  tl::unexpected<Error> failed(const char* what) const {
    const int error = errno;
    const bool timeout = error == EAGAIN || error == EWOULDBLOCK;
    return fail(timeout ? Code::kTimeout : Code::kNetwork,
                std::string(what) + " " + peer_ + ": " + (timeout ? "timed out" : os_error(error)));
  }

  const int descriptor_;
  const std::string peer_;
};

// Connects one address within the time; returns the socket.
Result<int> connect_one(const addrinfo& address, const std::string& name, int timeout_ms) {
  const auto failed = [&](int descriptor, Code code, const std::string& why) {
    if (descriptor >= 0) ::close(descriptor);
    return fail(code, "cannot connect to " + name + ": " + why);
  };
  const int descriptor = ::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return failed(-1, Code::kNetwork, os_error(errno));
  if (::connect(descriptor, address.ai_addr, address.ai_addrlen) != 0) {
    if (errno != EINPROGRESS) return failed(descriptor, Code::kNetwork, os_error(errno));
    pollfd entry{descriptor, POLLOUT, 0};
    if (::poll(&entry, 1, timeout_ms > 0 ? timeout_ms : -1) <= 0) {
      return failed(descriptor, Code::kTimeout,
                    "no answer in " + std::to_string(timeout_ms) + " ms");
    }
    int error = 0;
    socklen_t length = sizeof(error);
    ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return failed(descriptor, Code::kNetwork, os_error(error));
  }
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) & ~O_NONBLOCK);
  return descriptor;
}

}  // namespace

std::unique_ptr<Stream> make_socket_stream(int descriptor, std::string peer) {
  return std::make_unique<SocketStream>(descriptor, std::move(peer));
}

Result<std::unique_ptr<Stream>> connect(const std::string& address, int timeout_ms) {
  BINBUS_TRY(resolved, ResolvedAddress::resolve(address, false));
  Result<int> descriptor = fail(Code::kNetwork, "cannot connect to " + address);
  for (const addrinfo* at = resolved.first(); at && !descriptor; at = at->ai_next) {
    descriptor = connect_one(*at, address, timeout_ms);
  }
  if (!descriptor) return fail(std::move(descriptor).error());
  return make_socket_stream(*descriptor, address);
}

}  // namespace binbus::io
