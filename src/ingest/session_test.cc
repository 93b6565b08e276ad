#include "ingest/session.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <deque>
#include <thread>

#include "ingest/dump_testing.h"

namespace binbus::ingest {
namespace {

using namespace testing_dump;

// A source that follows a script: bytes to send, silences (during which the socket is drained), and its end.
class ScriptedStream final : public io::Stream {
 public:
  struct Sent {
    ByteVector bytes;
    bool drained_before = false;  // nothing more is readable until the session has waited
  };
  explicit ScriptedStream(std::deque<Sent> script, std::vector<ByteVector>& written)
      : script_(std::move(script)), written_(written) {}
  ~ScriptedStream() override { ::close(readable_); }

  Result<size_t> read_some(std::span<uint8_t> buffer) override {
    if (script_.empty()) return fail(Code::kNetwork, "scripted: closed");
    Sent& next = script_.front();
    const size_t count = std::min(buffer.size(), next.bytes.size());
    std::copy_n(next.bytes.begin(), count, buffer.begin());
    next.bytes.erase(next.bytes.begin(), next.bytes.begin() + static_cast<ptrdiff_t>(count));
    if (next.bytes.empty()) script_.pop_front();
    return count;
  }
  Result<bool> wait_readable(int timeout_ms) override {
    if (script_.empty()) return closes_;
    if (timeout_ms == 0 && std::exchange(script_.front().drained_before, false)) return false;
    return true;
  }
  Status write_all(Bytes bytes) override {
    written_.push_back(to_owned(bytes));
    return ok();
  }
  Status write_all(std::span<iovec>) override { return fail(Code::kUnsupported, "not scripted"); }
  void set_read_timeout(int) override {}
  void set_write_timeout(int) override {}
  void shutdown() override {}
  int descriptor() const override { return script_.empty() && !closes_ ? -1 : readable_; }
  std::string peer() const override { return "scripted"; }
  void stays_open() { closes_ = false; }

 private:
  std::deque<Sent> script_;
  std::vector<ByteVector>& written_;
  bool closes_ = true;
  const int readable_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
};

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() : file_("binlog.000001", "") {
    file_.transaction(kUuidA, 1).transaction(kUuidA, 2);
    plan_.file = file_.name();
    facts_.server_uuid = kUuidA;
  }

  Status run(std::deque<ScriptedStream::Sent> script, bool stays_open = false) {
    auto stream = std::make_unique<ScriptedStream>(std::move(script), written_);
    if (stays_open) stream->stays_open();
    Session session(std::move(stream), facts_, plan_, destination_, 50);
    return session.run(stop_.get_token(), [&] {
      if (++batches_ == wakes_) stop_.request_stop();
      if (batches_ <= wakes_) session.wake();
    });
  }

  SourceFile file_;
  SourceFacts facts_;
  DumpPlan plan_;
  MemoryDestination destination_;
  std::stop_source stop_;
  std::vector<ByteVector> written_;
  int batches_ = 0;
  int wakes_ = 0;  // as many batches each wake the session, the last one stops it
};

TEST_F(SessionTest, what_came_before_the_end_is_durable) {
  const Status ended = run({{dump(file_), true}});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Code::kNetwork);
  EXPECT_EQ(destination_.segment(file_.name()), file_.bytes());
  EXPECT_EQ(destination_.executed().to_string(), std::string(kUuidA) + ":1-2");
}

TEST_F(SessionTest, acknowledges_after_the_sync_the_newest_event_that_asked) {
  ByteVector head = packets(fake_rotate(file_.name(), 4), SemiSync::kOn);
  ByteVector body;
  for (size_t i = 0; i < file_.events().size(); ++i) {
    const bool asks = i == 5 || i == 9;  // the Xids
    body = concat({body, packets(file_.events()[i], asks ? SemiSync::kAckWanted : SemiSync::kOn)});
  }
  EXPECT_FALSE(run({{head, true},
                    {body, true},
                    {packets(heartbeat(file_.name(), file_.end()), SemiSync::kOn), true}}));
  EXPECT_EQ(written_, std::vector<ByteVector>{semi_sync_ack(file_.name(), file_.end())});
  EXPECT_EQ(destination_.syncs(), 1U);
}

