#include "ingest/receiver.h"

#include <gtest/gtest.h>

#include "binlog/control_events.h"
#include "binlog/gtid_events.h"
#include "ingest/dump_testing.h"

namespace binbus::ingest {
namespace {

using namespace testing_dump;

DumpPlan by_file(const std::string& file, uint64_t offset = 4) {
  DumpPlan plan;
  plan.file = file;
  plan.offset = offset;
  return plan;
}

DumpPlan as_new_source(const Destination& destination) {
  DumpPlan plan;
  plan.by = DumpPlan::By::kGtid;
  plan.executed = destination.executed();
  plan.own_numbering = true;
  plan.new_source = true;
  return plan;
}

SourceIdentity server(const std::string& uuid) { return {uuid, 1, "8.0.36", "", 0}; }

struct Received {
  Status status;
  SourcePlace source_end;
  mysql::Executed errant;
  bool file_replaced = false;
};

// One session: the whole stream, in receives of `step` bytes, flushed after each, synced at the end.
Received receive(MemoryDestination& destination, const DumpPlan& plan, const std::string& uuid,
                 const ByteVector& stream, size_t step = 1'000'000) {
  EXPECT_TRUE(destination.abort_transaction());
  Receiver receiver(destination, plan, server(uuid));
  PacketReader reader(300 * 1024);
  Status status;
  for (size_t at = 0; status && at < stream.size();) {
    const std::span<uint8_t> space = reader.space();
    const size_t count = std::min({step, space.size(), stream.size() - at});
    std::copy_n(stream.begin() + static_cast<ptrdiff_t>(at), count, space.begin());
    reader.filled(count);
    at += count;
    while (status) {
      auto piece = reader.next();
      if (!piece) status = fail(piece.error());
      if (!piece || !*piece) break;
      status = receiver.take(**piece);
    }
    if (status) status = receiver.flush();
  }
  EXPECT_TRUE(destination.sync());
  return {status, receiver.source_end(), receiver.errant(), receiver.file_replaced()};
}

// The events of a segment of ours: each must say where it ends, and have a right checksum.
std::vector<ByteVector> events_of(const ByteVector& segment) {
  std::vector<ByteVector> events;
  for (size_t at = 4; at < segment.size();) {
    const binlog::EventHeader header = binlog::parse_header(segment.data() + at);
    events.emplace_back(segment.begin() + static_cast<ptrdiff_t>(at),
                        segment.begin() + static_cast<ptrdiff_t>(at + header.size));
    at += header.size;
    EXPECT_EQ(header.log_pos, at);
    EXPECT_TRUE(binlog::checksum_matches(events.back()));
  }
  return events;
}

SourceFile first_file() {
  SourceFile file("binlog.000001", "");
  file.transaction(kUuidA, 1).transaction(kUuidA, 2, 200'000).transaction(kUuidA, 3);
  return file;
}

TEST(Receiver, stores_files_byte_for_byte_whatever_the_cuts) {
  SourceFile one = first_file();
  one.rotate_to("binlog.000002");
  SourceFile two("binlog.000002", std::string(kUuidA) + ":1-3");
  two.transaction(kUuidA, 4);
  const ByteVector stream =
      concat({dump(one), packets(heartbeat(one.name(), one.end())), dump(two)});
  for (const size_t step : {1U, 17U, 1000U, 65'536U, 1'000'000U}) {
    MemoryDestination destination;
    const Received received = receive(destination, by_file(one.name()), kUuidA, stream, step);
    ASSERT_TRUE(received.status) << received.status.error().message;
    EXPECT_EQ(destination.names(), (std::vector<std::string>{"binlog.000001", "binlog.000002"}));
    EXPECT_EQ(destination.segment("binlog.000001"), one.bytes()) << step;
    EXPECT_EQ(destination.segment("binlog.000002"), two.bytes()) << step;
    EXPECT_EQ(destination.executed().to_string(), std::string(kUuidA) + ":1-4");
    EXPECT_EQ(received.source_end.file, "binlog.000002");
    EXPECT_EQ(received.source_end.offset, two.end());
  }
}

TEST(Receiver, goes_on_after_a_cut_at_every_event) {
  const SourceFile file = first_file();
  for (size_t events = 1; events <= file.events().size(); ++events) {
    MemoryDestination destination;
    ByteVector stream = packets(fake_rotate(file.name(), 4));
    for (size_t i = 0; i < events; ++i) stream = concat({stream, packets(file.events()[i])});
    ASSERT_TRUE(receive(destination, by_file(file.name()), kUuidA, stream).status);
    ASSERT_TRUE(destination.abort_transaction());
    const uint64_t at = destination.end().offset;
    ASSERT_TRUE(receive(destination, by_file(file.name(), at), kUuidA, dump(file, at)).status)
        << events;
    EXPECT_EQ(destination.segment(file.name()), file.bytes()) << events;
    EXPECT_EQ(destination.names().size(), 1U);
  }
}

// MySQL's dump by GTID command with a file's name and position.
TEST(Receiver, knows_a_repeated_format_description_that_is_not_marked) {
  const SourceFile file = first_file();
  MemoryDestination destination;
  ByteVector stream = packets(fake_rotate(file.name(), 4));
  for (size_t i = 0; i < 6; ++i) stream = concat({stream, packets(file.events()[i])});
  ASSERT_TRUE(receive(destination, by_file(file.name()), kUuidA, stream).status);
  const uint64_t at = file.end_of(6);
  stream = concat({packets(fake_rotate(file.name(), at)), packets(file.events()[0])});
  for (size_t i = 6; i < file.events().size(); ++i) {
    stream = concat({stream, packets(file.events()[i])});
  }
  ASSERT_TRUE(receive(destination, by_file(file.name(), at), kUuidA, stream).status);
  EXPECT_EQ(destination.segment(file.name()), file.bytes());
}

// A source without 64-bit positions sends the file from its head.
TEST(Receiver, leaves_out_what_it_holds) {
  const SourceFile file = first_file();
  MemoryDestination destination;
  ByteVector part = packets(fake_rotate(file.name(), 4));
  for (size_t i = 0; i < 6; ++i) part = concat({part, packets(file.events()[i])});
  ASSERT_TRUE(receive(destination, by_file(file.name()), kUuidA, part).status);
  ASSERT_TRUE(
      receive(destination, by_file(file.name(), file.end_of(6)), kUuidA, dump(file)).status);
  EXPECT_EQ(destination.segment(file.name()), file.bytes());
}

TEST(Receiver, tells_another_file_of_the_same_name) {
  const SourceFile file = first_file();
  MemoryDestination destination;
  ASSERT_TRUE(receive(destination, by_file(file.name()), kUuidA, dump(file)).status);
  SourceFile other("binlog.000001", "", 2000);
  other.transaction(kUuidA, 1)
      .transaction(kUuidA, 2, 200'000)
      .transaction(kUuidA, 3)
      .transaction(kUuidA, 4);
  const ByteVector before = destination.segment(file.name());
  const Received received =
      receive(destination, by_file(file.name(), file.end()), kUuidA, dump(other, file.end()));
  EXPECT_FALSE(received.status);
  EXPECT_TRUE(received.file_replaced);
  EXPECT_EQ(destination.segment(file.name()), before);
}

// MariaDB 11.7 and later.
TEST(Receiver, takes_events_without_an_end_position_within_transactions) {
  SourceFile file("binlog.000001", "", 1000, "11.8.6-MariaDB");
  file.transaction(kUuidA, 1).transaction(kUuidA, 2, 1'000'000);
  std::vector<ByteVector> events = file.events();
  ByteVector want(binlog::kMagic.begin(), binlog::kMagic.end());
  ByteVector stream = packets(fake_rotate(file.name(), 4));
  for (ByteVector& event : events) {
    const uint8_t type = binlog::parse_header(event.data()).type;
    if (type == binlog::kQueryEvent || type == kRowsEvent) binlog::set_log_pos(event, 0, true);
    want.insert(want.end(), event.begin(), event.end());
    stream = concat({stream, packets(event)});
  }
  MemoryDestination destination;
  const Received received = receive(destination, by_file(file.name()), kUuidA, stream, 5000);
  ASSERT_TRUE(received.status) << received.status.error().message;
  EXPECT_EQ(destination.segment(file.name()), want);
  EXPECT_EQ(received.source_end.offset, file.end());
}

// MariaDB's encrypt_binlog: an event that is not sent, or sent marked as ignorable.
TEST(Receiver, fills_the_place_of_what_tells_how_the_file_is_encrypted) {
  SourceFile sent("binlog.000001", "", 1000, "10.11.6-MariaDB");
  sent.event(binlog::kMariadbStartEncryptionEvent, ByteVector(17), binlog::kFlagIgnorable);
  sent.transaction(kUuidA, 1);
  SourceFile left_out("binlog.000001", "", 1000, "10.11.6-MariaDB");
  left_out.skip(40).transaction(kUuidA, 1);
  for (const SourceFile* file : {&sent, &left_out}) {
    MemoryDestination destination;
    const Received received = receive(destination, by_file(file->name()), kUuidA, dump(*file));
    ASSERT_TRUE(received.status) << received.status.error().message;
    const ByteVector& segment = destination.segment(file->name());
    EXPECT_EQ(segment.size(), file->end());
    const std::vector<ByteVector> events = events_of(segment);
    EXPECT_EQ(binlog::parse_header(events[2].data()).type, binlog::kMariadbBinlogCheckpointEvent);
    EXPECT_EQ(as_text(Bytes(events[2]).subspan(binlog::kHeaderBytes + 4, 13)), file->name());
    EXPECT_EQ(binlog::parse_header(events[2].data()).size, 40U);
    EXPECT_EQ(events.back(), file->events().back());
  }
}

// A dump that begins within the file has a copy of it, which has no place there.
TEST(Receiver, goes_on_within_an_encrypted_file) {
  SourceFile file("binlog.000001", "", 1000, "10.11.6-MariaDB");
  file.event(binlog::kMariadbStartEncryptionEvent, ByteVector(17), binlog::kFlagIgnorable);
  file.transaction(kUuidA, 1);
  MemoryDestination destination;
  ASSERT_TRUE(receive(destination, by_file(file.name()), kUuidA, dump(file)).status);
  const uint64_t held = file.end();
  file.transaction(kUuidA, 2);
  ByteVector copy = file.events()[2];
  binlog::set_log_pos(copy, 0, true);
  ByteVector stream = concat({packets(fake_rotate(file.name(), held)),
                              packets(artificial(file.events()[0])), packets(copy)});
  for (size_t i = 7; i < file.events().size(); ++i)
    stream = concat({stream, packets(file.events()[i])});
  const Received received = receive(destination, by_file(file.name(), held), kUuidA, stream);
  ASSERT_TRUE(received.status) << received.status.error().message;
  EXPECT_EQ(received.source_end.offset, file.end());
  EXPECT_EQ(destination.segment(file.name()).size(), file.end());
}

TEST(Receiver, goes_on_in_a_segment_that_lost_its_first_bytes) {
  const SourceFile file = first_file();
  MemoryDestination destination;
  ASSERT_TRUE(destination.begin_segment(file.name()));
  ASSERT_TRUE(destination.record_source({kUuidA, 1, "8.0.36", file.name(), 0}));
  ASSERT_TRUE(receive(destination, by_file(file.name(), 0), kUuidA, dump(file)).status);
  EXPECT_EQ(destination.segment(file.name()), file.bytes());
}

// MariaDB after a crash.
TEST(Receiver, abandons_a_transaction_that_its_file_does_not_end) {
  SourceFile crashed("binlog.000001", "");
  crashed.transaction(kUuidA, 1);
  const uint64_t whole = crashed.end();
  crashed.transaction(kUuidA, 2);
  SourceFile next("binlog.000002", std::string(kUuidA) + ":1");
  next.transaction(kUuidA, 2);
  ByteVector stream = packets(fake_rotate(crashed.name(), 4));
  for (size_t i = 0; i + 1 < crashed.events().size(); ++i)
    stream = concat({stream, packets(crashed.events()[i])});
  MemoryDestination destination;
  const Received received =
      receive(destination, by_file(crashed.name()), kUuidA, concat({stream, dump(next)}));
  ASSERT_TRUE(received.status) << received.status.error().message;
  EXPECT_EQ(destination.segment("binlog.000001").size(), whole);
  EXPECT_EQ(destination.segment("binlog.000002"), next.bytes());
  EXPECT_EQ(destination.executed().to_string(), std::string(kUuidA) + ":1-2");
}

struct BrokenCase {
  const char* name;
  ByteVector stream;
};

TEST(Receiver, stores_nothing_that_does_not_fit) {
  const SourceFile file = first_file();
  SourceFile hole("binlog.000001", "");
  hole.transaction(kUuidA, 1).skip(100).transaction(kUuidA, 2);
  ByteVector damaged = dump(file);
  damaged[damaged.size() - 10] ^= 1;
  const ByteVector head = concat({packets(fake_rotate(file.name(), 4)), packets(file.events()[0])});
  const BrokenCase cases[] = {
      {"hole", dump(hole)},
      {"damaged", damaged},
      {"event_twice", concat({dump(file), packets(file.events().back())})},
      {"no_format_description",
       concat({packets(fake_rotate(file.name(), 4)), packets(file.events()[1])})},
      {"no_file_name", packets(file.events()[0])},
      {"begins_in_the_middle",
       concat({packets(fake_rotate(file.name(), 4)), packets(artificial(file.events()[0]))})},
  };
  for (const BrokenCase& broken : cases) {
    MemoryDestination destination;
    const Received received =
        receive(destination, by_file(file.name()), kUuidA, broken.stream, 5000);
    ASSERT_FALSE(received.status) << broken.name;
    EXPECT_EQ(received.status.error().code, Code::kCorrupt) << broken.name;
    for (const std::string& name : destination.names()) {
      const ByteVector& stored = destination.segment(name);
      const ByteVector whole = broken.name == std::string("hole") ? hole.bytes() : file.bytes();
      EXPECT_TRUE(std::equal(stored.begin(), stored.end(), whole.begin())) << broken.name;
    }
  }
}

std::string gtids_of(const ByteVector& segment) {
  mysql::Executed executed;
  for (const ByteVector& event : events_of(segment)) {
    const binlog::EventHeader header = binlog::parse_header(event.data());
    if (header.type == binlog::kGtidEvent)
      executed.add(binlog::parse_gtid_event(header, event)->gtid);
  }
  return executed.to_string();
}

class ReceiverFailover : public ::testing::Test {
 protected:
  ReceiverFailover() {
    SourceFile old = first_file();
    old.transaction(kUuidA, 4);
    EXPECT_TRUE(receive(destination_, by_file(old.name()), kUuidA, dump(old)).status);
  }

  // What server B sends of its file to one that has A:1-4: transactions that are held are passed over.
  ByteVector dump_of_b(const SourceFile& file, std::initializer_list<size_t> events) {
    ByteVector out = packets(fake_rotate(file.name(), 4));
    for (const size_t i : events) out = concat({out, packets(file.events()[i])});
    return out;
  }

  MemoryDestination destination_;
};

TEST_F(ReceiverFailover, new_segment_holds_what_was_missing_with_our_positions) {
  SourceFile b("mysql-bin.000041", "");
  b.transaction(kUuidA, 1).transaction(kUuidA, 4).transaction(kUuidA, 5).transaction(kUuidB, 1,
                                                                                     200'000);
  b.rotate_to("mysql-bin.000042");
  SourceFile next("mysql-bin.000042", std::string(kUuidA) + ":1-5," + kUuidB + ":1");
  next.transaction(kUuidB, 2);
  const ByteVector stream =
      concat({dump_of_b(b, {0, 1, 10, 11, 12, 13, 14, 15, 16, 17, 18}), dump(next)});
  for (const size_t step : {13U, 1'000'000U}) {
    MemoryDestination destination = destination_;
    const Received received =
        receive(destination, as_new_source(destination), kUuidB, stream, step);
    ASSERT_TRUE(received.status) << received.status.error().message;
    EXPECT_EQ(destination.names(),
              (std::vector<std::string>{"binlog.000001", "binlog.000002", "binlog.000003"}));
    const ByteVector& segment = destination.segment("binlog.000002");
    EXPECT_EQ(gtids_of(segment), std::string(kUuidA) + ":5," + kUuidB + ":1");
    const std::vector<ByteVector> events = events_of(segment);
    EXPECT_EQ(binlog::parse_previous_gtids(events[1], true)->to_string(),
              std::string(kUuidA) + ":1-4");
    EXPECT_EQ(binlog::parse_rotate(events.back(), true)->file, "binlog.000003");
    EXPECT_EQ(destination.segment("binlog.000003"), next.bytes()) << "a whole file needs no change";
    EXPECT_EQ(destination.executed().to_string(), std::string(kUuidA) + ":1-5," + kUuidB + ":1-2");
    EXPECT_TRUE(received.errant.empty());
    const SourceIdentity at = destination.source_at_end();
    EXPECT_EQ(at.file, "mysql-bin.000042");
    EXPECT_EQ(at.offset, next.end());
    EXPECT_EQ(at.server_uuid, kUuidB);
  }
}

TEST_F(ReceiverFailover, goes_on_in_its_segment_after_a_cut_at_every_event) {
  SourceFile b("mysql-bin.000041", "");
  b.transaction(kUuidA, 4).transaction(kUuidB, 1).transaction(kUuidB, 2);
  MemoryDestination whole = destination_;
  ASSERT_TRUE(
      receive(whole, as_new_source(whole), kUuidB, dump_of_b(b, {0, 1, 6, 7, 8, 9, 10, 11, 12, 13}))
          .status);
  const std::vector<size_t> sent = {0, 1, 6, 7, 8, 9, 10, 11, 12, 13};
  for (size_t cut = 1; cut < sent.size(); ++cut) {
    MemoryDestination destination = destination_;
    ByteVector stream = packets(fake_rotate(b.name(), 4));
    for (size_t i = 0; i < cut; ++i) stream = concat({stream, packets(b.events()[sent[i]])});
    ASSERT_TRUE(receive(destination, as_new_source(destination), kUuidB, stream).status);
    ASSERT_TRUE(destination.abort_transaction());
    DumpPlan plan = as_new_source(destination);
    plan.new_source = false;
    // The source passes over the transactions that came whole.
    const size_t whole_transactions = cut >= 6 ? 1 : 0;
    stream = packets(fake_rotate(b.name(), 4));
    for (size_t i = 0; i < sent.size(); ++i) {
      if (i >= 2 && i < 2 + 4 * whole_transactions) continue;
      stream = concat({stream, packets(b.events()[sent[i]])});
    }
    const Received received = receive(destination, plan, kUuidB, stream);
    ASSERT_TRUE(received.status) << cut << " " << received.status.error().message;
    EXPECT_EQ(destination.segment("binlog.000002"), whole.segment("binlog.000002")) << cut;
  }
}

TEST_F(ReceiverFailover, names_errant_transactions) {
  SourceFile b("mysql-bin.000041", "");
  b.transaction(kUuidB, 1).transaction(kUuidA, 4).transaction(kUuidB, 2).transaction(kUuidA, 5);
  const Received received =
      receive(destination_, as_new_source(destination_), kUuidB,
              dump_of_b(b, {0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 16, 17}));
  ASSERT_TRUE(received.status) << received.status.error().message;
  EXPECT_EQ(received.errant.to_string(), std::string(kUuidB) + ":1");
  EXPECT_EQ(gtids_of(destination_.segment("binlog.000002")),
            std::string(kUuidA) + ":5," + kUuidB + ":1-2");
}

TEST_F(ReceiverFailover, names_errant_transactions_of_a_server_that_was_the_source_before) {
  destination_.set_executed(*mysql::Executed::parse(mysql::Flavor::kMysql,
                                                    std::string(kUuidA) + ":1-4," + kUuidB + ":1"));
  SourceFile b("mysql-bin.000041", "");
  b.transaction(kUuidB, 2).transaction(kUuidA, 4).transaction(kUuidB, 3);
  const Received received = receive(destination_, as_new_source(destination_), kUuidB,
                                    dump_of_b(b, {0, 1, 2, 3, 4, 5, 10, 11, 12, 13}));
  ASSERT_TRUE(received.status) << received.status.error().message;
  EXPECT_EQ(received.errant.to_string(), std::string(kUuidB) + ":2");
}

}  // namespace
}  // namespace binbus::ingest
