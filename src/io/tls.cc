#include "io/tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <csignal>

namespace binbus::io {
namespace {

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
using SslContext = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, Free<SSL_free>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;

constexpr long kSelfSignedSeconds = 10L * 365 * 24 * 3600;

tl::unexpected<Error> tls_failed(const std::string& what) {
  const unsigned long error = ERR_get_error();
  const char* reason = error != 0 ? ERR_reason_error_string(error) : nullptr;
  ERR_clear_error();
  return fail(Code::kTls, what + ": " + (reason ? reason : "the connection broke"));
}

class TlsStream final : public Stream {
 public:
  TlsStream(std::unique_ptr<Stream> plain, Ssl ssl)
      : plain_(std::move(plain)), ssl_(std::move(ssl)) {}
  ~TlsStream() override {
    ERR_clear_error();
    if (!broken_) SSL_shutdown(ssl_.get());
  }

  Result<size_t> read_some(std::span<uint8_t> buffer) override {
    size_t count = 0;
    ERR_clear_error();
    if (const int rc = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &count); rc != 1) {
      return failed(rc, "read from ");
    }
    return count;
  }
  Status write_all(Bytes bytes) override {
    size_t count = 0;
    if (bytes.empty()) return ok();
    ERR_clear_error();
    // Without partial writes this returns when everything is written.
    if (const int rc = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count); rc != 1) {
      return failed(rc, "write to ");
    }
    return ok();
  }
  Status write_all(std::span<iovec> pieces) override {
    for (const iovec& piece : pieces) {
      BINBUS_RETURN_IF_ERROR(
          write_all(Bytes(static_cast<uint8_t*>(piece.iov_base), piece.iov_len)));
    }
    return ok();
  }
  Result<bool> wait_readable(int timeout_ms) override {
    if (SSL_has_pending(ssl_.get())) return true;
    return plain_->wait_readable(timeout_ms);
  }
  void set_read_timeout(int timeout_ms) override { plain_->set_read_timeout(timeout_ms); }
  void set_write_timeout(int timeout_ms) override { plain_->set_write_timeout(timeout_ms); }
  void shutdown() override { plain_->shutdown(); }
  int descriptor() const override { return plain_->descriptor(); }
  std::string peer() const override { return plain_->peer(); }
  bool encrypted() const override { return true; }

 private:
  tl::unexpected<Error> failed(int rc, const char* what) {
    const int error = SSL_get_error(ssl_.get(), rc);
    broken_ = true;
    // The socket blocks: wanting more means that its timeout passed.
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
      return fail(Code::kTimeout, what + plain_->peer() + ": timed out");
    }
    if (error == SSL_ERROR_ZERO_RETURN || error == SSL_ERROR_SYSCALL) {
      return fail(Code::kNetwork, plain_->peer() + " closed the connection");
    }
    return tls_failed(what + plain_->peer());
  }

  std::unique_ptr<Stream> plain_;
  Ssl ssl_;
  bool broken_ = false;
};

Status handshake(std::unique_ptr<Stream>& stream, Ssl ssl, int (*step)(SSL*), int timeout_ms) {
  if (!ssl || SSL_set_fd(ssl.get(), stream->descriptor()) != 1) return tls_failed("TLS set-up");
  stream->set_read_timeout(timeout_ms);
  stream->set_write_timeout(timeout_ms);
  ERR_clear_error();
  const int rc = step(ssl.get());
  stream->set_read_timeout(0);
  stream->set_write_timeout(0);
  if (rc != 1) {
    const long verdict = SSL_get_verify_result(ssl.get());
    const std::string why = verdict == X509_V_OK
                                ? ""
                                : std::string(" (") + X509_verify_cert_error_string(verdict) + ")";
    return tls_failed("TLS handshake with " + stream->peer() + why);
  }
  stream = std::make_unique<TlsStream>(std::move(stream), std::move(ssl));
  return ok();
}

Status use_files(SSL_CTX* context, const std::string& certificate, const std::string& key) {
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    return tls_failed("TLS certificate " + certificate);
  }
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return tls_failed("TLS key " + key);
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return tls_failed("TLS key " + key + " does not belong to the certificate " + certificate);
  }
  return ok();
}

