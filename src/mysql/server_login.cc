#include "mysql/server_login.h"

#include "mysql/server_handshake.h"
#include "mysql/server_replies.h"

namespace binbus::mysql {
namespace {

constexpr size_t kLoginPacketBytesMax = 64 * 1024;  // connect attributes included
constexpr uint32_t kCapabilities =
    kClientLongPassword | kClientLongFlag | kClientConnectWithDb | kClientProtocol41 | kClientSsl |
    kClientTransactions | kClientSecureConnection | kClientMultiResults | kClientPluginAuth |
    kClientConnectAttributes | kClientPluginAuthLenenc;

// Of caching_sha2_password.
constexpr uint8_t kRequestPublicKey = 2;
constexpr uint8_t kFastAuthSuccess = 3;
constexpr uint8_t kPerformFullAuth = 4;

// One login under way.
class Exchange {
 public:
  Exchange(PacketChannel& channel, const LoginOptions& options)
      : channel_(channel), options_(options), nonce_(make_nonce()) {}

  Result<Login> run() {
    channel_.stream().set_read_timeout(options_.timeout_ms);
    BINBUS_RETURN_IF_ERROR(greet());
    if (Status read = read_response(); !read) {
      const Code code = read.error().code;
      const bool malformed =
          code == Code::kCorrupt || code == Code::kTruncated || code == Code::kUnsupported;
      if (malformed) return refuse_with({kErrorHandshake, "08S01", "Bad handshake"});
      return fail(std::move(read).error());
    }
    find_account();
    BINBUS_TRY(proven, prove());
    if (!proven) return refuse();
    if (account_->require_tls && !channel_.stream().encrypted()) return refuse_plain();
    if (options_.on_login) options_.on_login(response_.user);
    BINBUS_RETURN_IF_ERROR(write_ok(channel_, certificate_proof_));
    BINBUS_RETURN_IF_ERROR(channel_.flush());
    channel_.stream().set_read_timeout(0);
    channel_.set_sequence(0);
    return Login{response_.user, response_.database, response_.capabilities};
  }

 private:
  Status greet() {
    plugin_ = options_.plugin;
    BINBUS_RETURN_IF_ERROR(channel_.write(encode(
        Greeting{options_.version, options_.connection_id, kCapabilities, plugin_, nonce_})));
    return channel_.flush();
  }

  Status read_response() {
    BINBUS_TRY(first, channel_.read(kLoginPacketBytesMax));
    BINBUS_TRY(response, HandshakeResponse::parse(first));
    if (response.tls_request) {
      BINBUS_RETURN_IF_ERROR(options_.tls.accept(channel_.owned_stream(), options_.timeout_ms));
      channel_.stream().set_read_timeout(options_.timeout_ms);
      BINBUS_TRY(second, channel_.read(kLoginPacketBytesMax));
      BINBUS_TRY(inner, HandshakeResponse::parse(second));
      response = std::move(inner);
    }
    if (response.tls_request) return fail(Code::kCorrupt, "a second request for TLS");
    response_ = std::move(response);
    return ok();
  }

  // An unknown user goes through the same exchange as a known one, with a password that nobody has.
  void find_account() {
    for (const Account& account : options_.accounts) {
      if (account.name == response_.user) account_ = &account;
    }
    if (account_) return;
    const Nonce secret = make_nonce();
    nobody_.password = StoredPassword::from_plain(as_text(secret));
    account_ = &nobody_;
  }

  Result<bool> prove() {
    ByteVector proof = response_.proof;
    // Clients of before MySQL 5.5.7 know only the native method, and use the greeting's nonce for it.
    const bool has_plugins =
        (response_.capabilities & kClientPluginAuth) && !response_.plugin.empty();
    const std::string wanted = has_plugins && response_.plugin == kCachingSha2Password
                                   ? kCachingSha2Password
                                   : kNativePassword;
    if (has_plugins && (wanted != plugin_ || response_.plugin != plugin_)) {
      BINBUS_TRY(switched, switch_to(wanted));
      proof = std::move(switched);
    }
    plugin_ = wanted;
    used_password_ = !proof.empty();
    if (plugin_ == kCachingSha2Password) return prove_sha2(proof);
    const bool good = account_->password.matches_native(nonce_, proof);
    // For MariaDB clients that cannot verify the certificate by an authority.
    if (good && channel_.stream().encrypted()) {
      certificate_proof_ =
          account_->password.certificate_proof(nonce_, as_bytes(options_.tls.certificate_sha256()));
    }
    return good;
  }

