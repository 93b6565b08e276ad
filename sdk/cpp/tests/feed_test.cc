// The feed against nodes that break, repeat themselves and refuse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <numeric>
#include <thread>

#include "binbus/client.h"
#include "fake_node_testing.h"

namespace binbus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr seconds kLong{20};  // a test that waits so long has failed

std::unique_ptr<Feed> subscribe(const std::string& address, SubscribeOptions options = {}) {
  options.stream = "shop";
  return Client::connect({address})->subscribe(std::move(options));
}

int64_t id_of(const Change& change) { return change.after()["id"].as_int64(); }

// The ids of the next `count` rows; fewer when they do not come.
std::vector<int64_t> take_ids(Feed& feed, size_t count) {
  std::vector<int64_t> ids;
  while (ids.size() < count) {
    const auto change = feed.next(kLong);
    if (!change) break;
    if (change->after()) ids.push_back(id_of(*change));
  }
  return ids;
}

std::vector<int64_t> numbers(int64_t from, int64_t to) {
  std::vector<int64_t> all(static_cast<size_t>(to - from + 1));
  std::iota(all.begin(), all.end(), from);
  return all;
}

// A log of transactions with three inserts each, ids from 0. Each call breaks after so many changes. A careless one begins with
// the whole transaction that `resume` is in.
FakeNode::Script breaking_log(int transactions, int breaks_after, bool careless) {
  return [=](int, const feed::v1::Start& start, FakeCall& call) -> grpc::Status {
    call.subscribed(start.resume());
    bool behind = start.resume().empty();
    int sent = 0;
    for (int t = 1; t <= transactions; ++t) {
      feed::v1::Batch batch;
      for (uint32_t event = 0; event < 3; ++event) {
        const bool is_last = start.resume() == position_of(t, event);
        if (behind) add_insert(batch, t, event, (t - 1) * 3 + event);
        behind = behind || is_last;
        if (is_last && careless) {
          batch.Clear();
          for (uint32_t again = 0; again <= event; ++again)
            add_insert(batch, t, again, (t - 1) * 3 + again);
        }
      }
      if (batch.changes_size() == 0) continue;
      call.batch(batch);
      sent += batch.changes_size();
      if (sent >= breaks_after) return {grpc::StatusCode::UNAVAILABLE, "broken on purpose"};
    }
    return call.idle();
  };
}

TEST(Feed, EachChangeComesOnceThroughBreaks) {
  FakeNode node(breaking_log(60, 7, false));
  const auto feed = subscribe(node.address());
  EXPECT_EQ(take_ids(*feed, 180), numbers(0, 179));
  EXPECT_GT(node.starts().size(), 10u);
}

TEST(Feed, WhatIsToldAgainIsDropped) {
  FakeNode node(breaking_log(60, 7, true));
  const auto feed = subscribe(node.address());
  EXPECT_EQ(take_ids(*feed, 180), numbers(0, 179));
}

TEST(Feed, AnotherNodeGoesOn) {
  FakeNode second([](int, const feed::v1::Start& start, FakeCall& call) {
    EXPECT_EQ(start.resume(), position_of(1, 0));
    feed::v1::Batch batch;
    add_insert(batch, 2, 0, 2);
    call.subscribed(start.resume());
    call.batch(batch);
    return call.idle();
  });
  FakeNode first([](int, const feed::v1::Start&, FakeCall& call) {
    feed::v1::Batch batch;
    add_insert(batch, 1, 0, 1);
    call.subscribed();
    call.batch(batch);
    return call.idle();
  });
  first.set_others({second.address()});  // nobody else knows it
  std::mutex mutex;
  std::vector<std::string> states;
  const auto feed =
      subscribe(first.address(), {.on_state = [&](const State& state) {
                  const std::lock_guard lock(mutex);
                  states.push_back(state.kind == State::kConnected      ? "connected"
                                   : state.kind == State::kDisconnected ? "disconnected"
                                                                        : state.reason);
                }});
  EXPECT_THAT(take_ids(*feed, 1), ElementsAre(1));
  first.kill();
  EXPECT_THAT(take_ids(*feed, 1), ElementsAre(2));
  const std::lock_guard lock(mutex);
  EXPECT_THAT(states, ElementsAre("connected", "disconnected", "connected"));
}

