#include "mysql/gtid_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <set>

namespace binbus::mysql {
namespace {

const std::string kA = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
const std::string kB = "e53fa0b9-e51b-11f1-8c70-02fc00000001";

GtidSet set_of(const std::string& text) {
  auto set = GtidSet::parse(text);
  EXPECT_TRUE(set) << set.error().message;
  return set.value_or(GtidSet{});
}

struct ParseCase {
  const char* name;
  std::string text;
  std::string want;  // the server's own normal form: SELECT GTID_SUBTRACT(text, '')
};
void PrintTo(const ParseCase& test, std::ostream* out) { *out << test.name; }

// What MySQL 9.7.4 answered for each.
const ParseCase kGoodTexts[] = {
    {"empty", "", ""},
    {"only_commas", ",,", ""},
    {"only_space", " \n\t", ""},
    {"one", kA + ":1", kA + ":1"},
    {"interval", kA + ":1-5", kA + ":1-5"},
    {"interval_of_one", kA + ":5-5", kA + ":5"},
    {"backwards_is_empty", kA + ":5-3", ""},
    {"ends_at_zero_is_empty", kA + ":1-0", ""},
    {"no_interval_is_empty", kA, ""},
    {"tag_without_interval_is_empty", kA + ":tag", ""},
    {"adjacent_merge", kA + ":1-3:4-5", kA + ":1-5"},
    {"overlapping_merge", kA + ":1-7:3-5:6-9", kA + ":1-9"},
    {"any_order", kA + ":9:1:5", kA + ":1:5:9"},
    {"repeated_uuid", kA + ":1," + kB + ":4," + kA + ":2", kA + ":1-2," + kB + ":4"},
    {"uuids_sorted", kB + ":1," + kA + ":1", kA + ":1," + kB + ":1"},
    {"upper_case", "3E11FA47-71CA-11E1-9E33-C80AA9429562:TAG:1", kA + ":tag:1"},
    {"uuid_without_dashes", "3e11fa4771ca11e19e33c80aa9429562:1", kA + ":1"},
    {"uuid_in_braces", "{" + kA + "}:1", kA + ":1"},
    {"space_everywhere", " " + kA + " : 1 - 3 : TaG : 2 , ,\n" + kA + ":7 ", kA + ":1-3:7:tag:2"},
    {"newline_after_comma", kA + ":1,\n" + kB + ":1", kA + ":1," + kB + ":1"},
    {"tags_after_untagged", kA + ":tag:5:x:1," + kA + ":2", kA + ":2:tag:5:x:1"},
    {"tag_replaces_tag", kA + ":a:b:1", kA + ":b:1"},
    {"same_tag_twice", kA + ":a:1," + kA + ":A:2", kA + ":a:1-2"},
    {"tag_of_underscore_and_digit", kA + ":_9:1", kA + ":_9:1"},
    {"tag_of_32", kA + ":" + std::string(32, 'x') + ":1", kA + ":" + std::string(32, 'x') + ":1"},
    {"largest_number", kA + ":1-9223372036854775806", kA + ":1-9223372036854775806"},
};

const struct BadText {
  const char* name;
  std::string text;
  std::string want;  // in the message
} kBadTexts[] = {
    {"no_uuid", "1-5", "a UUID at character 1"},
    {"second_is_no_uuid", kA + ":1,x", "a UUID at character 40"},
    {"uuid_cut_short", kA.substr(0, 35), "a UUID at character 1"},
    {"nothing_after_colon", kA + ":", "a number or a tag at character 38, where the text ends"},
    {"nothing_after_tag", kA + ":tag:", "a number or a tag at character 42"},
    {"nothing_after_dash", kA + ":5-", "a number at character 40"},
    {"zero", kA + ":0", "a number above 0 at character 38"},
    {"negative", kA + ":-1", "a number or a tag at character 38"},
    {"plus", kA + ":+5", "a number or a tag at character 38"},
    {"two_dashes", kA + ":1-2-3", "',' or ':' at character 41"},
    {"two_numbers", kA + ":1 2", "',' or ':' at character 40"},
    {"semicolon", kA + ":1;", "',' or ':' at character 39"},
    {"too_large", kA + ":9223372036854775807", "below 2^63 - 1 at character 38"},
    {"end_too_large", kA + ":1-9223372036854775807", "below 2^63 - 1 at character 40"},
    {"beyond_64_bits", kA + ":99999999999999999999", "below 2^63 - 1"},
    {"octal_or_decimal", kA + ":010", "without leading zeros at character 38"},
    {"hexadecimal", kA + ":0x10", "a number above 0"},
    {"tag_of_33", kA + ":" + std::string(33, 'x') + ":1", "at most 32 characters"},
    {"tag_starts_with_digit", kA + ":1a:1", "',' or ':' at character 39"},
    {"tag_with_dash", kA + ":a-b:1", "',' or ':'"},
};
void PrintTo(const BadText& test, std::ostream* out) { *out << test.name; }

class GoodText : public testing::TestWithParam<ParseCase> {};
TEST_P(GoodText, PrintsInTheServersNormalForm) {
  const GtidSet set = set_of(GetParam().text);
  EXPECT_EQ(set.to_string(), GetParam().want);
  EXPECT_EQ(set_of(set.to_string(",\n")), set);
  EXPECT_EQ(GtidSet::decode(set.encode()).value(), set);
}
INSTANTIATE_TEST_SUITE_P(Cases, GoodText, testing::ValuesIn(kGoodTexts),
                         [](const auto& test) { return test.param.name; });

class RefusedText : public testing::TestWithParam<BadText> {};
TEST_P(RefusedText, SaysWhatAndWhere) {
  const auto set = GtidSet::parse(GetParam().text);
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, Code::kInvalid);
  EXPECT_THAT(set.error().message, testing::HasSubstr(GetParam().want));
}
INSTANTIATE_TEST_SUITE_P(Cases, RefusedText, testing::ValuesIn(kBadTexts),
                         [](const auto& test) { return test.param.name; });

TEST(GtidSetText, SeparatorStandsBetweenUuidsOnly) {
  EXPECT_EQ(set_of(kA + ":1:t:2," + kB + ":1").to_string(",\n"), kA + ":1:t:2,\n" + kB + ":1");
}

// --- bytes -----------------------------------------------------------------------------------------------------------

ByteVector untagged_bytes() {
  ByteWriter out;
  const Uuid uuid = *Uuid::parse(kA);
  out.u64(1).bytes(uuid.bytes).u64(2).u64(1).u64(6).u64(9).u64(10);
  return out.take();
}

TEST(GtidSetBytes, UntaggedEncodingIsUsedWithoutTags) {
  EXPECT_EQ(set_of(kA + ":1-5:9").encode(), untagged_bytes());
  EXPECT_EQ(GtidSet{}.encode(), ByteVector(8, 0));
}

TEST(GtidSetBytes, TaggedEncodingSaysSoInBothEndsOfTheCount) {
  ByteWriter out;
  const Uuid uuid = *Uuid::parse(kA);
  out.u8(1).u8(2).zeros(5).u8(1);
  out.bytes(uuid.bytes).u8(0).u64(1).u64(1).u64(2);
  out.bytes(uuid.bytes).u8(3 << 1).text("tag").u64(1).u64(7).u64(9);
  EXPECT_EQ(set_of(kA + ":1:tag:7-8").encode(), out.take());
}

TEST(GtidSetBytes, CutShortAnywhereIsTruncated) {
  for (const ByteVector& whole : {untagged_bytes(), set_of(kA + ":1:tag:7-8").encode()}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      const auto set = GtidSet::decode(Bytes(whole).first(size));
      ASSERT_FALSE(set) << size;
      EXPECT_EQ(set.error().code, Code::kTruncated) << size;
    }
  }
}

