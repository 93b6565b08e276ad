#include "changes/schema_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "changes/schema_keeper.h"
#include "io/simulated_disk.h"
#include "store/log_testing.h"

namespace binbus::changes {
namespace {

using store::FileMaker;
using testing::HasSubstr;

// A log of statements, one transaction each, in files that the test begins.
class SchemaHistoryTest : public testing::Test {
 protected:
  SchemaHistoryTest() {
    options_.directory = "log";
    options_.keep_free_bytes = 0;
    open();
    begin();
  }

  void open() {
    log_.reset();
    auto opened = store::LocalLog::open(disk_, io::system_clock(), options_, nullptr);
    ASSERT_TRUE(opened) << opened.error().message;
    log_ = std::move(*opened);
  }

  // The next file.
  void begin() {
    ++segment_;
    maker_.start(binlog::SegmentName{"binlog", segment_}.to_string(), {});
    stored_ = 0;
    ASSERT_TRUE(log_->begin_segment(maker_.file().name));
    store();
  }
  void store() {
    const store::MadeFile& file = maker_.file();
    ASSERT_TRUE(
        log_->append(Bytes(file.bytes).subspan(stored_), file.ends_in(stored_, file.bytes.size())));
    stored_ = file.bytes.size();
    ASSERT_TRUE(log_->sync());
  }
  // Where it begins.
  Position run(const std::string& statement) {
    ++number_;
    const Position at{segment_, maker_.statement(store::mysql_gtid(number_), number_ * 1'000'000,
                                                 "shop", statement)};
    store();
    return at;
  }
  void rows() {
    ++number_;
    maker_.transaction(store::mysql_gtid(number_), number_ * 1'000'000, 100);
    store();
  }

  // A baseline with what the statements make, at the log's end.
  Position baseline(const std::vector<std::string>& statements) {
    schema::Baseline read;
    read.server_uuid = "a";
    schema::StatementContext context;
    context.database = "shop";
    context.server = schema::ServerVersion::parse("8.0.32");
    read.catalog.put_database("shop", {"utf8mb4", "utf8mb4_0900_ai_ci"});
    for (const std::string& statement : statements)
      EXPECT_TRUE(read.catalog.apply(statement, context));
    const Position at = log_->end();
    EXPECT_TRUE(log_->record_schema({at, at}, read.encode()));
    return at;
  }

  // Every table as "name: column type, ...", those not known as "name: ?".
  std::vector<std::string> tables(Position at) {
    SchemaHistory history(*log_);
    const auto catalog = history.at(at);
    if (!catalog) return {catalog.error().message};
    std::vector<std::string> all;
    catalog->for_each_table([&](const schema::TableState& state) {
      std::string text = state.version->table + ":";
      for (const schema::Column& column : state.version->columns)
        text += " " + column.name + " " + column.type_text;
      all.push_back(state.reread.empty() ? text : state.version->table + ": ?");
      return true;
    });
    return all;
  }
  Position end() const { return log_->end(); }

  // As the keeper does, at once.
  size_t carry_on() {
    SchemaHistory history(*log_);
    size_t count = 0;
    for (;; ++count) {
      auto start = history.missing_start({});
      EXPECT_TRUE(start);
      if (!start || !*start) return count;
      const SchemaHistory::SegmentStart& found = **start;
      EXPECT_TRUE(found.changed ? log_->record_schema(found.place, found.encoded)
                                : log_->record_same_schema(found.place, found.before));
    }
  }

