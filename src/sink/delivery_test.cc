#include "sink/delivery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/change_testing.h"
#include "io/simulated_disk.h"
#include "sink/delivery_testing.h"

namespace binbus::sink {
namespace {

using format::OrdersExample;
using schema::Change;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

SinkOptions sql_options() {
  SinkOptions options;
  options.name = "changes";
  options.stream = "shop";
  options.type = "kafka";
  options.format = "sql";
  options.gtid = false;
  return options;
}

// A delivery, and what comes out of it.
struct World {
  explicit World(const SinkOptions& options) {
    auto made = Delivery::make(options, dead_letters, io::system_clock(), counters);
    if (!made) {
      error = made.error().message;
      return;
    }
    delivery = std::move(*made);
    EXPECT_TRUE(delivery->attach(target, "start"));
  }
  // Takes the changes and commits; the error's message.
  std::string take(const std::vector<Change>& changes) {
    for (const Change& change : changes) {
      if (const Status taken = delivery->take(change); !taken) return taken.error().message;
    }
    const Status committed = delivery->commit("end");
    return committed ? "" : committed.error().message;
  }
  std::string dead_letters_text() {
    const auto file = disk.open("data/d.jsonl", io::OpenMode::kRead);
    if (!file) return "";
    std::string text(*(*file)->size(), '\0');
    EXPECT_TRUE((*file)->read_at(0, {reinterpret_cast<uint8_t*>(text.data()), text.size()}));
    return text;
  }
  io::SimulatedDisk disk;
  DeadLetters dead_letters{disk, "data/d.jsonl"};
  Counters counters;
  Received received;
  TestTarget target{received};
  std::unique_ptr<Delivery> delivery;
  std::string error;
};

// What comes out of an insert, an update and a delete of shop.orders.
std::vector<std::string> delivered(const SinkOptions& options) {
  World world(options);
  if (world.delivery == nullptr) return {world.error};
  OrdersExample example;
  const std::string error = world.take(
      {example.begin(), example.insert(), example.update(), example.remove(), example.commit()});
  std::vector<std::string> out = world.received.committed;
  if (!error.empty()) out.push_back("error: " + error);
  return out;
}

// The same with the insert only.
std::string inserted(const SinkOptions& options) {
  const std::vector<std::string> out = delivered(options);
  return out.empty() ? "" : out.front();
}

constexpr const char* kInsert =
    "shop orders: INSERT INTO `shop`.`orders` (`id`,`customer`,`total`,`note`) VALUES (1,"
    "_utf8mb4'Zoë \"Z\"',1234.56,NULL);";

TEST(Delivery, Everything) {
  const std::vector<std::string> out = delivered(sql_options());
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[0], kInsert);
  EXPECT_THAT(out[1], HasSubstr("UPDATE"));
  EXPECT_THAT(out[2], HasSubstr("DELETE"));
}

TEST(Delivery, FiltersByTableAndOperation) {
  struct Case {
    const char* name;
    std::function<void(SinkOptions&)> set;
    size_t messages;
  };
  const Case cases[] = {
      {"included", [](SinkOptions& o) { o.tables = {"shop.*"}; }, 3},
      {"not_included", [](SinkOptions& o) { o.tables = {"mall.*"}; }, 0},
      {"excluded", [](SinkOptions& o) { o.exclude = {"/.*\\.orders/"}; }, 0},
      {"inserts", [](SinkOptions& o) { o.operations = {"insert"}; }, 1},
      {"all_but_inserts",
       [](SinkOptions& o) {
         o.operations = {"update", "delete"};
       },
       2},
      {"by_rule",
       [](SinkOptions& o) {
         o.table_rules.resize(2);
         o.table_rules[0] = {.match = "shop.order?", .operations = {"insert"}};
         o.table_rules[1] = {.match = "shop.*", .operations = {"ddl"}};
       },
       1},
      {"the_first_rule_wins",
       [](SinkOptions& o) {
         o.table_rules.resize(2);
         o.table_rules[0] = {.match = "shop.orders", .operations = {"insert"}};
         o.table_rules[1] = {.match = "shop.*", .operations = {"ddl"}};
       },
       1},
      {"rows", [](SinkOptions& o) { o.where = "id > 1"; }, 0},
      {"into_the_condition", [](SinkOptions& o) { o.where = "note = 'paid'"; }, 2},
      {"out_of_the_condition", [](SinkOptions& o) { o.where = "note IS NULL"; }, 2},
  };
  for (const Case& c : cases) {
    SinkOptions options = sql_options();
    c.set(options);
    EXPECT_EQ(delivered(options).size(), c.messages) << c.name;
  }
}

// Consumers of Maxwell's messages take "commit" for the transaction's end, whichever of its rows are delivered.
TEST(Delivery, TheLastMessageSaysCommit) {
  constexpr const char* kCommit = "\"commit\":true";
  SinkOptions options = sql_options();
  options.format = "maxwell";
  const auto commits = [&] {
    std::vector<bool> out;
    for (const std::string& line : delivered(options)) {
      out.push_back(line.find(kCommit) != std::string::npos);
      EXPECT_EQ(line.find(kCommit), line.rfind(kCommit)) << line;
    }
    return out;
  };
  EXPECT_THAT(commits(), ElementsAre(false, false, true));
  options.operations = {"insert", "update"};
  EXPECT_THAT(commits(), ElementsAre(false, true));
  options.operations = {"delete"};
  EXPECT_THAT(commits(), ElementsAre(true));
  options.operations.clear();
  options.where = "note IS NULL";
  EXPECT_THAT(commits(), ElementsAre(false, true));
}

// Of a table that keeps rows of the past what follows in the log may be no change at all.
TEST(Delivery, WhatMayBeTheLastSaysCommitWhenNothingFollows) {
  SinkOptions options = sql_options();
  options.format = "maxwell";
  World world(options);
  OrdersExample example;
  Change insert = example.insert(), update = example.update();
  insert.may_be_last = update.may_be_last = true;
  insert.last = update.last = false;
  EXPECT_EQ(world.take({example.begin(), insert, update, example.commit()}), "");
  ASSERT_EQ(world.received.committed.size(), 2u);
  EXPECT_THAT(world.received.committed[0], Not(HasSubstr("\"commit\"")));
  EXPECT_THAT(world.received.committed[1], HasSubstr("\"commit\":true"));
}

TEST(Delivery, HeldMessagesKeepTheirOrderAndTombstones) {
  SinkOptions options = sql_options();
  options.format = "maxwell";
  options.tombstones = true;
  options.where = "id = 1";
  World world(options);
  OrdersExample example;
  world.received.reject = "\"update\"";
  EXPECT_EQ(world.take({example.begin(), example.insert(), example.update(), example.remove(),
                        example.commit()}),
            "");
  ASSERT_EQ(world.received.committed.size(), 3u);
  EXPECT_THAT(world.received.committed[0], HasSubstr("\"insert\""));
  EXPECT_THAT(world.received.committed[1], HasSubstr("\"commit\":true"));
  EXPECT_THAT(world.received.ids[2], HasSubstr(":tombstone"));
  EXPECT_THAT(world.dead_letters_text(), HasSubstr("\"position\":\"binlog.000007:"));
}

TEST(Delivery, TellsWhichTablesMayBeDelivered) {
  SinkOptions options = sql_options();
  options.tables = {"shop.*"};
  options.table_rules.push_back({.match = "shop.log*", .operations = {"ddl"}});
  World world(options);
  EXPECT_TRUE(world.delivery->may_deliver("shop", "orders"));
  EXPECT_FALSE(world.delivery->may_deliver("shop", "log_of_today"));
  EXPECT_FALSE(world.delivery->may_deliver("mall", "orders"));
}

TEST(Delivery, SystemSchemasAreLeftOut) {
  World world(sql_options());
  format::TableMaker maker("mysql", "user");
  const auto cell = format::integer_cell("id", schema::SqlType::kInt, "int", 1);
  maker.add(cell);
  OrdersExample example;
  Change change = example.insert();
  change.table = maker.table();
  change.after = maker.row({format::TableMaker::value(cell)});
  EXPECT_EQ(world.take({change}), "");
  EXPECT_THAT(world.received.committed, IsEmpty());
  EXPECT_EQ(world.counters.read().filtered, 1u);
}

TEST(Delivery, Columns) {
  struct Case {
    const char* name;
    std::function<void(SinkOptions&)> set;
    const char* want;
  };
  const Case cases[] = {
      {"only",
       [](SinkOptions& o) {
         o.columns = {"ID", "note"};
       },
       "shop orders: INSERT INTO `shop`.`orders` (`id`,`note`) VALUES (1,NULL);"},
      {"dropped",
       [](SinkOptions& o) {
         o.drop_columns = {"customer", "total"};
       },
       "shop orders: INSERT INTO `shop`.`orders` (`id`,`note`) VALUES (1,NULL);"},
      {"masked",
       [](SinkOptions& o) {
         o.drop_columns = {"total"};
         o.mask = {{"customer", "x"}, {"note", "y"}, {"unknown", "z"}};
       },
       "shop orders: INSERT INTO `shop`.`orders` (`id`,`customer`,`note`) VALUES "
       "(1,'x','y');"},
      {"nullified",
       [](SinkOptions& o) {
         o.columns = {"id", "customer"};
         o.mask_null = {"customer"};
       },
       "shop orders: INSERT INTO `shop`.`orders` (`id`,`customer`) VALUES (1,NULL);"},
      {"hashed",  // printf 'salt1' | sha256sum
       [](SinkOptions& o) {
         o.columns = {"id", "note"};
         o.hash = {"id", "note"};
         o.hash_salt = "salt";
       },
       "shop orders: INSERT INTO `shop`.`orders` (`id`,`note`) VALUES "
       "('dc90cf07de907ccc64636ceddb38e552a1a0d984743b1f36a447b73877012c39',NULL);"},
      {"hash_without_salt", [](SinkOptions& o) { o.hash = {"id"}; },
       "hash needs hash_salt: without one, whoever knows the possible values finds them from their "
       "hashes"},
      {"renamed",
       [](SinkOptions& o) {
         o.columns = {"id"};
         o.rename = "archive.{database}_{table}";
         o.rename_columns = {{"id", "order_id"}};
       },
       "archive shop_orders: INSERT INTO `archive`.`shop_orders` (`order_id`) VALUES (1);"},
      {"renamed_alike",
       [](SinkOptions& o) {
         o.rename_columns = {{"id", "note"}};
       },
       "error: at binlog.000007:1234: rename_columns makes two columns `note` of table "
       "`shop`.`orders`"},
      {"key_of_hashed_values",
       [](SinkOptions& o) {
         o.columns = {"id"};
         o.mask = {{"id", "m"}};
         o.key = {"id"};
       },
       "shop m: INSERT INTO `shop`.`orders` (`id`) VALUES ('m');"},
  };
  for (const Case& c : cases) {
    SinkOptions options = sql_options();
    c.set(options);
    EXPECT_EQ(inserted(options), c.want) << c.name;
  }
}

TEST(Delivery, NoStatementWhereSomethingIsHidden) {
  SinkOptions options = sql_options();
  options.format = "binbus";
  options.sql_text = true;
  EXPECT_THAT(inserted(options), HasSubstr("INSERT INTO orders"));
  options.mask = {{"customer", "x"}};
  EXPECT_THAT(inserted(options), Not(HasSubstr("INSERT INTO orders")));
  EXPECT_THAT(inserted(options), Not(HasSubstr("Zo")));
}

TEST(Delivery, Routes) {
  struct Case {
    const char* name;
    std::function<void(SinkOptions&)> set;
    const char* want;  // up to the payload
  };
  const Case cases[] = {
      {"default", [](SinkOptions&) {}, "shop [shop.orders] orders"},
      {"topic_per_table", [](SinkOptions& o) { o.topic = "{stream}-{database}.{table}"; },
       "shop-shop.orders [shop.orders] orders"},
      {"topic_of_a_value", [](SinkOptions& o) { o.topic = "t_{column:customer}_{operation}"; },
       "t_Zo____Z__insert [shop.orders] orders"},
      {"key_of_a_column", [](SinkOptions& o) { o.key = {"id"}; }, "shop [shop.orders] 1"},
      {"key_of_columns",
       [](SinkOptions& o) {
         o.key = {"id", "note", "{table}"};
       },
       "shop [shop.orders] 1|\\N|orders"},
      {"key_of_null", [](SinkOptions& o) { o.key = {"note"}; }, "shop [shop.orders] "},
      {"primary_key", [](SinkOptions& o) { o.key = {"{table}/{primary_key}"}; },
       "shop [shop.orders] orders/1"},
      {"key_of_the_format",
       [](SinkOptions& o) {
         o.format = "debezium";
         o.key = {"{format_key}"};
       },
       "shop [shop.orders] {\"id\":1}"},
      {"routing_key", [](SinkOptions& o) { o.routing_key = "{operation}.{key}.{shard:1}"; },
       "shop [insert.orders.0] orders"},
      {"exchange",
       [](SinkOptions& o) {
         o.type = "rabbitmq";
         o.exchange = "{database}.x";
       },
       "shop.x [shop.orders] orders"},
      {"rule",
       [](SinkOptions& o) {
         o.table_rules = {{.match = "shop.orders", .topic = "mytopic", .key = {"customer"}}};
       },
       "mytopic [shop.orders] Zoë \"Z\""},
      {"column_that_is_not_there", [](SinkOptions& o) { o.key = {"usr_id"}; },
       "error: at binlog.000007:1234: table `shop`.`orders` as it is delivered has no column "
       "`usr_id`, which its key, topic or routing key is made of; give that table a [[sink.table]] "
       "of its own"},
      {"unknown_name", [](SinkOptions& o) { o.topic = "{tabel}"; },
       "template \"{tabel}\": {tabel} is none of {database}, {table}, {operation}, {column:NAME}, "
       "{key}, {shard:N}, {primary_key}, {format_key}, {stream}, {sink}"},
      {"key_of_itself", [](SinkOptions& o) { o.key = {"{key}"}; },
       "key \"{key}\": a key cannot be made of itself"},
  };
  for (const Case& c : cases) {
    SinkOptions options = sql_options();
    c.set(options);
    World world(options);
    OrdersExample example;
    std::string got = world.error;
    if (world.delivery != nullptr) {
      world.received.routing_keys = true;
      const std::string error = world.take({example.insert()});
      got = error.empty() ? world.received.committed.at(0) : "error: " + error;
      if (error.empty()) {
        const char* payload = options.format == "sql" ? ": INSERT" : ": {";
        got = got.substr(0, got.rfind(payload) == std::string::npos ? 0 : got.find(payload));
      }
    }
    EXPECT_EQ(got, c.want) << c.name;
  }
}

TEST(Delivery, ATableWithoutAPrimaryKeyHasNoKeyByIt) {
  SinkOptions options = sql_options();
  options.key = {"{primary_key}"};
  options.tombstones = true;
  World world(options);
  OrdersExample example;
  format::TableMaker lines("shop", "lines");
  const format::Cell cell = format::text_cell("line", "x");
  lines.add(cell);
  Change change = example.remove();
  change.table = lines.table();
  change.before = lines.row({format::TableMaker::value(cell)});
  EXPECT_EQ(world.take({example.begin(), change, example.commit()}), "");
  EXPECT_THAT(world.received.committed, ElementsAre(HasSubstr("shop : DELETE FROM")));
}

TEST(Delivery, KeysOfUpdatesAndDeletes) {
  SinkOptions options = sql_options();
  options.key = {"note"};
  const auto keys = [](const std::vector<std::string>& lines) {
    std::vector<std::string> out;
    for (const std::string& line : lines) {
      out.push_back(line.substr(5, line.find(' ', line.find(": ") + 2) - 5));
    }
    return out;
  };
  EXPECT_THAT(keys(delivered(options)), ElementsAre(": INSERT", "paid: UPDATE", "paid: DELETE"));
  options.key_change = "delete_insert";
  EXPECT_THAT(keys(delivered(options)),
              ElementsAre(": INSERT", ": DELETE", "paid: INSERT", "paid: DELETE"));
  options.tombstones = true;
  EXPECT_THAT(keys(delivered(options)), ElementsAre(": INSERT", ": DELETE", "paid: INSERT",
                                                    "paid: DELETE", "paid: (tombstone)"));
}

TEST(Delivery, WhatAnUpdateLacksIsInItsRowBefore) {
  SinkOptions options = sql_options();
  options.key = {"id"};
  World world(options);
  OrdersExample example;
  EXPECT_EQ(world.take({example.minimal_update()}), "");
  ASSERT_EQ(world.received.committed.size(), 1u);
  EXPECT_EQ(world.received.committed[0].substr(0, 7), "shop 1:");
}

TEST(Delivery, ARowWithoutItsKeyIsADeadLetter) {
  SinkOptions options = sql_options();
  options.key = {"customer"};
  World world(options);
  OrdersExample example;
  EXPECT_EQ(world.take({example.minimal_update(), example.insert()}), "");
  EXPECT_EQ(world.received.committed.size(), 1u);
  EXPECT_THAT(world.dead_letters_text(), HasSubstr("lacks column `customer`"));
  EXPECT_THAT(world.dead_letters_text(), HasSubstr("\"position\":\"binlog.000007:1400\""));
}

TEST(Delivery, BoundsOnlyAroundWhatIsDelivered) {
  SinkOptions options = sql_options();
  options.transaction_bounds = true;
  std::vector<std::string> out = delivered(options);
  ASSERT_EQ(out.size(), 5u);
  EXPECT_THAT(out.front(), HasSubstr("shop.transaction"));
  options.tables = {"mall.*"};
  EXPECT_THAT(delivered(options), IsEmpty());
}

TEST(Delivery, Statements) {
  SinkOptions options = sql_options();
  OrdersExample example;
  World without(options);
  EXPECT_EQ(without.take({example.add_column(), example.truncate()}), "");
  EXPECT_THAT(without.received.committed, IsEmpty());
  options.operations = {"ddl"};
  World with(options);
  EXPECT_EQ(with.take({example.create_table(), example.add_column(), example.truncate(),
                       example.drop_table(), example.insert()}),
            "");
  EXPECT_EQ(with.received.committed.size(), 4u);
}

struct RejectionCase {
  const char* name;
  const char* policy;
  bool in_commit;
  size_t kept;  // dead letters
  bool stops;
};

TEST(Delivery, Rejections) {
  const RejectionCase cases[] = {
      {"dead_letter", "dead_letter", false, 1, false},
      {"dead_letter_in_commit", "dead_letter", true, 1, false},
      {"skip", "skip", false, 0, false},
      {"stop", "stop", false, 1, true},
      {"stop_in_commit", "stop", true, 1, true},
  };
  for (const RejectionCase& c : cases) {
    SinkOptions options = sql_options();
    options.on_rejected = c.policy;
    World world(options);
    world.received.reject = "UPDATE";
    world.received.reject_in_commit = c.in_commit;
    OrdersExample example;
    EXPECT_EQ(world.take({example.insert(), example.update(), example.remove()}), "") << c.name;
    // The neighbours are delivered.
    EXPECT_EQ(world.received.committed.size(), 2u) << c.name;
    EXPECT_EQ(world.counters.read().rejected, 1u) << c.name;
    EXPECT_EQ(world.counters.read().skipped, 1 - c.kept) << c.name;
    EXPECT_EQ(world.delivery->take_stop().has_value(), c.stops) << c.name;
    world.disk.crash(1);  // what was committed past is durable
    const std::string text = world.dead_letters_text();
    EXPECT_EQ(static_cast<size_t>(std::ranges::count(text, '\n')), c.kept) << c.name;
    if (c.kept == 0) continue;
    EXPECT_THAT(text, HasSubstr("\"cause\":\"too large\"")) << c.name;
    EXPECT_THAT(text, HasSubstr("\"id\":\"shop:3e11fa47-71ca-11e1-9e33-c80aa9429562:23:1.0\""));
    EXPECT_THAT(text, HasSubstr("\"payload\":\"UPDATE")) << c.name;
  }
}

TEST(Delivery, NothingIsCommittedPastADeadLetterThatCannotBeKept) {
  World world(sql_options());
  world.received.reject = "UPDATE";
  world.disk.set_capacity(10);
  OrdersExample example;
  EXPECT_THAT(world.take({example.insert(), example.update()}), HasSubstr("no space"));
  EXPECT_THAT(world.received.checkpoints, IsEmpty());
}

}  // namespace
}  // namespace binbus::sink
