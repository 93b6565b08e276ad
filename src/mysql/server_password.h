// Passwords as the server's role keeps them, and how a client proves that it knows one. The password itself is not kept.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace binbus::mysql {

class StoredPassword {
 public:
  // From the password itself; "" is a user without one.
  static StoredPassword from_plain(std::string_view password);
  // From its mysql_native_password hash, "*" and 40 hexadecimal digits, as in mysql.user: kInvalid for anything else.
  // Clients of caching_sha2_password then have to send the password itself, by TLS or RSA.
  static Result<StoredPassword> from_native_hash(std::string_view hash);

  bool empty() const { return !native_; }
  bool has_sha2() const { return sha2_.has_value(); }

  // SHA1(password) XOR SHA1(nonce, SHA1(SHA1(password))).
  bool matches_native(Bytes nonce, Bytes proof) const;
  // SHA256(password) XOR SHA256(SHA256(SHA256(password)), nonce); needs has_sha2().
  bool matches_sha2(Bytes nonce, Bytes proof) const;
  bool matches_plain(std::string_view password) const;

  // What shows a MariaDB client (11.4 and later) that a server with a self-signed certificate knows its password: goes
  // into the OK packet after mysql_native_password within TLS. "" for an empty password.
  std::string certificate_proof(Bytes nonce, Bytes certificate_sha256) const;

 private:
  std::optional<std::array<uint8_t, 20>> native_;  // SHA1(SHA1(password)); none: empty password
  std::optional<std::array<uint8_t, 32>>
      sha2_;  // SHA256(SHA256(password)); none: known by its native hash only
};

}  // namespace binbus::mysql