struct BytesCase {
  const char* name;
  void (*damage)(ByteVector&);
  Code want;
};
void PrintTo(const BytesCase& test, std::ostream* out) { *out << test.name; }

const BytesCase kDamages[] = {
    {"byte_too_many", [](ByteVector& b) { b.push_back(0); }, Code::kCorrupt},
    {"unknown_format", [](ByteVector& b) { b[7] = 2; }, Code::kCorrupt},
    {"count_too_large", [](ByteVector& b) { b[0] = 2; }, Code::kTruncated},
    {"count_absurd", [](ByteVector& b) { b[6] = 255; }, Code::kTruncated},
    {"intervals_absurd", [](ByteVector& b) { b[31] = 255; }, Code::kTruncated},
    {"intervals_wrap_around", [](ByteVector& b) { b[24 + 7] = 0x10; }, Code::kTruncated},
    {"begins_at_zero", [](ByteVector& b) { b[32] = 0; }, Code::kCorrupt},
    {"empty_interval", [](ByteVector& b) { b[40] = 1; }, Code::kCorrupt},
    {"backwards", [](ByteVector& b) { b[32] = 200; }, Code::kCorrupt},
    {"adjacent", [](ByteVector& b) { b[48] = 6; }, Code::kCorrupt},
    {"out_of_order", [](ByteVector& b) { b[48] = 3; }, Code::kCorrupt},
    {"negative", [](ByteVector& b) { b[63] = 0x80; }, Code::kCorrupt},
};

