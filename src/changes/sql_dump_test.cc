#include "changes/sql_dump.h"

#include <gtest/gtest.h>

namespace binbus::changes {
namespace {

std::string columns(const schema::Catalog& catalog, std::string_view database,
                    std::string_view table) {
  const auto version = catalog.table(database, table).version;
  if (version == nullptr) return "(none)";
  std::string out;
  for (const auto& column : version->columns) out += column.name + " " + column.type_text + ";";
  return out;
}

constexpr std::string_view kDump = R"(-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
--
-- Host: localhost    Database: shop
-- ------------------------------------------------------
-- Server version	8.0.36

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop` /*!40100 DEFAULT CHARACTER SET latin1 */;

USE `shop`;
DROP TABLE IF EXISTS `goods`;
CREATE TABLE `goods` (
  `id` bigint unsigned NOT NULL COMMENT 'a ; in a text, a '' quote and a \' one',
  `na;me` varchar(20) DEFAULT NULL, -- a ; in a comment
  PRIMARY KEY (`id`)
) ENGINE=InnoDB;
INSERT INTO `goods` VALUES (1,'CREATE TABLE x (a int);');
DELIMITER ;;
CREATE TRIGGER t BEFORE INSERT ON goods FOR EACH ROW BEGIN SET @a = 1; DROP TABLE goods; END ;;
DELIMITER ;
CREATE TABLE last (a int))";

TEST(SqlDump, TablesOfADump) {
  schema::Catalog catalog;
  const Status applied = apply_sql_dump(catalog, kDump, {});
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(columns(catalog, "shop", "goods"), "id bigint unsigned;na;me varchar(20);");
  EXPECT_EQ(columns(catalog, "shop", "last"), "a int;");
  EXPECT_EQ(columns(catalog, "shop", "x"), "(none)");
  EXPECT_EQ(catalog.table("shop", "goods").version->columns[1].charset, "latin1");
}

TEST(SqlDump, NamesTheLine) {
  schema::Catalog catalog;
  const Status applied =
      apply_sql_dump(catalog, "CREATE TABLE d.a (a int);\n\n\nCREATE TABLE d.b (a int,;\n", {});
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, Code::kUnsupported);
  EXPECT_EQ(applied.error().message.substr(0, 8), "line 4: ");
}

}  // namespace
}  // namespace binbus::changes
