#include "io/tls.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

namespace binbus::io {
namespace {

// A client and a server over a socket pair, after their handshakes.
struct Handshake {
  std::unique_ptr<Stream> client, server;
  Status client_done = ok(), server_done = ok();

  Handshake(TlsServer& tls, const TlsClientOptions& options) {
    int sockets[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    client = make_socket_stream(sockets[0], "server");
    server = make_socket_stream(sockets[1], "client");
    std::thread other([&] { client_done = tls_connect(client, options, 5000); });
    server_done = tls.accept(server, 5000);
    other.join();
  }
};

std::string echo(Stream& from, Stream& to, const std::string& text) {
  EXPECT_TRUE(from.write_all(as_bytes(text)));
  std::string got(text.size(), '\0');
  for (size_t at = 0; at < got.size();) {
    const auto count = to.read_some({reinterpret_cast<uint8_t*>(got.data()) + at, got.size() - at});
    if (!count) return count.error().message;
    at += *count;
  }
  return got;
}

TEST(Tls, SelfSignedCertificateCarriesBothWays) {
  const auto tls = TlsServer::open({});
  ASSERT_TRUE(tls) << tls.error().message;
  EXPECT_TRUE((*tls)->self_signed());
  EXPECT_EQ((*tls)->certificate_sha256().size(), 32u);
  Handshake pair(**tls, {});
  ASSERT_TRUE(pair.client_done && pair.server_done);
  EXPECT_TRUE(pair.server->encrypted());
  EXPECT_EQ(echo(*pair.client, *pair.server, "ask"), "ask");
  EXPECT_EQ(echo(*pair.server, *pair.client, std::string(40'000, 'x')), std::string(40'000, 'x'));
  EXPECT_FALSE(*pair.client->wait_readable(0));
}

TEST(Tls, ThePeersCloseIsNetwork) {
  const auto tls = TlsServer::open({});
  ASSERT_TRUE(tls);
  Handshake pair(**tls, {});
  pair.client.reset();
  uint8_t byte;
  EXPECT_EQ(pair.server->read_some({&byte, 1}).error().code, Code::kNetwork);
}

TEST(Tls, SilenceIsTimeout) {
  const auto tls = TlsServer::open({});
  ASSERT_TRUE(tls);
  Handshake pair(**tls, {});
  pair.server->set_read_timeout(10);
  uint8_t byte;
  EXPECT_EQ(pair.server->read_some({&byte, 1}).error().code, Code::kTimeout);
}

TEST(Tls, AClientThatSpeaksNoTlsIsRefused) {
  const auto tls = TlsServer::open({});
  ASSERT_TRUE(tls);
  int sockets[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
  const auto client = make_socket_stream(sockets[0], "server");
  auto server = make_socket_stream(sockets[1], "client");
  ASSERT_TRUE(client->write_all(as_bytes("GET / HTTP/1.1\r\n\r\n")));
  const Status done = (*tls)->accept(server, 1000);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kTls);
  EXPECT_TRUE(server);  // still there, to be closed
}

TEST(Tls, MissingFilesAreNamed) {
  const auto tls = TlsServer::open({"/nowhere/cert.pem", "/nowhere/key.pem", ""});
  ASSERT_FALSE(tls);
  EXPECT_EQ(tls.error().code, Code::kTls);
  EXPECT_NE(tls.error().message.find("/nowhere/cert.pem"), std::string::npos);
}

// A self-signed certificate for a host and its key, in files that go with the test; it is its own authority.
class CertificateFiles {
 public:
  explicit CertificateFiles(const char* host)
      : folder_(std::filesystem::temp_directory_path() /
                ("binbus_tls_test_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
    write(host);
  }
  ~CertificateFiles() { std::filesystem::remove_all(folder_); }
  std::string certificate() const { return folder_ / "certificate.pem"; }
  std::string key() const { return folder_ / "key.pem"; }
  TlsServerOptions options() const { return {certificate(), key(), ""}; }

  void write(const char* host) const {
    EVP_PKEY* pair = EVP_EC_gen("P-256");
    X509* x509 = X509_new();
    X509_set_version(x509, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_NAME* name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(host), -1, -1, 0);
    X509_set_issuer_name(x509, name);
    X509_set_pubkey(x509, pair);
    X509_sign(x509, pair, EVP_sha256());
    FILE* file = std::fopen(certificate().c_str(), "w");
    PEM_write_X509(file, x509);
    std::fclose(file);
    file = std::fopen(key().c_str(), "w");
    PEM_write_PrivateKey(file, pair, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(x509);
    EVP_PKEY_free(pair);
  }

 private:
  const std::filesystem::path folder_;
};

TlsClientOptions verifying(const std::string& ca, const std::string& host) {
  return {.ca_file = ca, .host = host, .certificate_file = "", .key_file = ""};
}

TEST(Tls, TheConfiguredCertificateIsVerified) {
  const CertificateFiles files("db1");
  const auto tls = TlsServer::open(files.options());
  ASSERT_TRUE(tls) << tls.error().message;
  EXPECT_FALSE((*tls)->self_signed());
  Handshake good(**tls, verifying(files.certificate(), "db1"));
  ASSERT_TRUE(good.client_done) << good.client_done.error().message;
  EXPECT_EQ(echo(*good.client, *good.server, "ask"), "ask");
  Handshake other_host(**tls, verifying(files.certificate(), "db2"));
  ASSERT_FALSE(other_host.client_done);
  EXPECT_EQ(other_host.client_done.error().code, Code::kTls);
}

TEST(Tls, AnUnknownAuthorityIsRefused) {
  const CertificateFiles files("db1");
  const auto tls = TlsServer::open({});
  ASSERT_TRUE(tls);
  Handshake pair(**tls, verifying(files.certificate(), ""));
  ASSERT_FALSE(pair.client_done);
  EXPECT_NE(pair.client_done.error().message.find("self-signed certificate"), std::string::npos);
  EXPECT_FALSE(pair.server_done);
}

TEST(Tls, AClientWithoutCertificateIsRefusedWhereOneIsAskedFor) {
  const CertificateFiles files("db1");
  TlsServerOptions options = files.options();
  options.ca_file = files.certificate();
  const auto tls = TlsServer::open(options);
  ASSERT_TRUE(tls);
  Handshake without(**tls, {});
  EXPECT_FALSE(without.server_done);
  TlsClientOptions own = verifying(files.certificate(), "db1");
  own.certificate_file = files.certificate();
  own.key_file = files.key();
  Handshake with(**tls, own);
  EXPECT_TRUE(with.server_done);
}

TEST(Tls, ReloadTakesNewFilesAndKeepsTheOldOnesWhenTheyAreWrong) {
  const CertificateFiles files("db1");
  const auto tls = TlsServer::open(files.options());
  ASSERT_TRUE(tls);
  const std::string first = (*tls)->certificate_sha256();
  files.write("db1");
  ASSERT_TRUE((*tls)->reload());
  const std::string second = (*tls)->certificate_sha256();
  EXPECT_NE(second, first);
  std::ofstream(files.key()) << "no key\n";
  const Status wrong = (*tls)->reload();
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find(files.key()), std::string::npos);
  EXPECT_EQ((*tls)->certificate_sha256(), second);
}

}  // namespace
}  // namespace binbus::io
