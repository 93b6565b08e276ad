// What a table's rows cost on one thread: read, brought into the form of row images, and stored as bytes.
//
//   select_bench ADDRESS DATABASE TABLE      as root, without a password
//
// Prints the seconds and CPU seconds of each pass, and its rows per second: packets alone, as fields, stored.
#include <ctime>
#include <iostream>

#include "ingest/baseline.h"
#include "state/row_codec.h"
#include "state/row_select.h"

namespace {

using namespace binbus;

enum class Pass { kPackets, kFields, kStored };

double seconds_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

Result<uint64_t> read_all(mysql::Client& client, const schema::TablePtr& table, Pass pass) {
  BINBUS_TRY(select,
             state::RowSelect::make(table, schema::ServerVersion::parse(client.server_version())));
  BINBUS_TRY(rows,
             mysql::BinaryRows::open(client, "SELECT " + select.list() + " FROM `" +
                                                 table->database + "`.`" + table->table + "`"));
  BINBUS_RETURN_IF_ERROR(select.open(rows->columns()));
  for (uint64_t count = 0;; ++count) {
    BINBUS_TRY(packet, rows->next());
    if (!packet) return count;
    if (pass == Pass::kPackets) continue;
    BINBUS_TRY(row, select.read(*packet));
    if (pass == Pass::kFields) continue;
    ByteWriter out;
    BINBUS_RETURN_IF_ERROR(state::store_row(out, row));
  }
}

Status run(const std::string& address, const std::string& database, const std::string& name) {
  mysql::ConnectOptions options;
  options.address = address;
  options.user = "root";
  options.tls = mysql::TlsMode::kDisabled;
  BINBUS_TRY(client, mysql::Client::connect(options));
  BINBUS_TRY(baseline, ingest::read_baseline(*client));
  const schema::TablePtr table = baseline.catalog.table(database, name).version;
  if (table == nullptr) return fail(Code::kNotFound, "no table " + database + "." + name);
  BINBUS_RETURN_IF_ERROR(client->query(std::string(state::session_statement())));
  const std::pair<Pass, const char*> passes[] = {
      {Pass::kPackets, "packets"}, {Pass::kFields, "fields"}, {Pass::kStored, "stored"}};
  for (const auto& [pass, title] : passes) {
    const double wall = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    BINBUS_TRY(count, read_all(*client, table, pass));
    const double taken = seconds_of(CLOCK_MONOTONIC) - wall;
    std::cout << title << ": " << count << " rows, " << taken << " s, CPU "
              << seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu << " s, "
              << static_cast<uint64_t>(static_cast<double>(count) / taken) << " rows/s\n";
  }
  return ok();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const binbus::Status done = run(argv[1], argv[2], argv[3]);
  if (!done) std::cerr << done.error().message << '\n';
  return done ? 0 : 1;
}
