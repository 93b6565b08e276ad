#include "ingest/source_facts.h"

#include <gtest/gtest.h>

namespace binbus::ingest {
namespace {

constexpr char kA[] = "b8627f27-ea11-11f1-a60a-02fc00000001";
constexpr char kB[] =
    "9448adac-ea13-11f1-928f-02fc00000001";  // its first digit follows a thread's number

TEST(SourceFacts, OwnedGtidsHaveNothingBetweenTheirUuids) {
  const std::string a = kA, b = kB;
  const struct {
    std::string text, set;
  } cases[] = {
      {"", ""},
      {a + ":14#12", a + ":14"},
      {a + ":15#16:14#12", a + ":15:14"},
      {a + ":14#12" + a + ":tag_2:7#10", a + ":14," + a + ":tag_2:7"},
      {a + ":15#16:14#12" + b + ":tag_0:10#18:9#14" + b + ":3#1",
       a + ":15:14," + b + ":tag_0:10:9," + b + ":3"},
  };
  for (const auto& [text, set] : cases) EXPECT_EQ(set_of_owned(text), set);
}

}  // namespace
}  // namespace binbus::ingest