TEST(Feed, WaitsForANodeThatIsNotThereYet) {
  std::string address;
  {
    address = FakeNode([](int, const auto&, FakeCall& call) { return call.idle(); }).address();
  }
  std::promise<std::string> disconnected;
  std::once_flag once;
  const auto feed =
      subscribe(address, {.on_state = [&](const State& state) {
                  if (state.kind == State::kDisconnected)
                    std::call_once(once, [&] { disconnected.set_value(state.reason); });
                }});
  EXPECT_NE(disconnected.get_future().get(), "");
  EXPECT_FALSE(feed->next(milliseconds(1)));
  EXPECT_FALSE(feed->ended());
  FakeNode node(breaking_log(2, 100, false), address);
  EXPECT_EQ(take_ids(*feed, 6), numbers(0, 5));
}

TEST(Feed, ABreakBeforeTheFirstChangeLosesNothing) {
  FakeNode node([](int number, const feed::v1::Start& start, FakeCall& call) -> grpc::Status {
    if (number == 0) {
      call.subscribed("binlog.000001:100");
      return {grpc::StatusCode::UNAVAILABLE, "broken on purpose"};
    }
    EXPECT_EQ(start.resume(), "binlog.000001:100");
    EXPECT_EQ(start.from(), "now");
    feed::v1::Batch batch;
    add_insert(batch, 2, 0, 2);
    call.subscribed(start.resume());
    call.batch(batch);
    return call.idle();
  });
  EXPECT_THAT(take_ids(*subscribe(node.address()), 1), ElementsAre(2));
}

TEST(Feed, HeartbeatsMoveThePlaceOnAndTheCursor) {
  const std::string near = "binlog.000001:800", far = "binlog.000001:900";
  FakeNode node([&](int number, const feed::v1::Start& start, FakeCall& call) -> grpc::Status {
    call.subscribed(start.resume());
    feed::v1::Batch batch;
    add_insert(batch, number + 1, 0, number);
    call.batch(batch);
    if (number > 0) {
      EXPECT_EQ(start.resume(), far);
      return call.answer_commits();
    }
    feed::v1::SubscribeRequest request;
    while (request.commit().position() != far && call.read(request)) {
      call.committed(request.commit().position());
      call.heartbeat(request.commit().position() == position_of(1, 0) ? near : far);
    }
    EXPECT_EQ(request.commit().position(), far);
    return {grpc::StatusCode::UNAVAILABLE, "broken on purpose"};
  });
  const auto feed = subscribe(node.address(), {.cursor = "c"});
  auto change = feed->next(kLong);
  ASSERT_TRUE(change);
  change->commit();
  do {  // until the second call
    EXPECT_TRUE(feed->flush(kLong));
    change = feed->next(milliseconds(5));
  } while (!change);
  EXPECT_EQ(id_of(*change), 1);
}

struct FinalCase {
  const char* name;
  grpc::StatusCode status;
  ErrorCode want;
};
class FeedEnds : public testing::TestWithParam<FinalCase> {};

