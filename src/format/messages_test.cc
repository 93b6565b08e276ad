// The examples of docs/formats/messages.md are what is printed.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "format/change_testing.h"

namespace binbus::format {
namespace {

using schema::Change;

WriterOptions options(bool schemas = false) {
  WriterOptions made;
  made.stream = "shop";
  made.ddl = true;
  made.transaction_bounds = true;
  made.schemas = schemas;
  return made;
}

// By the name that stands before it on the page: <!-- maxwell insert -->
std::map<std::string, std::string> examples() {
  OrdersExample orders;
  std::map<std::string, std::string> made;
  for (const std::string format : {"maxwell", "canal", "debezium", "binbus", "sql"}) {
    const auto writer = *make_writer(format, options());
    const std::pair<const char*, Change> changes[] = {
        {"begin", orders.begin()},       {"insert", orders.insert()},
        {"update", orders.update()},     {"minimal update", orders.minimal_update()},
        {"delete", orders.remove()},     {"commit", orders.commit()},
        {"truncate", orders.truncate()}, {"alter", orders.add_column()},
        {"drop", orders.drop_table()},
    };
    for (const auto& [name, change] : changes) {
      made[format + " " + name] = printed(*writer, change);
      made[format + " " + name + " key"] = printed_key(format, options(), change);
    }
  }
  made["debezium key with schema"] = printed_key("debezium", options(true), orders.insert());
  return made;
}

// What stands between the fences behind each name.
std::map<std::string, std::string> page() {
  std::ifstream file("docs/formats/messages.md");
  std::map<std::string, std::string> found;
  std::string line, name;
  bool inside = false;
  while (std::getline(file, line)) {
    if (line.starts_with("<!-- ") && line.ends_with(" -->")) {
      name = line.substr(5, line.size() - 9);
    } else if (line.starts_with("```")) {
      inside = !inside && !name.empty();
      if (!inside) name.clear();
    } else if (inside) {
      found[name] += line + "\n";
    }
  }
  return found;
}

TEST(Messages, ThePageShowsWhatIsPrinted) {
  const auto made = examples();
  const auto shown = page();
  ASSERT_GE(shown.size(), 20U);
  for (const auto& [name, text] : shown) {
    const auto found = made.find(name);
    ASSERT_NE(found, made.end()) << name;
    if (text.starts_with("{")) {
      EXPECT_EQ(nlohmann::ordered_json::parse(text, nullptr, false),
                nlohmann::ordered_json::parse(found->second, nullptr, false))
          << name << ": " << found->second;
    } else {
      EXPECT_EQ(text, found->second + "\n") << name;
    }
  }
}

// Whatever is printed as JSON is JSON, with everything that schemas add.
TEST(Messages, AreJson) {
  OrdersExample orders;
  WriterOptions all = options(true);
  all.sql_text = all.primary_key = true;
  for (const std::string format : {"maxwell", "canal", "debezium", "binbus"}) {
    const auto writer = *make_writer(format, all);
    for (const Change& change :
         {orders.begin(), orders.insert(), orders.update(), orders.minimal_update(),
          orders.remove(), orders.commit(), orders.truncate(), orders.create_table(),
          orders.add_column(), orders.drop_table()}) {
      for (const std::string& text : {printed(*writer, change), printed_key(format, all, change)}) {
        if (text == "(nothing)") continue;
        EXPECT_FALSE(nlohmann::json::parse(text, nullptr, false).is_discarded()) << text;
      }
    }
  }
}

}  // namespace
}  // namespace binbus::format
