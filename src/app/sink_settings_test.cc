#include "app/sink_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/temporary_folder_testing.h"
#include "io/simulated_disk.h"

namespace binbus::app {
namespace {

using Kind = admin::SinkChange::Kind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kConfig = R"(
data = "data"
[[stream]]
name = "shop"
source = "127.0.0.1:3306"
user = "repl"
password = "repl"
[[sink]]
name = "changes"
stream = "shop"
type = "file"
path = "changes.jsonl"
hash_salt = "pepper"
tables = ["shop.*"]
mask = { email = "x", phone = "y" }
[[sink.table]]
match = "shop.orders"
operations = ["insert"]
[[sink.table]]
match = "shop.log"
where = "level > 2"
)";

// Settings on a disk that may crash and be full, and what had effect.
class SinkSettingsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = DataFolder::lock(path_);
    ASSERT_TRUE(folder);
    folder_.emplace(std::move(*folder));
    ASSERT_TRUE(disk_.make_directories(path_ + "/shop/sinks"));
    load();
  }

  void load() {
    auto config = parse_config(kConfig, "binbus.toml");
    ASSERT_TRUE(config) << config.error().message;
    auto settings = SinkSettings::load(*config, *folder_, disk_);
    ASSERT_TRUE(settings) << settings.error().message;
    settings_ = std::move(*settings);
  }
  // The error's message; "" when it was done.
  std::string change(Kind kind, const std::string& keys, std::vector<std::string> unset = {},
                     const std::string& sink = "changes") {
    const auto done =
        settings_->change("shop", sink, {kind, keys, std::move(unset)},
                          {.put = [this](const sink::SinkOptions& options) -> Result<uint64_t> {
                             put_.push_back(options);
                             return put_.size();
                           },
                           .remove = [this](const std::string& name) -> Status {
                             removed_.push_back(name);
                             return ok();
                           }});
    return done ? "" : done.error().message;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& each : settings_->of_stream("shop")) out.push_back(each.name);
    return out;
  }

  const TemporaryFolder temporary_;
  const std::string& path_ = temporary_.path();
  std::optional<DataFolder> folder_;
  io::SimulatedDisk disk_;
  std::unique_ptr<SinkSettings> settings_;
  std::vector<sink::SinkOptions> put_;
  std::vector<std::string> removed_;
};

TEST_F(SinkSettingsTest, KeysMapsAndRulesArePutInPlace) {
  ASSERT_EQ(change(Kind::kSet, R"(
    tables = "mall.*"
    mask.phone = "z"
    [[table]]
    match = "shop.log"
    operations = ["delete"]
    [[table]]
    match = "mall.goods"
    drop_columns = ["price"])"),
            "");
  const sink::SinkOptions& now = put_.back();
  EXPECT_THAT(now.tables, ElementsAre("mall.*"));
  EXPECT_EQ(now.mask, (std::map<std::string, std::string>{{"email", "x"}, {"phone", "z"}}));
  ASSERT_EQ(now.table_rules.size(), 3u);
  EXPECT_EQ(now.table_rules[1].where, "level > 2");
  EXPECT_THAT(now.table_rules[1].operations, ElementsAre("delete"));
  EXPECT_EQ(now.table_rules[2].match, "mall.goods");

  ASSERT_EQ(change(Kind::kSet, "",
                   {"tables", "mask.email", "table[shop.orders]", "table[shop.log].where"}),
            "");
  EXPECT_TRUE(put_.back().tables.empty());
  EXPECT_EQ(put_.back().mask, (std::map<std::string, std::string>{{"phone", "z"}}));
  ASSERT_EQ(put_.back().table_rules.size(), 2u);
  EXPECT_EQ(put_.back().table_rules[0].where, "");
}

TEST_F(SinkSettingsTest, LastAcrossACrashAndUntilTheyAreReset) {
  ASSERT_EQ(change(Kind::kSet, "tables = 'mall.*'"), "");
  ASSERT_EQ(change(Kind::kAdd, "type = 'file'\npath = 'more.jsonl'", {}, "more"), "");
  disk_.crash(5);
  load();
  EXPECT_THAT(names(), ElementsAre("changes", "more"));
  EXPECT_THAT(settings_->of_stream("shop")[0].tables, ElementsAre("mall.*"));
  ASSERT_EQ(change(Kind::kReset, ""), "");
  EXPECT_THAT(put_.back().tables, ElementsAre("shop.*"));
  ASSERT_EQ(change(Kind::kRemove, "", {}, "more"), "");
  EXPECT_THAT(removed_, ElementsAre("more"));
  load();
  EXPECT_THAT(names(), ElementsAre("changes"));
  EXPECT_THAT(settings_->of_stream("shop")[0].tables, ElementsAre("shop.*"));
}

