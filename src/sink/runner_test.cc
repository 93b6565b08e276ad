#include "sink/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "format/change_testing.h"
#include "io/simulated_disk.h"
#include "sink/delivery_testing.h"

namespace binbus::sink {
namespace {

using format::OrdersExample;
using schema::Change;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Transactions numbered from 1, as many as `log` has; each inserts one row, whose id is the transaction's number, but those that
// list or unlist the table of these rows in ops.monitored.
struct Log {
  std::mutex mutex;
  std::condition_variable_any wake;
  uint64_t transactions = 0;
  std::vector<Error> errors;       // what the next reads answer
  std::vector<std::string> seeks;  // what was asked for
  std::map<uint64_t, bool> lists;
  bool wants_orders = false, wants_others = false, skips_losses = false;  // as configured last

  void grow(uint64_t more) {
    const std::lock_guard lock(mutex);
    transactions += more;
    wake.notify_all();
  }
};

// That of shop.orders, all of it wanted.
std::vector<format::Cell> monitored_row() {
  std::vector<format::Cell> row = {format::text_cell("db_name", "shop"),
                                   format::text_cell("tb_name", "orders")};
  for (const char* flag : {"monitor_insert", "monitor_update", "monitor_delete"})
    row.push_back(format::integer_cell(flag, schema::SqlType::kTinyint, "tinyint", 1));
  return row;
}

class TestSource final : public changes::ChangeSource {
 public:
  explicit TestSource(Log& log) : log_(log) {}
  void configure(changes::Wanted wanted) override {
    const std::lock_guard lock(log_.mutex);
    log_.wants_orders = wanted.tables("shop", "orders");
    log_.wants_others = wanted.tables("shop", "others");
    log_.skips_losses = wanted.skip_losses;
  }
  Status start(std::string_view where) override {
    const std::lock_guard lock(log_.mutex);
    log_.seeks.push_back("start " + std::string(where));
    if (where == "purged") return fail(Code::kPurged, "no such place");
    if (where == "latest") {
      at_ = log_.transactions;
    } else {
      at_ = where == "earliest" ? 0 : std::stoull(std::string(where));
    }
    return ok();
  }
  Status seek(const Checkpoint& checkpoint) override {
    const std::lock_guard lock(log_.mutex);
    log_.seeks.push_back("seek " + checkpoint);
    at_ = std::stoull(checkpoint);
    return ok();
  }
  Result<bool> read(const std::function<Status(const Change&)>& emit, uint64_t wait_ms,
                    const std::stop_token& stop) override {
    {
      std::unique_lock lock(log_.mutex);
      if (!log_.errors.empty()) {
        const Error error = log_.errors.front();
        log_.errors.erase(log_.errors.begin());
        return fail(error);
      }
      log_.wake.wait_for(lock, stop, std::chrono::milliseconds(wait_ms),
                         [this] { return at_ < log_.transactions; });
      if (at_ >= log_.transactions) return false;
    }
    OrdersExample example;
    example.transaction.gtid =
        mysql::Gtid{{*mysql::Uuid::parse("3e11fa47-71ca-11e1-9e33-c80aa9429562"), ""}, at_ + 1};
    Change change = example.insert();
    format::TableMaker maker("shop", "orders");
    const auto cell = format::integer_cell("id", schema::SqlType::kInt, "int", at_ + 1);
    maker.add(cell).key({0});
    change.table = maker.table();
    change.after = maker.row({format::TableMaker::value(cell)});
    format::TableMaker monitored("ops", "monitored");
    if (const auto listed = log_.lists.find(at_ + 1); listed != log_.lists.end()) {
      std::vector<format::TableMaker::Value> row;
      for (const format::Cell& each : monitored_row()) {
        monitored.add(each);
        row.push_back(format::TableMaker::value(each));
      }
      change.table = monitored.table();
      change.after = {};
      change.operation = listed->second ? schema::Operation::kInsert : schema::Operation::kDelete;
      (listed->second ? change.after : change.before) = monitored.row(row);
    }
    BINBUS_RETURN_IF_ERROR(emit(example.begin()));
    BINBUS_RETURN_IF_ERROR(emit(change));
    BINBUS_RETURN_IF_ERROR(emit(example.commit()));
    ++at_;
    return true;
  }
  Checkpoint place() const override { return std::to_string(at_); }
  bool before(const Checkpoint& one, const Checkpoint& other) const override {
    return std::stoull(one) < std::stoull(other);
  }

