#include "mysql/server_login.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <sys/socket.h>

#include <thread>

#include "mysql/capabilities.h"

namespace binbus::mysql {
namespace {

constexpr size_t kLimit = 1 << 20;

struct Client {
  const char* user = "replica";
  std::string password = "secret";
  std::string plugin = kCachingSha2Password;  // its own default; "": it knows no plugins
  bool tls = false;
  bool rsa = true;  // asks for the server's public key where it needs one
};

ByteVector sha1(Bytes bytes) {
  ByteVector digest(20);
  SHA1(bytes.data(), bytes.size(), digest.data());
  return digest;
}
ByteVector sha256(Bytes bytes) {
  ByteVector digest(32);
  SHA256(bytes.data(), bytes.size(), digest.data());
  return digest;
}
ByteVector joined(Bytes left, Bytes right) {
  ByteVector all = to_owned(left);
  all.insert(all.end(), right.begin(), right.end());
  return all;
}
ByteVector exclusive_or(ByteVector bytes, Bytes with) {
  for (size_t i = 0; i < bytes.size(); i++) bytes[i] ^= with[i % with.size()];
  return bytes;
}

ByteVector proof(const std::string& plugin, const std::string& password, Bytes nonce) {
  if (password.empty()) return {};
  if (plugin == kCachingSha2Password) {
    const ByteVector once = sha256(as_bytes(password));
    return exclusive_or(once, sha256(joined(sha256(once), nonce)));
  }
  const ByteVector once = sha1(as_bytes(password));
  return exclusive_or(once, sha1(joined(nonce, sha1(once))));
}

ByteVector encrypt(std::string_view pem, const std::string& password, Bytes nonce) {
  BIO* memory = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* key = PEM_read_bio_PUBKEY(memory, nullptr, nullptr, nullptr);
  BIO_free(memory);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key, nullptr);
  EVP_PKEY_encrypt_init(context);
  EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING);
  const ByteVector plain = exclusive_or(
      to_owned(Bytes(reinterpret_cast<const uint8_t*>(password.c_str()), password.size() + 1)),
      nonce);
  size_t length = 0;
  EVP_PKEY_encrypt(context, nullptr, &length, plain.data(), plain.size());
  ByteVector encrypted(length);
  EVP_PKEY_encrypt(context, encrypted.data(), &length, plain.data(), plain.size());
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(key);
  return encrypted;
}

