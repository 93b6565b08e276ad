// Nodes with certificates, and nodes without among them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "raft/node_testing.h"

namespace binbus::raft {
namespace {

using testing::HasSubstr;

// A certificate for a host that is its own authority, in files that go with the test.
class Certificate {
 public:
  explicit Certificate(const char* host) : folder_(make_folder()) { write(host); }
  ~Certificate() { std::filesystem::remove_all(folder_); }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  NodeTls tls() const { return {file("certificate"), file("key"), file("certificate")}; }
  std::string file(const std::string& name) const { return folder_ / (name + ".pem"); }

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
    FILE* out = std::fopen(file("certificate").c_str(), "w");
    PEM_write_X509(out, x509);
    std::fclose(out);
    out = std::fopen(file("key").c_str(), "w");
    PEM_write_PrivateKey(out, pair, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
    X509_free(x509);
    EVP_PKEY_free(pair);
  }

 private:
  static std::filesystem::path make_folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "binbus_raft_test_XXXXXX";
    return ::mkdtemp(pattern.data());
  }
  const std::filesystem::path folder_;
};

auto with(const std::optional<NodeTls>& tls) {
  return [tls](TransportOptions& options) {
    options.tls = tls;
    options.listen = "localhost:0";
  };
}

TEST(TransportTls, MessagesAndCallsGoThroughIt) {
  const Certificate certificate("localhost");
  TestNode a(1, with(certificate.tls())), b(2, with(certificate.tls()));
  a.connect_to(b);
  const std::string body(3 << 20, 'x');
  ASSERT_TRUE(a.send(2, Lane::kBulk, "g", "h", body));
  ASSERT_TRUE(a.send(2, Lane::kUrgent, "v", "vote"));
  EXPECT_TRUE(eventually([&] { return b.handler.received().size() == 2; }));
  EXPECT_TRUE(eventually([&] { return a.peer().urgent.rtt_us > 0; }));
  EXPECT_TRUE(a.call(b.address(), "echo", body).value() == body);
  EXPECT_EQ(a.call(b.address(), "echo", "again").value(), "again");
  EXPECT_TRUE(a.peer().urgent.connected && a.peer().bulk.connected);
}

TEST(TransportTls, OneSideWithoutItIsToldByBoth) {
  const Certificate certificate("localhost");
  TestNode with_tls(1, with(certificate.tls())), without(2, with(std::nullopt));
  with_tls.connect_to({without.address()});
  without.connect_to({with_tls.address()});
  ASSERT_TRUE(eventually([&] { return !with_tls.error().empty() && !without.error().empty(); }));
  EXPECT_THAT(with_tls.error(), HasSubstr("has only one of the two nodes TLS configured?"));
  EXPECT_THAT(without.error(), HasSubstr("node 'a' takes TLS only"));
  EXPECT_FALSE(with_tls.connected(2));
  EXPECT_FALSE(without.connected(1));
}

TEST(TransportTls, ACertificateOfAnotherAuthorityIsRefused) {
  const Certificate ours("localhost"), theirs("localhost");
  NodeTls stranger = theirs.tls();
  stranger.ca_file = ours.tls().ca_file;  // it trusts us
  TestNode a(1, with(ours.tls())), b(2, with(stranger));
  b.connect_to({a.address()});
  a.connect_to({b.address()});
  ASSERT_TRUE(eventually([&] { return !a.error().empty() && !b.error().empty(); }));
  EXPECT_THAT(a.error(), HasSubstr("TLS handshake with " + b.address()));
  EXPECT_TRUE(b.handler.events().empty());
  EXPECT_TRUE(a.handler.events().empty());
}

TEST(TransportTls, ACertificateMustNameTheHostUnlessToldOtherwise) {
  const Certificate certificate("db1");
  NodeTls any_host = certificate.tls();
  any_host.verify_host = false;
  TestNode strict(1, with(certificate.tls())), lenient(2, with(any_host));
  strict.connect_to({lenient.address()});
  ASSERT_TRUE(eventually([&] { return !strict.error().empty(); }));
  EXPECT_THAT(strict.error(), HasSubstr("hostname mismatch"));
  lenient.connect_to(strict);
}

TEST(TransportTls, FilesAreReadAgain) {
  const Certificate certificate("localhost");
  TestNode a(1, with(certificate.tls())), b(2, with(certificate.tls()));
  certificate.write("localhost");  // a new authority
  EXPECT_EQ(a.call(b.address(), "echo").error().code, Code::kTls);
  ASSERT_TRUE(b.transport->reload_tls());
  EXPECT_EQ(a.call(b.address(), "echo", "x").value(), "x");
  std::ofstream(certificate.file("key")) << "no key\n";
  EXPECT_THAT(b.transport->reload_tls().error().message, HasSubstr(certificate.file("key")));
}

TEST(TransportTls, MissingFilesAreNamed) {
  Recorder handler;
  TransportOptions options;
  options.self.id = 1;
  options.listen = "localhost:0";
  options.tls = NodeTls{"/nowhere/certificate.pem", "/nowhere/key.pem", "/nowhere/ca.pem"};
  const auto opened = Transport::open(options, handler, io::system_clock());
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("/nowhere/certificate.pem"));
}

TEST(TransportTls, AnAuthorityIsNotLeftOut) {
  const Certificate certificate("localhost");
  Recorder handler;
  TransportOptions options;
  options.self.id = 1;
  options.listen = "localhost:0";
  options.tls = NodeTls{certificate.file("certificate"), certificate.file("key"), ""};
  const auto opened = Transport::open(options, handler, io::system_clock());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kInvalid);
}

}  // namespace
}  // namespace binbus::raft