TEST_P(FeedEnds, WithAnErrorThatTryingAgainCannotMend) {
  FakeNode node([](int, const feed::v1::Start&, FakeCall& call) -> grpc::Status {
    feed::v1::Batch batch;
    add_insert(batch, 1, 0, 1);
    call.subscribed();
    call.batch(batch);
    return {GetParam().status, "what is wrong"};
  });
  const auto feed = subscribe(node.address());
  EXPECT_THAT(take_ids(*feed, 2), ElementsAre(1)) << "what came before is returned";
  ASSERT_TRUE(feed->error());
  EXPECT_EQ(feed->error()->code(), GetParam().want);
  EXPECT_STREQ(feed->error()->what(), "what is wrong");
  EXPECT_TRUE(feed->ended());
  EXPECT_FALSE(feed->next());
  EXPECT_EQ(node.starts().size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(
    Statuses, FeedEnds,
    testing::Values(
        FinalCase{"token", grpc::StatusCode::UNAUTHENTICATED, ErrorCode::kUnauthenticated},
        FinalCase{"pattern", grpc::StatusCode::INVALID_ARGUMENT, ErrorCode::kInvalid},
        FinalCase{"stream", grpc::StatusCode::NOT_FOUND, ErrorCode::kNotFound},
        FinalCase{"purged", grpc::StatusCode::OUT_OF_RANGE, ErrorCode::kPurged},
        FinalCase{"not_kept", grpc::StatusCode::FAILED_PRECONDITION, ErrorCode::kRefused}),
    [](const auto& test) { return test.param.name; });

TEST(Feed, WhatItDoesNotUnderstandEndsIt) {
  FakeNode node([](int, const feed::v1::Start&, FakeCall& call) {
    feed::v1::Batch batch;
    add_insert(batch, 1, 0, 1);
    batch.mutable_changes(0)->mutable_after()->add_values("one too many");
    call.subscribed();
    call.batch(batch);
    return call.idle();
  });
  const auto feed = subscribe(node.address());
  EXPECT_FALSE(feed->next(kLong));
  ASSERT_TRUE(feed->error());
  EXPECT_EQ(feed->error()->code(), ErrorCode::kProtocol);
  EXPECT_THAT(feed->error()->what(), HasSubstr("a row of 3 values of shop.orders"));
}

TEST(Feed, ASnapshotGoesOnBehindTheLastRow) {
  FakeNode node([](int number, const feed::v1::Start& start, FakeCall& call) -> grpc::Status {
    EXPECT_EQ(start.from(), "snapshot");
    call.subscribed(start.resume());
    call.snapshot_begin();
    feed::v1::Batch batch;
    const int64_t from = number == 0 ? 1 : 2;  // the second call tells row 2 once more
    for (int64_t id = from; id <= from + 1; ++id) add_read(batch, id);
    call.batch(batch);
    if (number == 0) {
      return call.break_at_request();  // a commit: both rows were returned
    }
    EXPECT_THAT(start.resume(), HasSubstr("/2/shop.orders"));
    call.snapshot_end("binlog.000001:4");
    return call.answer_commits();
  });
  const auto feed =
      subscribe(node.address(), {.start = Start::snapshot(), .cursor = "c", .snapshot_end = true});
  EXPECT_EQ(feed->next(kLong)->op(), Op::kRead);
  const auto second = feed->next(kLong);
  EXPECT_EQ(id_of(*second), 2);
  second->commit();
  EXPECT_THAT(take_ids(*feed, 1), ElementsAre(3));
  const auto end = feed->next(kLong);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->op(), Op::kSnapshotEnd);
  EXPECT_EQ(end->position(), "binlog.000001:4");
}

TEST(Feed, EqualRowsComeEachThroughABreak) {
  FakeNode node([](int number, const feed::v1::Start& start, FakeCall& call) -> grpc::Status {
    call.subscribed(start.resume());
    call.snapshot_begin();
    feed::v1::Batch batch;
    if (number == 0) add_read(batch, 1);
    add_read(batch, 2);
    batch.mutable_changes()->rbegin()->set_copies(4);
    call.batch(batch);
    if (number > 0) return call.answer_commits();
    return call.break_at_request();
  });
  const auto feed = subscribe(node.address(), {.start = Start::snapshot(), .cursor = "c"});
  const auto one = feed->next(kLong);
  ASSERT_TRUE(one);
  const auto two = feed->next(kLong);
  ASSERT_TRUE(two);
  EXPECT_EQ(two->position(), "");
  two->commit();  // of nothing
  one->commit();  // breaks
  while (node.starts().size() < 2) std::this_thread::sleep_for(milliseconds(1));
  EXPECT_THAT(take_ids(*feed, 3), ElementsAre(2, 2, 2));
  EXPECT_FALSE(feed->next(milliseconds(20)));
  EXPECT_THAT(node.starts().back().resume(), HasSubstr("/1/shop.orders"));
}

TEST(Feed, ASnapshotThatBeginsAnewIsTold) {
  FakeNode node([](int number, const feed::v1::Start& start, FakeCall& call) -> grpc::Status {
    call.subscribed(start.resume());
    call.snapshot_begin(number > 0);
    feed::v1::Batch batch;
    add_read(batch, 1);
    call.batch(batch);
    if (number > 0) return call.answer_commits();
    return call.break_at_request();
  });
  const auto feed = subscribe(node.address(), {.start = Start::snapshot(), .cursor = "c"});
  const auto row = feed->next(kLong);
  ASSERT_TRUE(row);
  row->commit();
  const auto reset = feed->next(kLong);
  ASSERT_TRUE(reset);
  EXPECT_EQ(reset->op(), Op::kReset);
  EXPECT_FALSE(reset->after());
  reset->commit();  // of nothing
  EXPECT_THAT(take_ids(*feed, 1), ElementsAre(1));
}

TEST(Feed, ACommitIsSentUntilItIsAnswered) {
  std::promise<std::string> first, second;
  FakeNode node([&](int number, const feed::v1::Start& start, FakeCall& call) -> grpc::Status {
    feed::v1::SubscribeRequest request;
    call.subscribed(start.resume());
    if (number == 0) {
      feed::v1::Batch batch;
      add_insert(batch, 1, 0, 1);
      call.batch(batch);
      call.read(request);
      first.set_value(request.commit().position());
      return {grpc::StatusCode::UNAVAILABLE, "broken on purpose"};
    }
    second.set_value(call.answer_commit());
    return call.idle();
  });
  const auto feed = subscribe(node.address(), {.cursor = "c"});
  const auto change = feed->next(kLong);
  ASSERT_TRUE(change);
  change->commit();
  EXPECT_TRUE(feed->flush(kLong));
  EXPECT_EQ(first.get_future().get(), position_of(1, 0));
  EXPECT_EQ(second.get_future().get(), position_of(1, 0));
}

TEST(Feed, OfCommitsThatWaitTheLastIsSent) {
  std::promise<void> all_done;
  std::vector<std::string> positions;
  FakeNode node([&](int, const feed::v1::Start&, FakeCall& call) -> grpc::Status {
    call.subscribed();
    feed::v1::Batch batch;
    for (uint32_t event = 0; event < 100; ++event) add_insert(batch, 1, event, event);
    call.batch(batch);
    feed::v1::SubscribeRequest request;
    call.read(request);
    positions.push_back(request.commit().position());
    all_done.get_future().wait();
    call.committed(positions.back());
    call.read(request);
    positions.push_back(request.commit().position());
    call.committed(positions.back());
    return call.idle();
  });
  const auto feed = subscribe(node.address(), {.cursor = "c"});
  for (int i = 0; i < 100; ++i) feed->next(kLong)->commit();
  all_done.set_value();
  EXPECT_TRUE(feed->flush(kLong));
  EXPECT_THAT(positions, ElementsAre(position_of(1, 0), position_of(1, 99)));
}

TEST(Feed, LeavingWaitsForWhatWasCommitted) {
  std::promise<std::string> committed;
  FakeNode node([&](int, const feed::v1::Start&, FakeCall& call) {
    call.subscribed();
    feed::v1::Batch batch;
    add_insert(batch, 1, 0, 1);
    call.batch(batch);
    committed.set_value(call.answer_commit());
    return call.idle();
  });
  subscribe(node.address(), {.cursor = "c"})->next(kLong)->commit();
  EXPECT_EQ(committed.get_future().get(), position_of(1, 0));
}

TEST(Feed, AutoCommitIsOfWhatWasReturnedBeforeTheLastCall) {
  std::promise<std::string> committed;
  FakeNode node([&](int, const feed::v1::Start&, FakeCall& call) {
    call.subscribed();
    feed::v1::Batch batch;
    for (uint32_t event = 0; event < 3; ++event) add_insert(batch, 1, event, event);
    call.batch(batch);
    committed.set_value(call.answer_commit());
    return call.idle();
  });
  const auto feed = subscribe(node.address(), {.cursor = "c", .auto_commit = kLong});
  EXPECT_THAT(take_ids(*feed, 2), ElementsAre(0, 1));
  EXPECT_TRUE(feed->flush(kLong));  // brings it forward
  EXPECT_EQ(committed.get_future().get(), position_of(1, 0));
}

TEST(Feed, CreditComesBackWithWhatWasReturned) {
  std::promise<std::pair<uint64_t, uint64_t>> credits;
  FakeNode node([&](int, const feed::v1::Start& start, FakeCall& call) {
    EXPECT_EQ(start.credit_bytes(), 1000u);
    call.subscribed();
    feed::v1::SubscribeResponse message;
    for (uint32_t event = 0; event < 100; ++event)
      add_insert(*message.mutable_batch(), 1, event, event);
    call.batch(message.batch());
    feed::v1::SubscribeRequest request;
    call.read(request);
    credits.set_value({message.ByteSizeLong(), request.credit().bytes()});
    feed::v1::Batch more;
    add_insert(more, 2, 0, 100);
    call.batch(more);
    return call.idle();
  });
  const auto feed = subscribe(node.address(), {.credit_bytes = 1000});
  auto told = credits.get_future();
  EXPECT_EQ(take_ids(*feed, 100), numbers(0, 99));
  EXPECT_EQ(told.wait_for(milliseconds(20)), std::future_status::timeout)
      << "the last was not done with yet";
  EXPECT_THAT(take_ids(*feed, 1), ElementsAre(100));
  const auto [sent, came] = told.get();
  EXPECT_EQ(sent, came);
}

TEST(Feed, TransactionsAreGroupedThroughBreaks) {
  FakeNode node([](int number, const feed::v1::Start& start, FakeCall& call) -> grpc::Status {
    EXPECT_TRUE(start.transactions());
    call.subscribed(start.resume());
    feed::v1::Batch batch;
    if (number == 0) {
      add_mark(batch, feed::v1::BEGIN, 1);
      add_insert(batch, 1, 0, 0);
      call.batch(batch);
      feed::v1::SubscribeRequest request;
      call.read(request);  // credit: all was taken
      return {grpc::StatusCode::UNAVAILABLE, "broken on purpose"};
    }
    add_insert(batch, 1, 1, 1);
    add_mark(batch, feed::v1::COMMIT, 1);
    add_mark(batch, feed::v1::BEGIN, 2);
    add_insert(batch, 2, 0, 2);
    add_mark(batch, feed::v1::COMMIT, 2);
    call.batch(batch);
    return call.idle();
  });
  const auto feed =
      subscribe(node.address(), {.cursor = "c", .transactions = true, .credit_bytes = 1});
  const auto one = feed->next_transaction(kLong);
  ASSERT_TRUE(one);
  ASSERT_EQ(one->changes.size(), 2u);
  EXPECT_EQ(id_of(one->changes[0]), 0);
  EXPECT_EQ(id_of(one->changes[1]), 1);
  EXPECT_EQ(one->gtid(), "uuid:1");
  const auto two = feed->next_transaction(kLong);
  ASSERT_TRUE(two);
  EXPECT_EQ(two->changes.size(), 1u);
}

TEST(Feed, APlaceWithinATransactionThatIsGroupedIsNotDone) {
  std::promise<void> looked;
  std::promise<std::string> committed;
  feed::v1::Batch first, rest;
  add_mark(first, feed::v1::BEGIN, 1);
  add_insert(first, 1, 0, 0);
  add_insert(rest, 1, 1, 1);
  add_mark(rest, feed::v1::COMMIT, 1);
  FakeNode node([&](int, const feed::v1::Start&, FakeCall& call) {
    call.subscribed();
    call.batch(first);
    call.heartbeat(position_of(1, 0));
    looked.get_future().wait();
    call.batch(rest);
    committed.set_value(call.answer_commit());
    return call.answer_commits();
  });
  const auto feed =
      subscribe(node.address(),
                {.cursor = "c", .transactions = true, .auto_commit = std::chrono::milliseconds(1)});
  EXPECT_FALSE(feed->next_transaction(std::chrono::milliseconds(300)));
  looked.set_value();
  const auto whole = feed->next_transaction(kLong);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->changes.size(), 2u);
  EXPECT_FALSE(feed->next_transaction(std::chrono::milliseconds(1)));  // what was returned is done
  EXPECT_TRUE(feed->flush(kLong));
  EXPECT_EQ(committed.get_future().get(), whole->last.position());
}

