// Operations, images, keys and bounds in every format; what the documentation shows is in messages_test.cc.
#include "format/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/change_testing.h"

namespace binbus::format {
namespace {

using schema::Change;
using schema::Operation;
using schema::SqlType;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kFormats[] = {"maxwell", "canal", "debezium", "binbus", "sql"};

WriterOptions bare() {
  WriterOptions options;
  options.stream = "shop";
  options.gtid = false;
  return options;
}
WriterOptions everything() {
  WriterOptions options;
  options.stream = "shop";
  options.transaction_bounds = options.ddl = options.sql_text = true;
  return options;
}

TEST(Writer, NamesTheFormatsThatThereAre) {
  const auto writer = make_writer("avro", {});
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, Code::kInvalid);
  EXPECT_EQ(writer.error().message,
            "format \"avro\" is none of: maxwell, canal, debezium, binbus, sql");
}

TEST(Writer, PrintsNoBoundsNorDdlUnlessAskedTo) {
  OrdersExample orders;
  for (const char* format : kFormats) {
    for (const Change& change :
         {orders.begin(), orders.commit(), orders.add_column(), orders.truncate()})
      EXPECT_EQ(printed(format, bare(), change), "(nothing)") << format;
  }
}

TEST(Writer, AppendsToWhatIsThere) {
  OrdersExample orders;
  for (const char* format : kFormats) {
    const auto writer = *make_writer(format, bare());
    std::string out = "before\n";
    ASSERT_TRUE(*writer->write(out, orders.insert()));
    EXPECT_EQ(out, "before\n" + printed(format, bare(), orders.insert()));
    EXPECT_EQ(out.find('\n', 7), std::string::npos) << format;
  }
}

// ALTER TABLE makes another version of the table, also one that comes to lie where the old one was.
TEST(Writer, FollowsTheTablesVersions) {
  for (const char* format : kFormats) {
    const auto writer = *make_writer(format, bare());
    for (int i = 0; i < 1500; ++i) {
      const std::string name = "c" + std::to_string(i);
      TableMaker maker("d", "t");
      const Cell cell = integer_cell(name, SqlType::kInt, "int", 7);
      maker.add(cell);
      Change change;
      change.table = maker.table();
      change.after = maker.row({TableMaker::value(cell)});
      ASSERT_THAT(printed(*writer, change), HasSubstr(name)) << format;
    }
  }
}

TEST(Writer, QuotesNames) {
  TableMaker maker("d\"`", "t\\");
  const Cell cell = integer_cell("a`\"\n", SqlType::kInt, "int", 7);
  maker.add(cell);
  Change change;
  change.table = maker.table();
  change.after = maker.row({TableMaker::value(cell)});
  EXPECT_EQ(printed("maxwell", bare(), change),
            R"({"database":"d\"`","table":"t\\","type":"insert","ts":0,"data":{"a`\"\n":7}})");
  EXPECT_EQ(printed("sql", bare(), change), "INSERT INTO `d\"```.`t\\` (`a``\"\n`) VALUES (7);");
}

// MariaDB's implicit row_start and the like: no format has them, of a row or of DDL.
TEST(Writer, LeavesTheServersOwnColumnsOut) {
  const Cell id = integer_cell("id", SqlType::kInt, "int", 1);
  Cell hash = integer_cell("DB_ROW_HASH_1", SqlType::kBigint, "bigint(20) unsigned", 857);
  hash.column.generated = hash.column.invisible = hash.column.hidden = true;
  TableMaker with("d", "t"), without("d", "t");
  with.add(id).add(hash).key({0});
  without.add(id).key({0});
  using Value = TableMaker::Value;
  const Value value = TableMaker::value(id);
  const auto same = [](const Change& one, const Change& other) {
    for (const char* format : kFormats)
      for (const bool schemas : {false, true}) {
        WriterOptions options = everything();
        options.schemas = schemas;
        EXPECT_EQ(printed(format, options, one), printed(format, options, other));
      }
  };
  Change change, want;
  change.table = with.table();
  want.table = without.table();
  for (const Value& own : {TableMaker::value(hash), TableMaker::null(), TableMaker::absent()}) {
    change.operation = want.operation = Operation::kInsert;
    change.after = with.row({value, own});
    want.after = without.row({value});
    same(change, want);
    change.operation = want.operation = Operation::kUpdate;
    change.before = with.row({value, TableMaker::absent()});
    want.before = want.after;
    same(change, want);
    change.before = want.before = {};
  }
  change.operation = want.operation = Operation::kDdl;
  change.after = want.after = {};
  change.table_before = change.table_after = change.table;
  want.table_before = want.table_after = want.table;
  same(change, want);
}

