#include "ingest/dump_plan.h"

#include <gtest/gtest.h>

#include <functional>

#include "ingest/dump_testing.h"

namespace binbus::ingest {
namespace {

using By = DumpPlan::By;
using testing_dump::kUuidA;
using testing_dump::kUuidB;

mysql::Executed set(const std::string& text) {
  return *mysql::Executed::parse(mysql::Flavor::kMysql, text);
}
mysql::Executed a(const std::string& numbers) { return set(std::string(kUuidA) + ":" + numbers); }

SourceFacts facts_of(const std::string& uuid, const std::string& executed,
                     std::vector<BinlogFile> files) {
  SourceFacts facts;
  facts.version = "8.0.36";
  facts.server_uuid = uuid;
  facts.server_id = 1;
  facts.log_bin = true;
  facts.gtid_mode = "ON";
  facts.executed = set(executed);
  facts.files = std::move(files);
  return facts;
}

Held held_of(const std::string& uuid, const std::string& segment, uint64_t offset,
             mysql::Executed executed) {
  return {{binlog::SegmentName::parse(segment)->number, offset},
          segment,
          std::move(executed),
          {uuid, 1, "", segment, offset}};
}

const std::vector<BinlogFile> kFiles = {{"binlog.000003", 500}, {"binlog.000004", 1000}};
SourceFacts source_a() { return facts_of(kUuidA, std::string(kUuidA) + ":1-100", kFiles); }
Held held_a() { return held_of(kUuidA, "binlog.000004", 900, a("1-90")); }

struct StartCase {
  const char* name;
  const char* start;
  By by;
  const char* file;
};

TEST(DumpPlan, an_empty_log_begins_at_the_head_of_a_file) {
  const std::string gtid_start = "gtid:" + std::string(kUuidA) + ":1-50";
  const StartCase cases[] = {{"earliest", "earliest", By::kFile, "binlog.000003"},
                             {"latest", "latest", By::kFile, "binlog.000004"},
                             {"within_a_file", "binlog.000003:499", By::kFile, "binlog.000003"},
                             {"at_its_end", "binlog.000003:500", By::kFile, "binlog.000003"},
                             {"empty_set", "gtid:", By::kFile, "binlog.000003"},
                             {"set", gtid_start.c_str(), By::kLocate, ""}};
  for (const StartCase& one : cases) {
    const auto plan =
        plan_dump({}, source_a(), *Start::parse(one.start), OnSourceLoss::kStop, {true});
    ASSERT_TRUE(plan) << one.name << plan.error().message;
    EXPECT_EQ(plan->by, one.by) << one.name;
    EXPECT_EQ(plan->file, one.file) << one.name;
    EXPECT_EQ(plan->offset, 4U) << one.name;
    EXPECT_FALSE(plan->own_numbering) << one.name;
  }
}

// MariaDB cannot list its files while commits wait for our acknowledgement: a dump must begin all the same.
TEST(DumpPlan, goes_without_the_files_while_commits_wait) {
  SourceFacts facts = source_a();
  facts.files.clear();
  facts.commits_wait = true;
  const StartCase cases[] = {{"earliest", "earliest", By::kFile, ""},
                             {"latest", "latest", By::kLocate, ""},
                             {"within_a_file", "binlog.000003:499", By::kFile, "binlog.000003"}};
  for (const StartCase& one : cases) {
    const auto plan = plan_dump({}, facts, *Start::parse(one.start), OnSourceLoss::kStop, {true});
    ASSERT_TRUE(plan) << one.name << plan.error().message;
    EXPECT_EQ(plan->by, one.by) << one.name;
    EXPECT_EQ(plan->file, one.file) << one.name;
  }
  const auto resumed = plan_dump(held_a(), facts, Start(), OnSourceLoss::kStop, {true});
  ASSERT_TRUE(resumed) << resumed.error().message;
  EXPECT_EQ(resumed->file, "binlog.000004");
  EXPECT_EQ(resumed->offset, 900U);
  facts.executed = a("1-85");
  EXPECT_EQ(plan_dump(held_a(), facts, Start(), OnSourceLoss::kStop, {true}).error().code,
            Code::kDiverged);
}

struct BadCase {
  const char* name;
  std::function<void(Held&, SourceFacts&, Start&)> change;
  Code code;
  const char* says;
};

TEST(DumpPlan, names_what_is_missing) {
  const BadCase cases[] = {
      {"no_binlog", [](Held&, SourceFacts& f, Start&) { f.log_bin = false; }, Code::kUnsupported,
       "log-bin"},
      {"start_not_there",
       [](Held& h, SourceFacts&, Start& s) {
         h = {};
         s = *Start::parse("binlog.000009:4");
       },
       Code::kInvalid, "binlog.000004:1000"},
      {"start_set_purged",
       [](Held& h, SourceFacts& f, Start& s) {
         h = {};
         f.purged = a("1-60");
         s = *Start::parse("gtid:" + std::string(kUuidA) + ":1-50");
       },
       Code::kPurged, "aaaaaaaaaaaa:51-60"},
      {"start_set_without_gtids",
       [](Held& h, SourceFacts& f, Start& s) {
         h = {};
         f.gtid_mode = "OFF";
         s = *Start::parse("gtid:" + std::string(kUuidA) + ":1-50");
       },
       Code::kInvalid, "gtid_mode"},
      {"file_purged",
       [](Held& h, SourceFacts& f, Start&) {
         h = held_of(kUuidA, "binlog.000001", 900, a("1-40"));
         f.purged = a("1-70");
       },
       Code::kPurged, "aaaaaaaaaaaa:41-70"},
      {"file_shorter",
       [](Held&, SourceFacts& f, Start&) {
         f.files.back().bytes = 800;
         f.executed = a("1-85");
       },
       Code::kDiverged, "aaaaaaaaaaaa:86-90"},
      {"file_shorter_and_a_new_one",
       [](Held&, SourceFacts& f, Start&) {
         f.files.back().bytes = 800;
         f.files.push_back({"binlog.000005", 300});
         f.executed = a("1-85");
       },
       Code::kDiverged, "on_source_loss"},
      {"reset",
       [](Held&, SourceFacts& f, Start&) {
         f.files = {{"binlog.000001", 5000}};
         f.executed = a("1-20");
       },
       Code::kDiverged, "aaaaaaaaaaaa:21-90"},
      {"reset_and_grown_to_the_same_name",
       [](Held&, SourceFacts& f, Start&) { f.executed = a("1-20"); }, Code::kDiverged,
       "aaaaaaaaaaaa:21-90"},
      {"another_server_lacks_some",
       [](Held&, SourceFacts& f, Start&) {
         f.server_uuid = kUuidB;
         f.executed = a("1-88");
       },
       Code::kDiverged, "aaaaaaaaaaaa:89-90"},
      {"another_server_purged_some",
       [](Held&, SourceFacts& f, Start&) {
         f.server_uuid = kUuidB;
         f.purged = a("1-93");
       },
       Code::kPurged, "aaaaaaaaaaaa:91-93"},
      {"another_server_without_gtids",
       [](Held&, SourceFacts& f, Start&) {
         f.server_uuid = kUuidB;
         f.gtid_mode = "OFF";
       },
       Code::kDiverged, "GTID"},
      {"another_server_of_the_other_flavour",
       [](Held&, SourceFacts& f, Start&) {
         f.server_uuid = "";
         f.server_id = 2;
         f.flavor = mysql::Flavor::kMariadb;
       },
       Code::kDiverged, "GTID"},
  };
  for (const BadCase& bad : cases) {
    Held held = held_a();
    SourceFacts facts = source_a();
    Start start;
    bad.change(held, facts, start);
    const auto plan = plan_dump(held, facts, start, OnSourceLoss::kStop, {true});
    ASSERT_FALSE(plan) << bad.name;
    EXPECT_EQ(plan.error().code, bad.code) << bad.name << ": " << plan.error().message;
    EXPECT_NE(plan.error().message.find(bad.says), std::string::npos)
        << bad.name << ": " << plan.error().message;
  }
}

TEST(DumpPlan, the_same_server_goes_on_by_file_and_position) {
  for (const char* mode : {"ON", "OFF"}) {
    SourceFacts facts = source_a();
    facts.gtid_mode = mode;
    const auto plan = plan_dump(held_a(), facts, {}, OnSourceLoss::kStop, {false});
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->by, By::kFile);
    EXPECT_EQ(plan->file, "binlog.000004");
    EXPECT_EQ(plan->offset, 900U);
    EXPECT_FALSE(plan->own_numbering);
  }
}

TEST(DumpPlan, another_server_takes_over_by_gtid_once_it_may) {
  SourceFacts facts = source_a();
  facts.server_uuid = kUuidB;
  const auto early = plan_dump(held_a(), facts, {}, OnSourceLoss::kStop, {false});
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, Code::kTimeout);
  const auto plan = plan_dump(held_a(), facts, {}, OnSourceLoss::kStop, {true});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->by, By::kGtid);
  EXPECT_EQ(plan->executed, a("1-90"));
  EXPECT_EQ(plan->brings, a("91-100"));
  EXPECT_TRUE(plan->own_numbering);
  EXPECT_TRUE(plan->new_source);
}

