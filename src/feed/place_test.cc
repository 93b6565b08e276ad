#include "feed/place.h"

#include <gtest/gtest.h>

namespace binbus::feed {
namespace {

TEST(PlaceTest, ReadsBackWhatItPrints) {
  const std::pair<const char*, Place> cases[] = {
      {"binlog.000003:1234", {"binlog.000003:1234", {}, {}}},
      {"binlog.000003:1234/2.17", {"binlog.000003:1234", Place::Change{2, 17}, {}}},
      {"b.000003:4//03ff00/shop.a/b",
       {"b.000003:4", {}, Place::Row{"shop.a/b", std::string("\x03\xff\0", 3)}}},
      {"b.000003:4/0.1//shop.t", {"b.000003:4", Place::Change{0, 1}, Place::Row{"shop.t", ""}}},
  };
  for (const auto& [text, place] : cases) {
    EXPECT_EQ(place.print(), text);
    const auto parsed = Place::parse(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, place) << text;
  }
}

TEST(PlaceTest, RefusesWhatIsNone) {
  for (const char* text :
       {"", ":4", "binlog.000001", "binlog.000001:", "b.1:x", "b.1:4/", "b.1:4/1", "b.1:4/1.x",
        "b.1:4//0", "b.1:4//0g/a.b", "b.1:4//00/table", "b.1:99999999999999999999"}) {
    const auto parsed = Place::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::kInvalid);
    EXPECT_NE(parsed.error().message.find(std::string("\"") + text + '"'), std::string::npos);
  }
}

}  // namespace
}  // namespace binbus::feed
