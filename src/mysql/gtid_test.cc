#include "mysql/gtid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

namespace binbus::mysql {
namespace {

constexpr char kUuid[] = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

struct TextCase {
  const char* name;
  std::string text;
  std::optional<std::string> want;  // printed again; none: refused
};
void PrintTo(const TextCase& test, std::ostream* out) { *out << test.name; }

const TextCase kUuidCases[] = {
    {"with_dashes", kUuid, kUuid},
    {"upper_case", "3E11FA47-71CA-11E1-9E33-C80AA9429562", kUuid},
    {"without_dashes", "3e11fa4771ca11e19e33c80aa9429562", kUuid},
    {"in_braces", "{3e11fa47-71ca-11e1-9e33-c80aa9429562}", kUuid},
    {"all_ones", "ffffffff-ffff-ffff-ffff-ffffffffffff", "ffffffff-ffff-ffff-ffff-ffffffffffff"},
    {"empty", "", {}},
    {"one_short", "3e11fa47-71ca-11e1-9e33-c80aa942956", {}},
    {"one_long", "3e11fa47-71ca-11e1-9e33-c80aa94295620", {}},
    {"dash_moved", "3e11fa471-7ca-11e1-9e33-c80aa9429562", {}},
    {"dash_missing", "3e11fa47071ca-11e1-9e33-c80aa9429562", {}},
    {"not_hexadecimal", "3e11fa47-71ca-11e1-9e33-c80aa942956g", {}},
    {"half_a_brace", "{3e11fa47-71ca-11e1-9e33-c80aa9429562", {}},
    {"braces_without_dashes", "{3e11fa4771ca11e19e33c80aa9429562}", {}},
};

const TextCase kMariadbCases[] = {
    {"plain", "0-1-100", "0-1-100"},
    {"largest", "4294967295-4294967295-18446744073709551615",
     "4294967295-4294967295-18446744073709551615"},
    {"domain_too_large", "4294967296-1-1", {}},
    {"server_too_large", "0-4294967296-1", {}},
    {"sequence_too_large", "0-1-18446744073709551616", {}},
    {"empty", "", {}},
    {"two_parts", "0-1", {}},
    {"four_parts", "0-1-2-3", {}},
    {"sign", "0-1-+2", {}},
    {"space", "0-1- 2", {}},
    {"trailing", "0-1-2x", {}},
};

template <class T>
std::optional<std::string> printed(const Result<T>& parsed) {
  if (!parsed) return {};
  return parsed->to_string();
}

class UuidText : public testing::TestWithParam<TextCase> {};
TEST_P(UuidText, IsReadAsTheServerReadsIt) {
  EXPECT_EQ(printed(Uuid::parse(GetParam().text)), GetParam().want);
}
INSTANTIATE_TEST_SUITE_P(Cases, UuidText, testing::ValuesIn(kUuidCases),
                         [](const auto& test) { return test.param.name; });

class MariadbText : public testing::TestWithParam<TextCase> {};
TEST_P(MariadbText, IsReadOrRefused) {
  EXPECT_EQ(printed(MariadbGtid::parse(GetParam().text)), GetParam().want);
}
INSTANTIATE_TEST_SUITE_P(Cases, MariadbText, testing::ValuesIn(kMariadbCases),
                         [](const auto& test) { return test.param.name; });

TEST(Gtid, PrintsAsTheServersDo) {
  const Uuid uuid = *Uuid::parse(kUuid);
  EXPECT_EQ(to_string(AnyGtid{}), "");
  EXPECT_EQ(to_string(AnyGtid{Gtid{{uuid, ""}, 23}}), std::string(kUuid) + ":23");
  EXPECT_EQ(to_string(AnyGtid{Gtid{{uuid, "tag"}, 23}}), std::string(kUuid) + ":tag:23");
  EXPECT_EQ(to_string(AnyGtid{MariadbGtid{1, 2, 3}}), "1-2-3");
}

TEST(Gtid, ErrorsNameTheText) {
  EXPECT_THAT(Uuid::parse("nonsense").error().message, testing::HasSubstr("'nonsense'"));
  EXPECT_THAT(MariadbGtid::parse("1:2").error().message, testing::HasSubstr("'1:2'"));
}

TEST(Gtid, OrdersByUuidThenTag) {
  const Uuid low = *Uuid::parse("00000000-0000-0000-0000-0000000000ff");
  const Uuid high = *Uuid::parse(kUuid);
  EXPECT_LT((Tsid{low, "z"}), (Tsid{high, ""}));
  EXPECT_LT((Tsid{low, ""}), (Tsid{low, "a"}));
}

TEST(Flavor, Names) {
  EXPECT_EQ(flavor_name(Flavor::kMysql), "mysql");
  EXPECT_EQ(flavor_name(Flavor::kMariadb), "mariadb");
}

}  // namespace
}  // namespace binbus::mysql