TEST(DumpPlan, after_a_failover_the_same_server_goes_on_by_gtid) {
  Held held = held_a();
  held.source = {kUuidB, 2, "", "mysql-bin.000041", 700};
  SourceFacts facts = facts_of(kUuidB, std::string(kUuidA) + ":1-100", {{"mysql-bin.000041", 800}});
  const auto plan = plan_dump(held, facts, {}, OnSourceLoss::kStop, {false});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->by, By::kGtid);
  EXPECT_TRUE(plan->own_numbering);
  EXPECT_FALSE(plan->new_source);
}

TEST(DumpPlan, an_accepted_loss_goes_on_with_what_the_source_has) {
  SourceFacts facts = source_a();
  facts.files.back().bytes = 800;
  facts.files.push_back({"binlog.000005", 300});
  facts.executed = a("1-85:88-120");
  auto plan = plan_dump(held_a(), facts, {}, OnSourceLoss::kAccept, {false});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->by, By::kGtid);
  EXPECT_EQ(plan->executed, a("1-85:88-90"))
      << "a source refuses to be told of transactions that it never had";
  EXPECT_TRUE(plan->new_source);

  facts.gtid_mode = "OFF";
  facts.executed = {};
  Held held = held_a();
  held.executed = {};
  plan = plan_dump(held, facts, {}, OnSourceLoss::kAccept, {false});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->by, By::kFile);
  EXPECT_EQ(plan->file, "binlog.000005");
}

