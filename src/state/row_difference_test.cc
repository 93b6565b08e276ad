#include "state/row_difference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace binbus::state {
namespace {

using schema::Column;
using schema::Field;
using schema::SqlType;
using testing::ElementsAre;
using testing::IsEmpty;

class DifferingColumns : public testing::Test {
 protected:
  DifferingColumns() {
    number_.name = "n";
    number_.type = SqlType::kInt;
    made_.name = "made";
    made_.type = SqlType::kVarchar;
    made_.generated = true;
  }
  static Field field(const Column& column, uint8_t type, std::string_view bytes) {
    Field out;
    out.state = Field::State::kValue;
    out.column = &column;
    out.wire = {.type = type, .metadata = 20};
    out.bytes = as_bytes(bytes);
    return out;
  }
  static Field none(const Column& column, Field::State state) {
    Field out;
    out.state = state;
    out.column = &column;
    return out;
  }
  static std::vector<uint32_t> columns(const Field& kept, const Field& source) {
    return differing_columns({&kept, 1}, {&source, 1}).value();
  }

  Column number_, made_;
};

TEST_F(DifferingColumns, IsOfValuesNotOfTheirForm) {
  const Field two = field(number_, schema::kWireLong, std::string_view("\2\0\0\0", 4));
  const Field two_in_a_byte = field(number_, schema::kWireTiny, "\2");
  const Field three = field(number_, schema::kWireTiny, "\3");
  EXPECT_THAT(columns(two, two), IsEmpty());
  EXPECT_THAT(columns(two_in_a_byte, two), IsEmpty());
  EXPECT_THAT(columns(three, two), ElementsAre(0));
  EXPECT_THAT(columns(none(number_, Field::State::kNull), two), ElementsAre(0));
  EXPECT_THAT(columns(two, none(number_, Field::State::kNull)), ElementsAre(0));
  const Field kept[] = {two, three, two}, source[] = {two, two, three};
  EXPECT_THAT(*differing_columns(kept, source), ElementsAre(1, 2));
}

TEST_F(DifferingColumns, WhatIsNotThereIsNone) {
  const Field two = field(number_, schema::kWireTiny, "\2");
  EXPECT_THAT(columns(none(number_, Field::State::kAbsent), two), IsEmpty());
  EXPECT_THAT(columns(two, none(number_, Field::State::kAbsent)), IsEmpty());
  const Field made = field(made_, schema::kWireVarchar, "x");
  EXPECT_THAT(columns(none(made_, Field::State::kNull), made), IsEmpty());
  EXPECT_THAT(columns(field(made_, schema::kWireVarchar, "y"), made), ElementsAre(0));
}

}  // namespace
}  // namespace binbus::state
