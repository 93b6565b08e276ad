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

TEST(CommandLine, WhomToAskMayComeFirst) {
  EXPECT_EQ(parsed<ShowStatus>({"--admin", "h:1", "status"}).admin, "h:1");
  EXPECT_EQ(parsed<ShowCluster>({"--admin", "h:1", "cluster", "status"}).admin, "h:1");
  EXPECT_EQ(parsed<ShowStatus>({"--admin", "h:1", "status", "--admin", "h:2"}).admin, "h:2");
  const Parsed nobody = parse({"--admin", "h:1", "serve"});
  EXPECT_EQ(nobody.exit_code, kUsage);
  EXPECT_THAT(nobody.text, HasSubstr("asks no running binbus"));
}

TEST(CommandLine, Cluster) {
  EXPECT_TRUE(parsed<ShowCluster>({"cluster", "status", "--json"}).json);
  const auto add = parsed<CommandCluster>({"cluster", "add", "n4@h:1"});
  EXPECT_EQ(add.verb, "add");
  EXPECT_EQ(add.node, "n4@h:1");
  EXPECT_EQ(parsed<CommandCluster>({"cluster", "join"}).verb, "join");
  const auto transfer = parsed<CommandCluster>({"cluster", "transfer", "shop", "n2"});
  EXPECT_EQ(transfer.stream, "shop");
  EXPECT_EQ(transfer.node, "n2");
  EXPECT_TRUE(parsed<CommandCluster>({"cluster", "drain", "n1", "--end"}).end);
  const auto place = parsed<CommandCluster>({"cluster", "place", "shop", "n1", "n2"});
  EXPECT_EQ(place.stream, "shop");
  EXPECT_THAT(place.nodes, ElementsAre("n1", "n2"));
  EXPECT_TRUE(parsed<CommandCluster>({"cluster", "place", "shop", "--all"}).all);
  EXPECT_EQ(parse({"cluster", "place", "shop", "n1", "--all"}).exit_code, kUsage);
  EXPECT_FALSE(parsed<BeginCluster>({"cluster", "init"}).yes);
  EXPECT_EQ(parsed<BeginCluster>({"cluster", "init", "--stream", "shop"}).stream, "shop");
  EXPECT_EQ(parse({"cluster", "remove"}).exit_code, kUsage);
}

TEST(CommandLine, KeptRows) {
  const auto row = parsed<GetRows>({"get", "shop.orders", "7", "x", "-f", "sql"});
  EXPECT_EQ(row.table, "shop.orders");
  EXPECT_THAT(row.key, ElementsAre("7", "x"));
  EXPECT_EQ(row.format, "sql");
  EXPECT_TRUE(parsed<GetRows>({"get", "shop.orders"}).key.empty());
  EXPECT_EQ(parse({"get"}).exit_code, kUsage);
  EXPECT_TRUE(parsed<ShowSnapshot>({"snapshot", "status", "--json"}).json);
  const auto pause = parsed<CommandSnapshot>({"snapshot", "pause", "shop.orders", "--stream", "s"});
  EXPECT_EQ(pause.verb, "pause");
  EXPECT_EQ(pause.table, "shop.orders");
  EXPECT_EQ(pause.stream, "s");
  EXPECT_EQ(parsed<CommandSnapshot>({"snapshot", "start"}).table, "");
  EXPECT_THAT(parsed<KeepTables>({"snapshot", "tables", "a.*", "b.c"}).patterns,
              ElementsAre("a.*", "b.c"));
  EXPECT_TRUE(parsed<KeepTables>({"snapshot", "tables", "--reset"}).reset);
  EXPECT_EQ(parsed<CommandSnapshot>({"snapshot", "cancel", "a.b"}).verb, "cancel");
  EXPECT_EQ(parse({"snapshot"}).exit_code, kUsage);
}

TEST(CommandLine, SnapshotsOnDisk) {
  EXPECT_EQ(parsed<CreateSnapshot>({"snapshot", "create", "--stream", "s"}).stream, "s");
  const auto list = parsed<ListSnapshots>({"snapshot", "list", "s", "--json", "-c", "b.toml"});
  EXPECT_EQ(list.stream, "s");
  EXPECT_TRUE(list.json);
  EXPECT_EQ(list.config, "b.toml");
  EXPECT_EQ(parsed<RemoveSnapshot>({"snapshot", "remove", "x"}).name, "x");
  EXPECT_EQ(parse({"snapshot", "remove"}).exit_code, kUsage);
}

