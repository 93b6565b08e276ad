#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace binbus::log {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

// What is written to standard error; the level and format are the defaults again afterwards.
template <class Write>
std::string logged(Level level, Format format, Write write) {
  testing::internal::CaptureStderr();
  configure(level, format);
  write();
  configure(Level::kInfo, Format::kText);
  return testing::internal::GetCapturedStderr();
}

TEST(Log, TextIsTimeLevelEventAndFields) {
  const std::string line = logged(Level::kInfo, Format::kText, [] {
    info("connected", {{"stream", "shop"}, {"bytes", 17}, {"again", true}, {"ratio", 0.5}});
  });
  EXPECT_THAT(line, ContainsRegex("^20[0-9-]+T[0-9:.]+Z [a-zA-Z]+ connected "));
  EXPECT_THAT(line, HasSubstr("connected stream=shop bytes=17 again=true ratio=0.5"));
  EXPECT_EQ(line.back(), '\n');
}

TEST(Log, TextQuotesWhatWouldNotReadBack) {
  const std::string line = logged(Level::kInfo, Format::kText, [] {
    info("e", {{"a", "two words"}, {"b", "q\"q"}, {"c", ""}, {"d", "line\nbreak"}, {"e", "x=y"}});
  });
  EXPECT_THAT(line, HasSubstr(R"(a="two words" b="q\"q" c="" d="line\u000abreak" e="x=y")"));
}

TEST(Log, JsonIsOneObjectPerLine) {
  const std::string line = logged(Level::kInfo, Format::kJson, [] {
    info("e", {{"text", "a\"\n"}, {"number", 5}, {"flag", false}});
  });
  EXPECT_THAT(line, HasSubstr(R"("event":"e","text":"a\"\u000a","number":5,"flag":false})"));
  EXPECT_EQ(line.front(), '{');
}

TEST(Log, LevelsBelowTheConfiguredAreLeftOut) {
  const auto write_all = [] {
    debug("event_debug");
    info("event_info");
    warn("event_warn");
    error("event_error");
  };
  const std::string lines = logged(Level::kWarn, Format::kText, write_all);
  EXPECT_THAT(lines, Not(HasSubstr("event_debug")));
  EXPECT_THAT(lines, Not(HasSubstr("event_info")));
  EXPECT_THAT(lines, HasSubstr("event_warn"));
  EXPECT_THAT(lines, HasSubstr("event_error"));
  EXPECT_THAT(logged(Level::kDebug, Format::kText, write_all), HasSubstr("event_debug"));
}

TEST(Log, AnErrorIsItsMessage) {
  const std::string line = logged(Level::kInfo, Format::kText, [] {
    warn("e", {{"error", Error{Code::kIo, "disk gone"}}});
  });
  EXPECT_THAT(line, HasSubstr("error=\"disk gone\""));
}

TEST(Log, BracesAreNoFormat) {
  const std::string line = logged(Level::kInfo, Format::kText, [] {
    info("e", {{"a", "{}{0}%v"}});
  });
  EXPECT_THAT(line, HasSubstr("a={}{0}%v"));
}

}  // namespace
}  // namespace binbus::log