class Damaged : public testing::TestWithParam<BytesCase> {};
TEST_P(Damaged, IsRefused) {
  ByteVector bytes = untagged_bytes();
  GetParam().damage(bytes);
  const auto set = GtidSet::decode(bytes);
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, GetParam().want) << set.error().message;
}
INSTANTIATE_TEST_SUITE_P(Cases, Damaged, testing::ValuesIn(kDamages),
                         [](const auto& test) { return test.param.name; });

TEST(GtidSetBytes, BadTagIsRefused) {
  const ByteVector good = set_of(kA + ":tag:7").encode();
  constexpr size_t kTagLength = 8 + 16;
  const auto code_with = [&](size_t at, uint8_t value) {
    ByteVector bytes = good;
    bytes[at] = value;
    return GtidSet::decode(bytes).error().code;
  };
  EXPECT_EQ(code_with(kTagLength, 33 << 1), Code::kCorrupt);  // too long
  EXPECT_EQ(code_with(kTagLength, 7), Code::kCorrupt);        // two bytes of length: longer still
  EXPECT_EQ(code_with(kTagLength + 1, 'T'), Code::kCorrupt);
  EXPECT_EQ(code_with(kTagLength + 1, '1'), Code::kCorrupt);
  EXPECT_EQ(code_with(kTagLength + 2, ':'), Code::kCorrupt);
}

TEST(GtidSetBytes, RepeatedUuidsAddUp) {
  const Uuid uuid = *Uuid::parse(kA);
  ByteWriter out;
  out.u64(3).bytes(uuid.bytes).u64(1).u64(4).u64(6);
  out.bytes(uuid.bytes).u64(1).u64(1).u64(4).bytes(uuid.bytes).u64(0);
  EXPECT_EQ(GtidSet::decode(out.view())->to_string(), kA + ":1-5");
}

