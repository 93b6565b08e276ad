// A connection's first second, in the server's role: greeting, TLS when the client asks for it, proof of the password.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/tls.h"
#include "mysql/capabilities.h"
#include "mysql/packet.h"
#include "mysql/rsa_key.h"
#include "mysql/server_password.h"

namespace binbus::mysql {

struct Account {
  std::string name;
  StoredPassword password;
  bool require_tls = false;
};

struct LoginOptions {
  std::string version;  // as the client shall see it
  uint32_t connection_id = 0;
  // The method that the greeting names: clients of before MySQL 5.6 know none but mysql_native_password and cannot change
  // over. The others may then use either.
  std::string plugin = kCachingSha2Password;
  const std::vector<Account>& accounts;
  io::TlsServer& tls;
  RsaKey& rsa;
  int timeout_ms = 10'000;  // for each of the client's answers
  // Before the client knows that it is in.
  std::function<void(const std::string& user)> on_login = {};
};

struct Login {
  std::string user;
  std::string database;
  uint32_t capabilities = 0;
};

// Talks until the client is in (OK was sent) or refused (ERR was sent, and kAuth returned with its words).
// Afterwards the channel's stream is TLS when the client wanted it, without a read timeout, and the sequence is 0.
Result<Login> log_in(PacketChannel& channel, const LoginOptions& options);

}  // namespace binbus::mysql
