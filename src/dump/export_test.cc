// Exports of a real store into a real folder: in parts, broken off, refused.
#include "dump/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "dump/export_folder.h"
#include "dump/split.h"
#include "format/change_testing.h"

namespace binbus::dump {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
namespace fs = std::filesystem;

constexpr uint64_t kRows = 20'000;

std::string no_name(const std::string&, const std::vector<std::string>&) { return ""; }

class ExportTest : public testing::Test {
 protected:
  ExportTest() {
    char folder[] = "/tmp/binbus-export-XXXXXX";
    root_ = ::mkdtemp(folder);
    auto store = state::TableStore::open({.folder = root_ + "/state"});
    EXPECT_TRUE(store) << store.error().message;
    auto tables = state::Tables::open("shop", std::move(*store));
    EXPECT_TRUE(tables) << tables.error().message;
    state::Place place;
    place.at = {1, 4};
    place.text = "binlog.000001:4";
    (*tables)->set_place(place);
    maker_.add(format::integer_cell("id", schema::SqlType::kInt, "int", 0))
        .add(format::text_cell("v", ""))
        .key({0});
    auto& table = (*tables)->add(maker_.table(), state::Phase::kReady);
    state::Tables::Rows rows(table);
    for (uint64_t i = 0; i < kRows; ++i) {
      const auto added = rows.add(maker_.row(
          {format::TableMaker::value(format::integer_cell("", schema::SqlType::kInt, "int", i)),
           {schema::Field::State::kValue, "value " + std::to_string(i * 7919 % 1'000'003)}}));
      EXPECT_TRUE(added) << added.error().message;
    }
    rows.end();
    EXPECT_TRUE((*tables)->write(rows));
    (*tables)->add(empty_.add(format::integer_cell("id", schema::SqlType::kInt, "int", 0)).table(),
                   state::Phase::kReady);
    EXPECT_TRUE((*tables)->commit());
    EXPECT_TRUE((*tables)->checkpoint(root_ + "/rows"));  // in sorted files
    auto read = state::TableStore::open_read_only({.folder = root_ + "/rows"});
    EXPECT_TRUE(read) << read.error().message;
    view_ = state::Tables::open("shop", std::move(*read)).value()->view();
  }
  ~ExportTest() override {
    view_.reset();
    fs::remove_all(root_);
  }