 private:
  Log& log_;
  uint64_t at_ = 0;
};

// Guards what the runner's thread writes while a test reads it: tests look only when the runner is stopped or settled.
struct World {
  World() {
    options.name = "orders";
    options.stream = "shop";
    options.type = "test";
    options.format = "sql";
    options.start = "earliest";
    options.retry_max_ms = 1;
    options.commit_interval_ms = 1;
  }
  // A runner on the same files, log and target.
  std::unique_ptr<Runner> make() {
    return std::make_unique<Runner>(
        options,
        Surroundings{.source = std::make_unique<TestSource>(log),
                     .make_target = [this](const SinkOptions&) -> Result<std::unique_ptr<Target>> {
                       if (make_error) return fail(*make_error);
                       return std::make_unique<TestTarget>(received);
                     },
                     .files = disk,
                     .clock = io::system_clock(),
                     .folder = "data/shop/sinks"});
  }
  // Waits for what the status comes to; gives up after ten seconds.
  static RunnerStatus wait(const Runner& runner,
                           const std::function<bool(const RunnerStatus&)>& wanted) {
    for (int i = 0; i < 10'000; ++i) {
      RunnerStatus status = runner.status();
      if (wanted(status)) return status;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ADD_FAILURE() << "state " << state_name(runner.status().state) << " " << runner.status().reason;
    return runner.status();
  }
  static RunnerStatus wait_committed(const Runner& runner, const Checkpoint& place) {
    return wait(runner, [&](const RunnerStatus& status) { return status.committed == place; });
  }
  // The ids of what was committed.
  std::vector<int> rows() const {
    std::vector<int> out;
    for (const std::string& line : received.committed) {
      out.push_back(std::stoi(line.substr(line.find("VALUES (") + 8)));
    }
    return out;
  }
  SinkOptions options;
  io::SimulatedDisk disk;
  Log log;
  Received received;
  std::optional<Error> make_error;  // of the target
};

TEST(Runner, DeliversAndGoesOnAfterARestart) {
  World world;
  world.log.grow(2);
  {
    const auto runner = world.make();
    runner->start();
    const RunnerStatus status = World::wait_committed(*runner, "2");
    EXPECT_EQ(status.counts.messages, 2u);
  }
  world.disk.crash(7);
  world.log.grow(1);
  const auto runner = world.make();
  runner->start();
  World::wait_committed(*runner, "3");
  runner->stop();
  EXPECT_THAT(world.rows(), ElementsAre(1, 2, 3));
  EXPECT_THAT(world.log.seeks, ElementsAre("start earliest", "seek 2"));
}

// What nodes that take turns have in common, and the source's filter table as it is now.
struct Shared {
  struct Place final : Checkpoints {
    Result<std::optional<Checkpoint>> read() override { return kept; }
    Status write(const Checkpoint& checkpoint) override {
      if (checkpoint == refused) return fail(Code::kInvalid, "refused");
      kept = checkpoint;
      return ok();
    }
    Status forget() override {
      kept.reset();
      return ok();
    }
    std::optional<Checkpoint> kept;
    Checkpoint refused;
  };
  struct Rows final : FilterStore {
    std::string name() const override { return "the test"; }
    Result<std::optional<std::string>> read() override { return kept; }
    Status write(const std::string& text) override {
      kept = text;
      return ok();
    }
    Status forget() override {
      kept.reset();
      return ok();
    }
    std::optional<std::string> kept;
  };
  std::unique_ptr<Runner> node(World& world, const std::string& name) {
    world.options.filter_table = "ops.monitored";
    auto runner = std::make_unique<Runner>(
        world.options,
        Surroundings{
            .source = std::make_unique<TestSource>(world.log),
            .make_target = [&world](const SinkOptions&) -> Result<std::unique_ptr<Target>> {
              return std::make_unique<TestTarget>(world.received);
            },
            .files = world.disk,
            .clock = io::system_clock(),
            .folder = name + "/shop/sinks",
            .read_filter_table = [this](const std::string&) -> Result<std::vector<FilterRow>> {
              ++reads;
              return now;
            },
            .checkpoints = place,
            .filter_store = rows});
    runner->start();
    return runner;
  }
  const std::shared_ptr<Place> place = std::make_shared<Place>();
  const std::shared_ptr<Rows> rows = std::make_shared<Rows>();
  std::vector<FilterRow> now = {{"shop", "orders", true, true, true}};
  int reads = 0;
};

TEST(Runner, WhatTheFilterTableHeldGoesWithTheCheckpoint) {
  World world;
  Shared shared;
  world.log.lists = {{2, false}, {4, true}};
  const auto work = [&](const std::string& node, const Checkpoint& until) {
    const auto runner = shared.node(world, node);
    World::wait_committed(*runner, until);
    runner->stop();
  };
  world.log.grow(1);
  work("a", "1");
  shared.now = {};  // long before the log is read so far
  world.log.grow(2);
  work("a", "3");
  world.log.grow(2);
  work("b", "5");
  world.log.grow(1);
  work("a", "6");
  EXPECT_THAT(world.rows(), ElementsAre(1, 5, 6));
  EXPECT_EQ(shared.reads, 1);
  EXPECT_FALSE(world.disk.exists("a/shop/sinks/orders.filter_table.json"));
}

TEST(Runner, WhoGoesOnFromTheOlderCheckpointHasWhatHeldThere) {
  World world;
  Shared shared;
  world.options.commit_interval_ms = 60'000;  // when all was read
  world.log.grow(1);
  world.log.lists = {{3, false}};
  {
    const auto runner = shared.node(world, "a");
    World::wait_committed(*runner, "1");
    // Its end comes when the rows are kept and the target has confirmed, and the checkpoint is not written.
    shared.place->refused = "3";
    world.log.grow(2);
    World::wait(*runner, [](const RunnerStatus& s) { return s.state == State::kStopped; });
  }
  EXPECT_EQ(shared.place->kept, "1");
  shared.place->refused = "";
  shared.now = {};
  const auto runner = shared.node(world, "b");
  World::wait_committed(*runner, "3");
  runner->stop();
  EXPECT_THAT(world.rows(), ElementsAre(1, 2, 2));
}

TEST(Runner, TellsTheSourceWhatIsWanted) {
  World world;
  world.options.tables = {"shop.orders"};
  world.options.on_loss = "skip";
  world.log.grow(1);
  const auto runner = world.make();
  runner->start();
  World::wait_committed(*runner, "1");
  runner->stop();
  EXPECT_TRUE(world.log.wants_orders);
  EXPECT_FALSE(world.log.wants_others);
  EXPECT_TRUE(world.log.skips_losses);
}

TEST(Runner, TheTargetsOwnCheckpointCounts) {
  World world;
  world.log.grow(3);
  world.received.kept = "2";
  const auto runner = world.make();
  runner->start();
  World::wait_committed(*runner, "3");
  runner->stop();
  EXPECT_THAT(world.rows(), ElementsAre(3));
}

TEST(Runner, TriesAgainFromTheLastCheckpoint) {
  World world;
  world.log.grow(1);
  world.received.open_errors = {{Code::kNetwork, "no route"}, {Code::kAuth, "denied"}};
  world.received.send_errors = {{Code::kTimeout, "slow"}};
  world.received.commit_errors = {};
  const auto runner = world.make();
  runner->start();
  const RunnerStatus status = World::wait_committed(*runner, "1");
  EXPECT_EQ(status.failures, 0u);
  runner->stop();
  EXPECT_EQ(world.received.opened, 4);
  EXPECT_THAT(world.rows(), ElementsAre(1));
}

TEST(Runner, SaysWhatItsTargetWaitsFor) {
  World world;
  world.log.grow(1);
  std::atomic<bool> freed = false;
  world.received.before_commit = [&world, &freed](Target& target) {
    if (world.received.uncommitted.empty()) return;
    target.on_waiting("low on memory");
    freed.wait(false);
    target.on_waiting("");
  };
  const auto runner = world.make();
  runner->start();
  const RunnerStatus waiting =
      World::wait(*runner, [](const RunnerStatus& s) { return s.reason == "low on memory"; });
  EXPECT_EQ(waiting.state, State::kRunning);
  EXPECT_EQ(waiting.read, "1");
  EXPECT_EQ(waiting.delivered, "0");
  freed = true;
  freed.notify_all();
  World::wait_committed(*runner, "1");
  World::wait(*runner, [](const RunnerStatus& s) { return s.reason.empty(); });
  runner->stop();
}

TEST(Runner, WhatIsNotForTheTargetIsDeliveredWhenItIsRead) {
  World world;
  world.options.exclude = {"shop.*"};
  world.options.commit_interval_ms = 3'600'000;
  world.log.grow(1);
  const auto runner = world.make();
  runner->start();
  const RunnerStatus status =
      World::wait(*runner, [](const RunnerStatus& s) { return s.delivered == "1"; });
  EXPECT_EQ(status.committed, "0");
}

TEST(Runner, StopsForWhatMustBeMended) {
  World world;
  world.log.grow(1);
  world.log.errors = {{Code::kCorrupt, "table map at binlog.000007:120"}};
  const auto runner = world.make();
  runner->start();
  const RunnerStatus status =
      World::wait(*runner, [](const RunnerStatus& s) { return s.state == State::kStopped; });
  EXPECT_EQ(status.reason, "table map at binlog.000007:120");
  runner->resume();
  World::wait_committed(*runner, "1");
  runner->stop();
  EXPECT_THAT(world.rows(), ElementsAre(1));
}

// As a file that its options name and that is not at every node.
TEST(Runner, ATargetThatCannotBeMadeStopsItUntilItIsMended) {
  World world;
  world.log.grow(1);
  world.make_error = Error{Code::kInvalid, "there is no ca.pem"};
  const auto runner = world.make();
  EXPECT_FALSE(runner->check());
  runner->start();
  const auto is_stopped = [](const RunnerStatus& s) { return s.state == State::kStopped; };
  EXPECT_EQ(World::wait(*runner, is_stopped).reason, "there is no ca.pem");
  EXPECT_FALSE(runner->reconfigure(world.options));
  world.make_error.reset();
  runner->resume();
  World::wait_committed(*runner, "1");
  runner->stop();
  EXPECT_THAT(world.rows(), ElementsAre(1));
}

TEST(Runner, PausesAndResumes) {
  World world;
  world.options.paused = true;
  world.log.grow(1);
  const auto runner = world.make();
  runner->start();
  World::wait(*runner, [](const RunnerStatus& s) { return s.state == State::kPaused; });
  EXPECT_EQ(world.received.opened, 0);
  runner->resume();
  World::wait_committed(*runner, "1");
  runner->pause();
  World::wait(*runner, [](const RunnerStatus& s) { return s.state == State::kPaused; });
  world.log.grow(1);
  EXPECT_EQ(runner->status().committed, "1");
  runner->resume();
  World::wait_committed(*runner, "2");
}

TEST(Runner, SeeksDurably) {
  World world;
  world.log.grow(5);
  {
    const auto runner = world.make();
    runner->start();
    World::wait_committed(*runner, "5");
    runner->seek("3");
    World::wait(*runner, [](const RunnerStatus& s) {
      return !s.request_waits && s.committed == "5" && s.counts.messages == 7;
    });
  }
  EXPECT_THAT(world.rows(), ElementsAre(1, 2, 3, 4, 5, 4, 5));
  EXPECT_THAT(world.received.checkpoints, ::testing::Contains("3"));
}

TEST(Runner, APlaceThatIsNotThereStopsAndIsForgotten) {
  World world;
  world.log.grow(2);
  const auto runner = world.make();
  runner->start();
  World::wait_committed(*runner, "2");
  runner->seek("purged");
  const RunnerStatus status =
      World::wait(*runner, [](const RunnerStatus& s) { return s.state == State::kStopped; });
  EXPECT_EQ(status.reason, "no such place");
  EXPECT_FALSE(status.request_waits);
  runner->resume();
  world.log.grow(1);
  World::wait_committed(*runner, "3");
  runner->stop();
  EXPECT_THAT(world.rows(), ElementsAre(1, 2, 3));
}

TEST(Runner, ReconfiguresAtAnExactPlace) {
  World world;
  world.log.grow(3);
  const auto runner = world.make();
  runner->start();
  World::wait_committed(*runner, "3");
  SinkOptions next = world.options;
  next.topic = "new";
  const auto revision = runner->reconfigure(next);
  ASSERT_TRUE(revision);
  const RunnerStatus status =
      World::wait(*runner, [&](const RunnerStatus& s) { return s.revision == *revision; });
  EXPECT_EQ(status.revision_from, "3");
  world.log.grow(1);
  World::wait_committed(*runner, "4");
  runner->stop();
  EXPECT_THAT(world.rows(), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(world.received.committed[2], HasSubstr("shop orders"));
  EXPECT_THAT(world.received.committed[3], HasSubstr("new orders"));
}

// A frozen broker must not keep its sink from being paused, moved or told otherwise.
TEST(Runner, HearsWhatIsAskedWhileTheTargetHoldsItUp) {
  World world;
  world.log.grow(2);
  std::atomic<bool> frozen{true};
  world.received.before_commit = [&world, &frozen](Target& target) {
    if (world.received.uncommitted.empty()) return;
    target.on_waiting("the broker does not answer");
    while (frozen && !static_cast<TestTarget&>(target).asked_to_stop())
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (!frozen) target.on_waiting("");
  };
  const auto runner = world.make();
  runner->start();
  World::wait(*runner,
              [](const RunnerStatus& s) { return s.reason == "the broker does not answer"; });
  runner->pause();
  const RunnerStatus paused =
      World::wait(*runner, [](const RunnerStatus& s) { return s.state == State::kPaused; });
  EXPECT_EQ(paused.failures, 0u);
  EXPECT_EQ(paused.reason, "");
  runner->resume();
  World::wait(*runner,
              [](const RunnerStatus& s) { return s.reason == "the broker does not answer"; });
  EXPECT_TRUE(runner->reconfigure(world.options));
  frozen = false;
  const RunnerStatus done = World::wait_committed(*runner, "2");
  EXPECT_EQ(done.revision, 1u);
  runner->stop();
}

TEST(Runner, RefusesWhatMakesNoSense) {
  World world;
  const auto runner = world.make();
  SinkOptions next = world.options;
  next.where = "id =";
  const auto revision = runner->reconfigure(next);
  ASSERT_FALSE(revision);
  EXPECT_EQ(revision.error().code, Code::kInvalid);
  next = world.options;
  next.name = "other";
  EXPECT_FALSE(runner->reconfigure(next));
}

TEST(Runner, StopsBehindARejectedMessageAndReplaysIt) {
  World world;
  world.options.on_rejected = "stop";
  world.log.grow(3);
  world.received.reject = "VALUES (2)";
  const auto runner = world.make();
  runner->start();
  const RunnerStatus stopped =
      World::wait(*runner, [](const RunnerStatus& s) { return s.state == State::kStopped; });
  EXPECT_THAT(stopped.reason, HasSubstr("too large"));
  EXPECT_EQ(stopped.committed, "2");
  world.received.reject.clear();  // its thread waits
  runner->replay_dead_letters();
  runner->resume();
  const RunnerStatus done =
      World::wait(*runner, [](const RunnerStatus& s) { return s.replayed == 1; });
  EXPECT_FALSE(done.request_waits);
  World::wait_committed(*runner, "3");
  runner->stop();
  EXPECT_THAT(world.rows(), ElementsAre(1, 2, 3));
  EXPECT_FALSE(world.disk.exists("data/shop/sinks/orders.dead_letters.jsonl"));
}

}  // namespace
}  // namespace binbus::sink