TEST(CommandLine, Export) {
  const auto plain = parsed<ExportSnapshot>({"snapshot", "export", "--to", "d"});
  EXPECT_EQ(plain.to, "d");
  EXPECT_TRUE(plain.tables.empty());
  EXPECT_EQ(plain.format, "sql");
  EXPECT_EQ(plain.compress, "none");
  EXPECT_EQ(plain.part_size, "");
  const auto full = parsed<ExportSnapshot>({"snapshot", "export", "a.b", "c.*", "--to", "d",
                                            "--format", "csv", "--compress", "zstd", "--threads",
                                            "8", "--snapshot", "x", "--admin", "h:1"});
  EXPECT_THAT(full.tables, ElementsAre("a.b", "c.*"));
  EXPECT_EQ(full.format, "csv");
  EXPECT_EQ(full.compress, "zstd");
  EXPECT_EQ(full.threads, 8U);
  EXPECT_EQ(full.snapshot, "x");
  EXPECT_EQ(full.admin, "h:1");
  EXPECT_EQ(parsed<ExportSnapshot>({"snapshot", "export", "--to", "d", "--at", "b:4"}).at, "b:4");
  const auto server =
      parsed<ExportSnapshot>({"snapshot", "export", "--to", "mysql://h:1", "--user", "u"});
  EXPECT_EQ(server.to, "mysql://h:1");
  EXPECT_EQ(server.account.user, "u");
  EXPECT_EQ(parse({"snapshot", "export", "--to", "d", "--at", "b:4", "--snapshot", "x"}).exit_code,
            kUsage);
  EXPECT_EQ(parsed<GetRows>({"get", "a.b", "7", "--at", "b:4"}).at, "b:4");
  EXPECT_EQ(parsed<CreateSnapshot>({"snapshot", "create", "--at", "b:4"}).at, "b:4");
  EXPECT_EQ(parse({"snapshot", "export"}).exit_code, kUsage);
  const Parsed unknown = parse({"snapshot", "export", "--to", "d", "--format", "xml"});
  EXPECT_EQ(unknown.exit_code, kUsage);
  EXPECT_THAT(unknown.text, AllOf(HasSubstr("xml"), HasSubstr("jsonl")));
  EXPECT_EQ(parse({"snapshot", "export", "--to", "d", "--threads", "0"}).exit_code, kUsage);
}

TEST(CommandLine, Feed) {
  EXPECT_TRUE(parsed<ShowFeed>({"feed", "status", "--json"}).json);
  EXPECT_EQ(parsed<ListCursors>({"feed", "cursors", "shop"}).stream, "shop");
  const auto deleted = parsed<DeleteCursor>({"feed", "delete", "app", "--stream", "s"});
  EXPECT_EQ(deleted.cursor, "app");
  EXPECT_EQ(deleted.stream, "s");
  EXPECT_EQ(parse({"feed"}).exit_code, kUsage);
  EXPECT_EQ(parse({"feed", "delete"}).exit_code, kUsage);
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
  EXPECT_EQ(named.account.user, "u");
  EXPECT_EQ(named.account.password, "p");
  EXPECT_EQ(named.account.tls, "");
}

TEST(CommandLine, VerifyAndImport) {
  EXPECT_EQ(parsed<Verify>({"verify", "data"}).folder, "data");
  EXPECT_EQ(parsed<Verify>({"verify"}).config, "binbus.toml");
  EXPECT_EQ(parsed<Verify>({"verify", "./source"}).folder, "./source");
  const auto source = parsed<VerifySource>(
      {"verify", "source", "shop", "--repair", "--json", "--tables", "shop.a", "shop.b*"});
  EXPECT_EQ(source.stream, "shop");
  EXPECT_THAT(source.tables, ::testing::ElementsAre("shop.a", "shop.b*"));
  EXPECT_TRUE(source.repair && source.json);
  EXPECT_FALSE(parsed<VerifySource>({"verify", "source", "-c", "x.toml"}).repair);
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
    {"tables_and_reset", {"snapshot", "tables", "a.b", "--reset"}, "excludes"},
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
  for (const char* command : {"serve", "status", "segments", "locate", "handover", "check-source",
                              "verify", "import", "config-keys"}) {
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
