#include "mysql/server_password.h"

#include <gtest/gtest.h>

namespace binbus::mysql {
namespace {

ByteVector from_hex(std::string_view text) {
  ByteVector bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// Made with Python's hashlib for the password "repl" and this nonce.
const ByteVector kNonce = from_hex("0102030405060708090a0b0c0d0e0f1011121314");
const ByteVector kNativeProof = from_hex("f4201bfe0f40eb3582402d97771a65608236dbcf");
const ByteVector kSha2Proof =
    from_hex("45af20adad52829d537efe40223debc2d982f6b1b230adecde52b8da76c2c72c");
constexpr char kNativeHash[] = "*A424E797037BF97C19A2E88CF7891C5C2038C039";

ByteVector changed(ByteVector proof) {
  proof[3] ^= 1;
  return proof;
}

TEST(StoredPassword, NativeProof) {
  const StoredPassword plain = StoredPassword::from_plain("repl");
  EXPECT_TRUE(plain.matches_native(kNonce, kNativeProof));
  EXPECT_FALSE(plain.matches_native(kNonce, changed(kNativeProof)));
  EXPECT_FALSE(plain.matches_native(changed(kNonce), kNativeProof));
  EXPECT_FALSE(plain.matches_native(kNonce, {}));
  EXPECT_FALSE(plain.matches_native(kNonce, Bytes(kNativeProof).first(19)));
  EXPECT_FALSE(StoredPassword::from_plain("Repl").matches_native(kNonce, kNativeProof));
}

TEST(StoredPassword, Sha2Proof) {
  const StoredPassword plain = StoredPassword::from_plain("repl");
  EXPECT_TRUE(plain.has_sha2());
  EXPECT_TRUE(plain.matches_sha2(kNonce, kSha2Proof));
  EXPECT_FALSE(plain.matches_sha2(kNonce, changed(kSha2Proof)));
  EXPECT_FALSE(plain.matches_sha2(kNonce, {}));
}

TEST(StoredPassword, NativeHashKnowsThePasswordButNoSha2Proof) {
  const auto hashed = StoredPassword::from_native_hash(kNativeHash);
  ASSERT_TRUE(hashed);
  EXPECT_TRUE(hashed->matches_native(kNonce, kNativeProof));
  EXPECT_FALSE(hashed->has_sha2());
  EXPECT_FALSE(hashed->matches_sha2(kNonce, kSha2Proof));
  EXPECT_TRUE(hashed->matches_plain("repl"));
  EXPECT_FALSE(hashed->matches_plain("Repl"));
  EXPECT_FALSE(hashed->matches_plain(""));
}

TEST(StoredPassword, EmptyMatchesNothingElse) {
  const StoredPassword empty = StoredPassword::from_plain("");
  EXPECT_TRUE(empty.empty());
  EXPECT_TRUE(empty.matches_native(kNonce, {}));
  EXPECT_TRUE(empty.matches_sha2(kNonce, {}));
  EXPECT_TRUE(empty.matches_plain(""));
  EXPECT_FALSE(empty.matches_native(kNonce, kNativeProof));
  EXPECT_FALSE(empty.matches_plain("repl"));
  EXPECT_EQ(empty.certificate_proof(kNonce, kNonce), "");
}

struct HashCase {
  const char* name;
  const char* hash;
};
const HashCase kBadHashes[] = {
    {"empty", ""},
    {"no_star", "A424E797037BF97C19A2E88CF7891C5C2038C039F"},
    {"short", "*A424E797037BF97C19A2E88CF7891C5C2038C03"},
    {"long", "*A424E797037BF97C19A2E88CF7891C5C2038C0390"},
    {"not_hexadecimal", "*G424E797037BF97C19A2E88CF7891C5C2038C039"},
};
class BadHash : public testing::TestWithParam<HashCase> {};
TEST_P(BadHash, IsRefused) {
  EXPECT_EQ(StoredPassword::from_native_hash(GetParam().hash).error().code, Code::kInvalid);
}
INSTANTIATE_TEST_SUITE_P(StoredPassword, BadHash, testing::ValuesIn(kBadHashes),
                         [](const auto& param) { return param.param.name; });

// As MariaDB 11.8 sent it: "\1" and SHA256(SHA1(SHA1(password)), nonce, SHA256(certificate)) in upper-case hex.
TEST(StoredPassword, CertificateProof) {
  const ByteVector fingerprint(32, 0xab);
  EXPECT_EQ(StoredPassword::from_plain("repl").certificate_proof(kNonce, fingerprint),
            "\1"
            "0E782EA95C55195E0AD0608D530AB55BB092E638EA9EDAFC1190CEF851CFBE55");
}

}  // namespace
}  // namespace binbus::mysql
