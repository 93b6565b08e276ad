// Well-known text, documents from outside, words of DDL, unscaled decimals.
#include <gtest/gtest.h>

#include "format/ddl_kind.h"
#include "format/debezium_value.h"
#include "format/json_document.h"
#include "format/json_output.h"
#include "format/wkt.h"

namespace binbus::format {
namespace {

template <class T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}
std::string head(uint32_t kind) { return "\x01" + raw(kind); }
std::string point(double x, double y) { return head(1) + raw(x) + raw(y); }
std::string line(std::initializer_list<double> coordinates) {
  std::string out = raw(static_cast<uint32_t>(coordinates.size() / 2));
  for (const double c : coordinates) out += raw(c);
  return out;
}

TEST(Wkt, Prints) {
  const std::string ring = line({0, 0, 1, 0, 1, 1, 0, 0});
  const std::string polygon = head(3) + raw(2U) + ring + ring;
  const std::pair<std::string, const char*> cases[] = {
      {point(1, -2.5), "POINT (1 -2.5)"},
      {point(1e20, 1e-7), "POINT (100000000000000000000 0.0000001)"},
      {head(2) + line({0, 0, 1, 1}), "LINESTRING (0 0, 1 1)"},
      {polygon, "POLYGON ((0 0, 1 0, 1 1, 0 0), (0 0, 1 0, 1 1, 0 0))"},
      {head(4) + raw(2U) + point(0, 0) + point(1, 1), "MULTIPOINT ((0 0), (1 1))"},
      {head(5) + raw(1U) + head(2) + line({0, 0, 1, 1}), "MULTILINESTRING ((0 0, 1 1))"},
      {head(6) + raw(1U) + head(3) + raw(1U) + ring, "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))"},
      {head(7) + raw(2U) + point(1, 1) + head(2) + line({0, 0, 1, 1}),
       "GEOMETRYCOLLECTION (POINT (1 1), LINESTRING (0 0, 1 1))"},
      {head(7) + raw(0U), "GEOMETRYCOLLECTION EMPTY"},
  };
  for (const auto& [wkb, want] : cases) {
    std::string out;
    const Status printed = append_wkt(out, as_bytes(wkb));
    EXPECT_TRUE(printed) << want << ": " << printed.error().message;
    EXPECT_EQ(out, want);
    for (size_t size = 0; size < wkb.size(); ++size) {
      std::string unused;
      EXPECT_FALSE(append_wkt(unused, as_bytes(wkb).first(size))) << want << " of " << size;
    }
  }
}

TEST(Wkt, Refuses) {
  std::string nested;
  for (int i = 0; i < 1000; ++i) nested += head(7) + raw(1U);
  const std::string cases[] = {
      "\x02" + raw(1U) + raw(1.0) + raw(1.0),
      head(9),
      point(1, 1) + "x",
      nested,
      head(2) + raw(0xffffffffU),
      head(4) + raw(1U) + head(2) + line({0, 0, 1, 1}),
  };
  for (const std::string& wkb : cases) {
    std::string out;
    const Status printed = append_wkt(out, as_bytes(wkb));
    ASSERT_FALSE(printed) << out;
    EXPECT_EQ(printed.error().code, Code::kCorrupt);
  }
}

TEST(JsonDocument, LosesItsBlanks) {
  const std::pair<const char*, const char*> cases[] = {
      {R"( { "a" : [ 1 , -2.50e+3 , "x y" ] , "b":null } )",
       R"({"a":[1,-2.50e+3,"x y"],"b":null})"},
      {"[]", "[]"},
      {"\n{\t}\r", "{}"},
      {"true", "true"},
      {R"("\u00e9\n")", R"("\u00e9\n")"},
      {"0", "0"},
  };
  for (const auto& [text, want] : cases) {
    std::string out = "x";
    EXPECT_TRUE(append_json_document(out, text)) << text;
    EXPECT_EQ(out, std::string("x") + want);
  }
}

TEST(JsonDocument, Refuses) {
  for (const std::string& text :
       {std::string(""), std::string("{"), std::string("{a:1}"), std::string("[1,]"),
        std::string("01"), std::string("1."), std::string("+1"), std::string("nul"),
        std::string("\"a"), std::string("\"a\nb\""), std::string(R"("\x")"), std::string("1 2"),
        std::string(R"({"a":1,})"), std::string(R"("\u12g4")"), std::string(300, '[')}) {
    std::string out = "x";
    EXPECT_FALSE(append_json_document(out, text)) << text;
    EXPECT_EQ(out, "x");
  }
}

TEST(DdlWords, Kinds) {
  const std::pair<const char*, DdlKind> cases[] = {
      {"create /*!50100 temporary */ table t (a int)", DdlKind::kCreateTable},
      {"# c\n-- d\n CREATE OR REPLACE TABLE t", DdlKind::kCreateTable},
      {"/*!40000 ALTER TABLE t ENABLE KEYS */", DdlKind::kAlterTable},
      {"ALTER ONLINE TABLE t ADD a INT", DdlKind::kAlterTable},
      {"DROP TABLES a, b", DdlKind::kDropTable},
      {"RENAME TABLE a TO b", DdlKind::kRenameTable},
      {"TRUNCATE t", DdlKind::kTruncate},
      {"CREATE FULLTEXT INDEX i ON t (a)", DdlKind::kCreateIndex},
      {"DROP SCHEMA d", DdlKind::kDropDatabase},
      {"CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW SET @a = 1", DdlKind::kOther},
      {"CREATE `TABLE` x", DdlKind::kOther},
      {"CREATE", DdlKind::kOther},
      {"", DdlKind::kOther},
      {"/* never closed", DdlKind::kOther},
  };
  for (const auto& [statement, want] : cases)
    EXPECT_EQ(ddl_words(statement).kind, want) << statement;
}

TEST(DdlKind, AnAlterThatRenamesIsARename) {
  auto was = std::make_shared<schema::TableVersion>(),
       is = std::make_shared<schema::TableVersion>();
  was->table = is->table = "a";
  schema::Change change;
  change.statement = "ALTER TABLE a RENAME TO b, ADD c INT";
  EXPECT_EQ(ddl_kind(change), DdlKind::kAlterTable);  // the table is not known
  change.table_before = was;
  change.table_after = is;
  EXPECT_EQ(ddl_kind(change), DdlKind::kAlterTable);
  is->table = "b";
  EXPECT_EQ(ddl_kind(change), DdlKind::kRenameTable);
  is->table = "a";
  is->database = "d";
  EXPECT_EQ(ddl_kind(change), DdlKind::kRenameTable);
  EXPECT_EQ(ddl_kind_name(ddl_kind(change)), "rename_table");
}

TEST(UnscaledBytes, AreThoseOfJava) {
  const std::pair<const char*, const char*> cases[] = {
      {"0", "00"},
      {"0.00", "00"},
      {"1", "01"},
      {"127", "7F"},
      {"128", "0080"},
      {"1.28", "0080"},
      {"255", "00FF"},
      {"256", "0100"},
      {"-1", "FF"},
      {"-128", "80"},
      {"-129", "FF7F"},
      {"-0.01", "FF"},
      {"-256", "FF00"},
      {"99999999999999999999999999999999999999999999999999999999999999999",
       "00F316271C7FC3908A8BEF464E3945EF7A253609FFFFFFFFFFFFFFFF"},
  };
  for (const auto& [text, want] : cases) {
    uint8_t bytes[32];
    const auto size = unscaled_bytes(text, bytes);
    ASSERT_TRUE(size) << text;
    std::string out;
    append_hex(out, Bytes(bytes + 32 - *size, *size));
    EXPECT_EQ(out, want) << text;
  }
  uint8_t bytes[32];
  EXPECT_FALSE(unscaled_bytes("", bytes));
  EXPECT_FALSE(unscaled_bytes("1x", bytes));
  EXPECT_FALSE(unscaled_bytes(std::string(90, '9'), bytes));
}

}  // namespace
}  // namespace binbus::format