struct KeyCase {
  const char* format;
  const char* single;
  const char* composite;
  const char* none;
};
const KeyCase kKeyCases[] = {
    {"maxwell", R"({"database":"d","table":"t","pk.id":1})",
     R"({"database":"d","table":"t","pk.name":"x","pk.id":1})",
     R"({"database":"d","table":"t","_uuid":"shop::0:0.0"})"},
    {"canal", R"({"id":"1"})", R"({"id":"1","Name":"x"})", "(nothing)"},
    {"debezium", R"({"id":1})", R"({"Name":"x","id":1})", "(nothing)"},
    {"binbus", R"({"id":1})", R"({"Name":"x","id":1})", "(nothing)"},
    {"sql", "`d`.`t`", "`d`.`t`", "`d`.`t`"},
};

TEST(Writer, Keys) {
  const Cell id = integer_cell("id", SqlType::kInt, "int", 1);
  const Cell name = text_cell("Name", "x");
  for (const KeyCase& test : kKeyCases) {
    const std::pair<std::vector<uint32_t>, std::string> keys[] = {
        {{0}, test.single}, {{1, 0}, test.composite}, {{}, test.none}};
    for (const auto& [ordinals, want] : keys) {
      TableMaker maker("d", "t");
      maker.add(id).add(name).key(ordinals);
      Change change;
      change.table = maker.table();
      change.after = maker.row({TableMaker::value(id), TableMaker::value(name)});
      EXPECT_EQ(printed_key(test.format, bare(), change), want) << test.format;
    }
  }
}

TEST(Writer, TheKeyOfAMinimalImageIsFoundWhereItIs) {
  OrdersExample orders;
  EXPECT_EQ(printed_key("debezium", bare(), orders.minimal_update()), R"({"id":1})");
  EXPECT_EQ(printed_key("maxwell", bare(), orders.minimal_update()),
            R"({"database":"shop","table":"orders","pk.id":1})");
  EXPECT_EQ(printed_key("binbus", bare(), orders.remove()), R"({"id":1})");
}

TEST(Maxwell, PutsWhatFoundTheRowOfAMinimalImageIntoData) {
  OrdersExample orders;
  EXPECT_THAT(printed("maxwell", bare(), orders.minimal_update()),
              EndsWith(R"("data":{"note":"paid","id":1}})"));
}

TEST(Maxwell, HasNoOldWhereNothingChanged) {
  OrdersExample orders;
  Change change = orders.update();
  change.after = change.before;
  EXPECT_THAT(printed("maxwell", bare(), change), Not(HasSubstr("old")));
}

TEST(Maxwell, PrimaryKeyOnRequest) {
  OrdersExample orders;
  WriterOptions options = bare();
  options.primary_key = true;
  EXPECT_THAT(printed("maxwell", options, orders.insert()),
              HasSubstr(R"(,"primary_key":[1],"primary_key_columns":["id"],"data":{)"));
}

TEST(Maxwell, Databases) {
  OrdersExample orders;
  Change change = orders.add_column();
  change.table_before = change.table_after = nullptr;
  const std::pair<const char*, const char*> cases[] = {
      {"CREATE DATABASE IF NOT EXISTS `a b` DEFAULT CHARACTER SET = latin1",
       R"({"type":"database-create","database":"a b","charset":"latin1")"},
      {"/* c */ create schema x", R"({"type":"database-create","database":"x","charset":null)"},
      {"ALTER DATABASE CHARSET utf8mb4",
       R"({"type":"database-alter","database":"shop","charset":"utf8mb4")"},
      {"DROP DATABASE x", R"({"type":"database-drop","database":"x")"},
  };
  for (const auto& [statement, want] : cases) {
    change.statement = statement;
    EXPECT_THAT(printed("maxwell", everything(), change), StartsWith(want));
  }
  change.statement = "CREATE VIEW v AS SELECT 1";
  EXPECT_EQ(printed("maxwell", everything(), change), "(nothing)");
}

