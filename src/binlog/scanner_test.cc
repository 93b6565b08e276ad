#include "binlog/scanner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "binlog/events_testing.h"

namespace binbus::binlog {
namespace {

using testing::HasSubstr;
using testing_events::FileBuilder;
using testing_events::gtid_body;
using testing_events::query_body;

struct Scan {
  Status status;
  std::vector<uint64_t> ends;  // offsets
  uint64_t offset = 0, whole_events_end = 0, last_end = 0;
};

Scan scan(Bytes bytes, size_t piece, EventScanner::Options options = {}) {
  EventScanner scanner(std::move(options));
  Scan out;
  const auto on_end = [&](const TransactionEnd& end) { out.ends.push_back(end.offset); };
  for (size_t at = 0; at < bytes.size() && out.status; at += piece) {
    out.status = scanner.feed(bytes.subspan(at, std::min(piece, bytes.size() - at)), on_end);
  }
  if (out.status) out.status = scanner.check_ended();
  out.offset = scanner.offset();
  out.whole_events_end = scanner.whole_events_end();
  out.last_end = scanner.last_end();
  return out;
}
Scan scan(const FileBuilder& file) { return scan(file.bytes(), file.bytes().size()); }

// A file with two transactions: DDL, and one whose rows event has `row_bytes`.
FileBuilder small_file(size_t row_bytes, Checksum checksum = Checksum::kCrc32) {
  FileBuilder file("9.7.4", checksum);
  file.add(kGtidEvent, gtid_body(1)).add(kQueryEvent, query_body("CREATE TABLE t (a INT)"));
  file.add(kGtidEvent, gtid_body(2)).add(kQueryEvent, query_body("BEGIN"));
  file.add(kWriteRowsEvent, ByteVector(row_bytes, 'r')).add(kXidEvent, ByteVector(8));
  file.add(kRotateEvent, as_bytes("\4\0\0\0\0\0\0\0binlog.000002"));
  return file;
}

TEST(EventScanner, ReportsTheHeadEachTransactionAndTheRotate) {
  const FileBuilder file = small_file(20);
  const Scan scanned = scan(file);
  ASSERT_TRUE(scanned.status) << scanned.status.error().message;
  EXPECT_EQ(scanned.ends.size(), 4u);
  EXPECT_EQ(scanned.ends.back(), file.bytes().size());
  EXPECT_EQ(scanned.offset, file.bytes().size());
  EXPECT_EQ(scanned.whole_events_end, file.bytes().size());
  EXPECT_EQ(scanned.last_end, file.bytes().size());
}

TEST(EventScanner, StartsAtZeroAndStandsAtFourAfterTheMagic) {
  EventScanner scanner({});
  const auto nothing = [](const TransactionEnd&) { FAIL(); };
  EXPECT_EQ(scanner.last_end(), 0u);
  EXPECT_FALSE(scanner.check_ended());
  ASSERT_TRUE(scanner.feed(Bytes(kMagic).first(3), nothing));
  EXPECT_EQ(scanner.offset(), 3u);
  EXPECT_EQ(scanner.last_end(), 0u);
  ASSERT_TRUE(scanner.feed(Bytes(kMagic).last(1), nothing));
  EXPECT_EQ(scanner.last_end(), 4u);
  EXPECT_TRUE(scanner.check_ended());
}

// Pieces of any size give the same: also where a long event, or its checksum, spans pieces.
TEST(EventScanner, PiecesMakeNoDifference) {
  constexpr size_t kPrefix = TransactionTracker::kPrefixBytes;
  for (const Checksum checksum : {Checksum::kCrc32, Checksum::kNone}) {
    for (const size_t row_bytes : {size_t{20}, kPrefix - 20, kPrefix - 19, kPrefix - 18,
                                   kPrefix - 16, kPrefix - 15, kPrefix - 14, 3 * kPrefix}) {
      const FileBuilder file = small_file(row_bytes, checksum);
      const Scan whole = scan(file);
      ASSERT_TRUE(whole.status) << whole.status.error().message;
      for (const size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{18}, size_t{19},
                                 size_t{1000}, size_t{65536}, kPrefix, kPrefix + 1}) {
        const Scan pieces = scan(file.bytes(), piece);
        ASSERT_TRUE(pieces.status) << pieces.status.error().message;
        EXPECT_EQ(pieces.ends, whole.ends) << row_bytes << " in pieces of " << piece;
      }
    }
  }
}

TEST(EventScanner, ALongEventCutAroundItsChecksum) {
  FileBuilder file;
  file.add(kGtidEvent, gtid_body(2)).add(kQueryEvent, query_body("BEGIN"));
  file.add(kWriteRowsEvent, ByteVector(100'000, 'r'));
  const size_t rows_end = file.bytes().size();
  file.add(kXidEvent, ByteVector(8));
  for (size_t cut = rows_end - 6; cut < rows_end + 25; ++cut) {
    EventScanner scanner({});
    std::vector<uint64_t> ends;
    const auto on_end = [&](const TransactionEnd& end) { ends.push_back(end.offset); };
    const Bytes bytes = file.bytes();
    ASSERT_TRUE(scanner.feed(bytes.first(50'000), on_end));
    ASSERT_TRUE(scanner.feed(bytes.subspan(50'000, cut - 50'000), on_end));
    ASSERT_TRUE(scanner.feed(bytes.subspan(cut), on_end));
    EXPECT_EQ(ends.back(), bytes.size());
  }
}

TEST(EventScanner, FindsADamagedByteInALongEvent) {
  const FileBuilder file = small_file(200'000);
  for (const size_t at : {file.bytes().size() - 150'000, file.bytes().size() - 100}) {
    ByteVector bytes = file.bytes();
    bytes[at] ^= 1;
    for (const size_t piece : {size_t{1000}, bytes.size()}) {
      const Scan scanned = scan(bytes, piece);
      ASSERT_FALSE(scanned.status);
      EXPECT_EQ(scanned.status.error().code, Code::kCorrupt);
      EXPECT_THAT(scanned.status.error().message, HasSubstr("checksum does not match"));
    }
    EXPECT_TRUE(scan(bytes, 1000, {.verify_checksums = false}).status);
    EXPECT_TRUE(scan(bytes, bytes.size(), {.verify_checksums = false}).status);
  }
}

// Wherever it is among many, what comes before is taken, and it is named.
TEST(EventScanner, FindsADamagedByteAmongManySmallEvents) {
  FileBuilder file;
  for (uint64_t number = 1; number <= 40; ++number) {
    file.add(kGtidEvent, gtid_body(number)).add(kQueryEvent, query_body("BEGIN"));
    file.add(kWriteRowsEvent, ByteVector(50 * (number % 7), 'r')).add(kXidEvent, ByteVector(8));
  }
  const Scan good = scan(file);
  ASSERT_TRUE(good.status);
  for (uint64_t at = good.ends[0], next = 0; at < file.bytes().size(); at = next) {
    ByteVector bytes = file.bytes();
    next = at + load_u32(&bytes[at + 9]);
    bytes[next - 6] ^= 1;
    const Scan scanned = scan(bytes, bytes.size());
    ASSERT_FALSE(scanned.status);
    EXPECT_THAT(scanned.status.error().message,
                testing::AllOf(HasSubstr("binlog offset " + std::to_string(at) + ":"),
                               HasSubstr("checksum")));
    EXPECT_EQ(scanned.whole_events_end, at);
    const auto before = std::ranges::count_if(good.ends, [&](uint64_t end) { return end <= at; });
    EXPECT_EQ(scanned.ends.size(), static_cast<size_t>(before));
  }
}

TEST(EventScanner, MemoryStaysSmallInAHugeEvent) {
  // A rows event of almost 4 GiB: its bytes are fed and let go. Only its first 64 MiB come.
  FileBuilder file;
  file.add(kGtidEvent, gtid_body(2)).add(kQueryEvent, query_body("BEGIN"));
  ByteVector header(kHeaderBytes);
  store_header(header.data(), {.type = kWriteRowsEvent,
                               .size = 0xffffffff,
                               .log_pos = static_cast<uint32_t>(file.offset() + 0xffffffff)});
  EventScanner scanner({});
  const auto on_end = [](const TransactionEnd&) {};
  ASSERT_TRUE(scanner.feed(file.bytes(), on_end));
  ASSERT_TRUE(scanner.feed(header, on_end));
  const ByteVector block(1 << 20, 'r');
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(scanner.feed(block, on_end));
  EXPECT_EQ(scanner.offset(), file.offset() + header.size() + 64 * block.size());
  EXPECT_EQ(scanner.whole_events_end(), file.offset());
  EXPECT_FALSE(scanner.check_ended());
}

TEST(EventScanner, GoesOnPast4Gib) {
  // From the middle of a file on, across the place where log_pos turns over.
  FileBuilder file;
  const ByteVector head = file.bytes();
  const auto format = parse_format_description(Bytes(head).subspan(4));
  ASSERT_TRUE(format);
  constexpr uint64_t kStart = (1ull << 32) - 100;
  file.skip_to(kStart);
  for (uint64_t i = 1; i <= 3; ++i) {
    file.add(kGtidEvent, gtid_body(i)).add(kQueryEvent, query_body("DROP TABLE t"));
  }
  for (const size_t piece : {size_t{1}, size_t{1000}}) {
    const Scan scanned = scan(Bytes(file.bytes()).subspan(head.size()), piece,
                              {.offset = kStart, .format = *format});
    ASSERT_TRUE(scanned.status) << scanned.status.error().message;
    EXPECT_EQ(scanned.ends.size(), 3u);
    EXPECT_EQ(scanned.ends.back(), file.offset());
    EXPECT_GT(scanned.ends.back(), 1ull << 32);
  }
}

TEST(EventScanner, ChecksumsMayBeOff) {
  const Scan scanned = scan(small_file(20, Checksum::kNone));
  EXPECT_TRUE(scanned.status) << scanned.status.error().message;
  EXPECT_EQ(scanned.ends.size(), 4u);
}

TEST(EventScanner, ChecksumsFollowEachFormatDescription) {
  // A relay log: its own description, then that of a source that writes no checksums.
  FileBuilder file("9.7.4", Checksum::kCrc32);
  const FileBuilder inner("5.5.62-log", Checksum::kNone);
  file.add(kPreviousGtidsEvent, ByteVector(8));
  ByteVector bytes = file.bytes();
  const ByteVector description = testing_events::event(
      kFormatDescriptionEvent, testing_events::format_body("5.5.62", Checksum::kNone), 0, false);
  bytes.insert(bytes.end(), description.begin(), description.end());
  const ByteVector query = testing_events::event(kQueryEvent, query_body("DROP TABLE t"));
  bytes.insert(bytes.end(), query.begin(), query.end());
  const Scan scanned = scan(bytes, bytes.size(), {.require_log_pos = false});
  ASSERT_TRUE(scanned.status) << scanned.status.error().message;
  EXPECT_EQ(scanned.ends.size(), 4u);
}

TEST(EventScanner, MariadbMayLeaveLogPosZeroWithinATransaction) {
  const auto file_of = [](const char* version) {
    FileBuilder file(version);
    const uint64_t start = file.offset();
    file.add(kMariadbGtidEvent, testing_events::mariadb_gtid_body(1, 0));
    const uint64_t rows_start = file.offset();
    file.add(kTableMapEvent, ByteVector(10)).add(kXidEvent, ByteVector(8));
    ByteVector bytes = file.bytes();
    const std::span<uint8_t> rows = std::span(bytes).subspan(rows_start, kHeaderBytes + 10 + 4);
    set_log_pos(rows, 0, true);
    return std::pair(bytes, start);
  };
  const auto [mariadb, start] = file_of("11.8.2-MariaDB");
  EXPECT_TRUE(scan(mariadb, mariadb.size()).status);
  EXPECT_TRUE(scan(mariadb, 1).status);
  const auto [mysql, unused] = file_of("9.7.4");
  EXPECT_THAT(scan(mysql, mysql.size()).status.error().message, HasSubstr("claims to end at 0"));
  ByteVector outside = mariadb;
  set_log_pos(std::span(outside).subspan(start, kHeaderBytes + 19 + 4), 0, true);
  EXPECT_THAT(scan(outside, 1).status.error().message, HasSubstr("claims to end at 0"));
}

TEST(EventScanner, LongerHeadersOfGooglesServerAreSteppedOver) {
  ByteVector bytes(kMagic.begin(), kMagic.end());
  const auto append = [&](uint8_t type, Bytes body) {
    const ByteVector made = testing_events::event(type, body, bytes.size(), false);
    bytes.insert(bytes.end(), made.begin(), made.end());
  };
  ByteVector description = testing_events::format_body("5.1.63-google-log", Checksum::kNone);
  description[56] = 27;
  append(kFormatDescriptionEvent, description);
  for (const char* statement : {"BEGIN", "INSERT INTO t VALUES (1)", "COMMIT"}) {
    ByteVector body(8, 'g');
    const ByteVector query = query_body(statement);
    body.insert(body.end(), query.begin(), query.end());
    append(kQueryEvent, body);
  }
  const Scan scanned = scan(bytes, bytes.size());
  ASSERT_TRUE(scanned.status) << scanned.status.error().message;
  EXPECT_EQ(scanned.ends.size(), 2u);
  append(kQueryEvent, ByteVector(7));
  EXPECT_THAT(scan(bytes, bytes.size()).status.error().message,
              HasSubstr("smaller than its header"));
}

// --- what is refused -------------------------------------------------------------------------------------------------

struct BadCase {
  const char* name;
  ByteVector bytes;
  Code code;
  const char* message;
};
void PrintTo(const BadCase& test, std::ostream* out) { *out << test.name; }

ByteVector changed(ByteVector bytes, size_t at, uint8_t value) {
  bytes[at] = value;
  return bytes;
}
ByteVector with_magic(const ByteVector& event) {
  ByteVector bytes(kMagic.begin(), kMagic.end());
  bytes.insert(bytes.end(), event.begin(), event.end());
  return bytes;
}

std::vector<BadCase> bad_cases() {
  using testing_events::event;
  const ByteVector head = FileBuilder().bytes();
  const size_t next = head.size();
  const std::string at_next = "binlog offset " + std::to_string(next) + ": ";
  FileBuilder rotated = small_file(20);
  rotated.add(kXidEvent, ByteVector(8));
  FileBuilder stopped;
  stopped.add(kStopEvent).add(kXidEvent, ByteVector(8));
  FileBuilder encrypted("11.8.2-MariaDB");
  encrypted.add(kMariadbStartEncryptionEvent, ByteVector(17)).add(kXidEvent, ByteVector(100));
  FileBuilder query;
  query.add(kQueryEvent, ByteVector(5));
  FileBuilder rotate_within;
  rotate_within.add(kQueryEvent, query_body("BEGIN")).add(kRotateEvent, ByteVector(20));
  const ByteVector good = FileBuilder().add(kXidEvent, ByteVector(8)).bytes();
  ByteVector huge_format(kHeaderBytes + 100'000);
  store_header(huge_format.data(), {.type = kFormatDescriptionEvent,
                                    .size = static_cast<uint32_t>(huge_format.size()),
                                    .log_pos = static_cast<uint32_t>(4 + huge_format.size())});
  return {
      {"no_binlog", to_owned(as_bytes("#!/bin/sh\n")), Code::kCorrupt, "offset 0: not a binlog"},
      {"encrypted_by_mysql", {0xfd, 'b', 'i', 'n', 1, 2}, Code::kUnsupported, "binlog_encryption"},
      {"encrypted_by_mariadb", encrypted.bytes(), Code::kUnsupported, "encrypt_binlog"},
      {"version_1_or_3", with_magic(event(kStartEventV3, ByteVector(56), 4, false)),
       Code::kUnsupported, "version 1 or 3"},
      {"no_format_description", with_magic(event(kQueryEvent, query_body("BEGIN"), 4, false)),
       Code::kCorrupt, "does not begin with a format description"},
      {"format_description_too_long", with_magic(huge_format), Code::kCorrupt,
       "format description of 100019 bytes"},
      {"format_description_damaged", changed(head, 40, 'x'), Code::kCorrupt,
       "binlog offset 4: format description: checksum"},
      {"log_pos_wrong", changed(good, next + 13, 1), Code::kCorrupt, "claims to end at"},
      {"size_wrong", changed(good, next + 9, 200), Code::kCorrupt, "Xid event of 200 bytes"},
      {"size_zero", changed(good, next + 9, 0), Code::kCorrupt, "smaller than its header"},
      {"checksum_wrong", changed(good, next + 20, 1), Code::kCorrupt,
       "Xid event of 31 bytes: its checksum"},
      {"after_rotate", rotated.bytes(), Code::kCorrupt, "after the event that closed the file"},
      {"after_stop", stopped.bytes(), Code::kCorrupt, "after the event that closed the file"},
      {"query_too_short", query.bytes(), Code::kTruncated, "query event"},
      {"rotate_within_a_transaction", rotate_within.bytes(), Code::kCorrupt, "did not finish"},
  };
}

class Refused : public testing::TestWithParam<BadCase> {};
TEST_P(Refused, SaysWhatAndWhere) {
  for (const size_t piece : {GetParam().bytes.size(), size_t{1}}) {
    const Scan scanned = scan(GetParam().bytes, piece);
    ASSERT_FALSE(scanned.status);
    EXPECT_EQ(scanned.status.error().code, GetParam().code);
    EXPECT_THAT(scanned.status.error().message, HasSubstr(GetParam().message));
    EXPECT_THAT(scanned.status.error().message, HasSubstr("binlog"));
    EXPECT_LE(scanned.last_end, scanned.whole_events_end);
  }
}
INSTANTIATE_TEST_SUITE_P(Cases, Refused, testing::ValuesIn(bad_cases()),
                         [](const auto& test) { return test.param.name; });

TEST(EventScanner, RelayLogsMayGoOnAfterARotate) {
  FileBuilder file;
  file.add(kRotateEvent, ByteVector(20), kFlagArtificial).add(kXidEvent, ByteVector(8));
  EXPECT_TRUE(scan(file.bytes(), 1, {.require_log_pos = false}).status);
}

TEST(EventScanner, TrailingGarbageIsAnErrorAtItsOffset) {
  ByteVector bytes = small_file(20).bytes();
  const size_t end = bytes.size();
  bytes.resize(end + 5000, 0);
  const Scan zeros = scan(bytes, bytes.size());
  ASSERT_FALSE(zeros.status);
  EXPECT_THAT(zeros.status.error().message, HasSubstr("binlog offset " + std::to_string(end)));
  EXPECT_EQ(zeros.last_end, end);

  bytes.resize(end + 3);
  const Scan few = scan(bytes, bytes.size());
  ASSERT_FALSE(few.status);
  EXPECT_EQ(few.status.error().code, Code::kTruncated);
  EXPECT_THAT(few.status.error().message, HasSubstr("ends 3 bytes into an event"));
}

}  // namespace
}  // namespace binbus::binlog
