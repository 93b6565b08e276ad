#include "mysql/server_handshake.h"

#include <gtest/gtest.h>

namespace binbus::mysql {
namespace {

TEST(Nonce, HasNoByteThatTextEndsWith) {
  for (int i = 0; i < 2000; i++) {
    for (const uint8_t byte : make_nonce()) {
      ASSERT_NE(byte, 0);
      ASSERT_NE(byte, '$');
      ASSERT_LT(byte, 0x80);
    }
  }
}

TEST(Greeting, IsLaidOutAsVersion10) {
  Greeting greeting{.version = "9.7.0",
                    .connection_id = 0x01020304,
                    .capabilities = 0x11223344,
                    .plugin = "p",
                    .nonce = {}};
  for (size_t i = 0; i < kNonceBytes; i++) greeting.nonce[i] = static_cast<uint8_t>('a' + i);
  ByteWriter want;
  want.u8(10).nul_terminated("9.7.0").u32(0x01020304).text("abcdefgh").u8(0);
  want.u16(0x3344)
      .u8(45)
      .u16(2)
      .u16(0x1122)
      .u8(21)
      .zeros(10)
      .text("ijklmnopqrst")
      .u8(0)
      .nul_terminated("p");
  EXPECT_EQ(encode(greeting), to_owned(want.view()));
}

ByteVector response(uint32_t capabilities, std::string_view tail) {
  ByteWriter out;
  out.u32(capabilities).u32(1 << 24).u8(45).zeros(23).text(tail);
  return out.take();
}
constexpr uint32_t kBase = kClientProtocol41 | kClientSecureConnection;

struct ResponseCase {
  const char* name;
  uint32_t capabilities;
  std::string_view tail;
  Code code;  // kStopped: good
  const char* user = "";
  const char* proof = "";
  const char* database = "";
  const char* plugin = "";
};
using namespace std::string_view_literals;
const ResponseCase kResponseCases[] = {
    {"plain", kBase, "me\0\3abc"sv, Code::kStopped, "me", "abc"},
    {"no_proof", kBase, "me\0\0"sv, Code::kStopped, "me"},
    {"database_and_plugin", kBase | kClientConnectWithDb | kClientPluginAuth, "me\0\1xdb\0plug\0"sv,
     Code::kStopped, "me", "x", "db", "plug"},
    {"plugin_without_its_nul", kBase | kClientPluginAuth, "me\0\1xplug"sv, Code::kStopped, "me",
     "x", "", "plug"},
    {"flags_for_what_is_not_there", kBase | kClientConnectWithDb | kClientPluginAuth, "me\0\1x"sv,
     Code::kStopped, "me", "x"},
    {"length_encoded_proof", kBase | kClientPluginAuthLenenc, "me\0\3abc"sv, Code::kStopped, "me",
     "abc"},
    {"attributes_after_the_plugin", kBase | kClientPluginAuth | kClientConnectAttributes,
     "me\0\0plug\0\5\1a\1b"sv, Code::kStopped, "me", "", "", "plug"},
    {"before_4_1", kClientSecureConnection, "me\0\0"sv, Code::kUnsupported},
    {"no_secure_connection", kClientProtocol41, "me\0\0"sv, Code::kUnsupported},
    {"user_without_end", kBase, "me"sv, Code::kTruncated},
    {"proof_longer_than_packet", kBase, "me\0\x09x"sv, Code::kTruncated},
    {"huge_length", kBase | kClientPluginAuthLenenc, "me\0\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"sv,
     Code::kTruncated},
    {"null_length", kBase | kClientPluginAuthLenenc, "me\0\xfb"sv, Code::kCorrupt},
    {"database_without_end", kBase | kClientConnectWithDb, "me\0\0db"sv, Code::kTruncated},
};

class ResponseTest : public testing::TestWithParam<ResponseCase> {};
TEST_P(ResponseTest, IsReadOrRefused) {
  const ResponseCase& test = GetParam();
  const auto parsed = HandshakeResponse::parse(response(test.capabilities, test.tail));
  if (test.code != Code::kStopped) {
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, test.code);
    return;
  }
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->user, test.user);
  EXPECT_EQ(as_text(parsed->proof), test.proof);
  EXPECT_EQ(parsed->database, test.database);
  EXPECT_EQ(parsed->plugin, test.plugin);
}
INSTANTIATE_TEST_SUITE_P(HandshakeResponse, ResponseTest, testing::ValuesIn(kResponseCases),
                         [](const auto& param) { return param.param.name; });

TEST(HandshakeResponse, AskingForTlsIsTheHeadAlone) {
  EXPECT_TRUE(HandshakeResponse::parse(response(kBase | kClientSsl, ""))->tls_request);
  EXPECT_FALSE(HandshakeResponse::parse(response(kBase | kClientSsl, "me\0\0"sv))->tls_request);
}

TEST(HandshakeResponse, EveryCutIsAnError) {
  const ByteVector whole = response(kBase | kClientConnectWithDb, "me\0\3abcdb\0"sv);
  ASSERT_TRUE(HandshakeResponse::parse(whole));
  for (size_t bytes = 0; bytes < whole.size(); bytes++) {
    const auto parsed = HandshakeResponse::parse(Bytes(whole).first(bytes));
    // The database's place may be empty.
    EXPECT_EQ(parsed.has_value(), bytes == whole.size() - 3) << bytes;
  }
}

}  // namespace
}  // namespace binbus::mysql