// While more comes, what is durable by then is acknowledged, and what is on its way is not.
TEST_F(SessionTest, does_not_wait_for_a_sync_while_more_comes) {
  file_.transaction(kUuidA, 3);
  const size_t begins[] = {0, 6, 10, file_.events().size()};
  std::deque<ScriptedStream::Sent> script = {
      {packets(fake_rotate(file_.name(), 4), SemiSync::kOn), true}};
  for (size_t part = 0; part < 3; ++part) {
    ByteVector bytes;
    for (size_t i = begins[part]; i < begins[part + 1]; ++i) {
      const bool asks = i + 1 == begins[part + 1];  // the Xids
      bytes =
          concat({bytes, packets(file_.events()[i], asks ? SemiSync::kAckWanted : SemiSync::kOn)});
    }
    script.push_back({bytes, false});
  }
  EXPECT_FALSE(run(std::move(script), true));
  EXPECT_EQ(written_, (std::vector<ByteVector>{semi_sync_ack(file_.name(), file_.end_of(6)),
                                               semi_sync_ack(file_.name(), file_.end_of(10)),
                                               semi_sync_ack(file_.name(), file_.end())}));
  EXPECT_EQ(destination_.syncs(), 1U) << "when nothing more came";
}

TEST_F(SessionTest, acknowledges_nothing_that_is_not_durable) {
  ByteVector stream = packets(fake_rotate(file_.name(), 4), SemiSync::kOn);
  for (const ByteVector& event : file_.events())
    stream = concat({stream, packets(event, SemiSync::kAckWanted)});
  destination_.fail_sync = Error{Code::kDiskFull, "no space"};
  const Status ended = run({{stream, true}});
  EXPECT_EQ(ended.error().code, Code::kDiskFull);
  EXPECT_TRUE(written_.empty());
}

// Neither the damaged event itself, nor one that came with it.
TEST_F(SessionTest, acknowledges_nothing_that_was_refused) {
  ByteVector head = packets(fake_rotate(file_.name(), 4), SemiSync::kOn);
  ByteVector good;
  for (size_t i = 0; i < 6; ++i)
    good = concat({good, packets(file_.events()[i], SemiSync::kAckWanted)});
  ByteVector bad;
  for (size_t i = 6; i < file_.events().size(); ++i)
    bad = concat({bad, packets(file_.events()[i], SemiSync::kAckWanted)});
  bad.back() ^= 1;
  const ByteVector no_event = {1, 0, 0, 0, 7};
  for (const ByteVector& refused :
       {bad, concat({packets(file_.events()[6], SemiSync::kAckWanted), no_event})}) {
    destination_ = {};
    written_.clear();
    const Status ended = run({{head, true}, {good, true}, {refused, true}});
    EXPECT_EQ(ended.error().code, Code::kCorrupt);
    ASSERT_EQ(written_.size(), refused == bad ? 1U : 2U);
    EXPECT_EQ(written_.front(), semi_sync_ack(file_.name(), file_.end_of(6)));
  }
}

TEST_F(SessionTest, disk_errors_end_it) {
  for (const Code code : {Code::kDiskFull, Code::kIo}) {
    destination_ = {};
    destination_.fail_append = Error{code, "disk"};
    EXPECT_EQ(run({{dump(file_), true}}).error().code, code);
    EXPECT_EQ(destination_.syncs(), 0U);
  }
}

TEST_F(SessionTest, silence_is_a_lost_connection) {
  const Status ended = run({{dump(file_), true}}, true);
  EXPECT_EQ(ended.error().code, Code::kTimeout);
  EXPECT_EQ(destination_.segment(file_.name()), file_.bytes());
}

TEST_F(SessionTest, the_sources_error_comes_after_what_it_sent) {
  const Status ended = run({{concat({dump(file_), error_packet(1236, "purged")}), true}});
  EXPECT_EQ(ended.error().mysql_errno, 1236);
  EXPECT_EQ(destination_.executed().to_string(), std::string(kUuidA) + ":1-2");
}

TEST_F(SessionTest, damage_keeps_what_was_good) {
  ByteVector stream = dump(file_);
  ByteVector bad = packets(file_.events().back());
  bad.back() ^= 1;
  const Status ended = run({{stream, true}, {bad, true}});
  EXPECT_EQ(ended.error().code, Code::kCorrupt);
  EXPECT_EQ(destination_.segment(file_.name()), file_.bytes());
}

TEST_F(SessionTest, is_woken_though_nothing_comes) {
  wakes_ = 3;
  EXPECT_EQ(run({}, true).error().code, Code::kStopped);
}

TEST_F(SessionTest, stops_when_asked) {
  stop_.request_stop();
  EXPECT_EQ(run({{dump(file_), true}}).error().code, Code::kStopped);
}

}  // namespace
}  // namespace binbus::ingest
