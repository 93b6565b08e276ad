#include "store/entries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "binlog/event.h"
#include "io/simulated_disk.h"
#include "store/entry_builder.h"

namespace binbus::store {
namespace {

std::string hex(Bytes bytes) {
  std::string text;
  for (const uint8_t byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return text;
}

// Numbered records of what a builder has made.
void store_all(ByteWriter& records, EntryBuilder& builder, uint64_t index, uint64_t term) {
  bool first = true;
  for (Entry& entry : builder.take()) {
    entry.index = index++;
    entry.term = term;
    if (std::exchange(first, false)) entry.flags |= kStartsBatch;
    store_entry(records, entry);
  }
}

Entry inline_entry(EntryKind kind, uint64_t index, uint64_t term, uint64_t offset, Bytes payload) {
  return {index,
          term,
          offset,
          static_cast<uint32_t>(payload.size()),
          payload.empty() ? 0 : binlog::crc32(0, payload),
          kind};
}

class EntriesTest : public testing::Test {
 protected:
  // The file with this header and these records.
  const io::File& file(uint64_t first_index, Bytes records) {
    ByteWriter out;
    store_entries_header(out, first_index);
    out.bytes(records);
    file_ = *disk_.open("d/f" + std::to_string(++files_), io::OpenMode::kCreateNew);
    EXPECT_TRUE(file_->write_at(0, out.view()));
    return *file_;
  }
  // What reading all records ends with.
  static Error last_error(EntriesReader& reader) {
    auto next = reader.next();
    while (next) next = reader.next();
    return next.error();
  }

  io::SimulatedDisk disk_;
  std::unique_ptr<io::File> file_;
  int files_ = 0;
};

// The worked example of docs/formats/segment.md.
TEST_F(EntriesTest, BytesAreAsDocumented) {
  EntryBuilder builder(0, 256 * 1024);
  ByteWriter records;
  builder.events(as_bytes("\xfe"
                          "bin"),
                 true);
  store_all(records, builder, 7, 1);
  const Bytes document = as_bytes("{\"a\":1}");
  store_entry(records, inline_entry(EntryKind::kControl, 8, 1, 4, document), document);
  Entry begun{9, 1, 4, 3, binlog::crc32(0, as_bytes("xyz"))};
  store_entry(records, begun);
  store_entry(records, inline_entry(EntryKind::kAbort, 10, 1, 4, {}));
  ByteWriter header;
  store_entries_header(header, 7);
  EXPECT_EQ(hex(header.view()), "62696e627573454e020000002800000007000000000000000000000084496b93");
  EXPECT_EQ(hex(records.view()),
            // index 7, term 1, offset 0, 4 bytes, checksum, events, transaction end + batch start
            "070000000000000001000000000000000000000000000000"
            "04000000773d9b12010300009bf0ef8c"
            // 8, a control record of 7 bytes at offset 4, its document and a byte of padding
            "080000000000000001000000000000000400000000000000"
            "07000000afac1b5602000000b2b0fba67b2261223a317d00"
            // 9, three bytes of events from offset 4, the transaction not ended
            "090000000000000001000000000000000400000000000000"
            "0300000067ba8eeb01000000954e892a"
            // 10, an abort: the segment was cut back to offset 4
            "0a0000000000000001000000000000000400000000000000"
            "0000000000000000030000003a156bb6");
}

TEST_F(EntriesTest, ReadsBackWhatWasBuilt) {
  EntryBuilder builder(0, 10);
  builder.events(as_bytes("0123456789abcde"), true);
  ByteWriter records;
  store_all(records, builder, 5, 3);
  const Bytes document = as_bytes("document");
  store_entry(records, inline_entry(EntryKind::kControl, 7, 3, 15, document), document);
  const io::File& written = file(5, records.view());
  auto reader = EntriesReader::open(written);
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->first_index(), 5U);
  auto one = reader->next();
  auto two = reader->next();
  auto three = reader->next();
  ASSERT_TRUE(one && two && three);
  EXPECT_EQ(one->entry.length, 10U);
  EXPECT_FALSE(one->entry.ends_transaction());
  EXPECT_TRUE(one->entry.starts_batch());
  EXPECT_EQ(two->entry.offset, 10U);
  EXPECT_EQ(two->entry.index, 6U);
  EXPECT_TRUE(two->entry.ends_transaction());
  EXPECT_FALSE(two->entry.starts_batch());
  EXPECT_EQ(two->entry.payload_crc, binlog::crc32(0, as_bytes("abcde")));
  EXPECT_EQ(three->entry.kind, EntryKind::kControl);
  EXPECT_EQ(as_text(three->inline_payload), "document");
  EXPECT_EQ(reader->segment_end(), 15U);
  EXPECT_EQ(reader->next_index(), 8U);
  EXPECT_EQ(last_error(*reader).code, Code::kTruncated);

  EntriesReader from_two = EntriesReader::at(written, *two);
  EXPECT_EQ(from_two.next()->entry, three->entry);
  EXPECT_EQ(as_text(read_entry(written, three->record)->inline_payload), "document");
}

TEST_F(EntriesTest, EventsThatAnAbortHasCutAreVoidForOthers) {
  const Entry kept{5, 2, 0, 10}, cut{6, 2, 10, 7}, behind{8, 3, 10, 4};
  const std::vector<Entry> aborts{{.index = 7, .term = 3, .offset = 10, .kind = EntryKind::kAbort}};
  EXPECT_EQ(as_sent(kept, aborts), kept);
  EXPECT_EQ(as_sent(behind, aborts), behind);
  EXPECT_EQ(as_sent(cut, aborts), (Entry{.index = 6, .term = 2, .kind = EntryKind::kVoid}));
  EXPECT_EQ(as_sent(cut, {}), cut);
}

TEST_F(EntriesTest, TheLastTransactionEndIsAlwaysAnEntrysEnd) {
  EntryBuilder builder(0, 1000);
  builder.events(as_bytes("whole"), true);
  builder.events(as_bytes("whole"), true);  // joins the one before
  builder.events(as_bytes("begun"), false);
  builder.events(as_bytes("going on"), false);
  ByteWriter records;
  store_all(records, builder, 1, 1);
  auto reader = EntriesReader::open(file(1, records.view()));
  EXPECT_EQ(reader->next()->entry.end(), 10U);
  EXPECT_EQ(reader->next()->entry.end(), 23U);
  EXPECT_EQ(last_error(*reader).code, Code::kTruncated);
}

TEST_F(EntriesTest, RefusesRecordsThatDoNotFollow) {
  const Entry first{1, 2, 0, 10, 0, EntryKind::kEvents, 0};
  const struct {
    const char* name;
    Entry second;
    const char* message;
  } cases[] = {
      {"index_skips", {3, 2, 10, 5, 0, EntryKind::kEvents, 0}, "index 3 where 2 was due"},
      {"term_goes_back", {2, 1, 10, 5, 0, EntryKind::kEvents, 0}, "term"},
      {"gap", {2, 2, 11, 5, 0, EntryKind::kEvents, 0}, "offset 11 where 10 was due"},
      {"overlap", {2, 2, 9, 5, 0, EntryKind::kEvents, 0}, "offset 9 where 10 was due"},
      {"abort_past_the_end", {2, 2, 11, 0, 0, EntryKind::kAbort, 0}, "offset 11"},
      {"unknown_kind", {2, 2, 10, 5, 0, static_cast<EntryKind>(9), 0}, "unknown kind 9"},
      {"huge_control", {2, 2, 10, 2 << 20, 0, EntryKind::kControl, 0}, "record with a payload"},
      {"payload_damaged", {2, 2, 10, 8, 1, EntryKind::kControl, 0}, "payload does not match"},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.name);
    ByteWriter records;
    store_entry(records, first);
    store_entry(records, test.second);
    records.zeros(8);
    auto reader = EntriesReader::open(file(1, records.view()));
    const Error error = last_error(*reader);
    EXPECT_EQ(error.code, Code::kCorrupt);
    EXPECT_THAT(error.message, testing::HasSubstr(test.message));
    EXPECT_EQ(reader->position(), kEntriesHeaderBytes + kEntryBytes);
  }
}

TEST_F(EntriesTest, NoticesEveryChangedByte) {
  ByteWriter record;
  store_entry(record, {1, 1, 0, 10, 77, EntryKind::kEvents, kEndsTransaction});
  for (size_t i = 0; i < record.size(); ++i) {
    ByteVector changed = to_owned(record.view());
    changed[i] ^= 0x10;
    EXPECT_FALSE(parse_entry(changed)) << i;
  }
  ByteWriter header;
  store_entries_header(header, 1);
  for (size_t i = 0; i < header.size(); ++i) {
    const std::unique_ptr<io::File> changed =
        *disk_.open("d/h" + std::to_string(i), io::OpenMode::kCreateNew);
    ASSERT_TRUE(changed->write_at(0, header.view()));
    const uint8_t byte = header.view()[i] ^ 1;
    ASSERT_TRUE(changed->write_at(i, Bytes(&byte, 1)));
    EXPECT_FALSE(EntriesReader::open(*changed)) << i;
  }
}

}  // namespace
}  // namespace binbus::store
