// The RSA key by which clients of caching_sha2_password send their password without TLS.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/bytes.h"

struct evp_pkey_st;

namespace binbus::mysql {

// Thread: any. The key (2048 bits) is made at its first use, which takes about 0.1 s, and never leaves the process.
class RsaKey {
 public:
  RsaKey();
  ~RsaKey();
  std::string public_key_pem();
  // Decrypts RSA-OAEP; kCorrupt for bytes that are not of this key.
  Result<ByteVector> decrypt(Bytes encrypted);

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  evp_pkey_st* key();

  std::once_flag made_;
  std::unique_ptr<evp_pkey_st, Free> key_;
};

}  // namespace binbus::mysql
