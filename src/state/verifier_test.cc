// Kept rows compared with those of a source that goes on writing, whose log is followed as it comes.
#include "state/verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <random>

#include "state/source_testing.h"

namespace binbus::state {
namespace {

using namespace testing_source;

using schema::TablePtr;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = RowDifference::Kind;

class VerifierTest : public testing::Test {
 protected:
  VerifierTest() {
    char folder[] = "/tmp/binbus-state-XXXXXX";
    folder_ = ::mkdtemp(folder);
    auto store = TableStore::open({.folder = folder_});
    EXPECT_TRUE(store);
    auto tables = Tables::open("shop", std::move(*store));
    EXPECT_TRUE(tables);
    tables_ = std::move(*tables);
    begin_with(make_table(true));
  }
  ~VerifierTest() override {
    verifier_.reset();
    tables_.reset();
    std::filesystem::remove_all(folder_);
  }

  void begin_with(TablePtr table) {
    verifier_.reset();
    while (!tables_->all().empty()) tables_->drop(tables_->all().front());
    source_ = std::make_unique<Source>(std::move(table));
    tables_->add(source_->table, Phase::kReady);
    applier_ = std::make_unique<Applier>("shop", *tables_,
                                         [](std::string_view, std::string_view) { return true; });
    applier_->reach({1, 0}, "binlog.000001:0");
    ASSERT_TRUE(tables_->commit());
    auto rows = std::make_unique<FakeRows>(*source_, clock_);
    rows_ = rows.get();
    verifier_ = std::make_unique<Verifier>("shop", *tables_, std::move(rows), pace_, clock_);
  }

  // The next transaction of the log.
  bool follow() {
    if (!take_next(*source_, *tables_, *applier_)) return false;
    EXPECT_TRUE(tables_->commit());
    return true;
  }
  Status follow_to(Position to) {
    while (tables_->place()->at < to) follow();
    return tables_->commit();
  }
  void follow_all() { ASSERT_TRUE(follow_to(source_->end())); }

  void begin(bool repair = false) {
    run_ = std::make_shared<Verification>([](std::string_view, std::string_view) { return true; },
                                          repair);
    verifier_->begin(run_);
  }
  void step() {
    const Status done =
        verifier_->step([this](Position to) { return follow_to(to); }, std::stop_token());
    ASSERT_TRUE(done) << done.error().message;
  }
  // To its end; what it found in the one table.
  TableVerdict finish() {
    for (int i = 0; i < 1'000'000 && !run_->status().ended; ++i) {
      if (verifier_->is_due()) {
        step();
      } else if (!follow()) {
        clock_.now_us += 100'000;
      }
    }
    const VerificationStatus status = run_->status();
    EXPECT_TRUE(status.ended);
    EXPECT_EQ(status.error, "");
    EXPECT_EQ(status.tables.size(), 1u);
    return status.tables.empty() ? TableVerdict() : status.tables.front();
  }
  TableVerdict verify(bool repair = false) {
    begin(repair);
    return finish();
  }

  std::vector<Values> kept() { return kept_rows(*tables_->view(), tables_->all().front().record); }
  void fill(int count) {
    for (int i = 0; i < count; ++i)
      source_->write({std::string(1, "aBcD"[i % 4]) + std::to_string(i), "new"});
    follow_all();
  }

