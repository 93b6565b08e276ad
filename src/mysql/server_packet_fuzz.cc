// What a stranger can send before it has shown a password: packets, TLS requests, handshake responses, answers to what
// the server asks. The input is the client's side of the connection, byte for byte.
#include <algorithm>

#include "mysql/server_handshake.h"
#include "mysql/server_login.h"

namespace {

using namespace binbus;

class ScriptedStream final : public io::Stream {
 public:
  explicit ScriptedStream(Bytes script) : rest_(script) {}
  Result<size_t> read_some(std::span<uint8_t> buffer) override {
    if (rest_.empty()) return fail(Code::kNetwork, "the script ended");
    const size_t count = std::min(buffer.size(), rest_.size());
    std::copy_n(rest_.begin(), count, buffer.begin());
    rest_ = rest_.subspan(count);
    return count;
  }
  Status write_all(Bytes) override { return ok(); }
  Status write_all(std::span<iovec>) override { return ok(); }
  Result<bool> wait_readable(int) override { return true; }
  void set_read_timeout(int) override {}
  void set_write_timeout(int) override {}
  void shutdown() override {}
  int descriptor() const override { return -1; }
  std::string peer() const override { return "fuzz:1"; }

 private:
  Bytes rest_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto tls = io::TlsServer::open({}).value().release();
  static mysql::RsaKey rsa;
  static const std::vector<mysql::Account> accounts = {
      {"open", mysql::StoredPassword::from_plain(""), false},
      {"repl", mysql::StoredPassword::from_plain("repl"), false},
      {"hashed",
       mysql::StoredPassword::from_native_hash("*A424E797037BF97C19A2E88CF7891C5C2038C039").value(),
       false},
  };
  if (size == 0) return 0;
  const std::string plugin = data[0] & 1 ? mysql::kNativePassword : mysql::kCachingSha2Password;
  mysql::PacketChannel channel(std::make_unique<ScriptedStream>(Bytes(data + 1, size - 1)));
  channel.set_sequence(0);
  const auto login = mysql::log_in(channel, {.version = "9.7.0",
                                             .connection_id = 1,
                                             .plugin = plugin,
                                             .accounts = accounts,
                                             .tls = *tls,
                                             .rsa = rsa});
  if (login) {
    while (channel.read(1 << 20)) channel.set_sequence(0);
  }
  return 0;
}