// Logs in as clients do. Returns the OK packet's info, or the ERR packet's text; what was said goes to `said`.
std::string run_client(const Client& client, PacketChannel& channel, std::string& said) {
  const auto read = [&]() -> ByteVector {
    const auto packet = channel.read(kLimit);
    return packet ? to_owned(*packet) : ByteVector();
  };
  const auto send = [&](Bytes payload) { return channel.write(payload) && channel.flush(); };

  ByteVector greeting = read();
  ByteReader in(greeting);
  EXPECT_EQ(*in.u8("version"), 10);
  const std::string version(as_text(*in.nul_terminated("server version")));
  EXPECT_TRUE(in.skip(4, "id"));
  ByteVector nonce = to_owned(*in.bytes(8, "nonce"));
  EXPECT_EQ(*in.u8("filler"), 0);
  EXPECT_TRUE(in.skip(2 + 1 + 2 + 2 + 1 + 10, "capabilities"));
  nonce = joined(nonce, *in.bytes(12, "nonce"));
  EXPECT_EQ(*in.u8("end of nonce"), 0);
  std::string plugin(as_text(*in.nul_terminated("plugin")));
  said += plugin + " ";

  uint32_t capabilities = kClientProtocol41 | kClientSecureConnection | kClientConnectWithDb;
  if (!client.plugin.empty()) capabilities |= kClientPluginAuth;
  if (client.tls) capabilities |= kClientSsl;
  ByteWriter head;
  head.u32(capabilities).u32(1 << 24).u8(33).zeros(23);
  if (client.tls) {
    said += "tls ";
    EXPECT_TRUE(send(head.view()));
    EXPECT_TRUE(io::tls_connect(channel.owned_stream(), {}, 5000));
  }
  const std::string own = client.plugin.empty() ? kNativePassword : client.plugin;
  const ByteVector first = own == plugin ? proof(own, client.password, nonce) : ByteVector();
  ByteWriter response;
  response.bytes(head.view())
      .nul_terminated(client.user)
      .u8(first.size())
      .bytes(first)
      .nul_terminated("db");
  if (!client.plugin.empty()) response.nul_terminated(client.plugin);
  EXPECT_TRUE(send(response.view()));

  for (;;) {
    const ByteVector packet = read();
    if (packet.empty()) return "gone";
    if (packet[0] == 0xff) return std::string(as_text(Bytes(packet).subspan(9)));
    if (packet[0] == 0)
      return packet.size() > 8 ? std::string(as_text(Bytes(packet).subspan(8))) : "ok";
    if (packet[0] == 0xfe) {
      ByteReader change(Bytes(packet).subspan(1));
      plugin = as_text(*change.nul_terminated("plugin"));
      nonce = to_owned(*change.bytes(20, "nonce"));
      said += "switch:" + plugin + " ";
      EXPECT_TRUE(send(proof(plugin, client.password, nonce)));
    } else if (packet == ByteVector{1, 3}) {
      said += "fast ";
    } else if (packet == ByteVector{1, 4} && (client.tls || !client.rsa)) {
      said += "full ";
      EXPECT_TRUE(send(Bytes(reinterpret_cast<const uint8_t*>(client.password.c_str()),
                             client.password.size() + 1)));
    } else if (packet == ByteVector{1, 4}) {
      said += "full ";
      EXPECT_TRUE(send(ByteVector{2}));
    } else {
      said += "rsa ";
      EXPECT_TRUE(send(encrypt(as_text(Bytes(packet).subspan(1)), client.password, nonce)));
    }
  }
}

struct LoginCase {
  const char* name;
  const char* first_plugin;  // of the server
  Client client;
  const char* said;
  const char* answer;  // its beginning
};
const char kDenied[] = "Access denied for user 'replica'@'near' (using password: YES)";
const LoginCase kLoginCases[] = {
    {"sha2_fast", kCachingSha2Password, {}, "caching_sha2_password fast ", "ok"},
    {"sha2_fast_tls", kCachingSha2Password, {.tls = true}, "caching_sha2_password tls fast ", "ok"},
    {"sha2_wrong", kCachingSha2Password, {.password = "Secret"}, "caching_sha2_password ", kDenied},
    {"sha2_full_by_rsa",
     kCachingSha2Password,
     {.user = "hashed"},
     "caching_sha2_password full rsa ",
     "ok"},
    {"sha2_full_by_tls",
     kCachingSha2Password,
     {.user = "hashed", .tls = true},
     "caching_sha2_password tls full ",
     "ok"},
    {"sha2_full_wrong",
     kCachingSha2Password,
     {.user = "hashed", .password = "no"},
     "caching_sha2_password full rsa ",
     "Access denied for user 'hashed'"},
    {"sha2_full_in_the_clear",
     kCachingSha2Password,
     {.user = "hashed", .rsa = false},
     "caching_sha2_password full ",
     "Access denied for user 'hashed'"},
    {"sha2_empty",
     kCachingSha2Password,
     {.user = "open", .password = ""},
     "caching_sha2_password ",
     "ok"},
    {"sha2_empty_for_another",
     kCachingSha2Password,
     {.password = ""},
     "caching_sha2_password ",
     "Access denied for user 'replica'@'near' (using password: NO)"},
    {"sha2_client_of_a_native_server",
     kNativePassword,
     {},
     "mysql_native_password switch:caching_sha2_password fast ",
     "ok"},
    {"native", kNativePassword, {.plugin = kNativePassword}, "mysql_native_password ", "ok"},
    {"native_wrong",
     kNativePassword,
     {.password = "x", .plugin = kNativePassword},
     "mysql_native_password ",
     kDenied},
    {"native_hashed",
     kNativePassword,
     {.user = "hashed", .plugin = kNativePassword},
     "mysql_native_password ",
     "ok"},
    {"native_empty",
     kNativePassword,
     {.user = "open", .password = "", .plugin = kNativePassword},
     "mysql_native_password ",
     "ok"},
    {"native_client_of_a_sha2_server",
     kCachingSha2Password,
     {.plugin = kNativePassword},
     "caching_sha2_password switch:mysql_native_password ",
     "ok"},
    {"client_without_plugins", kNativePassword, {.plugin = ""}, "mysql_native_password ", "ok"},
    {"other_plugin",
     kNativePassword,
     {.plugin = "client_ed25519"},
     "mysql_native_password switch:mysql_native_password ",
     "ok"},
    {"native_tls_proves_the_certificate",
     kNativePassword,
     {.plugin = kNativePassword, .tls = true},
     "mysql_native_password tls ",
     "\1"},
    {"unknown_user",
     kCachingSha2Password,
     {.user = "nobody"},
     "caching_sha2_password ",
     "Access denied for user 'nobody'"},
    {"unknown_user_empty",
     kCachingSha2Password,
     {.user = "nobody", .password = ""},
     "caching_sha2_password ",
     "Access denied for user 'nobody'"},
    {"tls_asked_for",
     kCachingSha2Password,
     {.user = "careful"},
     "caching_sha2_password fast ",
     "Connections of user 'careful' must use TLS"},
    {"tls_given",
     kCachingSha2Password,
     {.user = "careful", .tls = true},
     "caching_sha2_password tls fast ",
     "ok"},
};

