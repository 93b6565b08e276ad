// Binlog files that real servers wrote (tests/golden/binlog/make says how), against the places between transactions that
// those servers reported, and against the reviewed listing beside each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "binlog/control_events.h"
#include "binlog/gtid_events.h"
#include "binlog/scanner.h"

namespace binbus::binlog {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = "tests/golden/binlog";

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".binlog") names.push_back(entry.path().stem());
  }
  std::ranges::sort(names);
  return names;
}

struct Scanned {
  std::vector<uint64_t> starts;  // of every event
  std::map<uint64_t, TransactionEnd> ends;
  FormatDescription format;
};

// Scans the file in two pieces.
Scanned scan(const std::string& file, size_t cut) {
  Scanned out;
  EventScanner scanner({});
  const auto on_end = [&](const TransactionEnd& end) { out.ends.emplace(end.offset, end); };
  for (const Bytes piece : {as_bytes(file).first(cut), as_bytes(file).subspan(cut)}) {
    const Status status = scanner.feed(piece, on_end);
    EXPECT_TRUE(status) << status.error().message;
  }
  EXPECT_TRUE(scanner.check_ended());
  for (size_t at = kMagic.size(); at < file.size();
       at += parse_header(as_bytes(file).data() + at).size) {
    out.starts.push_back(at);
  }
  out.format = scanner.format();
  return out;
}

