#include "mysql/server_password.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/check.h"

namespace binbus::mysql {
namespace {

// The digest of several pieces after one another.
template <size_t kBytes>
std::array<uint8_t, kBytes> digest(const EVP_MD* method, std::initializer_list<Bytes> pieces) {
  std::array<uint8_t, kBytes> result;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  BINBUS_CHECK(context && EVP_DigestInit_ex(context, method, nullptr) == 1);
  for (const Bytes piece : pieces) EVP_DigestUpdate(context, piece.data(), piece.size());
  BINBUS_CHECK(EVP_DigestFinal_ex(context, result.data(), nullptr) == 1);
  EVP_MD_CTX_free(context);
  return result;
}
std::array<uint8_t, 20> sha1(std::initializer_list<Bytes> pieces) {
  return digest<20>(EVP_sha1(), pieces);
}
std::array<uint8_t, 32> sha256(std::initializer_list<Bytes> pieces) {
  return digest<32>(EVP_sha256(), pieces);
}

template <size_t kBytes>
bool equal(const std::array<uint8_t, kBytes>& left, const std::array<uint8_t, kBytes>& right) {
  return CRYPTO_memcmp(left.data(), right.data(), kBytes) == 0;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

StoredPassword StoredPassword::from_plain(std::string_view password) {
  StoredPassword stored;
  if (password.empty()) return stored;
  stored.native_ = sha1({sha1({as_bytes(password)})});
  stored.sha2_ = sha256({sha256({as_bytes(password)})});
  return stored;
}

Result<StoredPassword> StoredPassword::from_native_hash(std::string_view hash) {
  std::array<uint8_t, 20> bytes;
  bool good = hash.size() == 1 + 2 * bytes.size() && hash[0] == '*';
  for (size_t i = 0; good && i < bytes.size(); i++) {
    const int high = hex_digit(hash[1 + 2 * i]);
    const int low = hex_digit(hash[2 + 2 * i]);
    good = high >= 0 && low >= 0;
    bytes[i] = static_cast<uint8_t>(high * 16 + low);
  }
  if (!good) {
    return fail(Code::kInvalid, "not a password hash: expected * and 40 hexadecimal digits");
  }
  StoredPassword stored;
  stored.native_ = bytes;
  return stored;
}

bool StoredPassword::matches_native(Bytes nonce, Bytes proof) const {
  if (!native_) return proof.empty();
  if (proof.size() != native_->size()) return false;
  std::array<uint8_t, 20> once = sha1({nonce, *native_});
  for (size_t i = 0; i < once.size(); i++) once[i] ^= proof[i];
  return equal(sha1({once}), *native_);
}

bool StoredPassword::matches_sha2(Bytes nonce, Bytes proof) const {
  if (empty()) return proof.empty();
  if (!sha2_ || proof.size() != sha2_->size()) return false;
  std::array<uint8_t, 32> once = sha256({*sha2_, nonce});
  for (size_t i = 0; i < once.size(); i++) once[i] ^= proof[i];
  return equal(sha256({once}), *sha2_);
}

bool StoredPassword::matches_plain(std::string_view password) const {
  if (empty() || password.empty()) return empty() && password.empty();
  return equal(sha1({sha1({as_bytes(password)})}), *native_);
}

std::string StoredPassword::certificate_proof(Bytes nonce, Bytes certificate_sha256) const {
  if (!native_) return "";
  std::string proof = "\1";
  for (const uint8_t byte : sha256({*native_, nonce, certificate_sha256})) {
    proof += "0123456789ABCDEF"[byte >> 4];
    proof += "0123456789ABCDEF"[byte & 15];
  }
  return proof;
}

}  // namespace binbus::mysql
