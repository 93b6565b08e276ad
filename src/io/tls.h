// TLS over a Stream: our side as a server, with the configured certificate or one made at start, and as a client.
// TLS 1.2 and later.
//
// Thread: the contexts from any; a stream as every Stream, with one difference: reader and writer are the same thread.
// Errors: kTls with OpenSSL's reason and what to look at.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "io/stream.h"

namespace binbus::io {

struct TlsServerOptions {
  std::string
      certificate_file;  // PEM, with the chain; "": a self-signed certificate is made at start
  std::string key_file;  // PEM
  std::string ca_file;   // clients must show a certificate of this authority; "": they need none
};

class TlsServer {
 public:
  // OpenSSL writes to sockets without MSG_NOSIGNAL: this makes the process ignore SIGPIPE.
  static Result<std::unique_ptr<TlsServer>> open(TlsServerOptions options);
  ~TlsServer();

  // Answers a client's TLS handshake, each step within `timeout_ms`, and puts TLS over `stream`, of which nothing
  // past the plain part may have been read. On failure `stream` stays as it was, for shutdown and closing only.
  // Leaves the stream without timeouts.
  Status accept(std::unique_ptr<Stream>& stream, int timeout_ms);
  // Reads the files again for new connections; on failure the old ones stay in use.
  Status reload();
  // SHA-256 of the certificate that new connections see.
  std::string certificate_sha256() const;
  bool self_signed() const { return options_.certificate_file.empty(); }

 private:
  struct Context;
  TlsServer(TlsServerOptions options, std::shared_ptr<const Context> context);
  std::shared_ptr<const Context> context() const;

  const TlsServerOptions options_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Context> context_;  // guarded by mutex_
};

struct TlsClientOptions {
  std::string ca_file;  // "": the server's certificate is not verified
  std::string host;     // verified against the certificate when there is a ca_file, unless ""
  std::string certificate_file;
  std::string key_file;
};
// The client's side of TlsServer::accept().
Status tls_connect(std::unique_ptr<Stream>& stream, const TlsClientOptions& options,
                   int timeout_ms);

}  // namespace binbus::io