TEST(Canal, NamesKindsOfDdl) {
  OrdersExample orders;
  Change change = orders.add_column();
  change.table_before = change.table_after = nullptr;
  const std::pair<const char*, const char*> cases[] = {
      {"CREATE TABLE t (a INT)", "CREATE"},
      {"ALTER TABLE t ADD b INT", "ALTER"},
      {"DROP TABLE t", "ERASE"},
      {"RENAME TABLE t TO u", "RENAME"},
      {"CREATE UNIQUE INDEX i ON t (a)", "CINDEX"},
      {"DROP INDEX i ON t", "DINDEX"},
      {"CREATE DATABASE d", "QUERY"},
      {"GRANT ALL ON *.* TO x", "QUERY"},
  };
  for (const auto& [statement, want] : cases) {
    change.statement = statement;
    EXPECT_THAT(printed("canal", everything(), change),
                EndsWith("\"type\":\"" + std::string(want) + "\"}"));
  }
}

TEST(Debezium, AbsentTextIsUnavailableAndAbsentNumbersAreLeftOut) {
  OrdersExample orders;
  const std::string out = printed("debezium", bare(), orders.minimal_update());
  EXPECT_THAT(out, StartsWith(R"({"before":{"id":1,"customer":"__debezium_unavailable_value",)"
                              R"("note":"__debezium_unavailable_value"},)"
                              R"("after":{"id":1,"customer":"__debezium_unavailable_value",)"
                              R"("note":"paid"},)"));
}

TEST(Debezium, CountsMessagesOfATransaction) {
  OrdersExample orders;
  TableMaker other("shop", "items");
  const Cell cell = integer_cell("id", SqlType::kInt, "int", 7);
  other.add(cell);
  Change item = orders.insert();
  item.table = other.table();
  item.after = other.row({TableMaker::value(cell)});

  const auto writer = *make_writer("debezium", everything());
  for (int round = 0; round < 2; ++round) {
    printed(*writer, orders.begin());
    EXPECT_THAT(printed(*writer, orders.insert()),
                HasSubstr(R"("total_order":1,"data_collection_order":1})"));
    EXPECT_THAT(printed(*writer, item), HasSubstr(R"("total_order":2,"data_collection_order":1})"));
    EXPECT_THAT(printed(*writer, orders.update()),
                HasSubstr(R"("total_order":3,"data_collection_order":2})"));
    const std::string end = printed(*writer, orders.commit());
    EXPECT_THAT(end, HasSubstr(R"("event_count":3,)"));
    EXPECT_THAT(end, HasSubstr(R"({"data_collection":"shop.orders","event_count":2})"));
    EXPECT_THAT(end, HasSubstr(R"({"data_collection":"shop.items","event_count":1})"));
  }
}

TEST(Debezium, MariadbHasItsOwnConnector) {
  OrdersExample orders;
  const auto writer = *make_writer("debezium", [] {
    WriterOptions options = bare();
    options.schemas = true;
    return options;
  }());
  EXPECT_THAT(printed(*writer, orders.insert()), HasSubstr("io.debezium.connector.mysql.Source"));
  orders.transaction.gtid = mysql::MariadbGtid{0, 1, 100};
  const std::string out = printed(*writer, orders.insert());
  EXPECT_THAT(out, HasSubstr("io.debezium.connector.mariadb.Source"));
  EXPECT_THAT(out, HasSubstr(R"("connector":"mariadb")"));
  EXPECT_THAT(out, HasSubstr(R"("gtid":"0-1-100")"));
}

