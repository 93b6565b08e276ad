#include "serve/dump.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <thread>
#include <tuple>

#include "binlog/control_events.h"
#include "serve/log_testing.h"

namespace binbus::serve {
namespace {

using mysql::Flavor;
using store::FileMaker;
using store::MadeFile;
using store::make_files;

const std::string kUuid = kSourceUuid;

struct Received {
  uint8_t sequence;
  ByteVector payload;
};

// A reader of one dump, which runs in a thread of its own.
class Reader {
 public:
  Reader(TestLog& log, DumpRequest request, ReaderTraits traits)
      : log_(log), request_(std::move(request)), traits_(std::move(traits)) {
    int sockets[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    server_ =
        std::make_unique<mysql::PacketChannel>(io::make_socket_stream(sockets[0], "reader:1"));
    client_ =
        std::make_unique<mysql::PacketChannel>(io::make_socket_stream(sockets[1], "server:2"));
    client_->stream().set_read_timeout(10'000);
    server_->set_sequence(1);
    client_->set_sequence(1);
    thread_ = std::thread([this] {
      result_ = run_dump(
          request_, traits_,
          {log_.catalog, *server_, progress_, io::system_clock(), stop_.get_token(), reason_});
      if (!result_) server_->stream().shutdown();  // as its session does
    });
  }
  ~Reader() {
    end(EndReason::kStopped);
    client_->stream().shutdown();
    thread_.join();
  }

  Received next() {
    const uint8_t sequence = client_->sequence();
    const auto packet = client_->read(64 << 20);
    if (!packet) return {sequence, to_owned(as_bytes("gone: " + packet.error().message))};
    return {sequence, to_owned(*packet)};
  }
  // Until an EOF or error packet; that one too.
  std::vector<Received> rest() {
    std::vector<Received> all;
    do {
      all.push_back(next());
    } while (all.back().payload[0] == 0);
    return all;
  }
  void end(EndReason reason) {
    reason_ = reason;
    stop_.request_stop();
  }
  Status finish() {
    thread_.join();
    thread_ = std::thread([] {});
    return result_;
  }
  // The server has read all that was sent.
  bool heard() const {
    const auto waiting = server_->stream().wait_readable(0);
    return waiting && !*waiting;
  }
  ReplicaStatus status() const { return progress_.status(); }
  mysql::PacketChannel& channel() { return *client_; }

 private:
  TestLog& log_;
  const DumpRequest request_;
  const ReaderTraits traits_;
  std::unique_ptr<mysql::PacketChannel> server_, client_;
  Progress progress_{1, "reader:1", 0};
  std::stop_source stop_;
  std::atomic<EndReason> reason_ = EndReason::kStopped;
  Status result_ = ok();
  std::thread thread_;
};

// "Rotate@0 Format_desc@126 ... EOF": types and log positions; texts of errors.
std::string shown(const Received& received, size_t head_bytes) {
  const Bytes payload = received.payload;
  if (payload[0] == 0xfe) return "EOF";
  if (payload[0] == 0xff)
    return "ERR " + std::to_string(load_u16(&payload[1])) + " " +
           std::string(as_text(payload.subspan(9)));
  if (payload[0] != 0) return std::string(as_text(payload));
  const binlog::EventHeader header = binlog::parse_header(&payload[head_bytes]);
  return std::string(binlog::event_type_name(header.type)) + "@" + std::to_string(header.log_pos);
}
std::string shown(const std::vector<Received>& all, size_t head_bytes = 1) {
  std::string text;
  for (const Received& received : all)
    text += (text.empty() ? "" : " ") + shown(received, head_bytes);
  return text;
}

DumpRequest from(std::string file, uint64_t position, uint16_t flags = DumpRequest::kNonBlocking) {
  return {std::move(file), position, flags, 77, std::nullopt};
}
DumpRequest by_gtids(const std::string& set, uint16_t flags = DumpRequest::kNonBlocking) {
  return {"", 4, flags, 77, mysql::GtidSet::parse(set).value()};
}
ReaderTraits crc32() {
  ReaderTraits traits;
  traits.checksum = ChecksumWish::kCrc32;
  return traits;
}
ReaderTraits mariadb(const std::string& state, int capability = 4) {
  ReaderTraits traits = crc32();
  traits.capability = capability;
  if (state != "-") traits.connect_state = state;
  return traits;
}

// What one segment's events are, told by `shown`, from `offset` on, without its format description.
std::string events_of(const MadeFile& file, uint64_t offset = 4) {
  std::string text;
  for (size_t at = 4; at < file.bytes.size();) {
    const auto header = binlog::parse_header(&file.bytes[at]);
    if (at >= offset && header.type != binlog::kFormatDescriptionEvent) {
      text += " " + std::string(binlog::event_type_name(header.type)) + "@" +
              std::to_string(header.log_pos);
    }
    at += header.size;
  }
  return text;
}

TEST(Dump, SendsEverySegmentWithItsName) {
  const auto files = make_files(Flavor::kMysql, 2, 2, 60);
  TestLog log(files);
  Reader reader(log, from("", 4), crc32());
  const auto all = reader.rest();
  EXPECT_EQ(shown(all), "Rotate@0 Format_desc@126" + events_of(files[0]) +
                            " Rotate@0 Format_desc@126" + events_of(files[1]) + " EOF");
  const auto rotate = binlog::parse_rotate(Bytes(all[0].payload).subspan(1), true);
  ASSERT_TRUE(rotate);
  EXPECT_EQ(rotate->file, "binlog.000001");
  EXPECT_EQ(binlog::parse_header(&all[0].payload[1]).server_id, 4711u);
  EXPECT_TRUE(reader.finish());
}

TEST(Dump, BytesAreTheFilesOwn) {
  const auto files = make_files(Flavor::kMysql, 1, 5, 700);
  TestLog log(files);
  Reader reader(log, from("binlog.000001", 4), crc32());
  ByteVector sent = to_owned(binlog::kMagic);
  const auto all = reader.rest();
  for (size_t i = 1; i + 1 < all.size(); i++)
    sent.insert(sent.end(), all[i].payload.begin() + 1, all[i].payload.end());
  EXPECT_EQ(sent, files[0].bytes);
}

TEST(Dump, FromWithinASegmentHidesTheFormatsPlace) {
  const auto files = make_files(Flavor::kMysql, 1, 3, 60);
  TestLog log(files);
  const uint64_t second =
      files[0].ends[2].offset;  // after format, previous GTIDs and one transaction
  Reader reader(log, from("binlog.000001", second), crc32());
  const auto all = reader.rest();
  EXPECT_EQ(shown(all), "Rotate@0 Format_desc@0" + events_of(files[0], second) + " EOF");
  EXPECT_EQ(binlog::parse_rotate(Bytes(all[0].payload).subspan(1), true)->position, second);
  EXPECT_TRUE(binlog::checksum_matches(Bytes(all[1].payload).subspan(1)));
}

struct ErrorCase {
  const char* name;
  DumpRequest request;
  ChecksumWish checksum;
  const char* answer;
};
const ErrorCase kErrorCases[] = {
    {"unknown_file", from("binlog.000009", 4), ChecksumWish::kCrc32,
     "ERR 1236 Could not find first log file name in binary log index file"},
    {"before_the_start", from("binlog.000001", 3), ChecksumWish::kCrc32,
     "ERR 1236 Client requested source to start replication from position < 4"},
    {"past_the_end", from("binlog.000001", 100'000), ChecksumWish::kCrc32,
     "ERR 1236 Client requested source to start replication from position > file size"},
    {"inside_an_event", from("binlog.000001", 130), ChecksumWish::kCrc32,
     "ERR 1236 bogus data in log event; no event starts at position 130 of 'binlog.000001'"},
    {"no_checksums_known", from("binlog.000001", 4), ChecksumWish::kUnaware,
     "Rotate@0 ERR 1236 Replica can not handle replication events with the checksum that source is "
     "configured to log; the "
     "first event 'binlog.000001' at 4"},
    {"replica_has_more", by_gtids(kUuid + ":1-9"), ChecksumWish::kCrc32,
     "ERR 1236 Replica has more GTIDs than the source has, using the source's SERVER_UUID. The "
     "source lacks "
     "'3e11fa47-71ca-11e1-9e33-c80aa9429562:5-9'"},
};
class DumpErrors : public testing::TestWithParam<ErrorCase> {};
TEST_P(DumpErrors, AreTheServers) {
  TestLog log(make_files(Flavor::kMysql, 2, 2, 60));
  log.options.version = "9.7.0";  // it says source and replica
  ReaderTraits traits;
  traits.checksum = GetParam().checksum;
  Reader reader(log, GetParam().request, traits);
  const std::string answer = shown(reader.rest());
  EXPECT_EQ(answer.substr(0, std::string(GetParam().answer).size()), GetParam().answer);
  EXPECT_TRUE(reader.finish());  // the connection goes on
}
INSTANTIATE_TEST_SUITE_P(Dump, DumpErrors, testing::ValuesIn(kErrorCases),
                         [](const auto& param) { return param.param.name; });

// Only what may yet come is worth another try.
const ErrorCase kBehindCases[] = {
    {"unknown_file", from("binlog.000009", 4711), ChecksumWish::kCrc32,
     "Rotate@0 ERR 1053 this log may be behind its source, try again: Could not find first log"},
    {"past_the_end", from("binlog.000002", 100'000), ChecksumWish::kCrc32,
     "Rotate@0 ERR 1053 this log may be behind its source, try again: Client requested source"},
    {"replica_has_more", by_gtids(kUuid + ":1-9"), ChecksumWish::kCrc32,
     "Rotate@0 ERR 1053 this log may be behind its source, try again: Replica has more GTIDs"},
    {"past_the_end_of_a_whole_file", from("binlog.000001", 100'000), ChecksumWish::kCrc32,
     "ERR 1236 Client requested source"},
    {"inside_an_event", from("binlog.000001", 130), ChecksumWish::kCrc32, "ERR 1236 bogus data"},
};
class BehindErrors : public testing::TestWithParam<ErrorCase> {};
TEST_P(BehindErrors, LetTheReplicaTryAgain) {
  TestLog log(make_files(Flavor::kMysql, 2, 2, 60));
  log.options.version = "9.7.0";
  log.facts.behind = true;
  const DumpRequest& request = GetParam().request;
  Reader reader(log, request, crc32());
  const auto all = reader.rest();
  EXPECT_TRUE(shown(all).starts_with(GetParam().answer)) << shown(all);
  if (all.size() == 1) return;
  const auto rotate = binlog::parse_rotate(Bytes(all[0].payload).subspan(1), true);
  ASSERT_TRUE(rotate);
  EXPECT_EQ(rotate->file, request.file.empty() ? "binlog.000002" : request.file);
  EXPECT_EQ(rotate->position, request.position);  // where the replica is already
}
INSTANTIATE_TEST_SUITE_P(Dump, BehindErrors, testing::ValuesIn(kBehindCases),
                         [](const auto& param) { return param.param.name; });

TEST(Dump, OlderServersSayMasterAndSlave) {
  TestLog log(make_files(Flavor::kMysql, 1, 1, 60));  // 8.0.32 would say source
  log.options.version = "5.7.44-log";
  Reader reader(log, from("", 4), ReaderTraits());
  EXPECT_EQ(shown(reader.rest())
                .find("Rotate@0 ERR 1236 Slave can not handle replication events with the checksum "
                      "that master"),
            0u);
}

TEST(Dump, PurgedGtidsAreNamed) {
  auto files = make_files(Flavor::kMysql, 3, 2, 60);
  files.erase(files.begin());
  TestLog log(files);
  Reader reader(log, by_gtids(kUuid + ":1"), crc32());
  const std::string answer = shown(reader.rest());
  EXPECT_NE(answer.find("ERR 1236 Cannot replicate because the source purged required binary logs"),
            std::string::npos)
      << answer;
  EXPECT_NE(answer.find("The missing transactions are '" + kUuid +
                        ":2', and the GTID set sent by the replica is '" + kUuid + ":1'"),
            std::string::npos)
      << answer;
}

// A replica with a long history: the set that helps its operator is the one that is not cut.
TEST(Dump, PurgedGtidsAreNamedToAReplicaWithALongSet) {
  auto files = make_files(Flavor::kMysql, 3, 2, 60);
  files.erase(files.begin());
  TestLog log(files);
  std::string sent = "00000000-0000-4000-8000-000000000001:1";
  for (int i = 3; sent.size() < 1000; i += 2) sent += ":" + std::to_string(i);
  Reader reader(log, by_gtids(sent + "," + kUuid + ":1"), crc32());
  const std::string answer = shown(reader.rest());
  EXPECT_NE(answer.find("The missing transactions are '" + kUuid +
                        ":2', and the GTID set sent by the replica is '00000000-0000-4000-8000-"
                        "000000000001:1:3:5"),
            std::string::npos)
      << answer;
  EXPECT_TRUE(answer.ends_with("...'")) << answer;
}

TEST(Dump, WithoutChecksumsInTheFileAnyReaderWillDo) {
  const auto files = make_files(Flavor::kMysql, 1, 1, 60, binlog::Checksum::kNone);
  TestLog log(files);
  Reader reader(log, from("", 4), ReaderTraits());
  EXPECT_EQ(shown(reader.rest()), "Rotate@0 Format_desc@126" + events_of(files[0]) + " EOF");
}

// Transactions 1-3 are there, 4 is not: the reader gets the head, a heartbeat for what it was spared, and number 4.
TEST(Dump, GtidsThatTheReplicaHasAreSkipped) {
  const auto files = make_files(Flavor::kMysql, 2, 4, 60);
  TestLog log(files);
  Reader reader(log, by_gtids(kUuid + ":1-3:5-8"), crc32());
  const uint64_t fourth = files[0].ends[4].offset;
  const auto all = reader.rest();
  EXPECT_EQ(shown(all), "Rotate@0 Format_desc@126 Previous_gtids@" +
                            std::to_string(files[0].ends[1].offset) + " Heartbeat@" +
                            std::to_string(fourth) + events_of(files[0], fourth) +
                            " Rotate@0 Format_desc@126 Previous_gtids@" +
                            std::to_string(files[1].ends[1].offset) + " Heartbeat@" +
                            std::to_string(files[1].bytes.size()) + " EOF");
  const Bytes format = Bytes(all[1].payload).subspan(1);
  EXPECT_TRUE(binlog::checksum_matches(format));
}

// A replica that reconnects: while it is spared what it has, it hears as often as it has asked for.
TEST(Dump, SkippingSendsNoMoreHeartbeatsThanItsReaderAskedFor) {
  const auto files = make_files(Flavor::kMysql, 1, 50, 60);
  TestLog log(files);
  for (const auto& [period_us, heartbeats_min, heartbeats_max] :
       {std::tuple{30'000'000u, 1, 1}, std::tuple{1u, 2, 200}}) {
    ReaderTraits traits = crc32();
    traits.heartbeat_us = period_us;
    Reader reader(log, by_gtids(kUuid + ":1-49"), traits);
    const auto all = reader.rest();
    const auto heartbeats = std::ranges::count_if(
        all, [](const Received& received) { return shown(received, 1).starts_with("Heartbeat"); });
    EXPECT_GE(heartbeats, heartbeats_min) << shown(all);
    EXPECT_LE(heartbeats, heartbeats_max) << shown(all);
    EXPECT_EQ(static_cast<size_t>(heartbeats) + 3 + 4 + 1, all.size());
  }
}

TEST(Dump, GtidsStartInTheLastSegmentThatIsNeeded) {
  const auto files = make_files(Flavor::kMysql, 3, 2, 60);
  TestLog log(files);
  Reader reader(log, by_gtids(kUuid + ":1-4"), crc32());
  const auto all = reader.rest();
  EXPECT_EQ(binlog::parse_rotate(Bytes(all[0].payload).subspan(1), true)->file, "binlog.000003");
  EXPECT_EQ(shown(all), "Rotate@0 Format_desc@126" + events_of(files[2]) + " EOF");
}

TEST(Dump, AnonymousTransactionsEndAGtidDump) {
  FileMaker maker(Flavor::kMysql, binlog::Checksum::kCrc32);
  maker.start("binlog.000001", mysql::Executed());
  maker.event(binlog::kAnonymousGtidEvent, 0, 1'000'000, ByteVector(42));
  MadeFile file = maker.file();
  file.ends.push_back({file.bytes.size(), {}, 1'000'000, true});
  TestLog log({file});
  Reader reader(log, by_gtids(""), crc32());
  EXPECT_NE(shown(reader.rest())
                .find("ERR 1236 Cannot replicate anonymous transaction when AUTO_POSITION = 1, at "
                      "file binlog.000001, position 157"),
            std::string::npos);
}

TEST(Dump, ALongEventIsSentInPiecesAndComesWhole) {
  const auto files = make_files(Flavor::kMysql, 1, 1, 17'000'000);  // more than one packet holds
  TestLog log(files);
  Reader reader(log, from("", 4), crc32());
  ByteVector sent = to_owned(binlog::kMagic);
  const auto all = reader.rest();
  EXPECT_EQ(shown(all), "Rotate@0 Format_desc@126" + events_of(files[0]) + " EOF");
  for (size_t i = 1; i + 1 < all.size(); i++)
    sent.insert(sent.end(), all[i].payload.begin() + 1, all[i].payload.end());
  EXPECT_TRUE(sent == files[0].bytes);
}

TEST(Dump, FollowsTheLog) {
  const auto files = make_files(Flavor::kMysql, 3, 2, 60);
  TestLog log({files[0]});
  Reader reader(log, from("", 4, 0), crc32());
  const size_t first = 2 + 1 + 2 * 4;  // rotate, format; previous GTIDs; transactions
  for (size_t i = 0; i < first; i++) ASSERT_EQ(reader.next().payload[0], 0);
  log.add(files[1]);
  EXPECT_EQ(shown(reader.next(), 1), "Rotate@0");
  EXPECT_EQ(shown(reader.next(), 1), "Format_desc@126");
  EXPECT_EQ(shown(reader.next(), 1), "Previous_gtids@197");
  for (size_t i = 0; i < 8; i++) ASSERT_EQ(reader.next().payload[0], 0);
  ASSERT_TRUE(log.log->begin_segment(files[2].name));  // nothing of it is visible yet
  EXPECT_EQ(shown(reader.next(), 1), "Rotate@0");
}

TEST(Dump, AHeartbeatNamesNoPlaceBeforeAFilesFirstEvent) {
  const auto files = make_files(Flavor::kMysql, 2, 1, 60);
  TestLog log({files[0]});
  ASSERT_TRUE(log.log->begin_segment(files[1].name));
  ReaderTraits traits = crc32();
  traits.heartbeat_us = 1000;
  Reader reader(log, from("", 4, DumpRequest::kHeartbeatV2), traits);
  for (size_t i = 0; i < 2 + 1 + 4 + 1; i++) reader.next();
  const auto beat = binlog::parse_heartbeat(Bytes(reader.next().payload).subspan(1), true);
  ASSERT_TRUE(beat);
  EXPECT_EQ(beat->file, files[1].name);
  EXPECT_EQ(beat->position, 4u);
}

TEST(Dump, HeartbeatsTellThePlaceWhileNothingHappens) {
  const auto files = make_files(Flavor::kMysql, 1, 1, 60);
  TestLog log(files);
  ReaderTraits traits = crc32();
  traits.heartbeat_us = 1000;
  for (const uint16_t flags : {uint16_t{0}, uint16_t{DumpRequest::kHeartbeatV2}}) {
    Reader reader(log, from("binlog.000001", files[0].bytes.size(), flags), traits);
    reader.next();
    reader.next();
    const Received beat = reader.next();
    const auto parsed = binlog::parse_heartbeat(Bytes(beat.payload).subspan(1), true);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->file, "binlog.000001");
    EXPECT_EQ(parsed->position, files[0].bytes.size());
    EXPECT_EQ(binlog::parse_header(&beat.payload[1]).type,
              flags == 0 ? binlog::kHeartbeatEvent : binlog::kHeartbeatEventV2);
  }
}

TEST(Dump, SemiSyncAsksForTheLastEventAndTakesTheAnswer) {
  const auto files = make_files(Flavor::kMysql, 2, 1, 60);
  TestLog log({files[0]});
  ReaderTraits traits = crc32();
  traits.semi_sync = true;
  Reader reader(log, from("", 4, 0), traits);
  std::vector<Received> all;
  for (size_t i = 0; i < 2 + 1 + 4; i++) all.push_back(reader.next());
  for (const Received& received : all) {
    EXPECT_EQ(received.payload[1], 0xef);
    EXPECT_EQ(received.payload[2], &received == &all.back() ? 1 : 0);
  }
  // The replica answers from 0, and both count on from 1.
  ByteWriter answer;
  answer.u8(0xef).u64(files[0].bytes.size()).text("binlog.000001");
  reader.channel().set_sequence(0);
  ASSERT_TRUE(reader.channel().write(answer.view()) && reader.channel().flush());
  log.add(files[1]);
  EXPECT_EQ(shown(reader.next(), 3), "Rotate@0");
  for (size_t i = 0; i < 6; i++) reader.next();
  const binlog::Position want{1, files[0].bytes.size()};
  for (int i = 0; i < 10'000 && reader.status().acknowledged != want; i++)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(reader.status().acknowledged, want);
}

void say(Reader& reader, Bytes payload) {
  const uint8_t sequence = reader.channel().sequence();
  reader.channel().set_sequence(0);
  ASSERT_TRUE(reader.channel().write(payload) && reader.channel().flush());
  reader.channel().set_sequence(sequence);
}

TEST(Dump, CommandsOfItsReaderDoNotDisturbIt) {
  const auto files = make_files(Flavor::kMysql, 2, 1, 60);
  TestLog log({files[0]});
  ReaderTraits traits = crc32();
  traits.heartbeat_us = 1000;
  Reader reader(log, from("", 4, 0), traits);
  for (size_t i = 0; i < 2 + 1 + 4; i++) reader.next();
  say(reader, ByteVector{static_cast<uint8_t>(mysql::Command::kPing)});
  say(reader, ByteVector(10'000, static_cast<uint8_t>(mysql::Command::kQuery)));
  say(reader, {});
  say(reader, ByteVector{0xef});  // no acknowledgement was asked for
  for (int i = 0; i < 100'000 && !reader.heard(); i++) std::this_thread::yield();
  ASSERT_TRUE(reader.heard());
  log.add(files[1]);
  std::string next;
  do next = shown(reader.next(), 1);
  while (next.starts_with("Heartbeat"));
  EXPECT_EQ(next, "Rotate@0");
}

TEST(Dump, EndsWithItsReadersGoodBye) {
  TestLog log(make_files(Flavor::kMysql, 1, 1, 60));
  Reader reader(log, from("", 4, 0), crc32());
  say(reader, ByteVector{static_cast<uint8_t>(mysql::Command::kQuit)});
  const Status result = reader.finish();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "the reader has left");
}

TEST(Dump, ADuplicateIsTold) {
  TestLog log(make_files(Flavor::kMysql, 1, 1, 60));
  Reader reader(log, from("", 4, 0), crc32());
  for (size_t i = 0; i < 7; i++) reader.next();
  reader.end(EndReason::kDuplicate);
  EXPECT_EQ(shown(reader.next(), 1)
                .find("ERR 1236 A replica with the same server_uuid/server_id as this replica has "
                      "connected to the source; the first event '' at 4"),
            0u);
  EXPECT_TRUE(reader.finish());
}

TEST(Dump, EndsWithTheServerAndWithItsReader) {
  TestLog log(make_files(Flavor::kMysql, 1, 1, 60));
  Reader stopped(log, from("", 4, 0), crc32());
  stopped.end(EndReason::kStopped);
  EXPECT_EQ(stopped.finish().error().code, Code::kStopped);
  Reader left(log, from("", 4, 0), crc32());
  left.channel().stream().shutdown();
  EXPECT_EQ(left.finish().error().code, Code::kNetwork);
  log.options.catch_up_ms = 10'000;
  Reader ahead(log, by_gtids(kUuid + ":1-9"), crc32());
  ahead.end(EndReason::kStopped);
  EXPECT_EQ(ahead.finish().error().code, Code::kStopped);
}

// More than what its connection takes before it has to be read: it is stopped in the midst of the first transaction.
TEST(Dump, ByGtidsEndsBetweenTransactionsWhenTheServerStops) {
  const auto files = make_files(Flavor::kMysql, 1, 3, 4 << 20);
  TestLog log(files);
  const std::string whole = events_of(files[0]);
  const std::string after_first = events_of(files[0], files[0].ends[2].offset);
  Reader reader(log, by_gtids("", 0), crc32());
  EXPECT_EQ(shown(reader.next(), 1), "Rotate@0");
  reader.end(EndReason::kStopped);
  auto all = reader.rest();
  EXPECT_TRUE(shown(all.back(), 1).starts_with("gone"));
  all.pop_back();
  EXPECT_EQ(shown(all), "Format_desc@126" + whole.substr(0, whole.size() - after_first.size()));
  EXPECT_EQ(reader.finish().error().code, Code::kStopped);
}

TEST(Dump, WaitsForWhatTheReplicaHasAlready) {
  const auto files = make_files(Flavor::kMysql, 2, 2, 60);
  for (const DumpRequest& request :
       {by_gtids(kUuid + ":1-4"), from("binlog.000002", files[1].bytes.size())}) {
    TestLog log({files[0]});
    log.options.catch_up_ms = 10'000;
    Reader reader(log, request, crc32());
    log.add(files[1]);
    const Received first = reader.next();
    ASSERT_EQ(shown(first, 1), "Rotate@0");
    EXPECT_EQ(binlog::parse_rotate(Bytes(first.payload).subspan(1), true)->file, "binlog.000002");
  }
}

TEST(Dump, ReportsItsPlace) {
  const auto files = make_files(Flavor::kMysql, 1, 3, 60);
  TestLog log(files);
  Reader reader(log, from("", 4, 0), crc32());
  for (size_t i = 0; i < 2 + 1 + 12; i++) reader.next();
  for (int i = 0; i < 10'000 && !reader.status().caught_up; i++)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(reader.status().caught_up);
  EXPECT_EQ(reader.status().position, (binlog::Position{1, files[0].bytes.size()}));
  EXPECT_GE(reader.status().bytes_sent, files[0].bytes.size() - 4);
}

// MariaDB: transactions 0-1-1 to 0-1-4 in two segments.
struct MariadbCase {
  const char* name;
  ReaderTraits traits;
  const char* answer;  // after the first segment's name and format
};
const MariadbCase kMariadbCases[] = {
    {"from_the_start", mariadb(""),
     "Gtid_list@155 Gtid@197 Write_rows@280 Xid@311 Gtid@353 Write_rows@436 Xid@467 Rotate@0 "
     "Format_desc@126 Gtid_list@169 "
     "Gtid@211 Write_rows@294 Xid@325 Gtid@367 Write_rows@450 Xid@481 EOF"},
    {"after_the_first", mariadb("0-1-1"),
     "Gtid_list@155 Gtid_list@311 Gtid@353 Write_rows@436 Xid@467 Rotate@0 Format_desc@126 "
     "Gtid_list@169 Gtid@211 "
     "Write_rows@294 Xid@325 Gtid@367 Write_rows@450 Xid@481 EOF"},
    {"after_the_first_segment", mariadb("0-1-2"),
     "Gtid_list@169 Gtid@211 Write_rows@294 Xid@325 Gtid@367 Write_rows@450 Xid@481 EOF"},
    {"at_the_end", mariadb("0-1-4"), "Gtid_list@169 Gtid_list@481 EOF"},
    {"until",
     [] {
       auto traits = mariadb("0-1-1");
       traits.until = "0-1-3";
       return traits;
     }(),
     "Gtid_list@155 Gtid_list@311 Gtid@353 Write_rows@436 Xid@467 Rotate@0 Format_desc@126 "
     "Gtid_list@169 Gtid@211 "
     "Write_rows@294 Xid@325 Gtid_list@325 EOF"},
    {"until_is_behind",
     [] {
       auto traits = mariadb("0-1-3");
       traits.until = "0-1-1";
       return traits;
     }(),
     "Gtid_list@169 Gtid_list@169 EOF"},
    {"another_domain", mariadb("0-1-3,9-1-5"),
     "Gtid_list@169 Gtid_list@325 Gtid@367 Write_rows@450 Xid@481 EOF"},
    {"old_reader", mariadb("-", 0),
     "User var@155 Query@197 Write_rows@280 Xid@311 Query@353 Write_rows@436 Xid@467 Rotate@0 "
     "Format_desc@126 Query@169 Query@211 Write_rows@294 Xid@325 Query@367 Write_rows@450 Xid@481 "
     "EOF"},
};
class MariadbDump : public testing::TestWithParam<MariadbCase> {};
TEST_P(MariadbDump, IsMariadbs) {
  TestLog log(make_files(Flavor::kMariadb, 2, 2, 60));
  Reader reader(log, from("", 4), GetParam().traits);
  const auto all = reader.rest();
  EXPECT_EQ(shown(all), "Rotate@0 Format_desc@126 " + std::string(GetParam().answer));
}
INSTANTIATE_TEST_SUITE_P(Dump, MariadbDump, testing::ValuesIn(kMariadbCases),
                         [](const auto& param) { return param.param.name; });

struct MariadbErrorCase {
  const char* name;
  const char* state;
  const char* answer;
};
const MariadbErrorCase kMariadbErrorCases[] = {
    {"not_yet", "0-1-7",
     "ERR 1236 Error: connecting slave requested to start from GTID 0-1-7, which is not in the "
     "master's binlog"},
    {"diverged", "0-2-3",
     "ERR 1236 Error: connecting slave requested to start from GTID 0-2-3, which is not in the "
     "master's binlog. Since"},
    {"malformed", "0-2", "ERR 1941 Could not parse GTID list"},
    {"purged", "",
     "ERR 1236 Could not find GTID state requested by slave in any binlog files. Probably the "
     "slave state is too old"},
};
class MariadbErrors : public testing::TestWithParam<MariadbErrorCase> {};
TEST_P(MariadbErrors, AreMariadbs) {
  auto files = make_files(Flavor::kMariadb, 3, 2, 60);
  files.erase(files.begin());
  TestLog log(files);
  Reader reader(log, from("", 4), mariadb(GetParam().state));
  EXPECT_EQ(shown(reader.rest()).find(GetParam().answer), 0u);
}
INSTANTIATE_TEST_SUITE_P(Dump, MariadbErrors, testing::ValuesIn(kMariadbErrorCases),
                         [](const auto& param) { return param.param.name; });

TEST(MariadbDump, AReplicaThatIsAheadOfALogThatIsBehindTriesAgain) {
  TestLog log(make_files(Flavor::kMariadb, 2, 2, 60));
  log.facts.behind = true;
  Reader ahead(log, from("", 4), mariadb("0-1-7"));
  EXPECT_TRUE(shown(ahead.rest())
                  .starts_with("Rotate@0 ERR 1053 this log may be behind its source, try again: "
                               "Error: connecting slave requested to start from GTID 0-1-7"));
  Reader diverged(log, from("", 4), mariadb("0-2-3"));
  EXPECT_TRUE(shown(diverged.rest()).starts_with("ERR 1236 Error: connecting slave"));
}

TEST(MariadbDump, ItsGtidsAreOfNoUseInMysqlsLog) {
  TestLog log(make_files(Flavor::kMysql, 2, 2, 60));
  Reader reader(log, from("", 4), mariadb("0-1-1"));
  EXPECT_EQ(shown(reader.rest()),
            "ERR 1236 The replication sender thread cannot start from @slave_connect_state: this "
            "server's log is MySQL's. Connect by file and position");
}

}  // namespace
}  // namespace binbus::serve
