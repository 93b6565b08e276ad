#include "serve/event_start.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

#include "serve/log_testing.h"

namespace binbus::serve {
namespace {

constexpr size_t kFirstLogPosAt = 4 + 13;

struct StartCase {
  const char* name;
  const char* file;  // that a real server wrote
  bool own_positions;
};
const StartCase kStartCases[] = {
    {"mysql97", "mysql97.binlog", true},
    {"mysql55_without_checksums", "mysql55.binlog", true},
    {"mariadb1011", "mariadb1011.binlog", true},
    {"mariadb118_without_positions_in_transactions", "mariadb118.binlog", true},
    {"relay_log", "mysql97.binlog", false},
};

class EventStartTest : public testing::TestWithParam<StartCase> {
 protected:
  EventStartTest() {
    std::ifstream in(std::string("tests/golden/binlog/") + GetParam().file, std::ios::binary);
    file_.name = "binlog.000001";
    file_.bytes.assign(std::istreambuf_iterator<char>(in), {});
    if (!GetParam().own_positions) file_.bytes.at(kFirstLogPosAt)++;
    file_.ends.push_back({file_.bytes.size(), {}, 1, true});
  }

  std::set<uint64_t> starts() const {
    std::set<uint64_t> all = {file_.bytes.size()};
    for (size_t at = 4; at < file_.bytes.size();
         at += binlog::parse_header(&file_.bytes[at]).size) {
      all.insert(at);
    }
    return all;
  }

  store::MadeFile file_;
};

TEST_P(EventStartTest, IsTrueForTheStartsAndNothingElse) {
  ASSERT_GT(file_.bytes.size(), 1000u);
  const TestLog log({file_});
  const store::SegmentInfo segment = log.log->segments().front();
  const std::set<uint64_t> wanted = starts();
  for (uint64_t offset = 0; offset <= file_.bytes.size() + 30; offset++) {
    const Status checked = check_event_start(*log.log, segment, offset);
    EXPECT_EQ(checked.has_value(), wanted.contains(offset)) << offset;
    EXPECT_TRUE(checked || checked.error().code == Code::kNotFound) << offset;
  }
}
INSTANTIATE_TEST_SUITE_P(Files, EventStartTest, testing::ValuesIn(kStartCases),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace binbus::serve