  Result<ByteVector> switch_to(const std::string& plugin) {
    nonce_ = make_nonce();
    BINBUS_RETURN_IF_ERROR(channel_.write(encode_auth_switch(plugin, nonce_)));
    BINBUS_TRY(answer, ask());
    return to_owned(answer);
  }

  Result<bool> prove_sha2(Bytes proof) {
    // An empty password comes as nothing, or as the NUL that ends it.
    if (proof.empty() || (proof.size() == 1 && proof[0] == 0)) {
      used_password_ = false;
      return account_->password.empty();
    }
    if (account_->password.has_sha2()) {
      if (!account_->password.matches_sha2(nonce_, proof)) return false;
      const uint8_t success[] = {1, kFastAuthSuccess};
      BINBUS_RETURN_IF_ERROR(channel_.write(success));
      return true;
    }
    return prove_in_full();
  }

  // The client sends the password itself: within TLS as it is, else encrypted with our key.
  Result<bool> prove_in_full() {
    const uint8_t full[] = {1, kPerformFullAuth};
    BINBUS_RETURN_IF_ERROR(channel_.write(full));
    BINBUS_TRY(answer, ask());
    if (channel_.stream().encrypted()) return matches_terminated(answer);
    if (answer.size() == 1 && answer[0] == kRequestPublicKey) {
      ByteWriter key;
      key.u8(1).text(options_.rsa.public_key_pem());
      BINBUS_RETURN_IF_ERROR(channel_.write(key.view()));
      BINBUS_TRY(encrypted, ask());
      answer = encrypted;
    }
    Result<ByteVector> plain = options_.rsa.decrypt(answer);
    if (!plain) return false;
    for (size_t i = 0; i < plain->size(); i++) (*plain)[i] ^= nonce_[i % nonce_.size()];
    return matches_terminated(*plain);
  }

  bool matches_terminated(Bytes password) const {
    if (password.empty() || password.back() != 0) return false;
    return account_->password.matches_plain(as_text(password.first(password.size() - 1)));
  }

  Result<Bytes> ask() {
    BINBUS_RETURN_IF_ERROR(channel_.flush());
    return channel_.read(kLoginPacketBytesMax);
  }

  Result<Login> refuse() {
    std::string host = channel_.stream().peer();
    host = host.substr(0, host.rfind(':'));
    return refuse_with({kErrorAccessDenied, "28000",
                        "Access denied for user '" + response_.user + "'@'" + host +
                            "' (using password: " + (used_password_ ? "YES)" : "NO)")});
  }
  Result<Login> refuse_plain() {
    return refuse_with(
        {kErrorSecureTransport, "HY000",
         "Connections of user '" + response_.user +
             "' must use TLS (SOURCE_SSL = 1, MASTER_SSL = 1, --ssl-mode=REQUIRED)"});
  }
  Result<Login> refuse_with(const ServerError& error) {
    BINBUS_RETURN_IF_ERROR(write_error(channel_, error));
    BINBUS_RETURN_IF_ERROR(channel_.flush());
    return fail(Code::kAuth, error.message, error.number);
  }

  PacketChannel& channel_;
  const LoginOptions& options_;
  Nonce nonce_;
  std::string plugin_;  // whose proof is being asked for
  HandshakeResponse response_;
  Account nobody_;
  const Account* account_ = nullptr;
  bool used_password_ = false;
  std::string certificate_proof_;
};

}  // namespace

Result<Login> log_in(PacketChannel& channel, const LoginOptions& options) {
  return Exchange(channel, options).run();
}

}  // namespace binbus::mysql
