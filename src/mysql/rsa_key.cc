#include "mysql/rsa_key.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/check.h"

namespace binbus::mysql {

RsaKey::RsaKey() = default;
RsaKey::~RsaKey() = default;
void RsaKey::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

evp_pkey_st* RsaKey::key() {
  std::call_once(made_, [this] { key_.reset(EVP_RSA_gen(2048)); });
  BINBUS_CHECK(key_ != nullptr);
  return key_.get();
}

std::string RsaKey::public_key_pem() {
  BIO* memory = BIO_new(BIO_s_mem());
  BINBUS_CHECK(memory && PEM_write_bio_PUBKEY(memory, key()) == 1);
  char* text = nullptr;
  const auto length = static_cast<size_t>(BIO_get_mem_data(memory, &text));
  std::string pem(text, length);
  BIO_free(memory);
  return pem;
}

Result<ByteVector> RsaKey::decrypt(Bytes encrypted) {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key(), nullptr);
  BINBUS_CHECK(context != nullptr);
  ByteVector plain(static_cast<size_t>(EVP_PKEY_get_size(key())));
  size_t length = plain.size();
  const bool good =
      EVP_PKEY_decrypt_init(context) == 1 &&
      EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
      EVP_PKEY_decrypt(context, plain.data(), &length, encrypted.data(), encrypted.size()) == 1;
  EVP_PKEY_CTX_free(context);
  ERR_clear_error();
  if (!good) return fail(Code::kCorrupt, "a password that was not encrypted with our public key");
  plain.resize(length);
  return plain;
}

}  // namespace binbus::mysql
