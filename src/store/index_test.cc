#include "store/index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/simulated_disk.h"
#include "store/log_testing.h"

namespace binbus::store {
namespace {

constexpr char kPath[] = "d/i";
constexpr uint64_t kMarkBytes = 10'000;  // well over 16 marks' own size

class IndexTest : public testing::Test {
 protected:
  std::vector<Mark> marks() {
    std::vector<Mark> all;
    MarkReader reader = MarkReader::open(disk_, kPath);
    while (auto mark = reader.next()) all.push_back(*mark);
    return all;
  }
  std::vector<uint64_t> offsets() {
    std::vector<uint64_t> found;
    for (const Mark& mark : marks()) found.push_back(mark.offset);
    return found;
  }
  IndexWriter open(uint64_t end) {
    return IndexWriter::open(disk_, kPath, end, kMarkBytes, [](const Mark&) {});
  }
  static TransactionEnd end(uint64_t offset) {
    return {offset, mysql_gtid(offset), offset * 1000, true};
  }
  void change_byte(uint64_t offset) {
    const auto file = *disk_.open(kPath, io::OpenMode::kWrite);
    uint8_t byte;
    ASSERT_TRUE(file->read_at(offset, {&byte, 1}));
    byte ^= 1;
    ASSERT_TRUE(file->write_at(offset, {&byte, 1}));
  }