  io::SimulatedDisk disk_;
  store::LogOptions options_;
  std::unique_ptr<store::LocalLog> log_;
  FileMaker maker_{mysql::Flavor::kMysql, binlog::Checksum::kCrc32};
  uint64_t segment_ = 0;
  uint64_t number_ = 0;
  size_t stored_ = 0;
};

using Tables = std::vector<std::string>;

TEST_F(SchemaHistoryTest, FollowsStatementsFromABaseline) {
  const Position start = baseline({"CREATE TABLE t (a INT)"});
  const Position added = run("ALTER TABLE t ADD b INT");
  rows();
  const Position renamed = run("RENAME TABLE t TO u");
  begin();
  run("INSERT INTO u VALUES (1, 2)");
  const Position created = run("CREATE TABLE v LIKE u");
  EXPECT_EQ(tables(start), (Tables{"t: a int"}));
  EXPECT_EQ(tables(added), (Tables{"t: a int"})) << "the statement has not run yet";
  EXPECT_EQ(tables(renamed), (Tables{"t: a int b int"}));
  EXPECT_EQ(tables(created), (Tables{"u: a int b int"}));
  EXPECT_EQ(tables(end()), (Tables{"u: a int b int", "v: a int b int"}));
  open();
  EXPECT_EQ(tables(end()), (Tables{"u: a int b int", "v: a int b int"}));
}

TEST_F(SchemaHistoryTest, SaysWhenThereIsNoBaseline) {
  SchemaHistory history(*log_);
  EXPECT_EQ(history.at(end()).error().code, Code::kNotFound);
  baseline({});
  EXPECT_TRUE(history.at(end()));
  EXPECT_EQ(history.at({7, 0}).error().code, Code::kInvalid);
}

// Before the first baseline only what nothing changed on the way is known.
TEST_F(SchemaHistoryTest, LooksBackFromTheFirstBaseline) {
  const Position start = run("ALTER TABLE altered ADD b INT");
  run("CREATE TABLE made (a INT)");
  run("CREATE TABLE IF NOT EXISTS perhaps (a INT)");
  run("DROP TABLE dropped");
  run("RENAME TABLE old TO new");
  run("CREATE TEMPORARY TABLE kept (x TEXT)");
  run("ALTER TABLE kept ADD y TEXT");
  const Position middle = run("ALTER TABLE made ADD c INT");
  baseline({"CREATE TABLE altered (a INT, b INT)", "CREATE TABLE made (a INT, c INT)",
            "CREATE TABLE perhaps (a INT)", "CREATE TABLE new (a INT)",
            "CREATE TABLE kept (a INT)"});
  EXPECT_EQ(tables(start),
            (Tables{"altered: ?", "dropped: ?", "kept: a int", "old: ?", "perhaps: ?"}));
  EXPECT_EQ(tables(middle), (Tables{"altered: a int b int", "kept: a int", "made: a int",
                                    "new: a int", "perhaps: a int"}));
  SchemaHistory history(*log_);
  const auto altered = history.table("shop", "altered", start);
  ASSERT_TRUE(altered);
  EXPECT_THAT(altered->reread, HasSubstr("offset " + std::to_string(start.offset) +
                                         ": ALTER TABLE altered ADD b INT"));
  EXPECT_THAT(altered->reread, HasSubstr("binbus schema rebuild"));
}

// What a statement does not tell is taken from the next baseline, as far as nothing touched it until then.
TEST_F(SchemaHistoryTest, TakesUnknownTablesFromTheNextBaseline) {
  baseline({});
  run("CREATE TABLE quiet AS SELECT 1 AS a");
  run("CREATE TABLE touched AS SELECT 1 AS a");
  const Position between = end();
  EXPECT_EQ(tables(between), (Tables{"quiet: ?", "touched: ?"}));
  run("ALTER TABLE touched ADD b INT");
  baseline({"CREATE TABLE quiet (a BIGINT)", "CREATE TABLE touched (a BIGINT, b INT)"});
  EXPECT_EQ(tables(between), (Tables{"quiet: a bigint", "touched: ?"}));
  EXPECT_EQ(tables(end()), (Tables{"quiet: a bigint", "touched: a bigint b int"}));
}

// Only its table is not known from there on, until somebody reads it.
TEST_F(SchemaHistoryTest, GoesOnBehindAStatementThatItDoesNotUnderstand) {
  const Position early = run("ALTER TABLE v FROBNICATE");
  baseline({"CREATE TABLE t (a INT)", "CREATE TABLE u (a INT)", "CREATE TABLE v (a INT)"});
  const Position at = run("ALTER TABLE t FROBNICATE (a)");
  run("ALTER TABLE u ADD b INT");
  EXPECT_EQ(tables(early), (Tables{"t: a int", "u: a int", "v: ?"}));
  EXPECT_EQ(tables(at), (Tables{"t: a int", "u: a int", "v: a int"}));
  EXPECT_EQ(tables(end()), (Tables{"t: ?", "u: a int b int", "v: a int"}));
  SchemaHistory history(*log_);
  EXPECT_THAT(history.table("shop", "t", end())->reread,
              HasSubstr("found 'FROBNICATE'): ALTER TABLE t FROBNICATE (a)"));
  begin();
  EXPECT_EQ(carry_on(), 1U);
  EXPECT_EQ(tables(end()), (Tables{"t: ?", "u: a int b int", "v: a int"}));
  baseline({"CREATE TABLE t (z INT)", "CREATE TABLE u (a INT, b INT)", "CREATE TABLE v (a INT)"});
  EXPECT_EQ(tables({segment_, 0}), (Tables{"t: z int", "u: a int b int", "v: a int"}))
      << "nothing has touched it until it was read";
}

TEST_F(SchemaHistoryTest, StopsAtAStatementThatNamesNoTable) {
  baseline({"CREATE TABLE t (a INT)"});
  const Position at = run("ALTER TABLE FROBNICATE.(a)");
  rows();
  EXPECT_EQ(tables(at), (Tables{"t: a int"}));
  SchemaHistory history(*log_);
  const auto after = history.at(end());
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().code, Code::kUnsupported);
  for (const std::string& part :
       {std::to_string(at.offset), std::string("FROBNICATE"), std::string("binbus schema rebuild")})
    EXPECT_THAT(after.error().message, HasSubstr(part));
  begin();
  EXPECT_EQ(history.missing_start({}).error().code, Code::kUnsupported);
  baseline({"CREATE TABLE t (z INT)"});
  EXPECT_EQ(tables(end()), (Tables{"t: z int"}));
  begin();
  const auto start = history.missing_start({});
  ASSERT_TRUE(start && *start) << "behind the one that cannot have a baseline";
  EXPECT_EQ((*start)->place.at, (Position{segment_, 0}));
}

TEST_F(SchemaHistoryTest, GivesEachSegmentsStartABaseline) {
  options_.retain_bytes = 1;
  open();
  baseline({"CREATE TABLE t (a INT)"});
  rows();
  begin();
  rows();
  begin();
  run("ALTER TABLE t ADD b INT");
  begin();
  rows();
  EXPECT_EQ(carry_on(), 3U);
  EXPECT_EQ(carry_on(), 0U);
  EXPECT_EQ(tables({3, 0}), (Tables{"t: a int"}));
  ASSERT_EQ(log_->apply_retention(0)->size(), 3U);
  open();
  EXPECT_EQ(tables({4, 0}), (Tables{"t: a int b int"})) << "what told of it is gone";
  EXPECT_EQ(tables(end()), (Tables{"t: a int b int"}));
}

// What was carried on from an older baseline does not count beside a newer one.
TEST_F(SchemaHistoryTest, CarriesOnFromTheNewestBaseline) {
  baseline({"CREATE TABLE t (a INT)"});
  rows();
  const Position between = end();
  rows();
  begin();
  EXPECT_EQ(carry_on(), 1U);
  schema::Baseline later;
  later.catalog.put_table({"shop", "u", {}, {}, {}, "", ""});
  ASSERT_TRUE(log_->record_schema({between, between}, later.encode()));
  EXPECT_EQ(tables(end()), (Tables{"u:"}));
  EXPECT_EQ(carry_on(), 1U);
  EXPECT_EQ(tables(end()), (Tables{"u:"}));
}

TEST(SchemaKeeper, DecidesWhenABaselineIsWanted) {
  using Reason = BaselineReason;
  const struct {
    const char* name;
    KeeperFacts facts;
    std::optional<Reason> want;
  } cases[] = {
      {"no source", {"", std::nullopt, Reason::kAsked}, std::nullopt},
      {"the first", {"a", std::nullopt, std::nullopt}, Reason::kFirst},
      {"nothing new", {"a", "a", std::nullopt}, std::nullopt},
      {"another server", {"b", "a", std::nullopt}, Reason::kNewSource},
      {"rebuild", {"a", "a", Reason::kAsked}, Reason::kAsked},
      {"an unknown table", {"a", "a", Reason::kReread}, Reason::kReread},
  };
  for (const auto& test : cases) EXPECT_EQ(baseline_wanted(test.facts), test.want) << test.name;
}

}  // namespace
}  // namespace binbus::changes
