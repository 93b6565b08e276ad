#include "serve/sql_tokens.h"

#include <gtest/gtest.h>

namespace binbus::serve {
namespace {

struct TokenCase {
  const char* name;
  const char* statement;
  const char* tokens;  // texts with a letter for the kind, separated by blanks; null: refused
};
const TokenCase kTokenCases[] = {
    {"empty", "  \t\n", ""},
    {"words", "Show master\nSTATUS;", "w:SHOW w:MASTER w:STATUS s:;"},
    {"system_variables", "@@global.server_id, @@GLOBAL.`Server_uuid`,@@x",
     "@:@@GLOBAL.SERVER_ID s:, @:@@GLOBAL.SERVER_UUID s:, @:@@X"},
    {"user_variables", "@Slave_UUID=@`Odd Name`", "u:slave_uuid s:= u:odd name"},
    {"numbers", "1 23.5 1799999979520", "n:1 n:23.5 n:1799999979520"},
    {"texts", "'it''s' \"a\\\"b\" 'x\\'y'", "t:it's t:a\"b t:x'y"},
    {"quoted_word", "`a``b`", "q:a`b"},
    {"comments", "/* who */ select -- to the end\n 1 # too", "w:SELECT n:1"},
    {"executable_comment", "/*!80000 select*/ /*M!100000 2 */", "w:SELECT n:2"},
    {"division", "a/b", "w:A s:/ w:B"},
    {"open_quote", "select 'x", nullptr},
    {"open_comment", "select /* x", nullptr},
};

std::string shown(const std::vector<SqlToken>& tokens) {
  std::string text;
  for (const SqlToken& token : tokens) {
    text += (text.empty() ? "" : " ") + std::string(1, "wqtn@us"[static_cast<size_t>(token.kind)]) +
            ":" + token.text;
  }
  return text;
}

class TokenTest : public testing::TestWithParam<TokenCase> {};
TEST_P(TokenTest, IsCut) {
  const auto tokens = tokenize_sql(GetParam().statement);
  ASSERT_EQ(tokens.has_value(), GetParam().tokens != nullptr);
  if (tokens) {
    EXPECT_EQ(shown(*tokens), GetParam().tokens);
  }
}
INSTANTIATE_TEST_SUITE_P(SqlTokens, TokenTest, testing::ValuesIn(kTokenCases),
                         [](const auto& param) { return param.param.name; });

TEST(SqlTokens, AreNotWithoutNumber) {
  std::string statement;
  for (size_t i = 0; i < kTokensMax; i++) statement += ',';
  EXPECT_TRUE(tokenize_sql(statement + " "));
  const auto more = tokenize_sql(statement + ",");
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, Code::kLimit);
}

TEST(SqlTokens, KeepTheirSource) {
  const std::string statement = "select @@Server_Id";
  const auto tokens = tokenize_sql(statement);
  ASSERT_TRUE(tokens);
  EXPECT_EQ((*tokens)[1].source, "@@Server_Id");
}

struct LikeCase {
  const char* text;
  const char* pattern;
  bool matches;
};
const LikeCase kLikeCases[] = {
    {"server_id", "SERVER_ID", true},
    {"server_id", "server%", true},
    {"server_id", "%id", true},
    {"server_id", "%", true},
    {"server_id", "s%_%d", true},
    {"server-id", "server_id", true},
    {"server-id", "server\\_id", false},
    {"server_id", "server\\_id", true},
    {"server_id", "server_i", false},
    {"server_id", "", false},
    {"", "", true},
    {"", "%", true},
    {"aaab", "%aab", true},
    {"aaab", "a%c%", false},
    {"abcabc", "%bc", true},
};
TEST(Like, MatchesAsSqlDoes) {
  for (const LikeCase& test : kLikeCases) {
    EXPECT_EQ(like_matches(test.text, test.pattern), test.matches)
        << test.text << " LIKE " << test.pattern;
  }
}

}  // namespace
}  // namespace binbus::serve
