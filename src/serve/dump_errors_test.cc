#include "serve/dump_errors.h"

#include <gtest/gtest.h>

#include "mysql/server_replies.h"

namespace binbus::serve {
namespace {

struct FitCase {
  const char* name;
  const char* set;
  size_t bytes_max;
  const char* want;
};
const FitCase kFitCases[] = {
    {"whole", "u:1-5,v:7", 9, "u:1-5,v:7"},
    {"between_servers", "u:1-5,v:7", 8, "u:1-5..."},
    {"between_intervals", "u:1-5:7-8:10", 11, "u:1-5..."},
    {"nothing_fits", "u:1-5,v:7", 3, "..."},
    {"no_room_at_all", "u:1-5,v:7", 0, "..."},
    {"empty", "", 0, ""},
};
class FitTest : public testing::TestWithParam<FitCase> {};
TEST_P(FitTest, CutsBetweenIntervals) {
  EXPECT_EQ(fitted(GetParam().set, GetParam().bytes_max), GetParam().want);
}
INSTANTIATE_TEST_SUITE_P(DumpErrors, FitTest, testing::ValuesIn(kFitCases),
                         [](const auto& param) { return param.param.name; });

std::string long_set(size_t bytes) {
  std::string set = "u:1";
  while (set.size() < bytes) set += ":3";
  return set.substr(0, bytes);
}

TEST(Wording, TheFirstSetHasTheRoom) {
  const Wording wording("9.7.0");
  const auto text = [&](size_t first, size_t second) {
    return wording
        .fatal(Code::kPurged, "{Replica} of {source}: '{first}' of '{second}'", long_set(first),
               long_set(second))
        .value()
        .message;
  };
  EXPECT_EQ(text(9, 9), "Replica of source: '" + long_set(9) + "' of '" + long_set(9) + "'");
  EXPECT_NE(text(401, 2001).find("'" + long_set(401) + "' of 'u:1:3"), std::string::npos);
  for (const size_t first : {9u, 401u, 471u, 481u, 491u, 2001u}) {
    EXPECT_LE(text(first, 2001).size(), mysql::kMessageBytesMax) << first;
    EXPECT_TRUE(text(first, 2001).ends_with("...'")) << first;
  }
}

}  // namespace
}  // namespace binbus::serve