TEST_F(SinkSettingsTest, WhatCannotBeKeptDoesNotHold) {
  disk_.fail_sync(1);
  EXPECT_NE(change(Kind::kSet, "tables = 'mall.*'"), "");
  ASSERT_EQ(put_.size(), 2u);
  EXPECT_THAT(put_.back().tables, ElementsAre("shop.*"));
  EXPECT_THAT(settings_->of_stream("shop")[0].tables, ElementsAre("shop.*"));
  disk_.fail_sync(1);
  EXPECT_NE(change(Kind::kAdd, "type = 'file'\npath = 'more.jsonl'", {}, "more"), "");
  EXPECT_THAT(removed_, ElementsAre("more"));
  EXPECT_THAT(names(), ElementsAre("changes"));
}

TEST_F(SinkSettingsTest, RefusesWhatMakesNoSenseAndChangesNothing) {
  struct Case {
    Kind kind;
    const char* sink;
    const char* keys;
    const char* unset;
    const char* words;
  };
  const Case cases[] = {
      {Kind::kSet, "changes", "tabels = 'x'", "", "did you mean \"tables\"?"},
      {Kind::kSet, "changes", "tables = [", "", "line 1"},
      {Kind::kSet, "changes", "where = 'level >'", "", "where"},
      {Kind::kSet, "changes", "brokers = 'a:1'", "", "brokers means nothing"},
      {Kind::kSet, "changes", "type = 'kafka'\nbrokers = 'a:1'", "path", "keeps its name"},
      {Kind::kSet, "changes", "stream = 'mall'", "", "no [[stream]] \"mall\""},
      {Kind::kSet, "changes", "", "topic", "topic is not set"},
      {Kind::kSet, "changes", "", "table[a.b].key", "no [[sink.table]] \"a.b\""},
      {Kind::kSet, "changes", "", "path", "needs path"},
      {Kind::kSet, "none", "tables = 'x'", "", "no sink \"none\""},
      {Kind::kAdd, "changes", "type = 'file'\npath = 'x'", "", "already"},
      {Kind::kAdd, "more", "type = 'file'\npath = 'changes.jsonl'", "", "path is that of sink"},
      {Kind::kAdd, "more", "name = 'other'\ntype = 'file'\npath = 'x'", "", "keeps its name"},
      {Kind::kAdd, "more", "[[sink]]\n[[sink]]\n", "", "must be one [[sink]]"},
      {Kind::kRemove, "changes", "", "", "in the configuration file"},
      {Kind::kRemove, "none", "", "", "no sink \"none\""},
  };
  for (const Case& c : cases) {
    std::vector<std::string> unset;
    if (*c.unset != '\0') unset.push_back(c.unset);
    EXPECT_THAT(change(c.kind, c.keys, unset, c.sink), HasSubstr(c.words)) << c.words;
  }
  EXPECT_TRUE(put_.empty());
  EXPECT_THAT(names(), ElementsAre("changes"));
}

TEST_F(SinkSettingsTest, ShowsNoSecrets) {
  ASSERT_EQ(change(Kind::kAdd, "type = 'rabbitmq'\nurl = 'amqps://user:word@broker:5671/v'", {},
                   "rabbit"),
            "");
  const std::string shown = settings_->show("shop", "rabbit").value();
  EXPECT_THAT(shown, HasSubstr("amqps://***@broker:5671/v"));
  EXPECT_THAT(shown, Not(HasSubstr("word")));
  EXPECT_THAT(settings_->show("shop", "changes").value(), Not(HasSubstr("pepper")));
  EXPECT_FALSE(settings_->show("shop", "none"));
}

TEST_F(SinkSettingsTest, AFileThatNoLongerFitsIsNamed) {
  ASSERT_EQ(change(Kind::kAdd, "type = 'file'\npath = 'more.jsonl'", {}, "more"), "");
  std::string config = kConfig;
  config += "[[sink]]\nname = 'other'\nstream = 'shop'\ntype = 'file'\npath = 'more.jsonl'\n";
  const auto parsed = parse_config(config, "binbus.toml");
  ASSERT_TRUE(parsed);
  const auto loaded = SinkSettings::load(*parsed, *folder_, disk_);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("shop/sinks/more.toml"));
  EXPECT_THAT(loaded.error().message, HasSubstr("move the file away"));
}

