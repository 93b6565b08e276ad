#include "store/gtid_place.h"

#include <gtest/gtest.h>

namespace binbus::store {
namespace {

using mysql::Executed;
using mysql::Flavor;

Executed set(Flavor flavor, const char* text) { return *Executed::parse(flavor, text); }

constexpr char kA[] = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
std::string a(const char* numbers) { return std::string(kA) + ":" + numbers; }

TEST(GtidPlace, OfAMysqlReplica) {
  const Executed replica = set(Flavor::kMysql, a("1-10:20").c_str());
  const Executed log = set(Flavor::kMysql, a("1-30").c_str());
  GtidPlace place(replica, log);
  EXPECT_TRUE(place.passed(Executed()));
  EXPECT_TRUE(place.passed(set(Flavor::kMysql, a("1-10").c_str())));
  EXPECT_FALSE(place.passed(set(Flavor::kMysql, a("1-11").c_str())));
  EXPECT_EQ(place.missing(set(Flavor::kMysql, a("1-12:20").c_str())), a("11-12"));
  EXPECT_TRUE(place.skips(set(Flavor::kMysql, a("5-10").c_str())));
  EXPECT_TRUE(place.skips(Executed()));
  EXPECT_FALSE(place.skips(set(Flavor::kMysql, a("20-21").c_str())));
}

struct PassedCase {
  const char* name;
  const char* replica;
  const char* state;  // with a domain's newest last
  bool want;
};
// The log, in order: 0-1-1 .. 0-1-100, 0-2-101 .. 0-2-200 (failover), 0-1-150 (without strict mode), 1-1-5.
constexpr char kLog[] = "0-2-200,0-1-150,1-1-5";
const PassedCase kPassedCases[] = {
    {"empty_state", "", "", true},
    {"lacks_the_domain", "", "0-1-1", false},
    {"at_the_state", "0-1-100", "0-1-100", true},
    {"behind", "0-1-99", "0-1-100", false},
    {"ahead_on_the_same_server", "0-1-100", "0-1-50", true},
    {"stands_with_a_later_server", "0-2-101", "0-1-100", true},
    {"the_newest_is_another_server", "0-1-100", "0-1-100,0-2-101", false},
    {"number_went_back", "0-2-200", "0-2-200,0-1-150", false},
    {"second_domain_missing", "0-1-100", "0-1-100,1-1-5", false},
    {"second_domain_there", "0-1-100,1-1-5", "0-1-100,1-1-5", true},
    {"unknown_server_but_higher", "0-9-120", "0-1-100", true},
    {"unknown_server_and_lower", "0-9-90", "0-1-100", false},
};

TEST(GtidPlace, OfAMariadbReplicaAgainstAState) {
  const Executed log = set(Flavor::kMariadb, kLog);
  for (const PassedCase& test : kPassedCases) {
    const Executed replica = set(Flavor::kMariadb, test.replica);
    EXPECT_EQ(GtidPlace(replica, log).passed(set(Flavor::kMariadb, test.state)), test.want)
        << test.name;
  }
}

TEST(GtidPlace, NamesTheNewestMissingGtidOfEachDomain) {
  const Executed log = set(Flavor::kMariadb, kLog);
  const Executed replica = set(Flavor::kMariadb, "1-1-5");
  EXPECT_EQ(GtidPlace(replica, log).missing(set(Flavor::kMariadb, "0-1-100,0-2-101,1-1-5")),
            "0-2-101");
}

struct SkipsCase {
  const char* name;
  const char* replica;
  const char* start;
  std::vector<const char*> stretches;
  size_t skipped;  // how many of them
};
const SkipsCase kSkipsCases[] = {
    {"from_the_beginning", "", "", {"0-1-10"}, 0},
    {"up_to_its_place", "0-1-20", "", {"0-1-10", "0-1-20", "0-1-30"}, 2},
    {"within_a_stretch", "0-1-15", "", {"0-1-10", "0-1-20"}, 1},
    {"after_a_failover", "0-2-110", "0-1-100", {"0-2-105", "0-2-110", "0-2-120"}, 2},
    {"nothing_after_the_place_at_the_start", "0-1-100", "0-1-100", {"0-2-101"}, 0},
    {"numbers_went_back", "0-2-200", "", {"0-1-100,0-2-200", "0-1-150"}, 1},
    {"its_server_comes_after_a_higher_number", "0-1-150", "", {"0-2-200", "0-1-150"}, 2},
    {"another_domain_is_needed", "0-1-20", "", {"0-1-10", "1-1-1"}, 1},
    {"other_domain_without_gtids_in_between", "0-1-20,1-1-1", "", {"0-1-10", "1-1-1", "0-1-20"}, 3},
};

TEST(GtidPlace, OfAMariadbReplicaAlongTheLog) {
  const Executed log = set(Flavor::kMariadb, kLog);
  for (const SkipsCase& test : kSkipsCases) {
    const Executed replica = set(Flavor::kMariadb, test.replica);
    GtidPlace place(replica, log);
    place.start_at(set(Flavor::kMariadb, test.start));
    size_t skipped = 0;
    while (skipped < test.stretches.size() &&
           place.skips(set(Flavor::kMariadb, test.stretches[skipped]))) {
      ++skipped;
    }
    EXPECT_EQ(skipped, test.skipped) << test.name;
  }
}

}  // namespace
}  // namespace binbus::store
