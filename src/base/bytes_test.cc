#include "base/bytes.h"

#include <gtest/gtest.h>

#include <optional>

namespace binbus {
namespace {

TEST(LoadStore, LittleEndianOfAnyWidth) {
  uint8_t bytes[10] = {};
  store_le<3>(bytes + 1, 0x030201);
  EXPECT_EQ(bytes[0], 0);
  EXPECT_EQ(bytes[1], 1);
  EXPECT_EQ(bytes[3], 3);
  EXPECT_EQ(bytes[4], 0);
  EXPECT_EQ(load_le<3>(bytes + 1), 0x030201u);
  EXPECT_EQ(load_u16(bytes + 1), 0x0201u);
  store_le<8>(bytes, 0xfedcba9876543210);
  EXPECT_EQ(load_u64(bytes), 0xfedcba9876543210u);
  EXPECT_EQ(load_u32(bytes + 4), 0xfedcba98u);
  EXPECT_EQ(load_le<7>(bytes), 0xdcba9876543210u);
}

struct LenencCase {
  const char* name;
  ByteVector bytes;
  std::optional<uint64_t> want;
};
void PrintTo(const LenencCase& test, std::ostream* out) { *out << test.name; }
const LenencCase kLenencs[] = {
    {"zero", {0}, 0},
    {"one_byte_max", {0xfa}, 250},
    {"null_marker_is_not_a_length", {0xfb}, {}},
    {"two_bytes", {0xfc, 0x01, 0x02}, 0x0201},
    {"three_bytes", {0xfd, 0x01, 0x02, 0x03}, 0x030201},
    {"eight_bytes", {0xfe, 1, 2, 3, 4, 5, 6, 7, 8}, 0x0807060504030201},
    {"error_marker_is_not_a_length", {0xff}, {}},
    {"empty", {}, {}},
    {"two_bytes_cut", {0xfc, 0x01}, {}},
    {"three_bytes_cut", {0xfd, 0x01, 0x02}, {}},
    {"eight_bytes_cut", {0xfe, 1, 2, 3, 4, 5, 6, 7}, {}},
};
class Lenenc : public testing::TestWithParam<LenencCase> {};
TEST_P(Lenenc, IsReadOrRefused) {
  ByteReader in(GetParam().bytes);
  const auto value = in.lenenc("number");
  ASSERT_EQ(value.has_value(), GetParam().want.has_value());
  if (value) {
    EXPECT_EQ(*value, *GetParam().want);
    EXPECT_EQ(in.remaining(), 0u);
  } else {
    EXPECT_EQ(value.error().message.substr(0, 6), "number");
  }
}
INSTANTIATE_TEST_SUITE_P(Cases, Lenenc, testing::ValuesIn(kLenencs),
                         [](const auto& test) { return test.param.name; });

TEST(ByteWriter, LenencTakesTheShortestForm) {
  const auto written = [](uint64_t value) { return ByteWriter().lenenc(value).take(); };
  EXPECT_EQ(written(250), (ByteVector{250}));
  EXPECT_EQ(written(251), (ByteVector{0xfc, 251, 0}));
  EXPECT_EQ(written(0xffff), (ByteVector{0xfc, 255, 255}));
  EXPECT_EQ(written(0x10000), (ByteVector{0xfd, 0, 0, 1}));
  EXPECT_EQ(written(0xffffff), (ByteVector{0xfd, 255, 255, 255}));
  EXPECT_EQ(written(0x1000000), (ByteVector{0xfe, 0, 0, 0, 1, 0, 0, 0, 0}));
}

TEST(ByteWriter, RoomIsWrittenByItsCallerUpToItsEnd) {
  ByteWriter out;
  out.text("ab");
  uint8_t* at = store_lenenc(out.extend(100), 0x0201);
  *at++ = 'c';
  out.cut(at);
  EXPECT_EQ(out.u8('d').view().size(), 7u);
  EXPECT_EQ(out.take(), (ByteVector{'a', 'b', 0xfc, 1, 2, 'c', 'd'}));
  out.text("e").clear();
  EXPECT_EQ(out.size(), 0u);
}

TEST(ByteReader, TextsOfAnyLengthAreReadOrRefused) {
  for (const size_t size : {0U, 1U, 250U, 251U, 70'000U}) {
    const std::string text(size, 'x');
    const ByteVector bytes = ByteWriter().lenenc_text(text).take();
    ByteReader in(bytes);
    EXPECT_EQ(as_text(in.lenenc_bytes("text").value()), text);
    EXPECT_EQ(in.remaining(), 0u);
    ByteReader cut(Bytes(bytes).first(bytes.size() - 1));
    EXPECT_EQ(cut.lenenc_bytes("text").error().code, Code::kTruncated) << size;
  }
}

TEST(ByteReader, ReadsWhatAWriterWrote) {
  ByteWriter out;
  out.u8(1).u16(2).u32(3).u64(4).integer<6>(5).lenenc_text("text").nul_terminated("name").zeros(2);
  EXPECT_EQ(out.size(), 1u + 2 + 4 + 8 + 6 + 5 + 5 + 2);
  ByteReader in(out.view());
  EXPECT_EQ(in.u8("a").value(), 1);
  EXPECT_EQ(in.u16("a").value(), 2);
  EXPECT_EQ(in.u32("a").value(), 3u);
  EXPECT_EQ(in.u64("a").value(), 4u);
  EXPECT_EQ(in.integer<6>("a").value(), 5u);
  EXPECT_EQ(as_text(in.lenenc_bytes("a").value()), "text");
  EXPECT_EQ(as_text(in.nul_terminated("a").value()), "name");
  EXPECT_TRUE(in.skip(1, "a"));
  EXPECT_EQ(in.rest().size(), 1u);
}

TEST(ByteReader, EveryReadPastTheEndIsTruncatedAndTakesNothing) {
  const ByteVector bytes = {3, 1};
  const auto code_of = [&](auto read) {
    ByteReader in(bytes);
    const auto result = read(in);
    EXPECT_FALSE(result);
    return result.error().code;
  };
  EXPECT_EQ(code_of([](ByteReader& in) { return in.u32("a"); }), Code::kTruncated);
  EXPECT_EQ(code_of([](ByteReader& in) { return in.u64("a"); }), Code::kTruncated);
  EXPECT_EQ(code_of([](ByteReader& in) { return in.integer<3>("a"); }), Code::kTruncated);
  EXPECT_EQ(code_of([](ByteReader& in) { return in.bytes(3, "a"); }), Code::kTruncated);
  EXPECT_EQ(code_of([](ByteReader& in) { return in.bytes(UINT64_MAX, "a"); }), Code::kTruncated);
  EXPECT_EQ(code_of([](ByteReader& in) { return in.skip(3, "a"); }), Code::kTruncated);
  EXPECT_EQ(code_of([](ByteReader& in) { return in.lenenc_bytes("a"); }), Code::kTruncated);
  EXPECT_EQ(code_of([](ByteReader& in) { return in.nul_terminated("a"); }), Code::kTruncated);
  ByteReader in(bytes);
  EXPECT_FALSE(in.u32("a"));
  EXPECT_EQ(in.remaining(), 2u);
}

TEST(Bytes, TextAndOwnedCopies) {
  const std::string text = "abc";
  EXPECT_EQ(as_text(as_bytes(text)), text);
  EXPECT_EQ(to_owned(as_bytes(text)), (ByteVector{'a', 'b', 'c'}));
}

}  // namespace
}  // namespace binbus