TEST(GtidSetBytes, FarBeyondAKilobyte) {
  GtidSet set;
  for (uint8_t server = 0; server < 50; ++server) {
    Tsid tsid{*Uuid::parse(kA), server % 3 == 0 ? "" : "tag_" + std::to_string(server)};
    tsid.uuid.bytes[15] = server;
    for (uint64_t i = 0; i < 200; ++i) set.add(tsid, 3 * i + 1, 3 * i + 2);
  }
  EXPECT_EQ(set.count(), 50u * 200 * 2);
  EXPECT_GT(set.encode().size(), 100'000u);
  EXPECT_EQ(GtidSet::decode(set.encode()).value(), set);
  EXPECT_EQ(set_of(set.to_string()), set);
}

// --- operations ------------------------------------------------------------------------------------------------------

TEST(GtidSetAdd, NextNumberOnlyLengthensTheLastInterval) {
  GtidSet set = set_of(kA + ":1-5");
  const Gtid next{{*Uuid::parse(kA), ""}, 6};
  const auto* before = set.members().begin()->second.data();
  set.add(next);
  EXPECT_EQ(set.to_string(), kA + ":1-6");
  EXPECT_EQ(set.members().begin()->second.data(), before);
}

struct AddCase {
  const char* name;
  uint64_t first, last;
  std::string want;
};
void PrintTo(const AddCase& test, std::ostream* out) { *out << test.name; }
const AddCase kAdds[] = {
    // to 10-20:30-40:50-60
    {"before_all", 1, 5, ":1-5:10-20:30-40:50-60"},
    {"touching_the_first", 1, 9, ":1-20:30-40:50-60"},
    {"in_a_hole", 24, 26, ":10-20:24-26:30-40:50-60"},
    {"filling_a_hole", 21, 29, ":10-40:50-60"},
    {"inside", 32, 34, ":10-20:30-40:50-60"},
    {"over_all", 1, 100, ":1-100"},
    {"over_two_from_within", 15, 35, ":10-40:50-60"},
    {"touching_the_last", 61, 61, ":10-20:30-40:50-61"},
    {"after_all", 62, 70, ":10-20:30-40:50-60:62-70"},
};
class Add : public testing::TestWithParam<AddCase> {};
TEST_P(Add, KeepsIntervalsApart) {
  GtidSet set = set_of(kA + ":10-20:30-40:50-60");
  set.add({*Uuid::parse(kA), ""}, GetParam().first, GetParam().last);
  EXPECT_EQ(set.to_string(), kA + GetParam().want);
}
INSTANTIATE_TEST_SUITE_P(Cases, Add, testing::ValuesIn(kAdds),
                         [](const auto& test) { return test.param.name; });

struct PairCase {
  const char* name;
  std::string left, right;
  std::string sum, left_without_right, shared;
  bool left_contains_right;
};
void PrintTo(const PairCase& test, std::ostream* out) { *out << test.name; }
const PairCase kPairs[] = {
    {"both_empty", "", "", "", "", "", true},
    {"right_empty", kA + ":1-5", "", kA + ":1-5", kA + ":1-5", "", true},
    {"left_empty", "", kA + ":1-5", kA + ":1-5", "", "", false},
    {"equal", kA + ":1-5", kA + ":1-5", kA + ":1-5", "", kA + ":1-5", true},
    {"hole", kA + ":1-9", kA + ":3-5", kA + ":1-9", kA + ":1-2:6-9", kA + ":3-5", true},
    {"over_the_end", kA + ":1-5", kA + ":4-9", kA + ":1-9", kA + ":1-3", kA + ":4-5", false},
    {"across_a_hole", kA + ":1-3:7-9", kA + ":2-8", kA + ":1-9", kA + ":1:9", kA + ":2-3:7-8",
     false},
    {"other_uuid", kA + ":1", kB + ":1", kA + ":1," + kB + ":1", kA + ":1", "", false},
    {"tags_are_apart", kA + ":1:t:1", kA + ":t:1-2", kA + ":1:t:1-2", kA + ":1", kA + ":t:1",
     false},
    {"many_holes", kA + ":1-10", kA + ":2:4:6:8:10", kA + ":1-10", kA + ":1:3:5:7:9",
     kA + ":2:4:6:8:10", true},
    {"to_the_last_number", kA + ":1-9223372036854775806", kA + ":9223372036854775806",
     kA + ":1-9223372036854775806", kA + ":1-9223372036854775805", kA + ":9223372036854775806",
     true},
};
class Pair : public testing::TestWithParam<PairCase> {};
TEST_P(Pair, AddsSubtractsAndCompares) {
  const GtidSet left = set_of(GetParam().left);
  const GtidSet right = set_of(GetParam().right);
  GtidSet sum = left;
  sum.add(right);
  EXPECT_EQ(sum.to_string(), GetParam().sum);
  EXPECT_EQ(difference(left, right).to_string(), GetParam().left_without_right);
  EXPECT_EQ(intersection(left, right).to_string(), GetParam().shared);
  EXPECT_EQ(left.intersects(right), !GetParam().shared.empty());
  EXPECT_EQ(right.intersects(left), !GetParam().shared.empty());
  EXPECT_EQ(left.contains(right), GetParam().left_contains_right);
  EXPECT_TRUE(sum.contains(left) && sum.contains(right));
}
INSTANTIATE_TEST_SUITE_P(Cases, Pair, testing::ValuesIn(kPairs),
                         [](const auto& test) { return test.param.name; });

// The same operations on plain sets of numbers, for many small random ones.
TEST(GtidSetRandom, AgreesWithSetsOfNumbers) {
  std::mt19937 random(1);
  const Tsid tsid{*Uuid::parse(kA), ""};
  const auto numbers_of = [&](const GtidSet& set) {
    std::set<uint64_t> numbers;
    for (const auto& [id, intervals] : set.members()) {
      for (const auto [first, last] : intervals) {
        for (uint64_t number = first; number <= last; ++number) numbers.insert(number);
      }
    }
    return numbers;
  };
  const auto random_set = [&] {
    GtidSet set;
    for (auto left = random() % 8; left > 0; --left) {
      const uint64_t first = 1 + random() % 40;
      set.add(tsid, first, first + random() % 6);
    }
    return set;
  };
  for (int round = 0; round < 2000; ++round) {
    const GtidSet left = random_set();
    const GtidSet right = random_set();
    const std::set<uint64_t> l = numbers_of(left);
    const std::set<uint64_t> r = numbers_of(right);
    std::set<uint64_t> minus, both, either;
    std::ranges::set_difference(l, r, std::inserter(minus, minus.end()));
    std::ranges::set_intersection(l, r, std::inserter(both, both.end()));
    std::ranges::set_union(l, r, std::inserter(either, either.end()));
    GtidSet sum = left;
    sum.add(right);
    ASSERT_EQ(numbers_of(difference(left, right)), minus);
    ASSERT_EQ(numbers_of(intersection(left, right)), both);
    ASSERT_EQ(numbers_of(sum), either);
    ASSERT_EQ(left.contains(right), std::ranges::includes(l, r));
    ASSERT_EQ(left.intersects(right), !both.empty());
    ASSERT_EQ(left.count(), l.size());
    ASSERT_EQ(set_of(left.to_string()), left);
    for (uint64_t number = 1; number < 50; ++number) {
      ASSERT_EQ(left.contains(Gtid{tsid, number}), l.contains(number));
    }
  }
}

}  // namespace
}  // namespace binbus::mysql