TEST(Plain, TellsAbsentFromNull) {
  OrdersExample orders;
  EXPECT_THAT(printed("binbus", bare(), orders.minimal_update()),
              HasSubstr(R"("before":{"id":1},"after":{"note":"paid"},)"
                        R"("absent":{"before":["customer","total","note"],)"
                        R"("after":["id","customer","total"]},"types":)"));
}

TEST(Plain, WithoutGtidTheIdIsThePlace) {
  OrdersExample orders;
  orders.transaction.gtid = {};
  EXPECT_THAT(printed("binbus", bare(), orders.update()),
              StartsWith(R"({"id":"shop:binlog.000007:1000:1.0",)"));
  EXPECT_THAT(printed("binbus", everything(), orders.update()), HasSubstr(R"("gtid":null)"));
}

TEST(Sql, WithoutAKeyAllColumnsFindOneRow) {
  TableMaker maker("d", "t");
  const Cell number = integer_cell("n", SqlType::kInt, "int", 5);
  const Cell text = text_cell("s", "é", "utf8mb4");
  Cell ratio{schema::Column{}, {schema::kWireFloat, 4, true}, ""};
  ratio.column = make_column("r", SqlType::kFloat, "float");
  const float tenth = 0.1F;
  ratio.bytes.assign(reinterpret_cast<const char*>(&tenth), 4);
  maker.add(number).add(text).add(ratio);
  Change change;
  change.operation = Operation::kDelete;
  change.table = maker.table();
  change.before =
      maker.row({TableMaker::null(), TableMaker::value(text), TableMaker::value(ratio)});
  EXPECT_EQ(printed("sql", bare(), change),
            "DELETE FROM `d`.`t` WHERE `n` IS NULL AND CAST(`s` AS BINARY)=X'C3A9' AND "
            "`r`=1.0000000149011612e-01 LIMIT 1;");
  change.before = maker.row({TableMaker::absent(), TableMaker::absent(), TableMaker::absent()});
  EXPECT_THAT(printed("sql", bare(), change), StartsWith("(row without any column"));
}

TEST(Sql, LeavesGeneratedColumnsToTheTarget) {
  TableMaker maker("d", "t");
  const Cell id = integer_cell("id", SqlType::kInt, "int", 0);
  Cell sum = integer_cell("sum", SqlType::kInt, "int", 5);
  sum.column.generated = true;
  Cell counter = id;
  counter.column.auto_increment = true;
  maker.add(counter).add(sum).key({0});
  Change change;
  change.table = maker.table();
  change.after = maker.row({TableMaker::value(counter), TableMaker::value(sum)});
  EXPECT_EQ(printed("sql", bare(), change),
            "SET time_zone='+00:00', sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'; "
            "INSERT INTO `d`.`t` (`id`) VALUES (0);");
}

TEST(Sql, ACommentAtTheEndOfDdlDoesNotTakeTheSemicolon) {
  OrdersExample orders;
  Change change = orders.add_column();
  change.statement = "DROP TABLE t -- old";
  WriterOptions options = everything();
  options.gtid = false;
  EXPECT_EQ(printed("sql", options, change), "USE `shop`; DROP TABLE t -- old\n;");
}

TEST(Writer, AnUpdateOfADocumentThatIsNotThere) {
  TableMaker maker("d", "t");
  const Cell doc{make_column("doc", SqlType::kJson, "json"), {schema::kWireJson, 4, true}, ""};
  maker.add(doc);
  Change change;
  change.operation = Operation::kUpdate;
  change.table = maker.table();
  change.before = maker.row({TableMaker::absent()});
  // Replace $.a by the literal true.
  const std::string update = std::string("\x00\x03$.a\x02\x04\x01", 8);
  change.after = maker.row({{schema::Field::State::kPartial, update}});
  for (const char* format : {"maxwell", "canal", "debezium", "sql"})
    EXPECT_THAT(printed(format, bare(), change), StartsWith("(column doc: the log has an update"));
  EXPECT_THAT(
      printed("binbus", bare(), change),
      HasSubstr(R"("json_update":{"doc":[{"op": "replace", "path": "$.a", "value": true}]})"));
}

}  // namespace
}  // namespace binbus::format
