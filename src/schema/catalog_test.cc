#include "schema/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "schema/fields_testing.h"
#include "schema/show_create.h"
#include "schema/table_codec.h"

namespace binbus::schema {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_fields::bytes_of;

enum Flavour : uint8_t { k56, k57, k9, kMaria, kMaria11 };
constexpr ServerVersion kServers[] = {
    {false, 50624}, {false, 50744}, {false, 90704}, {true, 101106}, {true, 110809}};

StatementContext context_for(Flavour flavour, uint64_t sql_mode = 0) {
  StatementContext context;
  context.server = kServers[flavour];
  context.database = "d";
  context.sql_mode = sql_mode;
  context.session = 7;
  context.collation_server = "latin1_swedish_ci";
  return context;
}

// "a int(11)!; b char(3) latin1_swedish_ci; [a]": NOT NULL is "!", hidden columns are in parentheses, a unique key is in braces.
std::string shown(const TableState& state) {
  if (state.version == nullptr) return "none";
  if (!state.reread.empty()) return "reread: " + state.reread;
  std::string out;
  for (const Column& column : state.version->columns) {
    std::string one = column.name + " " + column.type_text;
    if (!column.collation.empty()) one += " " + column.collation;
    if (!column.nullable) one += "!";
    if (column.auto_increment) one += "+";
    if (column.generated && !column.hidden) one += column.stored ? " stored" : " virtual";
    if (column.invisible && !column.hidden) one += " invisible";
    if (column.row_end) one += " end";
    out += (out.empty() ? "" : "; ") + (column.hidden ? "(" + one + ")" : one);
  }
  const auto add_key = [&](const std::vector<uint32_t>& ordinals, char open, char close) {
    std::string key;
    for (const uint32_t ordinal : ordinals)
      key += (key.empty() ? "" : ",") + state.version->columns[ordinal].name;
    if (!key.empty()) out += std::string("; ") + open + key + close;
  };
  add_key(state.version->primary_key, '[', ']');
  add_key(state.version->unique_key, '{', '}');
  return out;
}

struct ChainCase {
  const char* name;
  Flavour flavour;
  std::vector<std::string> statements;
  std::string want;  // of table d.t
  uint64_t sql_mode = 0;
};
void PrintTo(const ChainCase& test, std::ostream* out) { *out << test.name; }

const ChainCase kChains[] = {
    {"integers",
     k9,
     {"CREATE TABLE t (a TINYINT(1), b INT(5), c INT8 UNSIGNED, d BOOL NOT NULL, e INT ZEROFILL)"},
     "a tinyint(1); b int; c bigint unsigned; d tinyint(1)!; e int(10) unsigned zerofill"},
    {"integers_with_widths",
     k57,
     {"CREATE TABLE t (a TINYINT, b INT(5), c INT8 UNSIGNED, d MIDDLEINT UNSIGNED, e SMALLINT)"},
     "a tinyint(4); b int(5); c bigint(20) unsigned; d mediumint(8) unsigned; e smallint(6)"},
    {"numbers",
     k9,
     {"CREATE TABLE t (a DEC, b FIXED(5,2), c NUMERIC(7) UNSIGNED, d FLOAT(25), e FLOAT(7,3), f "
      "DOUBLE PRECISION, g REAL, h BIT)"},
     "a decimal(10,0); b decimal(5,2); c decimal(7,0) unsigned; d double; e float(7,3); f double; "
     "g double; h bit(1)"},
    {"text",
     k9,
     {"CREATE TABLE t (a CHAR, b CHARACTER VARYING(5), c NATIONAL VARCHAR(3), d LONG, e TEXT(64), "
      "f CHAR(4) BYTE, g VARCHAR(5) BINARY ASCII, h LONG VARBINARY)"},
     "a char(1) latin1_swedish_ci; b varchar(5) latin1_swedish_ci; c varchar(3) "
     "utf8mb3_general_ci; d mediumtext latin1_swedish_ci; "
     "e tinytext latin1_swedish_ci; f binary(4); g varchar(5) latin1_bin; h mediumblob"},
    {"text_sizes_by_charset",
     k9,
     {"CREATE TABLE t (a TEXT(64), b VARCHAR(20000), c BLOB(0)) CHARSET utf8mb4"},
     "a text utf8mb4_0900_ai_ci; b mediumtext utf8mb4_0900_ai_ci; c tinyblob"},
    {"labels",
     k9,
     {R"(CREATE TABLE t (a ENUM('it''s', 'b\\', "c "), b SET(x'e4') COLLATE latin1_bin))"},
     R"(a enum('it''s','b\\','c') latin1_swedish_ci; b set('ä') latin1_bin)"},
    {"temporal",
     k9,
     {"CREATE TABLE t (a TIMESTAMP(3), b DATETIME, c TIME(6), d YEAR(4), e DATE)"},
     "a timestamp(3); b datetime; c time(6); d year; e date"},
    {"years", kMaria, {"CREATE TABLE t (a YEAR, b YEAR(2))"}, "a year(4); b year(2)"},
    {"mysql_s_types",
     k9,
     {"CREATE TABLE t (a JSON, b GEOMETRYCOLLECTION, c POINT SRID 4326 NOT NULL, d VECTOR, e "
      "VECTOR(3))"},
     "a json; b geomcollection; c point!; d vector(2048); e vector(3)"},
    {"mariadb_s_types",
     kMaria11,
     {"CREATE TABLE t (a JSON, b INET6, c UUID, d VARCHAR(5) COMPRESSED, e VECTOR(3), f VARCHAR(3) "
      "COLLATE uca1400_as_ci) CHARSET utf8mb4"},
     "a longtext utf8mb4_bin; b inet6; c uuid; d varchar(5) /*M!100301 COMPRESSED*/ "
     "utf8mb4_general_ci; e vector(3); f varchar(3) utf8mb4_uca1400_as_ci"},
    {"oracle_s_types",
     kMaria,
     {"CREATE TABLE t (a NUMBER, b NUMBER(5,2), c VARCHAR2(3), d RAW(4), e CLOB, f DATE, g "
      "mariadb_schema.date)"},
     "a double; b decimal(5,2); c varchar(3) latin1_swedish_ci; d varbinary(4); e longtext "
     "latin1_swedish_ci; f datetime; g date",
     kOracle},
    {"types_of_plugins",
     kMaria,
     {"CREATE TABLE t (a Xml_Thing(5, 'x') NOT NULL, b INT)"},
     "a xml_thing(5, 'x')!; b int(11)"},
    {"serial", k9, {"CREATE TABLE t (id SERIAL, b INT)"}, "id bigint unsigned!+; b int; {id}"},
    {"attributes",
     k9,
     {"CREATE TABLE t (a INT DEFAULT -1 COMMENT 'x, y' CHECK (a > 0) NOT ENFORCED, b TIMESTAMP "
      "NULL DEFAULT NOW() ON UPDATE NOW(), "
      "c INT REFERENCES o (id) ON DELETE SET NULL ON UPDATE NO ACTION, d INT NOT NULL "
      "COLUMN_FORMAT FIXED STORAGE DISK, e TEXT DEFAULT (concat('a', ')')), f INT INVISIBLE, g INT "
      "AS (a + 1) STORED, h INT AS (a) UNIQUE)"},
     "a int; b timestamp; c int; d int!; e text latin1_swedish_ci; f int invisible; g int stored; "
     "h int virtual"},
    {"keys",
     k9,
     {"CREATE TABLE t (a INT, b INT, c INT, KEY (a), CONSTRAINT PRIMARY KEY USING BTREE (c DESC, "
      "a(3)), UNIQUE u (b), FOREIGN KEY (a) REFERENCES o (a), CHECK (a > 0), KEY ((a + b)))"},
     "a int!; b int; c int!; [c,a]"},
    {"primary_key_inline", k9, {"CREATE TABLE t (a INT KEY, b INT)"}, "a int!; b int; [a]"},
    {"places",
     k9,
     {"CREATE TABLE t (a INT, b INT, c INT)",
      "ALTER TABLE t ADD d INT FIRST, MODIFY c BIGINT AFTER d, DROP a, ADD (e INT, f INT), CHANGE "
      "b bb INT"},
     "d int; c bigint; bb int; e int; f int"},
    {"rename_chain",
     k9,
     {"CREATE TABLE t (a INT, b TEXT, c DATE, PRIMARY KEY (a))",
      "ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO c, RENAME COLUMN c TO a"},
     "b int!; c text latin1_swedish_ci; a date; [b]"},
    {"qualified_columns",
     k9,
     {"CREATE TABLE t (d.t.a INT, t.b INT)",
      "ALTER TABLE d.t ADD d.t.c INT AFTER t.a, DROP `d`.`t`.`b`"},
     "a int; c int"},
    {"if_exists",
     kMaria,
     {"CREATE TABLE t (a INT)",
      "ALTER TABLE IF EXISTS t ADD COLUMN IF NOT EXISTS a TEXT, DROP IF EXISTS x, MODIFY IF EXISTS "
      "y INT, ADD IF NOT EXISTS b INT"},
     "a int(11); b int(11)"},
    {"options",
     k9,
     {"CREATE TABLE t (a VARCHAR(3)) ENGINE=InnoDB COMMENT 'CHARSET=ascii' DEFAULT CHARACTER SET = "
      "utf8 COLLATE utf8_bin PARTITION BY HASH (a) PARTITIONS 2"},
     "a varchar(3) utf8mb3_bin"},
    {"convert",
     k9,
     {"CREATE TABLE t (a VARCHAR(3), b TEXT, c BLOB, d ENUM('x'), e INT)",
      "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4"},
     "a varchar(3) utf8mb4_0900_ai_ci; b mediumtext utf8mb4_0900_ai_ci; c blob; d enum('x') "
     "utf8mb4_0900_ai_ci; e int"},
    {"default_charset_is_for_later_columns",
     k56,
     {"CREATE TABLE t (a VARCHAR(3))", "ALTER TABLE t DEFAULT CHARACTER SET utf8",
      "ALTER TABLE t ADD b VARCHAR(3), ADD c VARCHAR(3) COLLATE ucs2_bin"},
     "a varchar(3) latin1_swedish_ci; b varchar(3) utf8_general_ci; c varchar(3) ucs2_bin"},
    {"partitions",
     k9,
     {"CREATE TABLE t (a INT)",
      "ALTER TABLE t PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (1), PARTITION p1 "
      "VALUES LESS THAN (2))",
      "ALTER TABLE t DROP PARTITION p0, p1", "ALTER TABLE t ADD PARTITION PARTITIONS 4",
      "ALTER TABLE t ALGORITHM=INPLACE, LOCK=NONE, ADD b INT"},
     "a int; b int"},
    {"executable_comments",
     kMaria,
     {"/* x */ CREATE /*!50000 TABLE */ t (a INT /*!80000 , b INT */ /*M!100100 , c INT */)"},
     "a int(11); c int(11)"},
    {"ansi_quotes", k9, {R"(CREATE TABLE "t" ("a ""b" INT))"}, "a \"b int", kAnsiQuotes},
    {"like",
     k9,
     {"CREATE TABLE u (a INT PRIMARY KEY)", "CREATE TABLE t LIKE u", "ALTER TABLE u ADD b INT"},
     "a int!; [a]"},
    {"like_nothing", k9, {"CREATE TABLE t LIKE u"}, "reread: made like a table that is not known"},
    {"select",
     k9,
     {"CREATE TABLE t (a INT) AS SELECT 1 AS b"},
     "reread: made of a query's result or by its engine"},
    {"select_logged_with_columns",
     k9,
     {"CREATE TABLE `t` (\n  `b` int NOT NULL DEFAULT '0'\n) START TRANSACTION"},
     "b int!"},
    {"reread_goes_with_a_rename",
     k9,
     {"CREATE TABLE u SELECT 1", "RENAME TABLE u TO t"},
     "reread: made of a query's result or by its engine"},
    {"missing_column",
     k9,
     {"CREATE TABLE t (a INT)", "ALTER TABLE t DROP x"},
     "reread: ALTER TABLE: column x is not there"},
    {"if_not_exists",
     k9,
     {"CREATE TABLE t (a INT)", "CREATE TABLE IF NOT EXISTS t (b INT)"},
     "a int"},
    {"or_replace",
     kMaria,
     {"CREATE TABLE t (a INT)", "CREATE OR REPLACE TABLE t (b INT)"},
     "b int(11)"},
    {"swap",
     k9,
     {"CREATE TABLE t (a INT)", "CREATE TABLE u (b INT)", "RENAME TABLE t TO x, u TO t, x TO u"},
     "b int"},
    {"dropped",
     k9,
     {"CREATE TABLE t (a INT)", "DROP TABLE IF EXISTS nothere, t /* generated by server */"},
     "none"},
    {"dropped_with_its_database",
     k9,
     {"CREATE TABLE t (a INT)", "DROP DATABASE d", "CREATE DATABASE d"},
     "none"},
    {"temporary",
     k9,
     {"CREATE TABLE t (a INT)", "CREATE TEMPORARY TABLE t (x INT)", "ALTER TABLE t ADD y INT",
      "DROP TEMPORARY TABLE t", "ALTER TABLE t ADD b INT"},
     "a int; b int"},
    {"database_default",
     k9,
     {"ALTER DATABASE CHARACTER SET gbk", "CREATE TABLE t (a TEXT, b TEXT CHARACTER SET utf8)"},
     "a text gbk_chinese_ci; b text utf8mb3_general_ci"},
    {"invisible_key",
     k9,
     {"CREATE TABLE `t` (`my_row_id` bigint unsigned NOT NULL AUTO_INCREMENT /*!80023 INVISIBLE "
      "*/, `a` int DEFAULT NULL, PRIMARY KEY (`my_row_id`))",
      "ALTER TABLE t ADD b INT FIRST"},
     "my_row_id bigint unsigned!+ invisible; b int; a int; [my_row_id]"},
    {"versioned",
     kMaria,
     {"CREATE TABLE t (a INT) WITH SYSTEM VERSIONING", "ALTER TABLE t ADD b INT"},
     "a int(11); b int(11); (row_start timestamp(6)!); (row_end timestamp(6)! end)"},
    {"versioned_no_more",
     kMaria,
     {"CREATE TABLE t (a INT) WITH SYSTEM VERSIONING", "ALTER TABLE t DROP SYSTEM VERSIONING"},
     "a int(11)"},
    {"row_start",
     kMaria,
     {"CREATE TABLE t (a INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) "
      "GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING"},
     "a int(11); s timestamp(6)! stored; e timestamp(6)! stored end"},
    {"periods",
     kMaria,
     {"CREATE TABLE t (a INT, d DATE, e DATE, PERIOD FOR p (d, e), PRIMARY KEY (a, p WITHOUT "
      "OVERLAPS))"},
     "a int(11)!; d date!; e date!; [a,e,d]"},
    {"hashes",
     kMaria,
     {"CREATE TABLE t (a BLOB UNIQUE, b INT, UNIQUE (a(10)), UNIQUE k (b) USING HASH)",
      "ALTER TABLE t ADD c TEXT UNIQUE"},
     "a blob; b int(11); c text latin1_swedish_ci; (DB_ROW_HASH_1 bigint(20) unsigned); "
     "(DB_ROW_HASH_2 bigint(20) unsigned)"},
    {"unique",
     k9,
     {"CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT, UNIQUE ub (b), UNIQUE ua (a))"},
     "a int!; b int!; c int; {b}"},
    {"unique_of_mariadb",
     kMaria,
     {"CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT, UNIQUE ub (b), UNIQUE ua (a))"},
     "a int(11)!; b int(11)!; c int(11); {b}"},
    {"unique_none_beside_a_primary_key",
     k9,
     {"CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT, UNIQUE ub (b), UNIQUE ua (a))",
      "ALTER TABLE t ADD PRIMARY KEY (c)"},
     "a int!; b int!; c int!; [c]"},
    {"unique_after_the_primary_key",
     k9,
     {"CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, UNIQUE (b, a), PRIMARY KEY (a))",
      "ALTER TABLE t DROP PRIMARY KEY"},
     "a int!; b int!; {b,a}"},
    {"unique_nullable_is_none",
     k9,
     {"CREATE TABLE t (a INT, b INT NOT NULL, UNIQUE (a, b))"},
     "a int; b int!"},
    {"unique_nullable_comes_last_and_stays_there",
     k9,
     {"CREATE TABLE t (a INT, b INT NOT NULL, UNIQUE (a), UNIQUE (b))",
      "ALTER TABLE t MODIFY a INT NOT NULL"},
     "a int!; b int!; {b}"},
    {"unique_made_nullable",
     k9,
     {"CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT, UNIQUE ub (b), UNIQUE ua (a))",
      "ALTER TABLE t MODIFY b INT"},
     "a int!; b int; c int; {a}"},
    {"unique_made_nullable_and_back",
     k9,
     {"CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT, UNIQUE ub (b), UNIQUE ua (a))",
      "ALTER TABLE t MODIFY b INT", "ALTER TABLE t MODIFY b INT NOT NULL"},
     "a int!; b int!; c int; {a}"},
    {"unique_before_the_primary_key_is_nullable",
     k9,
     {"CREATE TABLE t (a INT, b INT NOT NULL, UNIQUE (a), UNIQUE (b), PRIMARY KEY (a))",
      "ALTER TABLE t DROP PRIMARY KEY"},
     "a int!; b int!; {b}"},
    {"unique_behind_the_primary_key_is_not",
     k9,
     {"CREATE TABLE t (a INT, b INT NOT NULL, PRIMARY KEY (a), UNIQUE (a), UNIQUE (b))",
      "ALTER TABLE t DROP PRIMARY KEY"},
     "a int!; b int!; {a}"},
    {"unique_inline_in_the_statement_s_order",
     k9,
     {"CREATE TABLE t (a INT NOT NULL, UNIQUE (a), b INT NOT NULL UNIQUE)"},
     "a int!; b int!; {a}"},
    {"unique_inline_before_the_keys",
     k57,
     {"CREATE TABLE t (a INT NOT NULL, b INT NOT NULL UNIQUE KEY, UNIQUE (a))"},
     "a int(11)!; b int(11)!; {b}"},
    {"unique_of_a_part_is_none",
     k9,
     {"CREATE TABLE t (a VARCHAR(10) CHARACTER SET ascii NOT NULL, UNIQUE (a(9)))"},
     "a varchar(10) ascii_general_ci!"},
    {"unique_of_a_part_comes_last_and_stays_there",
     k9,
     {"CREATE TABLE t (a BINARY(10) NOT NULL, b INT NOT NULL, UNIQUE (a(9)), UNIQUE (b))",
      "ALTER TABLE t MODIFY a BINARY(9) NOT NULL"},
     "a binary(9)!; b int!; {b}"},
    {"unique_of_the_whole_by_its_prefix",
     kMaria,
     {"CREATE TABLE t (a BINARY(10) NOT NULL, b INT NOT NULL, UNIQUE (a(10)), UNIQUE (b))",
      "ALTER TABLE t MODIFY a BINARY(11) NOT NULL"},
     "a binary(11)!; b int(11)!; {a}"},
    {"unique_of_a_part_that_is_a_number_now",
     k9,
     {"CREATE TABLE t (a CHAR(10) NOT NULL, UNIQUE (a(9)))", "ALTER TABLE t MODIFY a INT NOT NULL"},
     "a int!; {a}"},
    {"unique_of_a_whole_blob",
     k9,
     {"CREATE TABLE t (a TINYBLOB NOT NULL, b INT NOT NULL, UNIQUE (a(255)), UNIQUE (b))"},
     "a tinyblob!; b int!; {a}"},
    {"unique_of_a_whole_blob_once_came_last",
     k56,
     {"CREATE TABLE t (a TINYBLOB NOT NULL, b INT NOT NULL, UNIQUE (a(255)), UNIQUE (b))"},
     "a tinyblob!; b int(11)!; {b}"},
    {"unique_of_a_whole_blob_alone",
     k56,
     {"CREATE TABLE t (a TINYTEXT CHARACTER SET utf8 NOT NULL, UNIQUE (a(85)))"},
     "a tinytext utf8_general_ci!; {a}"},
    {"unique_of_a_part_of_a_blob",
     k9,
     {"CREATE TABLE t (a TINYBLOB NOT NULL, UNIQUE (a(254)))"},
     "a tinyblob!"},
    {"unique_of_an_expression_is_none",
     k9,
     {"CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, UNIQUE (a, (b + 1)))"},
     "a int!; b int!"},
    {"unique_of_an_expression_has_a_name",
     k9,
     {"CREATE TABLE t (a INT NOT NULL, UNIQUE (a), UNIQUE ((a + 1)), UNIQUE (a, (a + 2)))",
      "ALTER TABLE t DROP KEY functional_index, DROP KEY functional_index_2"},
     "a int!; {a}"},
    {"unique_of_a_virtual_column_is_none",
     k9,
     {"CREATE TABLE t (a INT AS (1) NOT NULL, b INT AS (1) STORED NOT NULL, UNIQUE (a), UNIQUE "
      "(b))"},
     "a int! virtual; b int! stored; {b}"},
    {"unique_hash_is_none",
     kMaria,
     {"CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, UNIQUE (a) USING HASH, UNIQUE (b))"},
     "a int(11)!; b int(11)!; (DB_ROW_HASH_1 bigint(20) unsigned); {b}"},
    {"unique_hash_is_one_once_it_is_short",
     kMaria,
     {"CREATE TABLE t (a TEXT NOT NULL, UNIQUE (a))", "ALTER TABLE t MODIFY a INT NOT NULL"},
     "a int(11)!; {a}"},
    {"unique_over_a_period",
     kMaria,
     {"CREATE TABLE t (a INT NOT NULL, d DATE, e DATE, PERIOD FOR p (d, e), UNIQUE (a, p WITHOUT "
      "OVERLAPS))"},
     "a int(11)!; d date!; e date!; {a,e,d}"},
    {"unique_versioned",
     kMaria,
     {"CREATE TABLE t (a INT NOT NULL, s TIMESTAMP(6) AS ROW START, e TIMESTAMP(6) AS ROW END, "
      "PERIOD FOR SYSTEM_TIME (s, e), UNIQUE (a, e)) WITH SYSTEM VERSIONING"},
     "a int(11)!; s timestamp(6)! stored; e timestamp(6)! stored end; {a}"},
    {"unique_through_renames",
     k9,
     {"CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT, UNIQUE ub (b), UNIQUE ua (a))",
      "ALTER TABLE t RENAME COLUMN b TO x, RENAME KEY ua TO ub, RENAME KEY ub TO ua, ADD z INT "
      "FIRST",
      "ALTER TABLE t DROP KEY ua"},
     "z int; a int!; x int!; c int; {a}"},
    {"unique_dropped",
     k9,
     {"CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT, UNIQUE ub (b), UNIQUE ua (a))",
      "DROP INDEX ub ON t", "ALTER TABLE t DROP CONSTRAINT ua"},
     "a int!; b int!; c int"},
    {"unique_index",
     k9,
     {"CREATE TABLE t (a INT NOT NULL)", "CREATE UNIQUE INDEX u ON t (a DESC)"},
     "a int!; {a}"},
    {"unique_of_what_is_left",
     k9,
     {"CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, UNIQUE u (a, b), UNIQUE (b))",
      "ALTER TABLE t DROP a"},
     "b int!; {b}"},
    {"unique_gone_with_its_column",
     k9,
     {"CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT, UNIQUE ub (b), UNIQUE ua (a))",
      "ALTER TABLE t DROP b"},
     "a int!; c int; {a}"},
    {"unique_like",
     k9,
     {"CREATE TABLE u (a INT NOT NULL, b INT NOT NULL, UNIQUE (b), UNIQUE (a))",
      "CREATE TABLE t LIKE u"},
     "a int!; b int!; {b}"},
    {"unique_made_anew_comes_last",
     k9,
     {"CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT, UNIQUE ub (b), UNIQUE ua (a))",
      "ALTER TABLE t DROP KEY ub, ADD UNIQUE ub (b, a)"},
     "a int!; b int!; c int; {a}"},
    {"unique_made_anew_the_same_stays",
     k9,
     {"CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT, UNIQUE ub (b), UNIQUE ua (a))",
      "ALTER TABLE t DROP KEY ub, ADD UNIQUE ub (b)"},
     "a int!; b int!; c int; {b}"},
    {"unique_made_anew_the_same_in_a_copy",
     k9,
     {"CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT, UNIQUE ub (b), UNIQUE ua (a))",
      "ALTER TABLE t DROP KEY ub, ADD UNIQUE ub (b), ALGORITHM = COPY"},
     "a int!; b int!; c int; {a}"},
    {"unique_made_anew_the_same_in_mariadb",
     kMaria,
     {"CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, c INT, UNIQUE ub (b), UNIQUE ua (a))",
      "ALTER TABLE t DROP KEY ub, ADD UNIQUE ub (b)"},
     "a int(11)!; b int(11)!; c int(11); {a}"},
    {"unique_is_not_sorted_again_in_mariadb",
     kMaria,
     {"CREATE TABLE t (a INT, b INT, UNIQUE (a), UNIQUE (b))",
      "ALTER TABLE t MODIFY b INT NOT NULL, COMMENT 'x'", "ALTER TABLE t MODIFY a INT NOT NULL"},
     "a int(11)!; b int(11)!; {a}"},
    {"unique_is_sorted_again_in_mysql",
     k9,
     {"CREATE TABLE t (a INT, b INT, UNIQUE (a), UNIQUE (b))",
      "ALTER TABLE t MODIFY b INT NOT NULL", "ALTER TABLE t MODIFY a INT NOT NULL"},
     "a int!; b int!; {b}"},
    {"unique_is_sorted_again_in_mariadb_with_a_new_key",
     kMaria,
     {"CREATE TABLE t (a INT, b INT, UNIQUE (a), UNIQUE (b))",
      "ALTER TABLE t MODIFY b INT NOT NULL", "ALTER TABLE t ADD KEY (a)",
      "ALTER TABLE t MODIFY a INT NOT NULL"},
     "a int(11)!; b int(11)!; {b}"},
    {"unique_is_sorted_again_in_mariadb_as_its_first_is_nullable",
     kMaria,
     {"CREATE TABLE t (a INT NOT NULL, b INT, c INT, UNIQUE (a), UNIQUE (b), UNIQUE (c))",
      "ALTER TABLE t MODIFY c INT NOT NULL", "ALTER TABLE t MODIFY a INT",
      "ALTER TABLE t MODIFY b INT NOT NULL"},
     "a int(11); b int(11)!; c int(11)!; {c}"},
    {"unique_is_sorted_again_in_mariadb_in_a_table_like_it",
     kMaria,
     {"CREATE TABLE u (a INT, b INT, UNIQUE (a), UNIQUE (b))",
      "ALTER TABLE u MODIFY b INT NOT NULL", "CREATE TABLE t LIKE u",
      "ALTER TABLE t MODIFY a INT NOT NULL"},
     "a int(11)!; b int(11)!; {b}"},
    {"unique_named_beside_a_plain_key",
     k9,
     {"CREATE TABLE t (a INT NOT NULL, KEY (a), UNIQUE (a))", "ALTER TABLE t DROP KEY a"},
     "a int!; {a}"},
    {"unique_named_beside_a_plain_key_is_dropped",
     kMaria,
     {"CREATE TABLE t (a INT NOT NULL, FULLTEXT INDEX (a) COMMENT 'x', UNIQUE (a))",
      "DROP INDEX a_2 ON t"},
     "a int(11)!"},
    {"unique_named_beside_a_plain_key_of_before_is_none_any_more",
     k9,
     {"CREATE TABLE t (a INT NOT NULL)", "ALTER TABLE t ADD INDEX a (a)",
      "ALTER TABLE t ADD UNIQUE (a)", "ALTER TABLE t DROP KEY a_2"},
     "a int!"},
    {"unique_named_is_another_s_than_a_plain_key",
     k9,
     {"CREATE TABLE t (a INT NOT NULL)", "ALTER TABLE t ADD UNIQUE a (a), ADD KEY a_2 (a)",
      "ALTER TABLE t DROP KEY a_2"},
     "a int!; {a}"},
    {"unique_has_the_key_s_name_not_the_constraint_s",
     k9,
     {"CREATE TABLE t (a INT NOT NULL, CONSTRAINT c UNIQUE k (a), CONSTRAINT d UNIQUE (a))",
      "ALTER TABLE t DROP KEY k", "DROP INDEX d ON t"},
     "a int!"},
    {"unique_made_anew_the_same_with_an_option",
     k9,
     {"CREATE TABLE t (a INT NOT NULL, b INT NOT NULL, UNIQUE (a), UNIQUE (b))",
      "ALTER TABLE t COMMENT 'x', DROP KEY a, ADD UNIQUE (a)"},
     "a int!; b int!; {b}"},
    {"unique_of_a_column_named_primary",
     k9,
     {"CREATE TABLE t (`primary` INT NOT NULL, UNIQUE (`primary`))",
      "ALTER TABLE t DROP KEY primary_2"},
     "primary int!"},
    {"sequence",
     kMaria11,
     {"CREATE SEQUENCE t AS INT UNSIGNED"},
     "next_not_cached_value int(12) unsigned!; minimum_value int(12) unsigned!; maximum_value "
     "int(12) unsigned!; start_value int(12) unsigned!; increment bigint(21)!; "
     "cache_size bigint(21) unsigned!; cycle_option tinyint(1) unsigned!; cycle_count bigint(21)!"},
    {"set_statement",
     kMaria,
     {"SET STATEMENT max_statement_time = (1 + 1) FOR CREATE TABLE t (a INT)"},
     "a int(11)"},
};

class Chains : public testing::TestWithParam<ChainCase> {};
TEST_P(Chains, LeaveTheTable) {
  const ChainCase& test = GetParam();
  const StatementContext context = context_for(test.flavour, test.sql_mode);
  Catalog catalog;
  ASSERT_TRUE(catalog.apply("CREATE DATABASE d", context));
  for (const std::string& statement : test.statements) {
    const auto effect = catalog.apply(statement, context);
    ASSERT_TRUE(effect) << statement << ": " << effect.error().message;
    EXPECT_TRUE(effect->relevant) << statement;
  }
  EXPECT_EQ(shown(catalog.table("d", "t")), test.want);
  const auto again = Catalog::decode(catalog.encode());
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(shown(again->table("d", "t")), test.want);
  if (const auto table = catalog.table("d", "t").version) {
    EXPECT_EQ(*decode_version(encode_version(*table)), *table);
  }
}
INSTANTIATE_TEST_SUITE_P(Catalog, Chains, testing::ValuesIn(kChains),
                         [](const auto& param) { return std::string(param.param.name); });

TEST(Catalog, TruncateNamesTheTable) {
  Catalog catalog;
  StatementContext context = context_for(k9);
  context.database = "d";
  ASSERT_TRUE(catalog.apply("CREATE TABLE t (a INT)", context));
  for (const std::string_view statement : {"TRUNCATE TABLE t", "truncate `d`.t"}) {
    const auto effect = catalog.apply(statement, context);
    ASSERT_TRUE(effect) << effect.error().message;
    EXPECT_TRUE(effect->relevant && effect->changes.empty());
    EXPECT_EQ(effect->truncated, catalog.table("d", "t").version) << statement;
  }
  const auto unknown = catalog.apply("TRUNCATE e.f", context);
  ASSERT_TRUE(unknown && unknown->truncated);
  EXPECT_EQ(unknown->truncated->database + "." + unknown->truncated->table, "e.f");
  ASSERT_TRUE(catalog.apply("CREATE TEMPORARY TABLE t (b INT)", context));
  EXPECT_EQ(catalog.apply("TRUNCATE t", context)->truncated, nullptr);
}

TEST(Catalog, StatementsThatChangeNoColumns) {
  Catalog catalog;
  const StatementContext context = context_for(k9);
  ASSERT_TRUE(catalog.apply("CREATE DATABASE d", context));
  const ByteVector before = catalog.encode();
  for (const std::string_view statement :
       {"",
        ";",
        "INSERT INTO t VALUES ('CREATE TABLE t (a INT)')",
        "BEGIN",
        "COMMIT",
        "FLUSH TABLES",
        "ANALYZE TABLE t",
        "CREATE VIEW v AS SELECT 1",
        "CREATE OR REPLACE ALGORITHM=MERGE DEFINER=`a`@`b` SQL SECURITY INVOKER VIEW v AS SELECT 1",
        "ALTER VIEW v AS SELECT 2",
        "DROP VIEW v",
        "CREATE DEFINER=`a`@`b` TRIGGER t BEFORE INSERT ON t FOR EACH ROW BEGIN END",
        "CREATE PROCEDURE p() BEGIN CREATE TABLE x (a INT); END",
        "ALTER EVENT e DISABLE",
        "DROP FUNCTION f",
        "CREATE USER u",
        "ALTER USER u RETAIN CURRENT PASSWORD",
        "RENAME USER a TO b",
        "GRANT ALL ON *.* TO u",
        "CREATE INDEX i ON t (a)",
        "CREATE FULLTEXT INDEX i ON t (a)",
        "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS ()",
        "DROP TABLESPACE t",
        "SET PASSWORD FOR u = 'x'",
        "# comment",
        "/* open",
        "'",
        "SAVEPOINT `CREATE`",
        "CREATE",
        "DROP",
        "ALTER"}) {
    const auto effect = catalog.apply(statement, context);
    ASSERT_TRUE(effect) << statement;
    EXPECT_FALSE(effect->relevant) << statement;
  }
  EXPECT_EQ(catalog.encode(), before);
}

struct UnclearCase {
  const char* statement;
  const char* message;
};
// It concerns its table alone.
TEST(Catalog, DoubtsATableOfAStatementThatItDoesNotUnderstand) {
  const StatementContext context = context_for(k9);
  const UnclearCase cases[] = {
      {"CREATE TABLE t (a INT", "statement at byte 21: expected ')', found the end"},
      {"CREATE TABLE t (a INT FROBNICATE)",
       "at byte 22: expected a column's attribute, found 'FROBNICATE'"},
      {"CREATE TABLE t (a ENUM(5,)", "expected a label"},
      {"CREATE TABLE t (a INT DEFAULT 'x)", "expected a default, found ''x)'"},
      {"CREATE TABLE t (a TEXT CHARACTER SET nope)",
       "CREATE TABLE d.t: character set nope is not known"},
      {"CREATE TABLE t (a TEXT COLLATE nope_ci)", "collation nope_ci is not known"},
      {"ALTER TABLE t FROBNICATE COLUMN a",
       "at byte 14: expected a clause of ALTER TABLE, found 'FROBNICATE'"},
      {"ALTER TABLE t ADD COLUMN", "expected a column's name, found the end"},
      {"ALTER TABLE t ADD x INT AFTER", "expected a column's name"},
      {"CREATE UNIQUE INDEX i ON t FROBNICATE", "expected '('"},
      {"CREATE TABLE t LIKE 5", "expected a table's name, found '5'"},
      {"CREATE SEQUENCE t AS FROBNICATE(", "expected ')', found the end"},
  };
  for (const UnclearCase& test : cases) {
    Catalog catalog;
    ASSERT_TRUE(catalog.apply("CREATE DATABASE d", context));
    ASSERT_TRUE(catalog.apply("CREATE TABLE t (a INT)", context));
    ASSERT_TRUE(catalog.apply("CREATE TABLE other (a INT)", context));
    const auto effect = catalog.apply(test.statement, context);
    ASSERT_TRUE(effect) << test.statement;
    EXPECT_THAT(effect->unclear, HasSubstr(test.message));
    EXPECT_THAT(effect->unclear, HasSubstr(test.statement));
    ASSERT_EQ(effect->changes.size(), 1U) << test.statement;
    EXPECT_EQ(effect->changes[0].reread, effect->unclear);
    EXPECT_EQ(shown(catalog.table("d", "t")), "reread: " + effect->unclear);
    EXPECT_EQ(shown(catalog.table("d", "other")), "a int");
  }
}

TEST(Catalog, DoubtsNothingWhereAStatementConcernsNoTableOfIts) {
  Catalog catalog;
  const StatementContext context = context_for(k9);
  ASSERT_TRUE(catalog.apply("CREATE DATABASE d", context));
  ASSERT_TRUE(catalog.apply("CREATE TABLE t (a INT)", context));
  ASSERT_TRUE(catalog.apply("CREATE TEMPORARY TABLE passing (a FROBNICATE(5, INT)", context));
  const ByteVector before = catalog.encode();
  for (const char* statement :
       {"ALTER TABLE none FROBNICATE", "ALTER TABLE passing FROBNICATE",
        "CREATE TABLE IF NOT EXISTS t (a INT FROBNICATE)", "ALTER DATABASE none COLLATE nope_ci"}) {
    const auto effect = catalog.apply(statement, context);
    ASSERT_TRUE(effect) << statement;
    EXPECT_TRUE(effect->changes.empty()) << statement;
  }
  EXPECT_EQ(catalog.encode(), before);
}

// What was understood of it holds: where the table is now.
TEST(Catalog, DoubtsATableUnderItsNewName) {
  Catalog catalog;
  const StatementContext context = context_for(k9);
  ASSERT_TRUE(catalog.apply("CREATE DATABASE d", context));
  ASSERT_TRUE(catalog.apply("CREATE TABLE t (a INT)", context));
  const auto effect = catalog.apply("ALTER TABLE t RENAME u, FROBNICATE", context);
  ASSERT_TRUE(effect);
  EXPECT_EQ(shown(catalog.table("d", "t")), "none");
  EXPECT_EQ(shown(catalog.table("d", "u")), "reread: " + effect->unclear);
}

// Only tables to come are concerned, as far as they take it.
TEST(Catalog, DoubtsADatabasesDefaultCharset) {
  const StatementContext context = context_for(k9);
  for (const char* statement :
       {"ALTER DATABASE d COLLATE nope_ci", "ALTER SCHEMA CHARSET nope",
        "ALTER DATABASE d CHARACTER SET 'x", "CREATE OR REPLACE DATABASE d COLLATE nope_ci"}) {
    Catalog catalog;
    ASSERT_TRUE(catalog.apply("CREATE DATABASE d", context));
    ASSERT_TRUE(catalog.apply("CREATE TABLE old (a TEXT)", context));
    const auto effect = catalog.apply(statement, context);
    ASSERT_TRUE(effect);
    EXPECT_THAT(effect->unclear, HasSubstr(statement));
    for (const char* create : {"CREATE TABLE t (a TEXT)", "CREATE TABLE numbers (a INT)",
                               "CREATE TABLE own (a CHAR(3)) CHARSET latin1",
                               "CREATE TABLE later (a INT)", "ALTER TABLE later ADD b TEXT"}) {
      EXPECT_TRUE(catalog.apply(create, context)) << create;
    }
    const bool replaced = std::string_view(statement).starts_with("CREATE");
    EXPECT_EQ(shown(catalog.table("d", "old")), replaced ? "none" : "a text latin1_swedish_ci");
    for (const char* table : {"t", "later"}) {
      EXPECT_THAT(shown(catalog.table("d", table)), HasSubstr("default character set of d"));
    }
    EXPECT_EQ(shown(catalog.table("d", "numbers")), "a int");
    EXPECT_EQ(shown(catalog.table("d", "own")), "a char(3) latin1_swedish_ci");
    ASSERT_TRUE(catalog.apply("ALTER DATABASE d COLLATE latin1_bin", context));
    ASSERT_TRUE(catalog.apply("CREATE TABLE known (a TEXT)", context));
    EXPECT_EQ(shown(catalog.table("d", "known")), "a text latin1_bin");
  }
}

TEST(Catalog, RefusesAStatementWithoutAName) {
  Catalog catalog;
  const StatementContext context = context_for(k9);
  ASSERT_TRUE(catalog.apply("CREATE DATABASE d", context));
  ASSERT_TRUE(catalog.apply("CREATE TABLE t (a INT)", context));
  const ByteVector before = catalog.encode();
  const UnclearCase cases[] = {
      {"CREATE TABLE", "statement at byte 12: expected a table's name, found the end"},
      {"RENAME TABLE t u", "expected TO, found 'u'"},
      {"DROP TABLE 'x'", "expected a table's name, found ''x''"},
  };
  for (const UnclearCase& test : cases) {
    const auto effect = catalog.apply(test.statement, context);
    ASSERT_FALSE(effect) << test.statement;
    EXPECT_EQ(effect.error().code, Code::kUnsupported) << test.statement;
    EXPECT_THAT(effect.error().message, HasSubstr(test.message));
  }
  EXPECT_EQ(catalog.encode(), before);
}

TEST(Catalog, TellsWhatChanged) {
  Catalog catalog;
  const StatementContext context = context_for(k9);
  ASSERT_TRUE(catalog.apply("CREATE DATABASE d", context));
  auto effect = catalog.apply("CREATE TABLE t (a INT)", context);
  ASSERT_EQ(effect->changes.size(), 1U);
  EXPECT_EQ(effect->changes[0].before, nullptr);
  const TablePtr first = effect->changes[0].after;
  EXPECT_EQ(catalog.table("d", "t").version, first);

  effect = catalog.apply("ALTER TABLE t ADD b INT, RENAME u", context);
  ASSERT_EQ(effect->changes.size(), 1U);
  EXPECT_EQ(effect->changes[0].before, first);
  EXPECT_EQ(effect->changes[0].after->table, "u");
  EXPECT_EQ(effect->changes[0].after->columns.size(), 2U);

  effect = catalog.apply("ALTER TABLE u COMMENT 'nothing new'", context);
  EXPECT_TRUE(effect->relevant);
  EXPECT_TRUE(effect->changes.empty());

  effect = catalog.apply("ALTER TABLE u ADD UNIQUE (a)", context);
  EXPECT_TRUE(effect->changes.empty());  // of NULLs there may be several
  effect = catalog.apply("ALTER TABLE u MODIFY a INT NOT NULL", context);
  ASSERT_EQ(effect->changes.size(), 1U);
  EXPECT_THAT(effect->changes[0].before->unique_key, ElementsAre());
  EXPECT_THAT(effect->changes[0].after->unique_key, ElementsAre(0));

  effect = catalog.apply("DROP DATABASE d", context);
  ASSERT_EQ(effect->changes.size(), 1U);
  EXPECT_EQ(effect->changes[0].before->table, "u");
  EXPECT_EQ(effect->changes[0].after, nullptr);
}

TEST(Catalog, TemporaryTablesAreTheirSessions) {
  Catalog catalog;
  StatementContext one = context_for(k9), other = context_for(k9);
  other.session = 8;
  ASSERT_TRUE(catalog.apply("CREATE DATABASE d", one));
  ASSERT_TRUE(catalog.apply("CREATE TABLE t (a INT)", one));
  ASSERT_TRUE(catalog.apply("CREATE TEMPORARY TABLE t (x INT)", one));
  ASSERT_TRUE(catalog.apply("ALTER TABLE t ADD y INT", one));
  EXPECT_EQ(shown(catalog.table("d", "t")), "a int");
  ASSERT_TRUE(catalog.apply("ALTER TABLE t ADD y INT", other));
  EXPECT_EQ(shown(catalog.table("d", "t")), "a int; y int");
  catalog.forget_sessions();
  ASSERT_TRUE(catalog.apply("ALTER TABLE t ADD z INT", one));
  EXPECT_EQ(shown(catalog.table("d", "t")), "a int; y int; z int");
}

TEST(Catalog, LetterCases) {
  const StatementContext context = context_for(k9);
  for (const uint8_t lower_case : {uint8_t{0}, uint8_t{1}, uint8_t{2}}) {
    Catalog catalog(lower_case);
    ASSERT_TRUE(catalog.apply("CREATE DATABASE D", context));
    ASSERT_TRUE(catalog.apply("CREATE TABLE D.Tü (A INT)", context));
    ASSERT_TRUE(catalog.apply("ALTER TABLE d.tÜ ADD b INT", context));
    const TableState state = catalog.table("D", "Tü");
    ASSERT_NE(state.version, nullptr);
    EXPECT_EQ(state.version->table, lower_case == 1 ? "tü" : "Tü") << int{lower_case};
    EXPECT_EQ(shown(state), lower_case == 0 ? "A int" : "A int; b int");
  }
}

TEST(Catalog, HugeStatementsOfNoInterestCostNothing) {
  Catalog catalog;
  std::string statement = "INSERT INTO t VALUES ('";
  statement.append(64 << 20, '\'');
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(catalog.apply(statement, context_for(k9)));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST(Catalog, ShowsATableAsAStatement) {
  Catalog catalog;
  const StatementContext context = context_for(kMaria);
  ASSERT_TRUE(catalog.apply("CREATE DATABASE d", context));
  ASSERT_TRUE(catalog.apply(
      "CREATE TABLE `a``b` (a INT AUTO_INCREMENT PRIMARY KEY, b ENUM('x') NOT NULL, c TEXT UNIQUE)",
      context));
  EXPECT_EQ(show_create(*catalog.table("d", "a`b").version),
            "CREATE TABLE `d`.`a``b` (\n"
            "  `a` int(11) NOT NULL AUTO_INCREMENT,\n"
            "  `b` enum('x') CHARACTER SET latin1 COLLATE latin1_swedish_ci NOT NULL,\n"
            "  `c` text CHARACTER SET latin1 COLLATE latin1_swedish_ci NULL,\n"
            "  PRIMARY KEY (`a`)\n"
            "  -- hidden: `DB_ROW_HASH_1` bigint(20) unsigned /* GENERATED VIRTUAL */ NULL\n"
            ") DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci");
}

TEST(TableCodec, RefusesWhatIsCut) {
  TableDefinition definition;
  definition.version.database = "d";
  definition.version.table = "t";
  Column column;
  column.name = "a";
  column.type = SqlType::kEnum;
  column.labels = {"x", "y"};
  column.charset = "latin1";
  column.type_text = "something of its own";
  definition.version.columns = {column, column};
  definition.version.primary_key = {1};
  definition.version.unique_key = {1, 0};
  definition.unique_keys = {{"u", {{"a", 5}, {"", 0}}, true, false}, {"v", {{"a"}}, false, true}};
  definition.keys_known = false;
  definition.periods = {{"p", "a", "b"}};
  const ByteVector bytes = encode_table(definition);
  EXPECT_EQ(*decode_table(bytes), definition);
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_table(Bytes(bytes).first(size))) << size;
  ByteVector more = bytes;
  more.push_back(0);
  EXPECT_FALSE(decode_table(more));
}

// Of database d with the table t (a INT NOT NULL) as it was encoded before UNIQUE keys of all servers were kept.
Catalog of_layout_1(std::string_view keys) {
  ByteVector table = bytes_of("01 0164 0174 00 00 00 01 0161 03 1000 0b 00 00 01 00 00 00 00");
  for (const uint8_t byte : bytes_of(keys)) table.push_back(byte);
  ByteWriter out;
  out.bytes(bytes_of("01 00 01 0164 01 00 00 01 00"));
  out.lenenc(table.size()).bytes(table).u8(0);
  auto catalog = Catalog::decode(out.view());
  EXPECT_TRUE(catalog) << catalog.error().message;
  return catalog ? std::move(*catalog) : Catalog();
}

TEST(TableCodec, ReadsLayout1) {
  Catalog catalog = of_layout_1("01 0175 00 01 0161 00");
  EXPECT_EQ(shown(catalog.table("d", "t")), "a int(11)!");
  ASSERT_TRUE(catalog.apply("ALTER TABLE t ADD b INT", context_for(kMaria)));
  EXPECT_EQ(shown(catalog.table("d", "t")), "a int(11)!; b int(11); {a}");
}

// What is added may not be the first: that would be the one that the server takes.
TEST(TableCodec, OfLayout1WithoutKeysNoneIsKnown) {
  Catalog catalog = of_layout_1("00");
  const StatementContext context = context_for(k57);
  ASSERT_TRUE(catalog.apply("ALTER TABLE t ADD b INT NOT NULL UNIQUE", context));
  auto again = Catalog::decode(catalog.encode());
  ASSERT_TRUE(again);
  ASSERT_TRUE(again->apply("CREATE TABLE u LIKE t", context));
  EXPECT_EQ(shown(again->table("d", "t")), "a int(11)!; b int(11)!");
  EXPECT_EQ(shown(again->table("d", "u")), "a int(11)!; b int(11)!");
  ASSERT_TRUE(again->apply("DROP TABLE t", context));
  ASSERT_TRUE(again->apply("CREATE TABLE t (a INT NOT NULL UNIQUE)", context));
  EXPECT_EQ(shown(again->table("d", "t")), "a int(11)!; {a}");
}

TEST(Catalog, TakesAnothersTableWithItsKeys) {
  const StatementContext context = context_for(k9);
  Catalog from, catalog;
  ASSERT_TRUE(
      from.apply("CREATE TABLE d.t (a INT NOT NULL, b INT, UNIQUE (b), UNIQUE (a))", context));
  catalog.take_table(from, "d", "t");
  catalog.take_table(from, "d", "none");
  EXPECT_EQ(catalog.table_count(), 1U);
  ASSERT_TRUE(catalog.apply("ALTER TABLE d.t MODIFY b INT NOT NULL, DROP KEY a", context));
  EXPECT_EQ(shown(catalog.table("d", "t")), "a int!; b int!; {b}");
  catalog.put_table(*from.table("d", "t").version);
  ASSERT_TRUE(catalog.apply("ALTER TABLE d.t MODIFY b INT NOT NULL", context));
  EXPECT_EQ(shown(catalog.table("d", "t")), "a int!; b int!");  // a version has no key but one
}

}  // namespace
}  // namespace binbus::schema
