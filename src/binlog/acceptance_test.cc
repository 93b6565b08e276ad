// Binlog files of many servers that others collected, against what MySQL's and MariaDB's own tools print for them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libdeflate.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "binlog/scanner.h"

namespace binbus::binlog {
namespace {

const std::filesystem::path kFolder = "../shared/acceptance/binlogs";

struct Case {
  std::string file;
  std::string oracle;  // "mysql97", "maria1011", or "none(negative)"
};

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<Case> read_index() {
  std::vector<Case> cases;
  std::ifstream index(kFolder / "INDEX.tsv");
  std::string line;
  std::getline(index, line);  // the heading
  while (std::getline(index, line)) {
    const std::string oracle = line.substr(line.rfind('=') + 1);
    cases.push_back({line.substr(0, line.find('\t')), oracle});
  }
  return cases;
}

std::string gunzip(const std::string& packed) {
  std::string text(load_u32(as_bytes(packed).last(4).data()), '\0');
  libdeflate_decompressor* inflater = libdeflate_alloc_decompressor();
  const auto result = libdeflate_gzip_decompress(inflater, packed.data(), packed.size(),
                                                 text.data(), text.size(), nullptr);
  libdeflate_free_decompressor(inflater);
  EXPECT_EQ(result, LIBDEFLATE_SUCCESS);
  return text;
}

// Both sides' names as lower-case words: "Previous-GTIDs", "Previous_gtids" -> "previous_gtids".
std::string plain_name(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    plain += (lower >= 'a' && lower <= 'z') ? lower : '_';
  }
  return plain;
}

using Events = std::vector<std::pair<uint64_t, std::string>>;  // position and name

// A tool's text has per event "# at POSITION" and "#DATE TIME server id N  end_log_pos N [CRC32 X] NAME ...", the first
// of which may be printed an event too early. Events within a Transaction_payload come as if they stood at its end.
Events read_oracle(const std::string& text, uint64_t file_bytes) {
  Events events;
  size_t named = 0;
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    if (line.starts_with("# at ") && line.find_first_not_of("0123456789", 5) == line.npos) {
      events.emplace_back(std::stoull(line.substr(5)), "");
    } else if (named < events.size() && line.find(" end_log_pos ") != line.npos) {
      const size_t tab = line.find('\t');
      const std::string name =
          tab == line.npos ? "" : line.substr(line.find_first_not_of('\t', tab));
      events[named++].second = plain_name(name.starts_with("Start:") ? "Format_desc" : name);
    }
  }
  Events outer;
  for (const auto& event : events) {
    if (!outer.empty() && outer.back().first == event.first) outer.pop_back();
    if (event.first < file_bytes) outer.push_back(event);
  }
  return outer;
}

// Whether the tool's words for an event begin with our name for its type; the tools name no parts of LOAD DATA's file.
bool same_name(const std::string& oracle, uint8_t type) {
  std::string name = plain_name(event_type_name(type));
  for (const char* suffix : {"_v1", "_event_old", "_log_event"}) {
    name = name.substr(0, name.find(plain_name(suffix)));
  }
  if (oracle.empty()) return type == kBeginLoadQueryEvent || type == kAppendBlockEvent;
  return oracle.starts_with(name);
}

struct Scanned {
  Status status;
  std::vector<std::pair<uint64_t, uint8_t>> events;  // position and type
  std::vector<uint64_t> ends;
};

Scanned scan(const std::string& file, size_t piece, bool verify_checksums) {
  Scanned out;
  EventScanner scanner({.verify_checksums = verify_checksums, .require_log_pos = false});
  const auto on_end = [&](const TransactionEnd& end) { out.ends.push_back(end.offset); };
  uint64_t start = kMagic.size();
  for (size_t at = 0; at < file.size(); at += piece) {
    out.status =
        scanner.feed(as_bytes(file).subspan(at, std::min(piece, file.size() - at)), on_end);
    if (!out.status) return out;
    while (start < scanner.whole_events_end()) {
      const EventHeader header = parse_header(as_bytes(file).data() + start);
      out.events.emplace_back(start, header.type);
      start += header.size;
    }
  }
  out.status = scanner.check_ended();
  return out;
}

// Made by their authors with an editor, so that some checksums are wrong; the tools do not look at them by default.
const std::vector<std::string> kAltered = {
    "mysql-testsuite-9.7__duplicate_xid.000001",
    "mysql-testsuite-9.7__duplicate_xid_xa_prepare.000001",
};

// Cut off within its last event, as by a crash. What is whole is good.
constexpr std::string_view kTorn = "mariadb-test-11.8__bug11747416_32228_binlog.000001";

void PrintTo(const Case& test, std::ostream* out) { *out << test.file; }

class Acceptance : public testing::TestWithParam<Case> {};

TEST_P(Acceptance, ScansAsTheServersToolsPrint) {
  if (GetParam().file.empty()) {
    std::cout << "SKIPPED: " << kFolder << " is not there, so no foreign binlog file was scanned\n";
    GTEST_SKIP();
  }
  const std::string file = read_file(kFolder / GetParam().file);
  const bool altered = std::ranges::count(kAltered, GetParam().file) > 0;
  if (altered) {
    const Status verified = scan(file, file.size(), true).status;
    ASSERT_FALSE(verified);
    EXPECT_THAT(verified.error().message, testing::HasSubstr("checksum does not match"));
  }
  const Scanned whole = scan(file, file.size(), !altered);
  const Scanned bytewise = scan(file, 1, !altered);
  EXPECT_EQ(whole.ends, bytewise.ends);
  if (GetParam().oracle.starts_with("none")) {
    ASSERT_FALSE(whole.status);
    EXPECT_THAT(whole.status.error().message, testing::HasSubstr("binlog offset "));
    EXPECT_EQ(whole.status.error().message, bytewise.status.error().message);
    return;
  }
  if (GetParam().file == kTorn) {
    ASSERT_FALSE(whole.status);
    EXPECT_EQ(whole.status.error().code, Code::kTruncated);
  } else {
    ASSERT_TRUE(whole.status) << whole.status.error().message;
  }
  EXPECT_EQ(whole.events, bytewise.events);
  const Events oracle = read_oracle(
      gunzip(read_file(kFolder / (GetParam().file + "." + GetParam().oracle + ".txt.gz"))),
      file.size());
  ASSERT_EQ(whole.events.size(), oracle.size());
  for (size_t i = 0; i < whole.events.size(); ++i) {
    EXPECT_EQ(whole.events[i].first, oracle[i].first);
    EXPECT_TRUE(same_name(oracle[i].second, whole.events[i].second))
        << "at " << oracle[i].first << ": " << oracle[i].second << ", we say "
        << event_type_name(whole.events[i].second);
  }
}

std::vector<Case> cases_or_none() {
  std::vector<Case> cases = read_index();
  if (cases.empty()) cases.push_back({});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Files, Acceptance, testing::ValuesIn(cases_or_none()),
                         [](const auto& test) {
                           std::string name = plain_name(test.param.file);
                           return std::to_string(test.index) + "_" + (name.empty() ? "none" : name);
                         });

}  // namespace
}  // namespace binbus::binlog
