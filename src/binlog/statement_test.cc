#include "binlog/statement.h"

#include <gtest/gtest.h>

#include <string>

namespace binbus::binlog {
namespace {

constexpr StatementKind kOther = StatementKind::kOther;
constexpr StatementKind kBegin = StatementKind::kBegin;
constexpr StatementKind kEnd = StatementKind::kEnd;

struct StatementCase {
  std::string text;
  StatementKind want;
};
void PrintTo(const StatementCase& test, std::ostream* out) { *out << test.text; }

const StatementCase kCases[] = {
    {"BEGIN", kBegin},
    {"begin", kBegin},
    {"Begin Work", kBegin},
    {" BEGIN ", kBegin},
    {"BEGIN;", kBegin},
    {"BEGIN /* by the server */", kBegin},
    {"START TRANSACTION", kBegin},
    {"start transaction with consistent snapshot", kBegin},
    {"XA START X'7831',X'62',7", kBegin},
    {"xa begin 'x'", kBegin},
    {"COMMIT", kEnd},
    {"commit and chain", kEnd},
    {"COMMIT /* implicit, from Xid_log_event */", kEnd},
    {"ROLLBACK", kEnd},
    {"rollback work", kEnd},
    {"ROLLBACK /* added by mysqlbinlog */", kEnd},
    {"ROLLBACK AND CHAIN", kEnd},
    {"XA COMMIT X'78',X'',1", kEnd},
    {"XA COMMIT X'78',X'',1 ONE PHASE", kEnd},
    {"XA ROLLBACK X'78',X'',1", kEnd},
    {"XA PREPARE X'78',X'',1", kEnd},
    {"ROLLBACK TO `s1`", kOther},
    {"rollback to savepoint s1", kOther},
    {"ROLLBACK WORK TO SAVEPOINT s1", kOther},
    {"SAVEPOINT `begin`", kOther},
    {"RELEASE SAVEPOINT s1", kOther},
    {"XA END X'78',X'',1", kOther},
    {"XA RECOVER", kOther},
    {"BEGIN NOT ATOMIC INSERT INTO t VALUES (1); END", kOther},
    {"BEGINNING", kOther},
    {"COMMITTED", kOther},
    {"begin_1", kOther},
    {"START REPLICA", kOther},
    {"XAVIER", kOther},
    {"", kOther},
    {"   ", kOther},
    {"/* BEGIN */ CREATE TABLE t (a INT)", kOther},
    {"-- BEGIN\nCREATE TABLE t (a INT)", kOther},
    {"# COMMIT\nDROP TABLE t", kOther},
    {"/*!50000 BEGIN */", kOther},
    {"(BEGIN)", kOther},
    {"INSERT INTO t VALUES ('BEGIN')", kOther},
    {"CREATE TABLE `COMMIT` (a INT)", kOther},
    {std::string("BEGIN\0", 6), kBegin},
};

class Statement : public testing::TestWithParam<StatementCase> {};
TEST_P(Statement, IsKnownByItsFirstWords) {
  EXPECT_EQ(statement_kind(GetParam().text), GetParam().want);
}
INSTANTIATE_TEST_SUITE_P(Cases, Statement, testing::ValuesIn(kCases));

TEST(Statement, WordsEndWhereThePrefixEnds) {
  EXPECT_EQ(statement_kind("BEGI"), kOther);
  EXPECT_EQ(statement_kind("XA"), kOther);
  EXPECT_EQ(statement_kind("ROLLBACK T"), kEnd);
}

}  // namespace
}  // namespace binbus::binlog
