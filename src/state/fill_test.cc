// Tables that are read at a source which goes on writing, over a connection that breaks and into a store that is opened again.
#include "state/fill.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <random>

#include "base/seeds_testing.h"
#include "state/source_testing.h"

namespace binbus::state {
namespace {

using namespace testing_source;
namespace fs = std::filesystem;
using Rows = std::vector<Values>;

// Rows that only one of them has; "" when they are the same.
std::string difference(const std::optional<Rows>& kept, const std::optional<Rows>& wanted) {
  if (!kept || !wanted) return kept.has_value() == wanted.has_value() ? "" : "not both are there";
  std::string out;
  const auto add = [&](const char* whose, const Rows& these, const Rows& those) {
    Rows only;
    std::ranges::set_difference(these, those, std::back_inserter(only));
    for (const Values& row : only) out += whose + testing::PrintToString(row) + "\n";
  };
  add("kept: ", *kept, *wanted);
  add("wanted: ", *wanted, *kept);
  return out;
}

class FillTest : public testing::Test {
 protected:
  FillTest() {
    char folder[] = "/tmp/binbus-state-XXXXXX";
    folder_ = ::mkdtemp(folder);
  }
  ~FillTest() override {
    close();
    fs::remove_all(folder_);
  }

  void begin_with(bool with_key) {
    source_ = std::make_unique<Source>(make_table(with_key, {"id", "a", "b"}));
    source_->minimal = with_key;
    states_ = {source_->all()};
    open();
    tables_->add(source_->table, Phase::kFilling);
    applier_->reach({1, 0}, "binlog.000001:0");
    ASSERT_TRUE(tables_->commit());
  }
  // What was committed is there again.
  void open() {
    close();
    auto store = TableStore::open({.folder = folder_ + "/rows"});
    ASSERT_TRUE(store) << store.error().message;
    auto tables = Tables::open("shop", std::move(*store));
    ASSERT_TRUE(tables) << tables.error().message;
    tables_ = std::move(*tables);
    applier_ = std::make_unique<Applier>("shop", *tables_,
                                         [](std::string_view, std::string_view) { return true; });
    const auto make_rows = [this] {
      auto rows = std::make_unique<FakeRows>(*source_, clock_);
      rows->meanwhile = [this] { meanwhile_(); };
      rows_ = rows.get();
      return rows;
    };
    const Fill::Surroundings around{make_rows, [this] { return source_->end(); }};
    fill_ = std::make_unique<Fill>("shop", *tables_, around, 1, pace_, clock_);
  }
  void close() {
    fill_.reset();
    applier_.reset();
    tables_.reset();
  }

  void write(const Values& row) {
    source_->write(row);
    states_.push_back(source_->all());
  }
  void move(const std::string& id, const std::string& to) {
    source_->move(id, to);
    states_.push_back(source_->all());
  }
  void erase(const std::string& id) {
    source_->erase(id);
    if (states_.size() == source_->log.size()) states_.push_back(source_->all());
  }
  // The next transaction of the log.
  bool follow() {
    if (!take_next(*source_, *tables_, *applier_)) return false;
    commit();
    return true;
  }
  // As the keeper does.
  Status step() {
    commit();
    const auto follow_to = [this](Position to) {
      while (tables_->place()->at < to) follow();
      return tables_->commit();
    };
    Status done = fill_->step(follow_to, [](const std::string&) { return false; }, {});
    applier_->forget();
    looked_up_ += std::exchange(rows_->looked_up, 0);
    if (done || done.error().code == Code::kNetwork) commit();
    return done;
  }
  void commit() {
    fill_->settle();
    ASSERT_TRUE(tables_->commit());
    if (!ready()) return;
    const uint64_t at = tables_->place()->at.offset;
    EXPECT_EQ(difference(kept(*tables_->view()), states_[at]), "") << "at " << at;
  }
  bool ready() { return tables_->all().front().record.phase == Phase::kReady; }
  // None of a table that is not ready.
  static std::optional<Rows> kept(const TablesView& view) {
    const TableRecord* record = view.find("shop", "orders");
    if (record == nullptr) return std::nullopt;
    Rows out = kept_rows(view, *record);
    std::ranges::sort(out);
    return out;
  }
  void finish() {
    for (int i = 0; i < 10'000 && !(ready() && !fill_->wanted()); ++i) {
      if (fill_->wanted()) static_cast<void>(step());
      if (!follow()) clock_.now_us += 100'000;
    }
    while (follow()) continue;
    ASSERT_TRUE(ready());
  }

