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
  const auto replica = [&](const char* peer, uint32_t server_id, uint64_t lag_bytes,
                           uint64_t lag_ms, uint64_t bytes_sent) {
    ReplicaStatus& added = replicas.emplace_back();
    added.peer = peer;
    added.server_id = server_id;
    added.lag_bytes = lag_bytes;
    added.lag_ms = lag_ms;
    added.bytes_sent = bytes_sent;
  };
  replicas.clear();
  replica("[::1]:1", 11, 5, 2000, 7);
  replica("[::1]:2", 11, 9, 1000, 8);
  replica("[::1]:3", 12, 1, 3000, 1);
  const std::string text = to_prometheus(snapshot);
  for (const char* line : {"lag_seconds{stream=\"shop\",peer=\"[::1]\",server_id=\"11\"} 2\n",
                           "lag_bytes{stream=\"shop\",peer=\"[::1]\",server_id=\"11\"} 9\n",
                           "sent_bytes_total{stream=\"shop\",peer=\"[::1]\",server_id=\"11\"} 15\n",
                           "lag_seconds{stream=\"shop\",peer=\"[::1]\",server_id=\"12\"} 3\n"}) {
    EXPECT_THAT(text, ::testing::HasSubstr(std::string("binbus_replica_") + line));
  }
}

TEST(Metrics, OfSinks) {
  const std::string text = to_prometheus(example_snapshot());
  const std::string labels = "{stream=\"shop\",sink=\"changes\"";
  for (const char* line : {"lag_seconds{} 0.003\n", "messages_total{} 4\n", "bytes_total{} 5\n",
                           "filtered_total{} 6\n", "rejected_total{} 7\n", "skipped_total{} 8\n",
                           "state{,state=\"retrying\"} 1\n", "state{,state=\"running\"} 0\n"}) {
    std::string wanted = std::string("binbus_sink_") + line;
    wanted.replace(wanted.find('{'), 1, labels);
    EXPECT_THAT(text, ::testing::HasSubstr(wanted));
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
