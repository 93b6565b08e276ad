#include "io/stream.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

namespace binbus::io {
namespace {

struct Pair {
  std::unique_ptr<Stream> near, far;
  Pair() {
    int sockets[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    near = make_socket_stream(sockets[0], "near");
    far = make_socket_stream(sockets[1], "far");
  }
};

std::string read_text(Stream& stream, size_t bytes) {
  std::string text(bytes, '\0');
  for (size_t at = 0; at < bytes;) {
    const auto count = stream.read_some({reinterpret_cast<uint8_t*>(text.data()) + at, bytes - at});
    if (!count) return text.substr(0, at) + "|" + count.error().message;
    at += *count;
  }
  return text;
}

TEST(SocketStream, CarriesPiecesInOrder) {
  Pair pair;
  std::string one = "one ", nothing, two = "two";
  iovec pieces[] = {{one.data(), one.size()}, {nothing.data(), 0}, {two.data(), two.size()}};
  ASSERT_TRUE(pair.near->write_all(pieces));
  EXPECT_EQ(read_text(*pair.far, 7), "one two");
}

TEST(SocketStream, WritesMoreThanTheKernelTakesAtOnce) {
  Pair pair;
  const std::string large(4 << 20, 'x');
  std::thread writer([&] { EXPECT_TRUE(pair.near->write_all(as_bytes(large))); });
  EXPECT_EQ(read_text(*pair.far, large.size()), large);
  writer.join();
}

TEST(SocketStream, ThePeersCloseIsNetwork) {
  Pair pair;
  pair.far.reset();
  uint8_t byte;
  const auto read = pair.near->read_some({&byte, 1});
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kNetwork);
  EXPECT_FALSE(pair.near->write_all(as_bytes("x")));
}

TEST(SocketStream, SilenceIsTimeout) {
  Pair pair;
  pair.near->set_read_timeout(10);
  uint8_t byte;
  EXPECT_EQ(pair.near->read_some({&byte, 1}).error().code, Code::kTimeout);
  EXPECT_FALSE(*pair.near->wait_readable(0));
  ASSERT_TRUE(pair.far->write_all(as_bytes("x")));
  EXPECT_TRUE(*pair.near->wait_readable(1000));
}

TEST(SocketStream, AReaderThatTakesNothingIsTimeout) {
  Pair pair;
  pair.near->set_write_timeout(10);
  const std::string large(16 << 20, 'x');
  EXPECT_EQ(pair.near->write_all(as_bytes(large)).error().code, Code::kTimeout);
}

TEST(SocketStream, ShutdownWakesABlockedRead) {
  Pair pair;
  std::thread other([&] { pair.near->shutdown(); });
  uint8_t byte;
  EXPECT_EQ(pair.near->read_some({&byte, 1}).error().code, Code::kNetwork);
  other.join();
}

TEST(Listener, TakesAFreePortAndConnections) {
  const auto listener = Listener::open("127.0.0.1:0");
  ASSERT_TRUE(listener);
  const std::string address = "127.0.0.1:" + std::to_string((*listener)->port());
  const auto client = connect(address, 1000);
  ASSERT_TRUE(client);
  const auto server = (*listener)->accept();
  ASSERT_TRUE(server);
  ASSERT_TRUE((*client)->write_all(as_bytes("hello")));
  EXPECT_EQ(read_text(**server, 5), "hello");
  EXPECT_EQ((*server)->peer().substr(0, 10), "127.0.0.1:");
}

bool has_ipv6() {
  const int probe = ::socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 loopback{};
  loopback.sin6_family = AF_INET6;
  loopback.sin6_addr = in6addr_loopback;
  const bool has = probe >= 0 && ::bind(probe, reinterpret_cast<const sockaddr*>(&loopback),
                                        sizeof(loopback)) == 0;
  if (probe >= 0) ::close(probe);
  return has;
}

TEST(Listener, ListensOnEveryAddressOfTheName) {
  const bool ipv6 = has_ipv6();
  const struct {
    const char* name;
    std::vector<std::string> hosts;  // that then answer
  } cases[] = {
      {"127.0.0.1:0", {"127.0.0.1"}},
      {":0", ipv6 ? std::vector<std::string>{"127.0.0.1", "[::1]"}
                  : std::vector<std::string>{"127.0.0.1"}},
      {"localhost:0", {"localhost", "127.0.0.1"}},
  };
  for (const auto& c : cases) {
    const auto listener = Listener::open(c.name);
    ASSERT_TRUE(listener) << c.name << ": " << listener.error().message;
    for (const std::string& host : c.hosts) {
      const auto client = connect(host + ":" + std::to_string((*listener)->port()), 1000);
      ASSERT_TRUE(client) << c.name << ": " << client.error().message;
      const auto server = (*listener)->accept();
      ASSERT_TRUE(server);
      ASSERT_TRUE((*server)->write_all(as_bytes("hello")));
      EXPECT_EQ(read_text(**client, 5), "hello") << host;
    }
  }
}

TEST(Listener, AnIpv6AddressIsNotTheIpv4OneOfItsPort) {
  if (!has_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
  const auto six = Listener::open("[::]:0");
  ASSERT_TRUE(six);
  const auto four = Listener::open("0.0.0.0:" + std::to_string((*six)->port()));
  ASSERT_TRUE(four) << four.error().message;
}

TEST(Listener, AnAddressThatIsNowhereHereIsAnError) {
  const auto listener = Listener::open("192.0.2.1:0");  // of documentation
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, Code::kNetwork);
}

TEST(Listener, StopEndsAccept) {
  const auto listener = Listener::open("127.0.0.1:0");
  ASSERT_TRUE(listener);
  std::thread other([&] { (*listener)->stop(); });
  EXPECT_EQ((*listener)->accept().error().code, Code::kStopped);
  other.join();
}

TEST(Listener, NamesTheAddressThatIsTaken) {
  const auto listener = Listener::open("127.0.0.1:0");
  ASSERT_TRUE(listener);
  const std::string address = "127.0.0.1:" + std::to_string((*listener)->port());
  const auto second = Listener::open(address);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kExists);
  EXPECT_NE(second.error().message.find(address), std::string::npos);
}

TEST(Connect, RefusedNamesTheAddress) {
  std::string address;
  {
    const auto listener = Listener::open("127.0.0.1:0");
    ASSERT_TRUE(listener);
    address = "127.0.0.1:" + std::to_string((*listener)->port());
  }
  const auto refused = connect(address, 1000);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kNetwork);
  EXPECT_NE(refused.error().message.find(address), std::string::npos);
}

}  // namespace
}  // namespace binbus::io