// One line per event: offset, bytes, name, and what is said after it.
std::string listing(const std::string& file) {
  const Scanned scanned = scan(file, file.size());
  const bool checksummed = scanned.format.checksum == Checksum::kCrc32;
  std::ostringstream out;
  for (const uint64_t start : scanned.starts) {
    const EventHeader header = parse_header(as_bytes(file).data() + start);
    const Bytes event = as_bytes(file).subspan(start, header.size);
    out << start << ' ' << header.size << ' ' << event_type_name(header.type);
    if (header.type == kQueryEvent) {
      const Bytes prefix = event.first(event.size() - (checksummed ? kChecksumBytes : 0));
      const std::string_view statement = parse_query(prefix)->statement;
      out << " \"" << statement.substr(0, std::min<size_t>(12, statement.find_first_of("'(;\n")))
          << '"';
    }
    if (header.type == kPreviousGtidsEvent || header.type == kMariadbGtidListEvent) {
      out << ' ' << parse_previous_gtids(event, checksummed)->to_string();
    }
    if (const auto end = scanned.ends.find(start + header.size); end != scanned.ends.end()) {
      out << (end->second.transaction ? " -- end" : " -- place");
      if (end->second.gtid.index() != 0) out << " of " << mysql::to_string(end->second.gtid);
      if (end->second.transaction) out << " at " << end->second.commit_us;
    }
    out << '\n';
  }
  return out.str();
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, ListsAsReviewed) {
  const fs::path path = kFolder / (GetParam() + ".events");
  const std::string now = listing(read_file(kFolder / (GetParam() + ".binlog")));
  if (std::getenv("BINBUS_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << now;
  EXPECT_EQ(now, read_file(path));
}

TEST_P(Golden, EveryPlaceThatTheServerNamedIsAnEnd) {
  std::ifstream places(kFolder / (GetParam() + ".places"));
  ASSERT_TRUE(places);
  const std::string file = read_file(kFolder / (GetParam() + ".binlog"));
  const Scanned scanned = scan(file, file.size());
  uint64_t place = 0;
  while (places >> place) EXPECT_TRUE(scanned.ends.contains(place)) << place;
}

TEST_P(Golden, WithGtidsEachTransactionEndsWhereTheNextBegins) {
  const std::string file = read_file(kFolder / (GetParam() + ".binlog"));
  const auto type_at = [&](uint64_t start) {
    return parse_header(as_bytes(file).data() + start).type;
  };
  const Scanned scanned = scan(file, file.size());
  if (std::ranges::none_of(scanned.starts, [&](uint64_t start) {
        return kEventRoles[type_at(start)] == EventRole::kGtid;
      })) {
    return;  // transactions without GTIDs are for the test above
  }
  std::vector<uint64_t> begins;
  for (const uint64_t start : scanned.starts) {
    const EventRole role = kEventRoles[type_at(start)];
    const bool lone_incident = role == EventRole::kIncident && scanned.ends.contains(start);
    if (role == EventRole::kGtid || role == EventRole::kControl || lone_incident) {
      begins.push_back(start);
    }
    if (lone_incident) begins.push_back(start + parse_header(as_bytes(file).data() + start).size);
  }
  std::vector<uint64_t> ends = {kMagic.size()};
  for (const auto& [offset, end] : scanned.ends) ends.push_back(offset);
  begins.push_back(file.size());
  std::ranges::sort(begins);
  begins.erase(std::unique(begins.begin(), begins.end()), begins.end());
  EXPECT_EQ(ends, begins);
}

TEST_P(Golden, EveryChecksumIsTheOneThatWeWrite) {
  std::string file = read_file(kFolder / (GetParam() + ".binlog"));
  const Scanned scanned = scan(file, file.size());
  if (scanned.format.checksum == Checksum::kNone) return;
  for (const uint64_t start : scanned.starts) {
    const Bytes event =
        as_bytes(file).subspan(start, parse_header(as_bytes(file).data() + start).size);
    ByteVector copy = to_owned(event);
    set_log_pos(copy, parse_header(event.data()).log_pos, true);
    EXPECT_EQ(copy, to_owned(event)) << start;
  }
}

TEST_P(Golden, PreviousGtidsEncodeToTheSameBytes) {
  const std::string file = read_file(kFolder / (GetParam() + ".binlog"));
  const Scanned scanned = scan(file, file.size());
  const bool checksummed = scanned.format.checksum == Checksum::kCrc32;
  for (const uint64_t start : scanned.starts) {
    const EventHeader header = parse_header(as_bytes(file).data() + start);
    if (header.type != kPreviousGtidsEvent && header.type != kMariadbGtidListEvent) continue;
    const Bytes event = as_bytes(file).subspan(start, header.size);
    const auto executed = parse_previous_gtids(event, checksummed);
    ASSERT_TRUE(executed) << executed.error().message;
    const ByteVector made = make_previous_gtids(header, *executed, checksummed);
    EXPECT_EQ(made.size(), event.size());
    if (executed->mysql() != nullptr) {
      EXPECT_EQ(made, to_owned(event));
    } else {  // MariaDB writes in the order of a hash table
      EXPECT_EQ(parse_previous_gtids(made, checksummed).value(), *executed);
    }
  }
}

TEST_P(Golden, RotatesEncodeToTheSameBytes) {
  const std::string file = read_file(kFolder / (GetParam() + ".binlog"));
  const Scanned scanned = scan(file, file.size());
  const bool checksummed = scanned.format.checksum == Checksum::kCrc32;
  const Bytes last = as_bytes(file).subspan(scanned.starts.back());
  const auto rotate = parse_rotate(last, checksummed);
  ASSERT_TRUE(rotate) << rotate.error().message;
  EXPECT_EQ(rotate->position, 4u);
  EXPECT_THAT(rotate->file, testing::StartsWith("binlog.0000"));
  EXPECT_EQ(make_rotate(parse_header(last.data()), *rotate, checksummed), to_owned(last));
}

INSTANTIATE_TEST_SUITE_P(Files, Golden, testing::ValuesIn(golden_names()), [](const auto& test) {
  std::string name = test.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(GoldenCut, AtEveryByteScansTheSame) {
  const std::string file = read_file(kFolder / "mysql97-tags.binlog");
  const Scanned whole = scan(file, file.size());
  for (size_t cut = 0; cut <= file.size(); ++cut) {
    const Scanned halves = scan(file, cut);
    ASSERT_EQ(halves.ends.size(), whole.ends.size()) << cut;
    for (const auto& [offset, end] : whole.ends) {
      ASSERT_TRUE(halves.ends.contains(offset)) << cut;
      ASSERT_EQ(halves.ends.at(offset).gtid, end.gtid) << cut;
    }
  }
}

TEST(GoldenCut, ShortAtEveryByteIsSaidSo) {
  const std::string file = read_file(kFolder / "mysql97-tags.binlog");
  const Scanned whole = scan(file, file.size());
  for (size_t cut = 0; cut < file.size(); ++cut) {
    EventScanner scanner({});
    uint64_t last = 0;
    ASSERT_TRUE(scanner.feed(as_bytes(file).first(cut),
                             [&](const TransactionEnd& end) { last = end.offset; }));
    const bool at_event = cut == kMagic.size() || std::ranges::count(whole.starts, cut) > 0;
    EXPECT_EQ(scanner.check_ended().has_value(), at_event) << cut;
    EXPECT_EQ(scanner.offset(), cut);
    EXPECT_LE(last, cut);
  }
}

TEST(GoldenFlipped, NoChangedBitGoesUnnoticed) {
  const std::string file = read_file(kFolder / "mysql97-tags.binlog");
  const auto in_use_flag = [](size_t byte, int bit) { return byte == 4 + 17 && bit == 0; };
  for (size_t byte = 0; byte < file.size(); ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      if (in_use_flag(byte, bit)) continue;  // by design outside the checksum
      std::string changed = file;
      changed[byte] = static_cast<char>(changed[byte] ^ (1 << bit));
      EventScanner scanner({});
      const bool fed = scanner.feed(as_bytes(changed), [](const TransactionEnd&) {}).has_value();
      EXPECT_FALSE(fed && scanner.check_ended()) << byte << '.' << bit;
    }
  }
}

}  // namespace
}  // namespace binbus::binlog
