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

TEST(Metrics, ConnectionsThatOnlyTheirPortsTellApartAreOneSeries) {
  Snapshot snapshot = example_snapshot();
  std::vector<ReplicaStatus>& replicas = snapshot.streams[0].replicas;
  replicas = {
      {.peer = "[::1]:1", .server_id = 11, .lag_bytes = 5, .lag_ms = 2000, .bytes_sent = 7},
      {.peer = "[::1]:2", .server_id = 11, .lag_bytes = 9, .lag_ms = 1000, .bytes_sent = 8},
      {.peer = "[::1]:3", .server_id = 12, .lag_bytes = 1, .lag_ms = 3000, .bytes_sent = 1}};
  const std::string text = to_prometheus(snapshot);
  for (const char* line : {"lag_seconds{stream=\"shop\",peer=\"[::1]\",server_id=\"11\"} 2\n",
                           "lag_bytes{stream=\"shop\",peer=\"[::1]\",server_id=\"11\"} 9\n",
                           "sent_bytes_total{stream=\"shop\",peer=\"[::1]\",server_id=\"11\"} 15\n",
                           "lag_seconds{stream=\"shop\",peer=\"[::1]\",server_id=\"12\"} 3\n"}) {
    EXPECT_THAT(text, ::testing::HasSubstr(std::string("binbus_replica_") + line));
  }
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