TEST(Feed, ATransactionThatIsNotWholeIsNotTakenForIt) {
  FakeNode node([](int number, const feed::v1::Start& start, FakeCall& call) -> grpc::Status {
    call.subscribed(start.resume());
    feed::v1::Batch batch;
    if (number == 0) {
      add_mark(batch, feed::v1::BEGIN, 1);
      add_insert(batch, 1, 0, 0);
      call.batch(batch);
      return call.break_at_request();
    }
    add_insert(batch, 1, 1, 1);
    add_mark(batch, feed::v1::COMMIT, 1);
    batch.mutable_changes()->rbegin()->set_count(2);
    add_mark(batch, feed::v1::BEGIN, 2);
    add_insert(batch, 2, 0, 2);
    add_mark(batch, feed::v1::COMMIT, 2);
    batch.mutable_changes()->rbegin()->set_count(2);
    add_insert(batch, 3, 0, 3);
    call.batch(batch);
    return call.idle();
  });
  const auto feed = subscribe(node.address(), {.transactions = true, .credit_bytes = 1});
  const auto whole = feed->next_transaction(kLong);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->last.count(), 2u);
  EXPECT_FALSE(feed->next_transaction(kLong));
  ASSERT_TRUE(feed->error());
  EXPECT_EQ(feed->error()->code(), ErrorCode::kProtocol);
  EXPECT_THAT(feed->error()->what(), HasSubstr("2 changes were to come, and 1 did"));
  EXPECT_FALSE(feed->next(kLong));
}

