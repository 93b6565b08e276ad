#include "cli/sink_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace binbus::cli {
namespace {

ChangeSink set(std::vector<std::string> assignments) {
  ChangeSink command;
  command.verb = "set";
  command.sink = "orders";
  command.assignments = std::move(assignments);
  return command;
}

std::string keys(std::vector<std::string> assignments) {
  const auto request = sink_change_request(set(std::move(assignments)));
  return request ? request->keys : request.error().message;
}

TEST(SinkChange, ValuesAreTextOrToml) {
  EXPECT_EQ(keys({"topic={database}"}), "\"topic\" = \"{database}\"\n");
  EXPECT_EQ(keys({"tables=[\"a.*\", 'b.c']"}), "\"tables\" = [\"a.*\", 'b.c']\n");
  EXPECT_EQ(keys({"tombstones=true"}), "\"tombstones\" = true\n");
  EXPECT_EQ(keys({"commit_messages=100"}), "\"commit_messages\" = 100\n");
  EXPECT_EQ(keys({"commit_interval=2s"}), "\"commit_interval\" = \"2s\"\n");
  EXPECT_EQ(keys({"mask={ email = \"x\" }"}), "\"mask\" = { email = \"x\" }\n");
  EXPECT_EQ(keys({"mask.email="}), "\"mask\".\"email\" = \"\"\n");
  EXPECT_EQ(keys({"properties.linger.ms=20"}), "\"properties\".\"linger.ms\" = 20\n");
  EXPECT_EQ(keys({"where=a = '\\'"}), "\"where\" = \"a = '\\\\'\"\n");
}

TEST(SinkChange, Requests) {
  ChangeSink command = set({"topic=x"});
  command.table = "mall.package";
  command.unset = {"key"};
  command.unset_table = "shop.*";
  const auto request = sink_change_request(command);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method, "PATCH");
  EXPECT_EQ(request->keys, "[[table]]\nmatch = \"mall.package\"\n\"topic\" = \"x\"\n");
  EXPECT_EQ(request->parameters,
            (Parameters{{"unset", "table[mall.package].key"}, {"unset", "table[shop.*]"}}));
}

TEST(SinkChange, RefusesWhatSaysNothing) {
  EXPECT_EQ(keys({"topic"}), "topic: must be KEY=VALUE");
  EXPECT_THAT(keys({}), ::testing::StartsWith("nothing to set"));
  ChangeSink command = set({});
  command.file = "/nonexistent/keys.toml";
  EXPECT_EQ(sink_change_request(command).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace binbus::cli