TEST(DumpPlan, an_accepted_loss_stays_accepted) {
  SourceFacts facts = source_a();
  facts.server_uuid = kUuidB;
  facts.executed = a("1-88");
  Held held = held_a();
  const auto accepted = plan_dump(held, facts, {}, OnSourceLoss::kAccept, {true});
  ASSERT_TRUE(accepted) << accepted.error().message;
  EXPECT_EQ(accepted->lacks, std::string(kUuidA) + ":89-90");
  held.source = {kUuidB, 1, "", "binlog.000004", 950, accepted->lacks};
  held.accepted = set(accepted->lacks);
  const auto resumed = plan_dump(held, facts, {}, OnSourceLoss::kStop, {false});
  ASSERT_TRUE(resumed) << resumed.error().message;
  EXPECT_EQ(resumed->lacks, accepted->lacks);
  facts.executed = a("1-80");
  EXPECT_NE(plan_dump(held, facts, {}, OnSourceLoss::kStop, {false})
                .error()
                .message.find("aaaaaaaaaaaa:81-88;"),
            std::string::npos)
      << "what it loses later is another matter";
}

// The source rotated and purged while we were away, and wrote nothing that we lack.
TEST(DumpPlan, a_purged_file_that_held_nothing_more_is_passed) {
  SourceFacts facts = source_a();
  Held held = held_of(kUuidA, "binlog.000001", 900, a("1-90"));
  facts.purged = a("1-90");
  auto plan = plan_dump(held, facts, {}, OnSourceLoss::kStop, {false});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->by, By::kFile);
  EXPECT_EQ(plan->file, "binlog.000003");
  EXPECT_EQ(plan->offset, 4U);
  held.segment = "binlog.000007";
  plan = plan_dump(held, facts, {}, OnSourceLoss::kStop, {false});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->by, By::kGtid);
  facts.gtid_mode = "ON_PERMISSIVE";  // others than GTIDs may have been in it
  EXPECT_EQ(plan_dump(held, facts, {}, OnSourceLoss::kStop, {false}).error().code, Code::kPurged);
}

struct MariadbCase {
  const char* name;
  const char* held;
  const char* source;  // its gtid_binlog_state
  const char* purged;
  const char* from;  // "": refused
  const char* says;  // of the refusal, or what is passed over
};