TEST(Feed, StopEndsNext) {
  FakeNode node([](int, const feed::v1::Start&, FakeCall& call) {
    call.subscribed();
    return call.idle();
  });
  const auto feed = subscribe(node.address());
  std::thread other([&feed] { feed->stop(); });
  EXPECT_FALSE(feed->next());
  other.join();
  EXPECT_TRUE(feed->ended());
  EXPECT_FALSE(feed->error());
}

TEST(Feed, AskedForAndAuthorized) {
  FakeNode node([](int, const feed::v1::Start&, FakeCall& call) {
    call.waiting("another has the cursor");
    return call.idle();
  });
  std::promise<std::string> waiting;
  const auto client = Client::connect({node.address()}, {.token = "secret"});
  const auto feed = client->subscribe(
      {.stream = "shop",
       .tables = {"shop.*"},
       .exclude = {"shop.x"},
       .operations = {"insert"},
       .columns = {"id"},
       .where = "id > 1",
       .start = Start::time(std::chrono::sys_days(std::chrono::November / 20 / 2026) +
                            std::chrono::hours(10)),
       .cursor = "c",
       .position = "binlog.000001:4",
       .sql = true,
       .client = "worker-1",
       .on_state = [&](const State& state) { waiting.set_value(state.reason); }});
  EXPECT_EQ(waiting.get_future().get(), "another has the cursor");
  const feed::v1::Start start = node.starts().at(0);
  EXPECT_EQ(start.ShortDebugString(),
            "stream: \"shop\" from: \"time:2026-11-20T10:00:00Z\" resume: \"binlog.000001:4\" "
            "cursor: \"c\" "
            "filter { tables: \"shop.*\" exclude: \"shop.x\" operations: \"insert\" columns: "
            "\"id\" where: \"id > 1\" } "
            "sql: true credit_bytes: 8388608 client: \"worker-1\"");
  EXPECT_EQ(node.authorization(), "Bearer secret");
}

