// The first packets of a connection, in the server's role.
#pragma once

#include <array>
#include <string>

#include "base/bytes.h"
#include "mysql/capabilities.h"

namespace binbus::mysql {

using Nonce = std::array<uint8_t, kNonceBytes>;
// Random, of bytes 1 to 127 without '$' (some clients treat a nonce as text, and '$' as an end).
Nonce make_nonce();

struct Greeting {
  std::string version;
  uint32_t connection_id = 0;
  uint32_t capabilities = 0;
  std::string plugin;  // the method that `nonce` is for
  Nonce nonce{};
};
ByteVector encode(const Greeting& greeting);

// The client's answer, or, when it asks for TLS first, the head of one.
struct HandshakeResponse {
  uint32_t capabilities = 0;
  bool tls_request = false;  // nothing below is filled; the real response follows inside TLS
  std::string user;
  ByteVector proof;  // of the password, by `plugin`
  std::string database;
  std::string plugin;  // "" from clients that know only mysql_native_password
  // kTruncated or kCorrupt for bytes that no client sends, kUnsupported for protocols before MySQL 4.1.
  static Result<HandshakeResponse> parse(Bytes payload);
};

// "Prove it by this method instead."
ByteVector encode_auth_switch(const std::string& plugin, const Nonce& nonce);

}  // namespace binbus::mysql