// Beside a coordinator.
class ToldSinkSettingsTest : public SinkSettingsTest {
 protected:
  void SetUp() override {
    SinkSettingsTest::SetUp();
    auto config = parse_config(kConfig, "binbus.toml");
    auto settings = SinkSettings::load(*config, *folder_, disk_,
                                       [this](const std::string& stream, const std::string& sink,
                                              const std::optional<std::string>& section) -> Status {
                                         EXPECT_EQ(stream, "shop");
                                         if (away_) return fail(Code::kNetwork, "away");
                                         told_.erase(sink);
                                         if (section) told_[sink] = *section;
                                         return ok();
                                       });
    ASSERT_TRUE(settings) << settings.error().message;
    settings_ = std::move(*settings);
  }
  std::vector<std::string> tables(const std::string& sink) const {
    for (const sink::SinkOptions& each : settings_->of_stream("shop")) {
      if (each.name == sink) return each.tables;
    }
    return {"no such sink"};
  }

  std::map<std::string, std::string> told_;
  bool away_ = false;
};

TEST_F(ToldSinkSettingsTest, WhatIsToldStandsInThePlaceOfTheSectionAndIsGoneWithItsKey) {
  const std::string told = "type = 'file'\npath = 'x'\ntables = ['mall.*']\n";
  settings_->follow({{"changes", told}, {"more", told.substr(0, 14) + "path = 'y'"}});
  EXPECT_THAT(tables("changes"), ElementsAre("mall.*"));
  EXPECT_EQ(settings_->of_stream("shop").size(), 2u);
  settings_->follow({});
  EXPECT_THAT(tables("changes"), ElementsAre("shop.*"));
  EXPECT_EQ(settings_->of_stream("shop").size(), 1u);
}

TEST_F(ToldSinkSettingsTest, WhatIsWrongChangesNothingOfItsSink) {
  const std::string right = "type = 'file'\npath = 'x'\ntables = ['mall.*']\n";
  settings_->follow({{"changes", right}});
  for (const char* wrong :
       {"tables = [", "type = 'file'", "type = 'file'\npath = 'x'\nname = 'other'",
        "type = 'kafka'\nbrokers = 'h:1'\ntopic = 't'",
        "type = 'file'\npath = 'x'\nstream = 'none'"}) {
    settings_->follow({{"changes", wrong}, {"more", "type = 'file'\npath = 'y'\n"}});
    EXPECT_THAT(tables("changes"), ElementsAre("mall.*")) << wrong;
    EXPECT_THAT(tables("more"), ElementsAre()) << wrong;
  }
}

TEST_F(ToldSinkSettingsTest, ChangesAreKeptThereAndFollowedAsTheyAre) {
  EXPECT_EQ(change(Kind::kSet, "tables = ['mall.*']"), "");
  ASSERT_TRUE(told_.contains("changes"));
  const auto before = settings_->of_stream("shop");
  settings_->follow(told_);
  EXPECT_EQ(settings_->of_stream("shop"), before);
  EXPECT_EQ(change(Kind::kReset, ""), "");
  EXPECT_TRUE(told_.empty());
  EXPECT_THAT(tables("changes"), ElementsAre("shop.*"));
}

// Each stream's log tells of its own sinks.
TEST_F(ToldSinkSettingsTest, StreamsAreFollowedOneByOne) {
  settings_->follow("shop", {{"more", "type = 'file'\npath = 'y'\nstream = 'shop'\n"}});
  settings_->follow("other", {});
  EXPECT_EQ(settings_->of_stream("shop").size(), 2u);
  settings_->follow("shop", {});
  EXPECT_EQ(settings_->of_stream("shop").size(), 1u);
}

TEST_F(ToldSinkSettingsTest, WhatCannotBeKeptDoesNotHold) {
  away_ = true;
  EXPECT_THAT(change(Kind::kSet, "tables = ['mall.*']"), HasSubstr("away"));
  EXPECT_THAT(tables("changes"), ElementsAre("shop.*"));
  EXPECT_THAT(put_.back().tables, ElementsAre("shop.*"));
}

}  // namespace
}  // namespace binbus::app