class LoginTest : public testing::TestWithParam<LoginCase> {
 protected:
  static void SetUpTestSuite() {
    tls_ = io::TlsServer::open({}).value().release();
    rsa_ = new RsaKey;
  }
  static void TearDownTestSuite() {
    delete tls_;
    delete rsa_;
  }
  static io::TlsServer* tls_;
  static RsaKey* rsa_;
};
io::TlsServer* LoginTest::tls_ = nullptr;
RsaKey* LoginTest::rsa_ = nullptr;

TEST_P(LoginTest, GoesAsRealServersDo) {
  // "secret" by its native hash.
  const std::vector<Account> accounts = {
      {"replica", StoredPassword::from_plain("secret"), false},
      {"open", StoredPassword::from_plain(""), false},
      {"careful", StoredPassword::from_plain("secret"), true},
      {"hashed",
       StoredPassword::from_native_hash("*14E65567ABDB5135D0CFD9A70B3032C179A49EE7").value(),
       false},
  };
  int sockets[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
  PacketChannel server(io::make_socket_stream(sockets[0], "near:1"));
  PacketChannel client(io::make_socket_stream(sockets[1], "far:2"));
  std::string said, answer;
  std::thread other([&] { answer = run_client(GetParam().client, client, said); });
  const auto login = log_in(server, {.version = "9.7.0",
                                     .connection_id = 7,
                                     .plugin = GetParam().first_plugin,
                                     .accounts = accounts,
                                     .tls = *tls_,
                                     .rsa = *rsa_});
  other.join();
  EXPECT_EQ(said, GetParam().said);
  EXPECT_EQ(answer.substr(0, std::string(GetParam().answer).size()), GetParam().answer);
  const bool refused = answer.find("Access denied") == 0 || answer.find("Connections of") == 0;
  ASSERT_EQ(login.has_value(), !refused);
  if (!login) {
    EXPECT_EQ(login.error().code, Code::kAuth);
    return;
  }
  EXPECT_EQ(login->user, GetParam().client.user);
  EXPECT_EQ(login->database, "db");
  EXPECT_EQ(server.sequence(), 0);
  EXPECT_EQ(server.stream().encrypted(), GetParam().client.tls);
}
INSTANTIATE_TEST_SUITE_P(Login, LoginTest, testing::ValuesIn(kLoginCases),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace binbus::mysql
