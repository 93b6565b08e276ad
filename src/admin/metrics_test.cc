#include "admin/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "admin/snapshot_testing.h"

namespace binbus::admin {
namespace {

std::string file_text(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(Metrics, AreThoseOfTheGoldenFile) {
  EXPECT_EQ(to_prometheus(example_snapshot()), file_text("tests/golden/metrics.txt"));
}

TEST(Metrics, EveryOneIsInTheDocs) {
  const std::string text = to_prometheus(example_snapshot());
  const std::string docs = file_text("docs/operations.md");
  const std::regex name("# TYPE (\\w+)");
  size_t count = 0;
  for (std::sregex_iterator found(text.begin(), text.end(), name), end; found != end;
       ++found, ++count) {
    EXPECT_THAT(docs, ::testing::HasSubstr("`" + (*found)[1].str() + "`"));
  }
  EXPECT_GT(count, 10u);
}

}  // namespace
}  // namespace binbus::admin
