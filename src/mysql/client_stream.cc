#include "mysql/client_stream.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstring>

namespace binbus::mysql {
namespace {

class ClientStream final : public io::Stream {
 public:
  ClientStream(std::unique_ptr<Client> client, int descriptor, SSL* ssl)
      : client_(std::move(client)), descriptor_(descriptor), ssl_(ssl) {
    ::fcntl(descriptor_, F_SETFL, ::fcntl(descriptor_, F_GETFL) | O_NONBLOCK);
  }
  // Closed before libmariadb says good-bye: the peer is in the middle of its stream and would not hear it.
  ~ClientStream() override { shutdown(); }

  Result<size_t> read_some(std::span<uint8_t> buffer) override {
    return move(read_timeout_ms_, [&] {
      return ssl_ != nullptr ? Moved(ssl_, SSL_read(ssl_, buffer.data(), clamp(buffer.size())))
                             : Moved(::recv(descriptor_, buffer.data(), buffer.size(), 0), POLLIN);
    });
  }

  Status write_all(Bytes bytes) override {
    while (!bytes.empty()) {
      BINBUS_TRY(written, move(write_timeout_ms_, [&] {
                   return ssl_ != nullptr
                              ? Moved(ssl_, SSL_write(ssl_, bytes.data(), clamp(bytes.size())))
                              : Moved(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL),
                                      POLLOUT);
                 }));
      bytes = bytes.subspan(written);
    }
    return ok();
  }

  Status write_all(std::span<iovec> pieces) override {
    for (const iovec& piece : pieces) {
      BINBUS_RETURN_IF_ERROR(
          write_all(Bytes(static_cast<const uint8_t*>(piece.iov_base), piece.iov_len)));
    }
    return ok();
  }

  Result<bool> wait_readable(int timeout_ms) override {
    if (ssl_ != nullptr && SSL_pending(ssl_) > 0) return true;
    using Clock = std::chrono::steady_clock;
    const Clock::time_point deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
    for (int left_ms = timeout_ms;;) {
      BINBUS_TRY(readable, wait(POLLIN, left_ms));
      if (!readable || ssl_ == nullptr) return readable;
      // What came may be TLS's own (a session ticket, a part of a record) and hold nothing for us to read.
      uint8_t next;
      ERR_clear_error();
      const Moved peeked(ssl_, SSL_peek(ssl_, &next, 1));
      if (peeked.tls_error != nullptr) tls_error_ = peeked.tls_error;
      if (peeked.count >= 0 || peeked.wait_for == 0) return true;
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
      left_ms = static_cast<int>(left.count());
      if (left_ms <= 0) return false;
    }
  }

  void set_read_timeout(int timeout_ms) override { read_timeout_ms_ = timeout_ms; }
  void set_write_timeout(int timeout_ms) override { write_timeout_ms_ = timeout_ms; }
  void shutdown() override { ::shutdown(descriptor_, SHUT_RDWR); }
  int descriptor() const override { return descriptor_; }
  std::string peer() const override { return client_->address(); }
  bool encrypted() const override { return ssl_ != nullptr; }

 private:
  // What came of one try to read or write.
  struct Moved {
    Moved(ssize_t n, short event) : count(n) {
      if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) wait_for = event;
    }
    Moved(SSL* ssl, int n) : count(n) {
      if (n > 0) return;
      const int error = SSL_get_error(ssl, n);
      if (error == SSL_ERROR_WANT_READ) wait_for = POLLIN;
      if (error == SSL_ERROR_WANT_WRITE) wait_for = POLLOUT;
      const unsigned long queued = error == SSL_ERROR_SSL ? ERR_get_error() : 0;
      const bool closed = error == SSL_ERROR_ZERO_RETURN ||
                          ERR_GET_REASON(queued) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
      count = closed ? 0 : -1;
      if (!closed && queued != 0) tls_error = ERR_reason_error_string(queued);
    }
    ssize_t count;       // > 0: bytes moved; 0: the peer closed; < 0: see wait_for
    short wait_for = 0;  // poll event to wait for and try again; 0: it failed
    const char* tls_error = nullptr;
  };

  static int clamp(size_t bytes) { return static_cast<int>(std::min<size_t>(bytes, 1 << 30)); }

  template <class Try>
  Result<size_t> move(int timeout_ms, Try attempt) {
    while (true) {
      ERR_clear_error();
      errno = 0;
      const Moved moved = attempt();
      if (moved.count > 0) return static_cast<size_t>(moved.count);
      if (moved.wait_for == 0) {
        if (moved.tls_error != nullptr) tls_error_ = moved.tls_error;
        if (tls_error_ != nullptr) return fail(Code::kNetwork, peer() + ": TLS: " + tls_error_);
        const std::string why =
            moved.count == 0 || errno == 0 ? "closed the connection" : std::strerror(errno);
        return fail(Code::kNetwork, peer() + ": " + why);
      }
      BINBUS_TRY(ready, wait(moved.wait_for, timeout_ms > 0 ? timeout_ms : -1));
      if (!ready) {
        return fail(Code::kTimeout, peer() + ": nothing for " + std::to_string(timeout_ms) + " ms");
      }
    }
  }

  Result<bool> wait(short event, int timeout_ms) {
    pollfd polled{descriptor_, event, 0};
    const int count = ::poll(&polled, 1, timeout_ms);
    if (count < 0 && errno != EINTR)
      return fail(Code::kNetwork, peer() + ": poll: " + std::strerror(errno));
    return count != 0;
  }

  std::unique_ptr<Client> client_;
  int descriptor_;
  SSL* ssl_;
  const char* tls_error_ = nullptr;  // what broke it: said once, to a peek or to a read
  int read_timeout_ms_ = 0;
  int write_timeout_ms_ = 0;
};

}  // namespace

std::unique_ptr<io::Stream> make_client_stream(std::unique_ptr<Client> client, int descriptor,
                                               SSL* ssl) {
  return std::make_unique<ClientStream>(std::move(client), descriptor, ssl);
}

}  // namespace binbus::mysql
