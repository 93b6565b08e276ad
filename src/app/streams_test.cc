#include "app/streams.h"

#include <gtest/gtest.h>

#include "base/temporary_folder_testing.h"
#include "io/clock.h"
#include "io/file.h"

namespace binbus::app {
namespace {

class StreamsTest : public ::testing::Test {
 protected:
  TemporaryFolder data_;
};

// The endpoint answers from before the streams are started.
TEST_F(StreamsTest, StandByBeforeTheyAreStarted) {
  const auto config = parse_config("data = '" + data_.path() + R"('
[node]
name = 'a'
[coordinator]
type = 'etcd'
endpoints = ['127.0.0.1:1']
group = 'g'
[[stream]]
name = 'shop'
source = '127.0.0.1:1'
user = 'repl'
password = 'secret'
[[sink]]
name = 'changes'
stream = 'shop'
type = 'file'
path = 'changes.jsonl'
)",
                                   "binbus.toml");
  ASSERT_TRUE(config) << config.error().message;
  const auto streams = Streams::open(*config, io::posix_file_system(), io::system_clock());
  ASSERT_TRUE(streams) << streams.error().message;
  const admin::Snapshot snapshot = (*streams)->snapshot();
  ASSERT_EQ(snapshot.streams.size(), 1u);
  EXPECT_EQ(snapshot.streams[0].state, admin::StreamState::kStandby);
  ASSERT_EQ(snapshot.streams[0].sinks.size(), 1u);
  EXPECT_EQ(snapshot.streams[0].sinks[0].state, "standby");
}

}  // namespace
}  // namespace binbus::app