  std::string folder_;
  FakeClock clock_;
  SourcePace pace_{FillOptions(), clock_};
  std::unique_ptr<Source> source_;
  FakeRows* rows_ = nullptr;
  std::unique_ptr<Tables> tables_;
  std::unique_ptr<Applier> applier_;
  std::unique_ptr<Verifier> verifier_;
  std::shared_ptr<Verification> run_;
};

std::string text(const RowDifference& difference) {
  std::string out = difference.kind == Kind::kDiffers   ? "differs"
                    : difference.kind == Kind::kMissing ? "missing"
                                                        : "extra";
  for (const auto& [column, value] : difference.key) out += " " + column + "=" + value;
  for (const std::string& column : difference.columns) out += " " + column;
  return out;
}

std::vector<std::string> texts(const TableVerdict& verdict) {
  std::vector<std::string> out;
  for (const RowDifference& each : verdict.first) out.push_back(text(each));
  std::ranges::sort(out);
  return out;
}

TEST_F(VerifierTest, EqualRowsAreReadOnce) {
  fill(2500);
  const TableVerdict verdict = verify();
  EXPECT_EQ(verdict.rows, 2500u);
  EXPECT_EQ(verdict.rows_expected, 2500u);
  EXPECT_EQ(verdict.differences(), 0u);
  EXPECT_EQ(verdict.not_comparable, "");
  EXPECT_GT(rows_->chunks, 2u);
  EXPECT_EQ(rows_->looked_up, 0u);  // the sums tell that there is nothing else
}

TEST_F(VerifierTest, EachKindOfDifferenceIsFoundAndRepaired) {
  fill(500);
  source_->write({"a0", "other"}, false);
  source_->erase("B1", false);
  source_->write({"x1", "unheard of"}, false);
  source_->write({"C2", "new"}, false);  // was c2, which is the same to the source
  const std::vector<std::string> all = {"differs id=a0 state", "extra id=B1", "extra id=c2",
                                        "missing id=C2", "missing id=x1"};
  TableVerdict verdict = verify();
  EXPECT_EQ(texts(verdict), all);
  EXPECT_EQ(verdict.differ, 1u);
  EXPECT_EQ(verdict.extra, 2u);
  EXPECT_EQ(verdict.missing, 2u);
  EXPECT_EQ(verdict.repaired, 0u);
  EXPECT_NE(kept(), source_->all());

  verdict = verify(true);
  EXPECT_EQ(texts(verdict), all);
  EXPECT_EQ(verdict.repaired, 5u);
  EXPECT_EQ(kept(), source_->all());
  EXPECT_EQ(verify().differences(), 0u);
}

TEST_F(VerifierTest, WhatTheLogChangesMeanwhileIsNoDifference) {
  fill(500);
  begin();
  size_t at = 0;
  rows_->meanwhile = [&] {  // rows change just before and after they are read
    if (++at % 3 != 0) return;
    source_->write({std::string(1, "aBcD"[at % 4]) + std::to_string(at), "changed"});
    source_->erase(std::string(1, "aBcD"[(at + 50) % 4]) + std::to_string(at + 50));
    source_->write({"n" + std::to_string(at), "new"});
  };
  const TableVerdict verdict = finish();
  EXPECT_THAT(texts(verdict), IsEmpty());
  EXPECT_GT(source_->log.size(), 900u);
}

// A row that the log changes on while it is looked at is one of its versions all the same, or differs.
TEST_F(VerifierTest, ARowThatChangesAllTheTimeIsJudged) {
  fill(10);
  source_->write({"a0", "0"});
  follow_all();
  source_->write({"B1", "planted"}, false);
  begin();
  int at = 0;
  rows_->meanwhile = [&] { source_->write({"a0", std::to_string(++at)}); };
  EXPECT_THAT(texts(finish()), ElementsAre("differs id=B1 state"));
}

TEST_F(VerifierTest, ARepairUndoesNoChangeOfTheLog) {
  fill(50);
  source_->write({"a0", "planted"}, false);
  source_->erase("B1", false);
  begin(true);
  // The same rows change when they are read for the repair.
  rows_->meanwhile = [&] {
    if (run_->status().tables[0].differences() < 2) return;
    source_->write({"a0", "newer " + std::to_string(source_->log.size())});
    source_->write({"B1", "back"});
    source_->erase("c2");
  };
  const TableVerdict verdict = finish();
  EXPECT_EQ(verdict.repaired, 2u);
  const Position until = tables_->all().front().record.fill.until;
  EXPECT_GT(until, Position({1, 50}));  // readers see it from there on
  follow_all();
  EXPECT_EQ(kept(), source_->all());
}

// Many seeds: what is planted is found and nothing else, whatever is written meanwhile, and mended.
TEST_F(VerifierTest, WhatIsPlantedIsFoundAmongRandomChanges) {
  for (uint32_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    begin_with(make_table(true));
    std::mt19937 random(seed);
    fill(300);
    std::vector<std::string> planted;
    for (int i = 0; i < 300; i += 1 + static_cast<int>(random() % 60)) {
      const std::string id = std::string(1, "aBcD"[i % 4]) + std::to_string(i);
      switch (random() % 3) {
        case 0:
          source_->write({id, "planted"}, false);
          planted.push_back("differs id=" + id + " state");
          break;
        case 1:
          source_->erase(id, false);
          planted.push_back("extra id=" + id);
          break;
        default:
          source_->write({"p" + std::to_string(i), "planted"}, false);
          planted.push_back("missing id=p" + std::to_string(i));
      }
      if (planted.size() == Verification::kFirst) break;
    }
    std::ranges::sort(planted);
    rows_->meanwhile = [&] {
      if (random() % 4 != 0 || source_->log.size() > 5000) return;
      std::string id = (random() % 2 == 0 ? "w" : "W") + std::to_string(random() % 40);
      if (random() % 3 == 0) return source_->erase(id);
      source_->write({id, std::to_string(random() % 5)});
    };
    EXPECT_EQ(texts(verify(seed % 2 == 1)), planted);
    if (seed % 2 == 0) continue;
    follow_all();
    EXPECT_EQ(kept(), source_->all());
  }
}

TEST_F(VerifierTest, MoreThanOneLookHolds) {
  fill(1200);
  for (int i = 0; i < 1200; i += 2)
    source_->erase(std::string(1, "aBcD"[i % 4]) + std::to_string(i), false);
  const TableVerdict verdict = verify(true);
  EXPECT_EQ(verdict.extra, 600u);
  EXPECT_EQ(verdict.first.size(), Verification::kFirst);
  EXPECT_EQ(verdict.repaired, 600u);
  EXPECT_EQ(kept(), source_->all());
}

TEST_F(VerifierTest, WithoutAKeyRowsAreCounted) {
  begin_with(make_table(false));
  for (int i = 0; i < 200; ++i) source_->write({"r" + std::to_string(i % 50), "same"});
  follow_all();
  begin();
  rows_->meanwhile = [&] {  // behind the snapshot
    if (source_->log.size() < 1000) source_->write({"later", "x"});
  };
  TableVerdict verdict = finish();
  EXPECT_EQ(verdict.rows, 200u);
  EXPECT_EQ(verdict.differences(), 0u);

  rows_->meanwhile = [] {};
  follow_all();
  source_->write({"r1", "same"}, false);  // once more than it is kept
  source_->write({"r1", "other"}, false);
  source_->erase("r2", false);
  verdict = verify(true);
  EXPECT_THAT(texts(verdict), ElementsAre("extra id=r2 state=same", "missing id=r1 state=other",
                                          "missing id=r1 state=same"));
  EXPECT_EQ(verdict.repaired, 3u);
  EXPECT_EQ(kept(), source_->all());
}

TEST_F(VerifierTest, ATableThatChangesIsBegunAgainAndOneThatGoesIsSaid) {
  fill(2500);
  begin();
  step();
  tables_->empty(tables_->all().front(), Phase::kReady);  // TRUNCATE
  source_->rows.clear();
  ASSERT_TRUE(tables_->commit());
  TableVerdict verdict = finish();
  EXPECT_EQ(verdict.rows, 0u);
  EXPECT_EQ(verdict.not_comparable, "");

  begin();
  tables_->empty(tables_->all().front(), Phase::kFilling);
  ASSERT_TRUE(tables_->commit());
  EXPECT_THAT(finish().not_comparable, HasSubstr("being read at the source"));

  begin();
  tables_->drop(tables_->all().front());
  ASSERT_TRUE(tables_->commit());
  EXPECT_THAT(finish().not_comparable, HasSubstr("dropped or renamed"));
}

TEST_F(VerifierTest, WhatGoesWrongAtTheSourceIsTriedAgainForAWhile) {
  fill(10);
  rows_->failure = Error{Code::kNetwork, "connection lost"};
  begin();
  step();
  EXPECT_EQ(run_->status().waits, "connection lost");
  EXPECT_FALSE(verifier_->is_due());
  rows_->failure.reset();
  EXPECT_EQ(finish().rows, 10u);

  rows_->failure = Error{Code::kNetwork, "connection lost"};
  begin();
  for (int i = 0; i < 100 && !run_->status().ended; ++i) {
    if (verifier_->is_due()) step();
    clock_.now_us += 1'000'000;
  }
  EXPECT_EQ(run_->status().error, "connection lost");

  // Of one table alone.
  rows_->failure = Error{Code::kDiverged, "no such table"};
  EXPECT_EQ(verify().not_comparable, "no such table");
}

TEST_F(VerifierTest, CancelledItEnds) {
  fill(10);
  begin();
  run_->cancel();
  ASSERT_TRUE(verifier_->is_due());
  step();
  EXPECT_EQ(run_->status().error, "it was cancelled");
  EXPECT_FALSE(verifier_->is_due());
}

}  // namespace
}  // namespace binbus::state