  std::string folder_;
  FakeClock clock_;
  SourcePace pace_{FillOptions(), clock_};
  std::unique_ptr<Source> source_;
  std::vector<Rows> states_;  // of the source at each place of its log
  std::function<void()> meanwhile_ = [] {};
  FakeRows* rows_ = nullptr;
  size_t looked_up_ = 0;
  std::unique_ptr<Tables> tables_;
  std::unique_ptr<Applier> applier_;
  std::unique_ptr<Fill> fill_;
};

class FillLives : public FillTest, public testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(Keys, FillLives, testing::Bool());

// Whenever the table is ready, its rows are those that the source had there; a view shows its own for ever.
TEST_P(FillLives, RowsAreThoseOfTheirPlace) {
  const Seeds seeds = Seeds::from_environment(1, 25);
  for (uint64_t seed = seeds.first; seed < seeds.end; ++seed) {
    SCOPED_TRACE("BINBUS_SEED=" + std::to_string(seed));
    std::mt19937_64 dice(seed);
    const auto up_to = [&](uint64_t count) { return dice() % count; };
    close();
    fs::remove_all(folder_ + "/rows");
    begin_with(GetParam());
    const std::string filler(seed % 4 == 0 ? 4000 : 4,
                             'x');  // chunks that are files, and that are not
    const auto change = [&] {
      const std::string id = std::to_string(100 + up_to(400));
      if (up_to(4) == 0) return erase(id);
      Values row{id, std::to_string(up_to(10)), filler + std::to_string(up_to(10))};
      const auto there = source_->rows.find(id);
      const std::string to = std::to_string(100 + up_to(400));
      if (there != source_->rows.end() && !source_->rows.contains(to) && up_to(3) == 0)
        return move(id, to);
      if (there != source_->rows.end()) row[1 + up_to(2)] = there->second[1 + up_to(2)];
      write(row);
    };
    for (int i = 0; i < 300; ++i) change();
    states_ = {source_->all()};
    source_->log.clear();
    uint32_t changes = 300;
    const auto maybe_change = [&] {
      if (changes > 0 && up_to(8) == 0) --changes, change();
    };
    meanwhile_ = maybe_change;
    std::vector<std::pair<std::shared_ptr<const TablesView>, std::optional<Rows>>> views;
    for (int i = 0; i < 400; ++i) {
      switch (up_to(12)) {
        case 0:
          views.clear();
          open();
          break;
        case 1:
          views.emplace_back(tables_->view(), kept(*tables_->view()));
          break;
        case 2:
          if (!ready() || up_to(4) != 0) break;
          tables_->empty(tables_->all().front(), Phase::kFilling);
          applier_->forget();
          break;
        case 3:
        case 4:
        case 5:
          if (!fill_->wanted()) break;
          if (up_to(3) == 0) rows_->breaks_after = up_to(up_to(2) == 0 ? 400 : 12);
          static_cast<void>(step());
          rows_->breaks_after.reset();
          break;
        case 6:
          clock_.now_us += 100'000;
          break;
        default:
          maybe_change();
          follow();
      }
      for (const auto& [view, rows] : views) ASSERT_EQ(difference(kept(*view), rows), "");
      if (HasFailure()) return;
    }
    meanwhile_ = [] {};
    finish();
    if (HasFailure()) return;
  }
  if (seeds.end - seeds.first > 1) {
    EXPECT_EQ(looked_up_ > 0, GetParam());
  }
}

TEST_F(FillTest, RowsThatWereLookedUpAreKeptWithTheirPlaceOrNotAtAll) {
  begin_with(true);
  source_->write({"100", "a", "b"}, false);
  source_->write({"200", "a", "b"}, false);
  states_ = {source_->all()};
  meanwhile_ = [this] {
    if (source_->rows.contains("200")) move("200", "050");  // the reading is behind it
  };
  ASSERT_TRUE(step());
  ASSERT_TRUE(follow());
  const Tables::Table& table = tables_->all().front();
  ASSERT_EQ(table.incomplete, 1u);
  write({"050", "of", "later"});
  rows_->breaks_after = 1;  // with its end
  EXPECT_FALSE(step());
  EXPECT_EQ(table.incomplete, 1u);
  EXPECT_FALSE(ready());
  finish();
}

TEST_F(FillTest, WhatCouldNotBeWrittenIsReadAgainAlsoWhenTheConnectionBroke) {
  begin_with(true);
  for (int i = 0; i < 3000; ++i)
    source_->write({std::to_string(10'000 + i), std::string(1000, 'a'), "b"}, false);
  states_ = {source_->all()};
  int rows = 0;
  meanwhile_ = [&] {
    if (++rows == 500) fs::rename(folder_ + "/rows", folder_ + "/away");
  };
  rows_->breaks_after = 1200;  // in the second chunk
  const Status done = step();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kIo) << done.error().message;
  close();
  fs::rename(folder_ + "/away", folder_ + "/rows");
  open();
  finish();
  EXPECT_EQ(difference(kept(*tables_->view()), source_->all()), "");
}

}  // namespace
}  // namespace binbus::state
