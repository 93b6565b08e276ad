#include "mysql/executed.h"

#include <gtest/gtest.h>

namespace binbus::mysql {
namespace {

const std::string kUuid = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

AnyGtid mysql_gtid(uint64_t number) { return Gtid{{*Uuid::parse(kUuid), ""}, number}; }

TEST(Executed, FirstGtidDecidesTheFlavour) {
  Executed executed;
  EXPECT_EQ(executed.flavor(), Flavor::kMysql);
  executed.add(AnyGtid{});
  EXPECT_TRUE(executed.empty());
  executed.add(MariadbGtid{0, 1, 5});
  EXPECT_EQ(executed.flavor(), Flavor::kMariadb);
  EXPECT_EQ(executed.to_string(), "0-1-5");
  executed.add(mysql_gtid(1));  // of the other flavour: no change
  EXPECT_EQ(executed.to_string(), "0-1-5");
}

TEST(Executed, EmptyOneOfEitherFlavourTakesTheFirstGtid) {
  Executed executed(MariadbGtidSet{});
  executed.add(mysql_gtid(1));
  EXPECT_EQ(executed.to_string(), kUuid + ":1");
  EXPECT_NE(executed.mysql(), nullptr);
  EXPECT_EQ(executed.mariadb(), nullptr);
}

TEST(Executed, ContainsWithinAFlavour) {
  const Executed mysql = *Executed::parse(Flavor::kMysql, kUuid + ":1-5");
  const Executed mariadb = *Executed::parse(Flavor::kMariadb, "0-1-5");
  EXPECT_TRUE(mysql.contains(mysql_gtid(5)));
  EXPECT_FALSE(mysql.contains(mysql_gtid(6)));
  EXPECT_FALSE(mysql.contains(AnyGtid{}));  // what has no GTID is never known to be there
  EXPECT_FALSE(mysql.contains(AnyGtid{MariadbGtid{0, 1, 5}}));
  EXPECT_TRUE(mariadb.contains(AnyGtid{MariadbGtid{0, 1, 5}}));
  EXPECT_FALSE(mariadb.contains(mysql_gtid(1)));
  EXPECT_TRUE(mysql.contains(*Executed::parse(Flavor::kMysql, kUuid + ":2-3")));
  EXPECT_FALSE(mysql.contains(mariadb));
  EXPECT_TRUE(mysql.contains(Executed{}));
  EXPECT_TRUE(Executed{}.contains(Executed(MariadbGtidSet{})));
}

TEST(Executed, ParseSaysWhatIsWrong) {
  EXPECT_EQ(Executed::parse(Flavor::kMysql, "0-1-5").error().code, Code::kInvalid);
  EXPECT_EQ(Executed::parse(Flavor::kMariadb, kUuid + ":1").error().code, Code::kInvalid);
}

}  // namespace
}  // namespace binbus::mysql
