#include "schema/sql_lexer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace binbus::schema {
namespace {

const ServerVersion kMysql{false, 90700};
const ServerVersion kMysql57{false, 50744};
const ServerVersion kMariadb{true, 101106};

std::vector<std::string> tokens(std::string_view statement, const ServerVersion& server,
                                uint64_t sql_mode) {
  std::vector<std::string> out;
  SqlLexer lexer(statement, server, sql_mode);
  for (;;) {
    const Token token = lexer.next();
    if (token.kind == Token::Kind::kEnd) return out;
    constexpr char kLetters[] = "-wqsn.!";
    out.push_back(std::string(1, kLetters[static_cast<size_t>(token.kind)]) +
                  std::string(token.text));
    if (token.kind == Token::Kind::kBroken) return out;
  }
}

struct TokensCase {
  const char* name;
  ServerVersion server;
  uint64_t sql_mode;
  std::string_view statement;
  std::vector<std::string> want;
};
void PrintTo(const TokensCase& test, std::ostream* out) { *out << test.name; }

const TokensCase kTokensCases[] = {
    {"nothing", kMysql, 0, "", {}},
    {"blanks", kMysql, 0, " \t\n\v\f\r", {}},
    {"words_and_symbols", kMysql, 0, "a.b_$c,(d)", {"wa", "..", "wb_$c", ".,", ".(", "wd", ".)"}},
    {"letters_beyond_ascii", kMysql, 0, "日本 é", {"w日本", "wé"}},
    {"backticks_doubled", kMysql, 0, "`a``b` c", {"q`a``b`", "wc"}},
    {"backslash_in_backticks", kMysql, 0, "`a\\` c", {"q`a\\`", "wc"}},
    {"double_quotes", kMysql, 0, "\"a\"", {"s\"a\""}},
    {"double_quotes_ansi", kMysql, kAnsiQuotes, "\"a\"\"b\"", {"q\"a\"\"b\""}},
    {"escaped_quote", kMysql, 0, R"('it\'s' x)", {R"(s'it\'s')", "wx"}},
    {"doubled_quote", kMysql, 0, "'it''s' x", {"s'it''s'", "wx"}},
    {"other_quote_in_quotes", kMysql, 0, R"('"' "'")", {R"(s'"')", R"(s"'")"}},
    {"no_backslash_escapes", kMysql, kNoBackslashEscapes, R"('\' x)", {R"(s'\')", "wx"}},
    {"prefixed",
     kMysql,
     0,
     "x'61' B'01' N'a' _utf8'b'",
     {"sx'61'", "sB'01'", "sN'a'", "w_utf8", "s'b'"}},
    {"numbers",
     kMysql,
     0,
     "1 1.5 1. 1e5 1.5e-3 1e+2 0x1F 0b01",
     {"n1", "n1.5", "n1.", "n1e5", "n1.5e-3", "n1e+2", "n0x1F", "n0b01"}},
    {"names_that_begin_with_digits",
     kMysql,
     0,
     "1st 1e5x 0xg t.1 t.1e5",
     {"w1st", "w1e5x", "w0xg", "wt", "..", "w1", "wt", "..", "w1e5"}},
    {"comments",
     kMysql,
     0,
     "a /* b */ c -- d\ne # f\ng--h",
     {"wa", "wc", "we", "wg", ".-", ".-", "wh"}},
    {"comment_at_the_end", kMysql, 0, "a --", {"wa"}},
    {"stars_in_a_comment", kMysql, 0, "/***/a/*/ */b", {"wa", "wb"}},
    {"quotes_in_a_comment", kMysql, 0, "/* ' */ a", {"wa"}},
    {"executable", kMysql, 0, "/*! a */ b", {"wa", "wb"}},
    {"executable_of_its_version", kMysql57, 0, "/*!50744 a *//*!50745 b */c", {"wa", "wc"}},
    {"executable_with_six_digits", kMysql, 0, "/*!080000 a */ /*!100000 b */", {"wa"}},
    {"executable_with_few_digits", kMysql, 0, "/*!123 a */", {"n123", "wa"}},
    {"not_run_with_a_comment_in_it", kMysql, 0, "/*!99999 a /* b */ c */ d", {"wd"}},
    {"plain_comment_in_one_that_is_run", kMysql, 0, "/*! a /* b */ c */ d", {"wa", "wc", "wd"}},
    {"mariadb_s_own", kMariadb, 0, "/*M! a */ /*M!100100 b */ /*M!110000 c */", {"wa", "wb"}},
    {"mariadb_s_own_in_mysql", kMysql, 0, "/*M! a */ /*M!100100 b */c", {"wc"}},
    {"mysql_s_own_in_mariadb",
     kMariadb,
     0,
     "/*!50700 a */ /*!80000 b */ /*!50699 c */ /*!100100 d */",
     {"wc", "wd"}},
    {"star_slash_elsewhere", kMysql, 0, "a */ b", {"wa", ".*", "./", "wb"}},
    {"open_quotes", kMysql, 0, "a 'b", {"wa", "!'b"}},
    {"open_backticks", kMysql, 0, "`", {"!`"}},
    {"open_after_a_backslash", kMysql, 0, R"('\')", {R"(!'\')"}},
    {"open_comment", kMysql, 0, "a /* b", {"wa", "!/* b"}},
    {"open_comment_not_run", kMysql, 0, "/*!99999 b *", {"!/*!99999 b *"}},
    {"open_executable", kMysql, 0, "/*! a", {"wa"}},
    {"nul_ends", kMysql, 0, std::string_view("a\0b", 3), {"wa"}},
};

class Tokens : public testing::TestWithParam<TokensCase> {};
TEST_P(Tokens, AreThese) {
  const TokensCase& test = GetParam();
  EXPECT_EQ(tokens(test.statement, test.server, test.sql_mode), test.want);
}
INSTANTIATE_TEST_SUITE_P(SqlLexer, Tokens, testing::ValuesIn(kTokensCases),
                         [](const auto& param) { return std::string(param.param.name); });

struct ValueCase {
  const char* name;
  uint64_t sql_mode;
  std::string_view token;
  std::string want;
};
void PrintTo(const ValueCase& test, std::ostream* out) { *out << test.name; }

const ValueCase kValueCases[] = {
    {"word", 0, "a", "a"},
    {"quoted", 0, "`a``b\\n`", "a`b\\n"},
    {"escapes", 0, R"('a\n\t\r\b\0\Z\\\'\x\%\_')", std::string("a\n\t\r\b\0\x1a\\'x\\%\\_", 14)},
    {"no_escapes", kNoBackslashEscapes, R"('a\n''b')", "a\\n'b"},
    {"hexadecimal", 0, "x'4142'", "AB"},
    {"hexadecimal_number", 0, "0x142",
     "\x01"
     "B"},
    {"bits", 0, "b'0100000101000010'", "AB"},
    {"bits_not_whole", 0, "0b1000001", "A"},
    {"national", 0, "N'a'", "a"},
    {"empty", 0, "''", ""},
};
class Values : public testing::TestWithParam<ValueCase> {};
TEST_P(Values, AreThese) {
  const ValueCase& test = GetParam();
  SqlLexer lexer(test.token, kMysql, test.sql_mode);
  EXPECT_EQ(token_value(lexer.next(), test.sql_mode), test.want);
}
INSTANTIATE_TEST_SUITE_P(SqlLexer, Values, testing::ValuesIn(kValueCases),
                         [](const auto& param) { return std::string(param.param.name); });

TEST(ServerVersion, OfText) {
  const auto parse = [](std::string_view text) { return ServerVersion::parse(text); };
  EXPECT_EQ(parse("8.0.36"), (ServerVersion{false, 80036}));
  EXPECT_EQ(parse("5.6.24-log"), (ServerVersion{false, 50624}));
  EXPECT_EQ(parse("10.11.6-MariaDB-log"), (ServerVersion{true, 101106}));
  EXPECT_EQ(parse("5.5.5-10.4.2-MariaDB"), (ServerVersion{true, 100402}));
  EXPECT_EQ(parse("9.7.4-2"), (ServerVersion{false, 90704}));
  EXPECT_EQ(parse("11.8.9"), (ServerVersion{true, 110809}));
  EXPECT_EQ(parse(""), (ServerVersion{false, 0}));
  EXPECT_EQ(parse("8"), (ServerVersion{false, 80000}));
}

}  // namespace
}  // namespace binbus::schema
