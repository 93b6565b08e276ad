// Any text as a statement, on a catalog with a table, in any dialect. The first byte chooses the server, the second the
// sql_mode. What the catalog has become must survive its own encoding, and any bytes must be decoded without harm.
#include "base/check.h"
#include "schema/catalog.h"
#include "schema/show_create.h"

namespace binbus::schema {
namespace {

constexpr uint32_t kVersions[] = {50505, 50624,  50744,  80018,  80036,
                                  90704, 100211, 101106, 110809, 120000};

StatementContext context_of(uint8_t server, uint8_t mode) {
  StatementContext context;
  context.server.number = kVersions[server % std::size(kVersions)];
  context.server.mariadb = context.server.number > 100000;
  context.database = "d";
  context.collation_server = "latin1_swedish_ci";
  context.explicit_defaults_for_timestamp = (mode & 1) != 0;
  if ((mode & 2) != 0) context.sql_mode |= kAnsiQuotes;
  if ((mode & 4) != 0) context.sql_mode |= kNoBackslashEscapes;
  if ((mode & 8) != 0) context.sql_mode |= kOracle;
  return context;
}

void run(Bytes input) {
  const StatementContext context = context_of(input[0], input[1]);
  Catalog catalog((input[1] & 16) != 0 ? 1 : 0);
  for (const char* statement :
       {"CREATE DATABASE d CHARACTER SET latin1",
        "CREATE TABLE t (a INT, b TEXT, c ENUM('x','y') CHARACTER SET ucs2, PRIMARY KEY (a))"}) {
    BINBUS_CHECK(catalog.apply(statement, context).has_value());
  }
  const ByteVector before = catalog.encode();
  const auto effect = catalog.apply(as_text(input.subspan(2)), context);
  if (!effect) BINBUS_CHECK(catalog.encode() == before);
  const auto again = Catalog::decode(catalog.encode());
  BINBUS_CHECK(again.has_value());
  again->for_each_table([&](const TableState& state) {
    BINBUS_CHECK(*state.version ==
                 *catalog.table(state.version->database, state.version->table).version);
    return !show_create(*state.version).empty();
  });
  (void)Catalog::decode(input);
}

}  // namespace
}  // namespace binbus::schema

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size >= 2) binbus::schema::run({data, size});
  return 0;
}