TEST(Feed, WhatTheProgramDoesWrongThrows) {
  const auto message = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalid);
      return error.what();
    }
    return "nothing is thrown";
  };
  EXPECT_THAT(message([] { Client::connect({}); }), HasSubstr("no address"));
  EXPECT_THAT(message([] { Client::connect({"somewhere"}); }),
              HasSubstr("\"somewhere\" is no HOST:PORT"));
  EXPECT_THAT(message([] { Client::connect({"a:1"}, {.tls = Tls{.ca = "/no/such.pem"}}); }),
              HasSubstr("cannot read /no/such.pem"));
  const auto client = Client::connect({"127.0.0.1:1"});
  EXPECT_THAT(message([&] { client->subscribe({}); }), HasSubstr("name the stream"));
  EXPECT_THAT(message([&] { client->subscribe({.stream = "s", .auto_commit = seconds(1)}); }),
              HasSubstr("name a cursor"));
  EXPECT_THAT(message([&] { client->subscribe({.stream = "s", .shared = true}); }),
              HasSubstr("name the cursor"));
  const auto feed = client->subscribe({.stream = "s"});
  EXPECT_THAT(message([&] { feed->next_transaction(); }), HasSubstr(".transactions = true"));
}

// Keys that come from another worker begin where that one had committed.
TEST(Feed, OfASharedCursorOlderChangesMayCome) {
  FakeNode node([](int, const feed::v1::Start& start, FakeCall& call) {
    EXPECT_TRUE(start.shared());
    feed::v1::Batch newer, older;
    add_mark(newer, feed::v1::BEGIN, 2);
    add_insert(newer, 2, 1, 21);
    add_mark(newer, feed::v1::COMMIT, 2);
    for (const int transaction : {1, 2}) {
      add_mark(older, feed::v1::BEGIN, transaction);
      add_insert(older, transaction, 0, transaction * 10);
      add_mark(older, feed::v1::COMMIT, transaction);
    }
    call.subscribed();
    call.batch(newer);
    call.batch(older);
    return call.idle();
  });
  const auto feed =
      subscribe(node.address(), {.cursor = "c", .shared = true, .transactions = true});
  std::vector<int64_t> ids;
  for (int i = 0; i < 3; ++i) {
    const auto transaction = feed->next_transaction(kLong);
    ASSERT_TRUE(transaction);
    for (const Change& change : transaction->changes) ids.push_back(id_of(change));
  }
  EXPECT_THAT(ids, ElementsAre(21, 10, 20));
}