TEST(DumpPlan, mariadb_fails_over_by_the_domains_places) {
  const MariadbCase cases[] = {
      {"seeded_from_a_backup", "0-1-90,0-2-100", "0-2-120", "", "0-2-100", ""},
      {"all_of_it", "0-1-90", "0-1-95", "", "0-1-90", ""},
      {"lacks_the_newest", "0-1-90", "0-1-88,0-2-95", "", "", "0-1-90"},
      {"never_heard_of_the_domain", "0-1-90,3-1-5", "0-1-95", "", "", "3-1-5"},
      {"purged_before_our_place", "0-1-90", "0-1-95", "0-2-50", "0-1-90", ""},
      {"purged_behind_our_place", "0-1-90", "0-1-99", "0-1-95", "", "0-1-95"},
      {"wrote_by_itself", "0-1-90", "0-2-80,0-1-95", "", "0-1-90", "0-2-80"},
  };
  const auto mariadb = [](const char* text) {
    return *mysql::Executed::parse(mysql::Flavor::kMariadb, text);
  };
  for (const MariadbCase& one : cases) {
    SourceFacts facts;
    facts.flavor = mysql::Flavor::kMariadb;
    facts.server_id = 2;
    facts.log_bin = true;
    facts.executed = mariadb(one.source);
    facts.purged = mariadb(one.purged);
    facts.files = {{"binlog.000001", 1000}};
    const Held held = held_of("", "binlog.000001", 900, mariadb(one.held));
    const auto plan = plan_dump(held, facts, {}, OnSourceLoss::kStop, {true});
    ASSERT_EQ(plan.has_value(), *one.from != '\0') << one.name;
    if (!plan) {
      EXPECT_NE(plan.error().message.find(one.says), std::string::npos)
          << one.name << ": " << plan.error().message;
      continue;
    }
    EXPECT_EQ(plan->executed.to_string(), one.from) << one.name;
    EXPECT_EQ(plan->passed_over.to_string(), one.says) << one.name;
  }
  // Accepted: from the furthest place that both know, not from a sequence that it gave to something else.
  SourceFacts facts;
  facts.flavor = mysql::Flavor::kMariadb;
  facts.server_id = 2;
  facts.log_bin = true;
  facts.executed = mariadb("0-1-90,0-2-95");
  facts.files = {{"binlog.000001", 1000}};
  const Held held = held_of("", "binlog.000001", 900, mariadb("0-1-100"));
  const auto plan = plan_dump(held, facts, {}, OnSourceLoss::kAccept, {true});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->executed.to_string(), "0-1-90");
}

// gtid_purged of servers that were restored from a backup: no file of theirs tells of it.
TEST(DumpPlan, what_a_source_was_seeded_with_is_kept) {
  const auto set = [](const std::string& text) {
    return *mysql::Executed::parse(mysql::Flavor::kMysql, text);
  };
  const std::string seed = "cccccccc-cccc-cccc-cccc-cccccccccccc:1-5";
  SourceFacts facts = source_a();
  facts.executed.add(set(seed));
  facts.purged = set(std::string(kUuidA) + ":1-10," + seed);
  EXPECT_EQ(plan_dump(Held{}, facts, {}, OnSourceLoss::kStop, {true})->seeded, facts.purged);
  // Of the same server only what is not known yet; again and again the same.
  Held held = held_a();
  for (int round = 0; round < 2; ++round) {
    const auto plan = plan_dump(held, facts, {}, OnSourceLoss::kStop, {true});
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->seeded.to_string(), seed) << round;
    held.source.seeded = plan->seeded;
    held.executed.add(plan->seeded);
  }
  // One that was seeded alike takes over.
  SourceFacts other = facts;
  other.server_uuid = "dddddddd-dddd-dddd-dddd-dddddddddddd";
  other.purged = set(seed);
  const auto plan = plan_dump(held, other, {}, OnSourceLoss::kStop, {true});
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_TRUE(plan->new_source);
  EXPECT_EQ(plan->seeded, other.purged);
}

TEST(DumpPlan, goes_on_behind_a_file_that_ends_within_an_event) {
  const Past past{.torn_file = "binlog.000004"};
  SourceFacts facts = source_a();
  auto plan = plan_dump(held_a(), facts, {}, OnSourceLoss::kStop, past);
  EXPECT_EQ(plan->file, "binlog.000004") << "the newest file may still get its rest";
  EXPECT_EQ(plan->offset, 900U);

  facts.files.push_back({"binlog.000005", 4});
  plan = plan_dump(held_a(), facts, {}, OnSourceLoss::kStop, past);
  EXPECT_EQ(plan->file, "binlog.000005");
  EXPECT_EQ(plan->offset, 4U);
  EXPECT_FALSE(plan->own_numbering);
  plan = plan_dump(held_a(), facts, {}, OnSourceLoss::kStop, {.torn_file = "binlog.000003"});
  EXPECT_EQ(plan->file, "binlog.000004") << "not where the log goes on";
}

TEST(DumpPlan, mariadb_is_told_apart_by_server_id) {
  SourceFacts facts;
  facts.flavor = mysql::Flavor::kMariadb;
  facts.server_id = 7;
  facts.log_bin = true;
  facts.executed = *mysql::Executed::parse(mysql::Flavor::kMariadb, "0-7-50,0-8-60");
  facts.files = {{"binlog.000001", 1000}};
  Held held =
      held_of("", "binlog.000001", 900, *mysql::Executed::parse(mysql::Flavor::kMariadb, "0-7-50"));
  held.source.server_id = 7;
  EXPECT_EQ(plan_dump(held, facts, {}, OnSourceLoss::kStop, {false})->by, By::kFile);
  facts.server_id = 8;
  EXPECT_EQ(plan_dump(held, facts, {}, OnSourceLoss::kStop, {true})->by, By::kGtid);
}

}  // namespace
}  // namespace binbus::ingest
