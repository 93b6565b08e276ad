// The client role of the MySQL protocol: connects, authenticates and asks through libmariadb, then hands the connection
// over as a plain byte stream for what libmariadb has no call for (a binlog dump).
//
// Authentication: native, sha256, caching_sha2 (a cold cache without TLS included: the server's RSA key is asked for),
// ed25519. A server that asks for the password in clear text outside TLS is refused.
//
// Thread: one at a time. Every call may block for up to the options' timeout. The process must ignore SIGPIPE.
// Errors: kAuth, kTls, kNetwork, kTimeout; kRemote with the server's number for everything else it answers;
//         kInvalid for options that make no sense. Messages name the server and never the password.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "io/stream.h"

struct st_mysql;

namespace binbus::mysql {

// "HOST:PORT", "HOST", "[V6]:PORT", or the path of a unix socket, which starts with '/'.
struct Endpoint {
  std::string host;
  uint16_t port = 3306;
  std::string unix_socket;
  static Result<Endpoint> parse(const std::string& text);
};

enum class TlsMode : uint8_t {
  kDisabled,
  kPreferred,      // TLS when the server can, else plain, unless a ca, certificate or key is given
  kRequired,       // TLS or nothing; no certificate is checked
  kVerifyCa,       // and the certificate must come from `ca` (or the system's authorities)
  kVerifyIdentity  // and be for the host that we asked for
};
Result<TlsMode> parse_tls_mode(std::string_view name);  // "verify_ca", ...
// What is meant when nobody says: an authority is given to be trusted, and nobody else.
std::string_view default_tls_mode(bool with_ca);

struct ConnectOptions {
  std::string address;  // as Endpoint::parse() takes it
  std::string user;
  std::string password;
  TlsMode tls = TlsMode::kPreferred;
  std::string ca;           // PEM files; "" : none
  std::string certificate;  // of ours, with its key
  std::string key;
  uint32_t timeout_ms = 10'000;  // of each step: connect, one answer; rounded up to seconds
};

using Row = std::vector<std::optional<std::string>>;
struct Table {
  std::vector<std::string> columns;
  std::vector<Row> rows;
};

class Client {
 public:
  static Result<std::unique_ptr<Client>> connect(const ConnectOptions& options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The whole result, in memory: for small answers. No columns for a statement without a result.
  Result<Table> query(const std::string& sql);
  // Row by row as they come, for long answers; `row` is the callee's to change. Not for further queries from within.
  Status for_each_row(const std::string& sql, const std::function<void(Row& row)>& take);
  // The first row's first column; nullopt when it is NULL or there is no row.
  Result<std::optional<std::string>> value(const std::string& sql);
  // Sends a command and waits for its OK.
  Status command(uint8_t command, Bytes body);
  // From any thread while the client lives: what is under way, and all that is asked afterwards, fails with kNetwork.
  void interrupt() const;
  std::string quoted(std::string_view text) const;  // as a string literal for query()

  const std::string& address() const { return server_; }
  std::string server_version() const;  // of the handshake: "8.0.32", "10.11.6-MariaDB-log"
  uint64_t connection_id() const;      // the thread's at the server
  uint16_t local_port() const;         // ours; 0: none
  std::string tls_version() const;     // "TLSv1.3"; "" without TLS

  // Sends a command whose answer is a stream of packets, and gives the connection away: what comes next is read from
  // the Stream, packet headers and all. The client may not be used afterwards.
  static Result<std::unique_ptr<io::Stream>> hand_over(std::unique_ptr<Client> client,
                                                       uint8_t command, Bytes body);

 private:
  friend class BinaryRows;
  Client(st_mysql* handle, std::string server) : handle_(handle), server_(std::move(server)) {}
  Error last_error(const std::string& doing) const;

  st_mysql* handle_;
  std::string server_;  // "127.0.0.1:3306", for messages
};

}  // namespace binbus::mysql
