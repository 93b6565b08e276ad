#include "schema/declared_wire.h"

#include <gtest/gtest.h>

#include "schema/fields_testing.h"

namespace binbus::schema {
namespace {

using testing_fields::column_of;

Column declared(SqlType type, uint32_t length, std::string charset = "") {
  Column column = column_of(type, std::move(charset));
  column.length = length;
  return column;
}

void expect_wire(const Column& column, uint8_t type, uint16_t metadata, bool mariadb = false) {
  const WireColumn wire = declared_wire(column, mariadb);
  EXPECT_EQ(wire.type, type) << sql_type_name(column.type);
  EXPECT_EQ(wire.metadata, metadata) << sql_type_name(column.type);
  EXPECT_EQ(wire.nullable, column.nullable);
}

TEST(DeclaredWire, TextIsOfAsManyBytesAsItsCharactersMayHave) {
  expect_wire(declared(SqlType::kChar, 255, "utf8mb4"), kWireString, 1020);
  expect_wire(declared(SqlType::kVarchar, 100, "utf8"), kWireVarchar, 300);
  expect_wire(declared(SqlType::kVarchar, 100, "latin1"), kWireVarchar, 100);
  expect_wire(declared(SqlType::kVarchar, 100, "of no server"), kWireVarchar, 100);
}

TEST(DeclaredWire, CompressedColumnsHaveTypesOfTheirOwn) {
  Column varying = declared(SqlType::kVarchar, 100, "latin1");
  Column text = declared(SqlType::kMediumtext, 0, "latin1");
  varying.compressed = text.compressed = true;
  expect_wire(varying, kWireVarcharCompressed, 101, true);
  expect_wire(text, kWireBlobCompressed, 3, true);
}

TEST(DeclaredWire, SetsAndEnumsAreAsWideAsTheirLabelsNeed) {
  const std::pair<size_t, uint16_t> sets[] = {{1, 1},  {8, 1},  {9, 2}, {24, 3},
                                              {32, 4}, {33, 8}, {64, 8}};
  for (const auto& [labels, bytes] : sets) {
    Column set = declared(SqlType::kSet, 0);
    set.labels.resize(labels);
    expect_wire(set, kWireSet, bytes);
  }
  for (const auto& [labels, bytes] : {std::pair<size_t, uint16_t>{255, 1}, {256, 2}}) {
    Column one = declared(SqlType::kEnum, 0);
    one.labels.resize(labels);
    expect_wire(one, kWireEnum, bytes);
  }
}

TEST(DeclaredWire, WhatServersDoNotAgreeOnAndWhatIsNotKnown) {
  expect_wire(declared(SqlType::kVector, 3), kWireVector, 4);
  expect_wire(declared(SqlType::kVector, 3), kWireVarchar, 12, true);
  Column column = declared(SqlType::kUnknown, 0);
  column.nullable = false;
  expect_wire(column, kWireNull, 0);
}

}  // namespace
}  // namespace binbus::schema