// The first call breaks within a transaction, and older keys come before its rest.
TEST(Feed, OfASharedCursorATransactionMayComeInPieces) {
  FakeNode node([](int number, const feed::v1::Start& start, FakeCall& call) {
    feed::v1::Batch batch;
    call.subscribed(start.resume());
    if (number == 1) {
      add_mark(batch, feed::v1::BEGIN, 1);
      add_insert(batch, 1, 0, 10);
      add_mark(batch, feed::v1::COMMIT, 1);
    }
    add_mark(batch, feed::v1::BEGIN, 2);
    add_insert(batch, 2, static_cast<uint32_t>(number), 20 + number);
    if (number == 1) add_mark(batch, feed::v1::COMMIT, 2);
    call.batch(batch);
    return number == 0 ? call.break_at_request() : call.idle();
  });
  const auto feed = subscribe(
      node.address(), {.cursor = "c", .shared = true, .transactions = true, .credit_bytes = 1});
  std::vector<std::vector<int64_t>> told;
  for (int i = 0; i < 3; ++i) {
    const auto transaction = feed->next_transaction(kLong);
    ASSERT_TRUE(transaction);
    told.emplace_back();
    for (const Change& change : transaction->changes) told.back().push_back(id_of(change));
  }
  EXPECT_THAT(told, ElementsAre(ElementsAre(20), ElementsAre(10), ElementsAre(21)));
}

TEST(Feed, AWorkerLeavesOnceItsCommitsAreDurable) {
  std::promise<std::vector<std::string>> said;
  FakeNode node([&](int, const feed::v1::Start&, FakeCall& call) {
    feed::v1::Batch batch;
    add_insert(batch, 1, 0, 1);
    call.subscribed();
    call.batch(batch);
    std::vector<std::string> all;
    for (feed::v1::SubscribeRequest request; call.read(request);) {
      if (request.has_commit()) call.committed(request.commit().position());
      if (request.has_commit() || request.has_leave())
        all.push_back(request.has_leave() ? "leave" : request.commit().position());
      if (request.has_leave()) break;
    }
    said.set_value(all);
    return grpc::Status::OK;
  });
  auto feed = subscribe(node.address(), {.cursor = "c", .shared = true});
  feed->next(kLong)->commit();
  feed.reset();
  EXPECT_THAT(said.get_future().get(), ElementsAre(position_of(1, 0), "leave"));
  EXPECT_EQ(node.starts().size(), 1U);
}

TEST(Feed, ACommitWithoutACursorThrows) {
  FakeNode node(breaking_log(1, 100, false));
  const auto feed = subscribe(node.address());
  EXPECT_THROW(feed->next(kLong)->commit(), Error);
}

TEST(Feed, WithoutACursorNoPlaceIsCommitted) {
  const std::string far = "binlog.000001:900";
  FakeNode node([&](int, const feed::v1::Start& start, FakeCall& call) -> grpc::Status {
    call.subscribed(start.resume());
    if (start.resume() != far) {  // until the client has taken it
      call.heartbeat(far);
      return {grpc::StatusCode::UNAVAILABLE, "broken on purpose"};
    }
    feed::v1::Batch batch;
    add_insert(batch, 2, 0, 2);
    call.batch(batch);
    feed::v1::SubscribeRequest request;
    while (call.read(request)) EXPECT_FALSE(request.has_commit());
    return grpc::Status::OK;
  });
  const auto feed = subscribe(node.address());
  EXPECT_THAT(take_ids(*feed, 1), ElementsAre(2));
  EXPECT_TRUE(feed->flush(kLong));
}

TEST(Feed, AChangeOutlivesItsFeed) {
  FakeNode node(breaking_log(1, 100, false));
  auto feed = subscribe(node.address(), {.cursor = "c"});
  const auto change = feed->next(kLong);
  feed.reset();
  ASSERT_TRUE(change);
  EXPECT_EQ(id_of(*change), 0);
  EXPECT_EQ(change->table(), "orders");
  change->commit();
}

}  // namespace
}  // namespace binbus