  Plan plan(std::vector<std::string> tables = {}, std::string compress = "none") const {
    Plan plan{.stream = "shop",
              .snapshot = "x",
              .tables = std::move(tables),
              .format = "csv",
              .compress = std::move(compress),
              .parts = {}};
    const Status made = make_parts(plan, *view_, {.part_bytes = 30'000}, no_name);
    EXPECT_TRUE(made) << made.error().message;
    return plan;
  }

  std::unique_ptr<ExportFolder> open() {
    auto folder = ExportFolder::open(io::posix_file_system(), out_);
    EXPECT_TRUE(folder) << folder.error().message;
    return folder ? std::move(*folder) : nullptr;
  }
  Status write(
      ExportFolder& folder, const OnPart& on_part = [](const Part&) {}) {
    return write_parts(folder, *view_, 3, on_part);
  }

  std::string read(const std::string& file) const {
    std::ifstream in(out_ + "/" + file, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  std::vector<std::string> files() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(out_)) out.push_back(entry.path().filename());
    return out;
  }
  // Of the parts, in their order.
  std::vector<std::string> lines(const Plan& plan) const {
    std::vector<std::string> out;
    for (const Part& part : plan.parts) {
      std::istringstream in(read(part.file));
      std::string line;
      std::getline(in, line);
      while (part.table == "shop.big" && std::getline(in, line)) out.push_back(line);
    }
    return out;
  }

  std::string root_;
  format::TableMaker maker_{"shop", "big"}, empty_{"shop", "empty"};
  std::shared_ptr<const state::TablesView> view_;
  const std::string out_ = "/tmp/binbus-export-out-" + std::to_string(::getpid()) + "-" +
                           testing::UnitTest::GetInstance()->current_test_info()->name();
  struct Remove {
    const std::string& folder;
    ~Remove() { fs::remove_all(folder); }
  } remove_{out_};
};

TEST_F(ExportTest, SplitsAtKeysSoThatEveryRowIsInOnePart) {
  const state::TableRecord& record = *view_->find("shop", "big");
  const std::string prefix = state::row_prefix(record.id);
  const auto keys = split(*view_->store, prefix, state::end_of(prefix), 30'000);
  ASSERT_GT(keys.size(), 4U);
  EXPECT_EQ(keys.front(), prefix);
  EXPECT_EQ(keys.back(), state::end_of(prefix));
  uint64_t rows = 0;
  for (size_t i = 0; i + 1 < keys.size(); ++i) {
    EXPECT_LT(keys[i], keys[i + 1]);
    uint64_t in_part = 0;
    for (auto at = view_->store->iterate(keys[i], keys[i + 1]); at->valid(); at->next()) ++in_part;
    EXPECT_GT(in_part, 0U);
    rows += in_part;
  }
  EXPECT_EQ(rows, kRows);
  EXPECT_THAT(split(*view_->store, prefix, state::end_of(prefix), 1 << 30), SizeIs(2));
  EXPECT_THAT(split(*view_->store, "x", "y", 1), ElementsAre("x", "y"));
}

TEST_F(ExportTest, WritesAllPartsAndTheManifestLast) {
  const auto folder = open();
  ASSERT_TRUE(folder->begin(plan()));
  ASSERT_GT(folder->plan()->parts.size(), 4U);
  const Status written = write(*folder);
  ASSERT_TRUE(written) << written.error().message;
  const auto all = lines(*folder->plan());
  ASSERT_EQ(all.size(), kRows);
  EXPECT_EQ(all.front(), "0,value 0\r");
  EXPECT_EQ(all.back(), "19999,value " + std::to_string(19999 * 7919 % 1'000'003) + "\r");
  EXPECT_THAT(files(), testing::Not(Contains("manifest.json")));
  const Plan finished = *folder->plan();
  ASSERT_TRUE(folder->finish(make_manifest(finished,
                                           {.name = "x",
                                            .purpose = "command",
                                            .position = "binlog.000001:4",
                                            .gtid_executed = "a:1-5",
                                            .tables = {}},
                                           folder->done())));
  EXPECT_THAT(files(), SizeIs(finished.parts.size() + 1));
  const auto manifest = nlohmann::json::parse(read("manifest.json"));
  EXPECT_EQ(manifest["position"], "binlog.000001:4");
  EXPECT_EQ(manifest["gtid_executed"], "a:1-5");
  ASSERT_EQ(manifest["tables"].size(), 2U);
  EXPECT_EQ(manifest["tables"][0]["name"], "shop.big");
  EXPECT_EQ(manifest["tables"][0]["rows"], kRows);
  EXPECT_EQ(manifest["tables"][1]["rows"], 0);
  EXPECT_EQ(manifest["tables"][0]["parts"].size() + 1, finished.parts.size());
}

TEST_F(ExportTest, GoesOnWithThePartsThatAreNotDone) {
  std::vector<std::string> first;
  {
    const auto folder = open();
    ASSERT_TRUE(folder->begin(plan()));
    Plan cut = *folder->plan();
    // A folder in the way of one part fails it, and ends the others.
    fs::create_directories(out_ + "/" + cut.parts[3].file + ".new/x");
    const Status written = write(*folder, [&](const Part& part) { first.push_back(part.file); });
    ASSERT_FALSE(written);
    EXPECT_THAT(written.error().message, HasSubstr(cut.parts[3].file));
    fs::remove_all(out_ + "/" + cut.parts[3].file + ".new");
  }
  const size_t done_bytes = read("export.done").size();
  std::ofstream(out_ + "/export.done", std::ios::app) << R"({"part": "torn)";
  const auto folder = open();
  ASSERT_TRUE(folder->plan());
  EXPECT_THAT(folder->done(), SizeIs(first.size()));
  std::vector<std::string> second;
  ASSERT_TRUE(write(*folder, [&](const Part& part) { second.push_back(part.file); }));
  EXPECT_EQ(first.size() + second.size(), folder->plan()->parts.size());
  EXPECT_GT(read("export.done").size(), done_bytes);
  EXPECT_EQ(lines(*folder->plan()).size(), kRows);
}

TEST_F(ExportTest, WritesAPartAgainThatWasTouched) {
  std::string file;
  {
    const auto folder = open();
    ASSERT_TRUE(folder->begin(plan()));
    ASSERT_TRUE(write(*folder));
    file = folder->plan()->parts[1].file;
  }
  const std::string whole = read(file);
  fs::resize_file(out_ + "/" + file, 10);
  const auto folder = open();
  std::vector<std::string> again;
  ASSERT_TRUE(write(*folder, [&](const Part& part) { again.push_back(part.file); }));
  EXPECT_THAT(again, ElementsAre(file));
  EXPECT_EQ(read(file), whole);
}

TEST_F(ExportTest, IsRefusedWhereSomethingElseIs) {
  fs::create_directories(out_);
  std::ofstream(out_ + "/letter.txt") << "dear";
  auto folder = ExportFolder::open(io::posix_file_system(), out_);
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, Code::kExists);
  EXPECT_THAT(folder.error().message, HasSubstr("letter.txt"));
  fs::remove(out_ + "/letter.txt");

  const auto first = open();
  folder = ExportFolder::open(io::posix_file_system(), out_);
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().message, HasSubstr("another export is at work"));
  ASSERT_TRUE(first->begin(plan({"shop.empty"})));
  ASSERT_TRUE(write(*first));
  ASSERT_TRUE(first->finish("{}"));
  const auto after = [&] { return ExportFolder::open(io::posix_file_system(), out_); };
  EXPECT_FALSE(after()) << "while the lock is held";
}

TEST_F(ExportTest, AFinishedOneIsLeftAlone) {
  {
    const auto folder = open();
    ASSERT_TRUE(folder->begin(plan({"shop.empty"})));
    ASSERT_TRUE(write(*folder));
    ASSERT_TRUE(folder->finish("{}"));
  }
  const auto folder = ExportFolder::open(io::posix_file_system(), out_);
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().message, HasSubstr("finished export"));
}

