#include "mysql/mariadb_gtid_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace binbus::mysql {
namespace {

MariadbGtidSet set_of(const std::string& text) {
  auto set = MariadbGtidSet::parse(text);
  EXPECT_TRUE(set) << set.error().message;
  return set.value_or(MariadbGtidSet{});
}

struct TextCase {
  const char* name;
  std::string text, position, state;
};
void PrintTo(const TextCase& test, std::ostream* out) { *out << test.name; }
const TextCase kTexts[] = {
    {"empty", "", "", ""},
    {"one", "0-1-100", "0-1-100", "0-1-100"},
    {"domains_sorted", "2-1-5,0-1-100", "0-1-100,2-1-5", "0-1-100,2-1-5"},
    {"space_around", " 0-1-100 ,\n2-1-5 ", "0-1-100,2-1-5", "0-1-100,2-1-5"},
    {"last_listed_is_newest", "0-1-100,0-2-90", "0-2-90", "0-1-100,0-2-90"},
    {"newest_last_in_state", "0-3-7,0-1-9,0-2-8", "0-2-8", "0-1-9,0-3-7,0-2-8"},
    {"same_server_again", "0-1-5,0-1-3", "0-1-3", "0-1-3"},
};
class Text : public testing::TestWithParam<TextCase> {};
TEST_P(Text, PrintsPositionAndState) {
  const MariadbGtidSet set = set_of(GetParam().text);
  EXPECT_EQ(set.to_string(), GetParam().position);
  EXPECT_EQ(set.state_string(), GetParam().state);
  EXPECT_EQ(set_of(set.state_string()), set);
  EXPECT_EQ(MariadbGtidSet::decode(set.encode()).value(), set);
}
INSTANTIATE_TEST_SUITE_P(Cases, Text, testing::ValuesIn(kTexts),
                         [](const auto& test) { return test.param.name; });

TEST(MariadbGtidSet, BadTextNamesThePlace) {
  EXPECT_THAT(MariadbGtidSet::parse("0-1-1,x").error().message, testing::HasSubstr("character 7"));
  EXPECT_FALSE(MariadbGtidSet::parse("0-1-1,"));
  EXPECT_FALSE(MariadbGtidSet::parse(","));
  EXPECT_FALSE(MariadbGtidSet::parse("0-1-1 0-1-2"));
}

TEST(MariadbGtidSet, DecodesWhatAServerWrote) {
  // Body of a Gtid_list event: two GTIDs, with a flag in the count's upper bits.
  ByteWriter out;
  out.u32(2 | 0x10000000).u32(0).u32(1).u64(7).u32(3).u32(2).u64(9);
  EXPECT_EQ(MariadbGtidSet::decode(out.view())->to_string(), "0-1-7,3-2-9");
  ByteVector cut = out.take();
  cut.pop_back();
  EXPECT_EQ(MariadbGtidSet::decode(cut).error().code, Code::kTruncated);
  EXPECT_EQ(MariadbGtidSet::decode(Bytes(cut).first(3)).error().code, Code::kTruncated);
}

TEST(MariadbGtidSet, EmptyListIsPaddedAsTheServersIs) {
  EXPECT_EQ(MariadbGtidSet{}.encode(), ByteVector(6, 0));
}

TEST(MariadbGtidSet, AddMovesTheDomainWhateverTheSequence) {
  MariadbGtidSet set = set_of("0-1-100");
  set.add(MariadbGtid{0, 2, 50});
  EXPECT_EQ(set.to_string(), "0-2-50");
  set.add(MariadbGtid{0, 1, 30});
  EXPECT_EQ(set.to_string(), "0-1-30");
  EXPECT_EQ(set.state_string(), "0-2-50,0-1-30");
}

TEST(MariadbGtidSet, AddingASetTakesTheHigher) {
  MariadbGtidSet set = set_of("0-1-100,1-1-5");
  set.add(set_of("0-2-120,1-1-3,2-9-9"));
  EXPECT_EQ(set.to_string(), "0-2-120,1-1-5,2-9-9");
  EXPECT_EQ(set.state_string(), "0-1-100,0-2-120,1-1-5,2-9-9");
  set.add(set_of("0-3-110"));
  EXPECT_EQ(set.to_string(), "0-2-120,1-1-5,2-9-9");
}

TEST(MariadbGtidSet, SubtractLeavesWhatTheOtherHasNotReached) {
  MariadbGtidSet set = set_of("0-1-100,0-2-120,1-1-5");
  set.subtract(set_of("0-2-120,1-1-4"));
  EXPECT_EQ(set.state_string(), "0-1-100,1-1-5");
  set.subtract(set_of("0-1-100,1-1-9"));
  EXPECT_TRUE(set.empty());
}

TEST(MariadbGtidSet, ContainsGoesByTheDomainsPlace) {
  const MariadbGtidSet set = set_of("0-1-100,1-1-5");
  EXPECT_TRUE(set.contains(MariadbGtid{0, 9, 100}));
  EXPECT_FALSE(set.contains(MariadbGtid{0, 1, 101}));
  EXPECT_FALSE(set.contains(MariadbGtid{2, 1, 1}));
  EXPECT_TRUE(set.contains(set_of("0-3-99")));
  EXPECT_TRUE(set.contains(MariadbGtidSet{}));
  EXPECT_FALSE(set.contains(set_of("0-1-100,1-1-6")));
}

TEST(MariadbGtidSet, NewestOfADomainNotThere) {
  EXPECT_EQ(MariadbGtidSet{}.newest(7), (MariadbGtid{7, 0, 0}));
}

}  // namespace
}  // namespace binbus::mysql
