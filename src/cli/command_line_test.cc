#include "cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace binbus::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Words = std::vector<std::string>;

Parsed parse(const Words& words) { return parse_command_line(words, "1.2.3"); }

template <class T>
T parsed(const Words& words) {
  const Parsed result = parse(words);
  const T* command = result.command ? std::get_if<T>(&*result.command) : nullptr;
  EXPECT_NE(command, nullptr) << result.text;
  return command == nullptr ? T{} : *command;
}

TEST(CommandLine, Serve) {
  EXPECT_EQ(parsed<Serve>({"serve"}).config, "binbus.toml");
  EXPECT_EQ(parsed<Serve>({"serve", "-c", "/etc/b.toml"}).config, "/etc/b.toml");
}

TEST(CommandLine, Status) {
  const auto plain = parsed<ShowStatus>({"status"});
  EXPECT_EQ(plain.config, "binbus.toml");
  EXPECT_EQ(plain.admin, "");
  EXPECT_FALSE(plain.json || plain.once || plain.watch);
  const auto full = parsed<ShowStatus>({"status", "--admin", "h:1", "--json"});
  EXPECT_EQ(full.admin, "h:1");
  EXPECT_TRUE(full.json);
  EXPECT_TRUE(parsed<ShowStatus>({"status", "--watch"}).watch);
}

TEST(CommandLine, SegmentsAndLocate) {
  EXPECT_EQ(parsed<ShowSegments>({"segments"}).stream, "");
  EXPECT_EQ(parsed<ShowSegments>({"segments", "shop"}).stream, "shop");
  EXPECT_EQ(parsed<Locate>({"locate", "shop", "--file", "binlog.000001:4"}).place,
            "binlog.000001:4");
  EXPECT_EQ(parsed<Locate>({"locate", "shop", "--gtid", "0-1-5"}).gtid, "0-1-5");
}

TEST(CommandLine, CheckSource) {
  EXPECT_EQ(parsed<CheckSource>({"check-source"}).config, "binbus.toml");
  const auto named =
      parsed<CheckSource>({"check-source", "--source", "h:1", "--user", "u", "--password", "p"});
  EXPECT_EQ(named.source, "h:1");
  EXPECT_EQ(named.user, "u");
  EXPECT_EQ(named.password, "p");
  EXPECT_EQ(named.tls, "");
}

TEST(CommandLine, VerifyAndImport) {
  EXPECT_EQ(parsed<Verify>({"verify", "data"}).folder, "data");
  EXPECT_EQ(parsed<Verify>({"verify"}).config, "binbus.toml");
  const auto import =
      parsed<Import>({"import", "--data", "d", "--stream", "shop", "b.000001", "b.000002"});
  EXPECT_EQ(import.data, "d");
  EXPECT_EQ(import.stream, "shop");
  EXPECT_THAT(import.files, ElementsAre("b.000001", "b.000002"));
}

TEST(CommandLine, Version) {
  const Parsed result = parse({"--version"});
  EXPECT_EQ(result.text, "binbus 1.2.3\n");
  EXPECT_EQ(result.exit_code, kOk);
}

struct WrongCase {
  const char* name;
  Words words;
  const char* says;
};

const WrongCase kWrong[] = {
    {"nothing", {}, "A subcommand is required"},
    {"unknown_command", {"server"}, "there is no command \"server\""},
    {"unknown_option", {"serve", "--confg", "x"}, "--confg"},
    {"json_and_watch", {"status", "--json", "--watch"}, "excludes"},
    {"once_and_watch", {"status", "--once", "--watch"}, "excludes"},
    {"locate_without_a_place", {"locate", "shop"}, "--source-file,--gtid,--time] is required"},
    {"locate_two_places", {"locate", "shop", "--gtid", "a", "--file", "b:4"}, "2 were given"},
    {"import_without_stream", {"import", "--data", "d", "b.000001"}, "--stream is required"},
    {"import_without_files", {"import", "--data", "d", "--stream", "s"}, "files is required"},
    {"import_config_and_data",
     {"import", "-c", "x", "--data", "d", "--stream", "s", "f"},
     "excludes"},
    {"verify_config_and_folder", {"verify", "-c", "x", "d"}, "excludes"},
    {"check_unknown_tls", {"check-source", "--tls", "on"}, "--tls"},
    {"check_user_without_source", {"check-source", "--user", "u"}, "--source"},
    {"check_tls_without_source", {"check-source", "--tls", "required"}, "--source"},
    {"check_tls_ca_without_source", {"check-source", "--tls-ca", "ca.pem"}, "--source"},
    {"check_password_file_without_source", {"check-source", "--password-file", "p"}, "--source"},
    {"check_stream_and_source", {"check-source", "--stream", "s", "--source", "h:1"}, "excludes"},
};

class WrongCommandLines : public ::testing::TestWithParam<WrongCase> {};

TEST_P(WrongCommandLines, AreRefusedWithAHint) {
  const Parsed result = parse(GetParam().words);
  EXPECT_FALSE(result.command);
  EXPECT_EQ(result.exit_code, kUsage);
  EXPECT_THAT(result.text, AllOf(HasSubstr(GetParam().says), HasSubstr("--help")));
}

INSTANTIATE_TEST_SUITE_P(All, WrongCommandLines, ::testing::ValuesIn(kWrong),
                         [](const auto& i) { return i.param.name; });

TEST(CommandLineHelp, TellsWhatBinbusIsAndTheFirstSteps) {
  const Parsed result = parse({"--help"});
  EXPECT_EQ(result.exit_code, kOk);
  EXPECT_THAT(result.text,
              AllOf(HasSubstr("replica"), HasSubstr("First steps"),
                    HasSubstr("binbus serve -c binbus.toml"), HasSubstr("Exit status")));
  for (const char* command : {"serve", "status", "segments", "locate", "check-source", "verify",
                              "import", "config-keys"}) {
    EXPECT_THAT(result.text, HasSubstr(std::string("\n  ") + command + " ")) << command;
  }
}

TEST(CommandLineHelp, EveryCommandHasExamples) {
  for (const char* command :
       {"serve", "status", "segments", "locate", "check-source", "verify", "import"}) {
    const Parsed result = parse({command, "--help"});
    EXPECT_EQ(result.exit_code, kOk);
    EXPECT_THAT(result.text,
                AllOf(HasSubstr("Examples:"), HasSubstr(std::string("binbus ") + command)))
        << command;
  }
}

}  // namespace
}  // namespace binbus::cli