TEST_F(ExportTest, ATableThatIsNotThereIsNamedWithTheOneThatWasMeant) {
  Plan wrong{.stream = "shop",
             .snapshot = "x",
             .tables = {"shop.bog"},
             .format = "csv",
             .compress = "none",
             .parts = {}};
  const Status made = make_parts(
      wrong, *view_, {},
      [](const std::string&, const std::vector<std::string>& names) { return names.front(); });
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::kNotFound);
  EXPECT_THAT(made.error().message, HasSubstr("no table shop.bog; did you mean shop.big?"));
}

TEST_F(ExportTest, PlansReadBack) {
  const Plan before = plan({"shop.*"}, "zstd");
  const auto after = plan_from_json(to_json(before));
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->tables, before.tables);
  EXPECT_EQ(after->compress, "zstd");
  ASSERT_EQ(after->parts.size(), before.parts.size());
  for (size_t i = 0; i < before.parts.size(); ++i) {
    EXPECT_EQ(after->parts[i].from, before.parts[i].from);
    EXPECT_EQ(after->parts[i].to, before.parts[i].to);
    EXPECT_EQ(after->parts[i].file, before.parts[i].file);
  }
  EXPECT_THAT(before.parts.front().file, HasSubstr("shop.big.00001.csv.zst"));
  EXPECT_EQ(plan_from_json("{").error().code, Code::kCorrupt);
  EXPECT_EQ(plan_from_json("{\"layout\": 2}").error().code, Code::kUnsupported);
}

}  // namespace
}  // namespace binbus::dump
