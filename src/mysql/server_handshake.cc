#include "mysql/server_handshake.h"

#include <openssl/rand.h>

#include "base/check.h"

namespace binbus::mysql {
namespace {

constexpr uint8_t kProtocolVersion = 10;
constexpr uint8_t kCharset = 45;  // utf8mb4_general_ci, known to every server that clients expect
constexpr uint16_t kStatusAutocommit = 2;
constexpr size_t kNonceFirstPart = 8;
constexpr size_t kTlsRequestBytes = 32;

}  // namespace

Nonce make_nonce() {
  Nonce nonce;
  BINBUS_CHECK(RAND_bytes(nonce.data(), nonce.size()) == 1);
  for (uint8_t& byte : nonce) {
    byte &= 0x7f;
    if (byte == 0 || byte == '$') byte++;
  }
  return nonce;
}

ByteVector encode(const Greeting& greeting) {
  const Bytes nonce = greeting.nonce;
  ByteWriter out;
  out.u8(kProtocolVersion).nul_terminated(greeting.version).u32(greeting.connection_id);
  out.bytes(nonce.first(kNonceFirstPart)).u8(0);
  out.u16(greeting.capabilities & 0xffff).u8(kCharset).u16(kStatusAutocommit);
  out.u16(greeting.capabilities >> 16).u8(kNonceBytes + 1).zeros(10);
  out.bytes(nonce.subspan(kNonceFirstPart)).u8(0).nul_terminated(greeting.plugin);
  return out.take();
}

ByteVector encode_auth_switch(const std::string& plugin, const Nonce& nonce) {
  ByteWriter out;
  out.u8(0xfe).nul_terminated(plugin).bytes(nonce).u8(0);
  return out.take();
}

Result<HandshakeResponse> HandshakeResponse::parse(Bytes payload) {
  ByteReader in(payload);
  HandshakeResponse response;
  BINBUS_TRY(capabilities, in.u32("handshake response capabilities"));
  response.capabilities = capabilities;
  if (!(capabilities & kClientProtocol41) || !(capabilities & kClientSecureConnection)) {
    return fail(Code::kUnsupported, "a client of before MySQL 4.1");
  }
  // Maximum packet size, character set, and 23 bytes of zeros or MariaDB's capabilities.
  BINBUS_RETURN_IF_ERROR(in.skip(4 + 1 + 23, "handshake response head"));
  if ((capabilities & kClientSsl) && payload.size() == kTlsRequestBytes) {
    response.tls_request = true;
    return response;
  }
  BINBUS_TRY(user, in.nul_terminated("user name"));
  response.user = as_text(user);
  if (capabilities & kClientPluginAuthLenenc) {
    BINBUS_TRY(proof, in.lenenc_bytes("password proof"));
    response.proof = to_owned(proof);
  } else {
    BINBUS_TRY(length, in.u8("password proof length"));
    BINBUS_TRY(proof, in.bytes(length, "password proof"));
    response.proof = to_owned(proof);
  }
  // What follows is optional; old clients leave off the last NUL or the whole field.
  if ((capabilities & kClientConnectWithDb) && in.remaining() > 0) {
    BINBUS_TRY(database, in.nul_terminated("database name"));
    response.database = as_text(database);
  }
  if ((capabilities & kClientPluginAuth) && in.remaining() > 0) {
    const std::string_view rest = as_text(in.rest());
    response.plugin = rest.substr(0, rest.find('\0'));
  }
  return response;
}

}  // namespace binbus::mysql