  io::SimulatedDisk disk_;
};

TEST_F(IndexTest, MarksStretchesWithWhatTheyAdded) {
  IndexWriter index = IndexWriter::create(disk_, kPath, kMarkBytes);
  for (const uint64_t offset :
       std::initializer_list<uint64_t>{4'000, 9'000, 12'000, 15'000, 70'000})
    index.add(end(offset));
  index.finish();
  const auto all = marks();
  ASSERT_EQ(offsets(), (std::vector<uint64_t>{12'000, 70'000}));
  EXPECT_EQ(all[0].added, executed({mysql_gtid(4'000), mysql_gtid(9'000), mysql_gtid(12'000)}));
  EXPECT_EQ(all[0].newest_commit_us, 12'000'000U);
  EXPECT_EQ(all[1].from, 12'000U);
  EXPECT_EQ(all[1].added, executed({mysql_gtid(15'000), mysql_gtid(70'000)}));
}

// The worked example of docs/formats/segment.md.
TEST_F(IndexTest, BytesAreAsDocumented) {
  IndexWriter index = IndexWriter::create(disk_, kPath, kMarkBytes);
  index.add({9'000, mysql_gtid(1), 11'000'000, true});
  index.add({12'000, mysql_gtid(2), 12'000'000, true});
  const auto file = *disk_.open(kPath, io::OpenMode::kRead);
  ByteVector bytes(static_cast<size_t>(*file->size()));
  ASSERT_TRUE(file->read_at(0, bytes));
  const uint8_t want[] = {
      0x62, 0x69, 0x6e, 0x62, 0x75, 0x73, 0x49, 0x58,
      0x01, 0,    0,    0,    0x2d, 0xec, 0x26, 0x88,  //
      0,    0,    0,    0,    0,    0,    0,    0,
      0xe0, 0x2e, 0,    0,    0,    0,    0,    0,  //
      0x00, 0x1b, 0xb7, 0,    0,    0,    0,    0,
      0x30, 0,    0,    0,    0x01, 0,    0,    0,  //
      0,    0,    0,    0,    0xae, 0x00, 0xee, 0x35,
      0x01, 0,    0,    0,    0,    0,    0,    0,  //
      0x3e, 0x11, 0xfa, 0x47, 0x71, 0xca, 0x11, 0xe1,
      0x9e, 0x33, 0xc8, 0x0a, 0xa9, 0x42, 0x95, 0x62,  //
      0x01, 0,    0,    0,    0,    0,    0,    0,
      0x01, 0,    0,    0,    0,    0,    0,    0,  //
      0x03, 0,    0,    0,    0,    0,    0,    0,
  };
  EXPECT_THAT(bytes, testing::ElementsAreArray(want));
}

TEST_F(IndexTest, KeepsMariadbSetsAndStretchesWithoutAny) {
  IndexWriter index = IndexWriter::create(disk_, kPath, kMarkBytes);
  index.add({10'000, mariadb_gtid(5, 2), 1, true});
  index.add({20'000, {}, 0, false});
  const auto all = marks();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].added, executed({mariadb_gtid(5, 2)}));
  EXPECT_TRUE(all[1].added.empty());
  EXPECT_EQ(all[1].newest_commit_us, 0U);
}

TEST_F(IndexTest, GoesOnWhereItStopped) {
  IndexWriter first = IndexWriter::create(disk_, kPath, kMarkBytes);
  for (const uint64_t offset : std::initializer_list<uint64_t>{10'000, 20'000, 30'000})
    first.add(end(offset));
  IndexWriter second = open(25'000);
  EXPECT_EQ(second.marked(), 20'000U);
  second.add(end(31'000));
  EXPECT_EQ(offsets(), (std::vector<uint64_t>{10'000, 20'000, 31'000}));
}

TEST_F(IndexTest, EndsAtADamagedMark) {
  IndexWriter index = IndexWriter::create(disk_, kPath, kMarkBytes);
  for (const uint64_t offset : std::initializer_list<uint64_t>{10'000, 20'000, 30'000})
    index.add(end(offset));
  const uint64_t size = *(*disk_.open(kPath, io::OpenMode::kRead))->size();
  change_byte(size - 1);  // of the last mark's set
  EXPECT_EQ(offsets(), (std::vector<uint64_t>{10'000, 20'000}));
  change_byte(16 + 8);
  EXPECT_EQ(offsets(), std::vector<uint64_t>{});
}

TEST_F(IndexTest, MarksOfTwoTimesDoNotJoin) {
  IndexWriter index = IndexWriter::create(disk_, kPath, kMarkBytes);
  index.add(end(10'000));
  index.add(end(20'000));
  const auto file = *disk_.open(kPath, io::OpenMode::kWrite);
  ByteVector all(static_cast<size_t>(*file->size()));
  ASSERT_TRUE(file->read_at(0, all));
  const size_t mark = (all.size() - 16) / 2;
  ASSERT_TRUE(
      file->write_at(16, Bytes(all).subspan(16 + mark)));  // the second in the first's place
  EXPECT_EQ(offsets(), std::vector<uint64_t>{});
}

TEST_F(IndexTest, AForeignFileIsReplaced) {
  ASSERT_TRUE(
      (*disk_.open(kPath, io::OpenMode::kCreateNew))->write_at(0, as_bytes("no index of ours")));
  EXPECT_EQ(marks().size(), 0U);
  IndexWriter index = open(100'000);
  index.add(end(10'000));
  EXPECT_EQ(offsets(), (std::vector<uint64_t>{10'000}));
}

TEST_F(IndexTest, HugeSetsAreMarkedSeldom) {
  IndexWriter index = IndexWriter::create(disk_, kPath, kMarkBytes);
  uint64_t offset = 0;
  for (uint64_t number = 1; number < 5000; ++number) {
    offset += 1000;
    mysql::Gtid gtid = std::get<mysql::Gtid>(mysql_gtid(1));
    store_le<8>(gtid.tsid.uuid.bytes.data(), number);  // each of its own server
    index.add({offset, gtid, 1, true});
  }
  EXPECT_LT(*(*disk_.open(kPath, io::OpenMode::kRead))->size(), offset / 10);
  EXPECT_GT(marks().size(), 3U);
}

TEST_F(IndexTest, AFullDiskCostsMarksOnly) {
  disk_.set_capacity(200);
  IndexWriter index = IndexWriter::create(disk_, kPath, kMarkBytes);
  for (uint64_t offset = 10'000; offset <= 100'000; offset += 10'000) index.add(end(offset));
  index.finish();
  EXPECT_EQ(offsets(), (std::vector<uint64_t>{10'000, 20'000}));
}

}  // namespace
}  // namespace binbus::store
