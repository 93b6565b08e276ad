#include "base/error_table.h"

#include <gtest/gtest.h>

#include <set>

namespace binbus {
namespace {

constexpr auto kLastCode = Code::kUnavailable;  // the enum's last

TEST(ErrorTable, HasEveryCodeOnceInOrder) {
  const auto rows = error_table();
  ASSERT_EQ(rows.size(), static_cast<size_t>(kLastCode) + 1);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(rows[i].code), i) << rows[i].name;
    EXPECT_EQ(&error_row(rows[i].code), &rows[i]);
  }
}

TEST(ErrorTable, RowsAreUsable) {
  std::set<std::string_view> names;
  for (const ErrorRow& row : error_table()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name << " twice";
    EXPECT_GE(row.mysql_errno, 1000) << row.name;
    EXPECT_EQ(row.sql_state.size(), 5u) << row.name;
    EXPECT_GE(row.http_status, 400) << row.name;
    EXPECT_LT(row.http_status, 600) << row.name;
  }
}

TEST(ErrorTable, AnErrorsOwnNumberWins) {
  EXPECT_EQ(mysql_errno_of({Code::kPurged, ""}), 1236);
  EXPECT_EQ(mysql_errno_of({Code::kRemote, "", 1045}), 1045);
}

}  // namespace
}  // namespace binbus