// A certificate of an elliptic-curve key: made in under a millisecond, accepted by every client that knows TLS 1.2.
Status use_self_signed(SSL_CTX* context) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  if (!key || !certificate) return tls_failed("making a TLS certificate");
  X509* x509 = certificate.get();
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), 1);
  X509_gmtime_adj(X509_getm_notBefore(x509), -24 * 3600);
  X509_gmtime_adj(X509_getm_notAfter(x509), kSelfSignedSeconds);
  X509_NAME* name = X509_get_subject_name(x509);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("binbus self-signed"), -1, -1,
                             0);
  X509_set_issuer_name(x509, name);
  if (X509_set_pubkey(x509, key.get()) != 1 || X509_sign(x509, key.get(), EVP_sha256()) == 0 ||
      SSL_CTX_use_certificate(context, x509) != 1 ||
      SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    return tls_failed("making a TLS certificate");
  }
  return ok();
}

}  // namespace

struct TlsServer::Context {
  SslContext ssl;
  std::string certificate_sha256;

  static Result<std::shared_ptr<const Context>> make(const TlsServerOptions& options) {
    auto context = std::make_shared<Context>();
    context->ssl.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX* ssl = context->ssl.get();
    if (!ssl) return tls_failed("TLS set-up");
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_mode(ssl, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);  // many clients just close
    if (options.certificate_file.empty()) {
      BINBUS_RETURN_IF_ERROR(use_self_signed(ssl));
    } else {
      BINBUS_RETURN_IF_ERROR(use_files(ssl, options.certificate_file, options.key_file));
    }
    if (!options.ca_file.empty()) {
      if (SSL_CTX_load_verify_locations(ssl, options.ca_file.c_str(), nullptr) != 1) {
        return tls_failed("TLS authority " + options.ca_file);
      }
      SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    X509_digest(SSL_CTX_get0_certificate(ssl), EVP_sha256(), digest, &length);
    context->certificate_sha256.assign(reinterpret_cast<const char*>(digest), length);
    return std::shared_ptr<const Context>(std::move(context));
  }
};

TlsServer::TlsServer(TlsServerOptions options, std::shared_ptr<const Context> context)
    : options_(std::move(options)), context_(std::move(context)) {}
TlsServer::~TlsServer() = default;

Result<std::unique_ptr<TlsServer>> TlsServer::open(TlsServerOptions options) {
  std::signal(SIGPIPE, SIG_IGN);
  BINBUS_TRY(context, Context::make(options));
  return std::unique_ptr<TlsServer>(new TlsServer(std::move(options), std::move(context)));
}

std::shared_ptr<const TlsServer::Context> TlsServer::context() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

Status TlsServer::accept(std::unique_ptr<Stream>& stream, int timeout_ms) {
  return handshake(stream, Ssl(SSL_new(context()->ssl.get())), SSL_accept, timeout_ms);
}

Status TlsServer::reload() {
  if (self_signed()) return ok();
  BINBUS_TRY(fresh, Context::make(options_));
  const std::lock_guard lock(mutex_);
  context_ = std::move(fresh);
  return ok();
}

std::string TlsServer::certificate_sha256() const { return context()->certificate_sha256; }

Status tls_connect(std::unique_ptr<Stream>& stream, const TlsClientOptions& options,
                   int timeout_ms) {
  std::signal(SIGPIPE, SIG_IGN);
  const SslContext context(SSL_CTX_new(TLS_client_method()));
  if (!context) return tls_failed("TLS set-up");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_AUTO_RETRY);
  if (!options.ca_file.empty()) {
    if (SSL_CTX_load_verify_locations(context.get(), options.ca_file.c_str(), nullptr) != 1) {
      return tls_failed("TLS authority " + options.ca_file);
    }
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  }
  if (!options.certificate_file.empty()) {
    BINBUS_RETURN_IF_ERROR(use_files(context.get(), options.certificate_file, options.key_file));
  }
  Ssl ssl(SSL_new(context.get()));
  if (ssl && !options.ca_file.empty() && !options.host.empty()) {
    SSL_set1_host(ssl.get(), options.host.c_str());
  }
  return handshake(stream, std::move(ssl), SSL_connect, timeout_ms);
}

}  // namespace binbus::io
