#include "changes/change_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "binlog/control_events.h"
#include "changes/file_source.h"
#include "io/file.h"
#include "io/simulated_disk.h"
#include "schema/wire_types.h"
#include "store/log_testing.h"

namespace binbus::changes {
namespace {

using schema::Operation;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

const std::filesystem::path kGolden = "tests/golden/binlog";

// A change in one line: what a reader of the log must tell of it.
struct Told {
  Operation operation;
  std::string table;
  std::string gtid;
  Position position;
  uint64_t event;
  uint32_t row;
  uint64_t number;
  bool last;
  uint64_t xid;
  std::string xa;
  std::string values;
  bool operator==(const Told&) const = default;
};

std::string values_of(std::span<const schema::Field> fields) {
  std::string out;
  for (const schema::Field& field : fields) {
    if (field.state == schema::Field::State::kNull) out += "NULL";
    if (field.state == schema::Field::State::kValue) {
      EXPECT_TRUE(schema::append_text(out, field));
    }
    out += ' ';
  }
  return out;
}

Told told(const Change& change) {
  const schema::TransactionInfo& transaction = *change.transaction;
  return {.operation = change.operation,
          .table = change.table == nullptr ? "" : change.table->table,
          .gtid = mysql::to_string(transaction.gtid),
          .position = change.position,
          .event = change.event,
          .row = change.row,
          .number = change.number,
          .last = change.last,
          .xid = transaction.xid,
          .xa = std::string(transaction.xa),
          .values = values_of(change.before) + "-> " + values_of(change.after)};
}

bool is_row(const Told& change) {
  return change.operation == Operation::kInsert || change.operation == Operation::kUpdate ||
         change.operation == Operation::kDelete;
}

class Files {
 public:
  explicit Files(std::vector<std::string> paths) : paths_(std::move(paths)) {}

  ReaderOptions options() {
    ReaderOptions options;
    options.open = [this](Position at) {
      return FileSource::open(io::posix_file_system(), paths_, at);
    };
    options.oldest = [] { return Position{1, 0}; };
    options.losses = LossPolicy::kSkip;
    options.number_columns = true;
    return options;
  }

 private:
  std::vector<std::string> paths_;
};

// Reads on to the end; places behind each transaction, with the catalog there, when asked.
Result<std::vector<Told>> read_all(
    ChangeReader& reader, const std::function<void(const std::vector<Told>&)>& at_place = {}) {
  std::vector<Told> out;
  const ChangeReader::Emit emit = [&](const Change& change) {
    out.push_back(told(change));
    return ok();
  };
  while (true) {
    BINBUS_TRY(more, reader.read(emit));
    if (!more) return out;
    if (at_place) at_place(out);
  }
}

std::vector<std::string> golden_files() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(kGolden)) {
    if (entry.path().extension() == ".binlog") out.push_back(entry.path().stem());
  }
  std::ranges::sort(out);
  return out;
}

class Golden : public testing::TestWithParam<std::string> {
 protected:
  Files files_{{kGolden / (GetParam() + ".binlog")}};
};
INSTANTIATE_TEST_SUITE_P(ChangeReader, Golden, testing::ValuesIn(golden_files()),
                         [](const auto& param) {
                           std::string name = param.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(Golden, TransactionsAreWholeAndCounted) {
  ChangeReader reader(files_.options(), {1, 0}, schema::Catalog());
  const auto read = read_all(reader);
  ASSERT_TRUE(read) << read.error().message;
  bool open = false;
  bool last = false;
  uint64_t rows = 0;
  Position before;
  for (const Told& change : *read) {
    EXPECT_LE(before, change.position);
    before = change.position;
    if (change.operation == Operation::kBegin) {
      EXPECT_FALSE(std::exchange(open, true));
      rows = 0;
      last = false;
    } else if (change.operation == Operation::kCommit) {
      EXPECT_TRUE(std::exchange(open, false));
      EXPECT_EQ(last, rows > 0) << change.gtid;  // the last row was told to be the last
    } else if (is_row(change)) {
      EXPECT_TRUE(open) << change.position.offset;
      EXPECT_FALSE(last) << change.position.offset;
      EXPECT_EQ(change.number, rows++);
      last = change.last;
    }
  }
  EXPECT_FALSE(open);
}

// Whoever starts at a place is told what a reader that comes along is told.
TEST_P(Golden, GoesOnFromEveryPlace) {
  struct Place {
    Position at;
    schema::Catalog catalog;
    size_t told;
  };
  std::vector<Place> places;
  ChangeReader reader(files_.options(), {1, 0}, schema::Catalog());
  const auto whole = read_all(reader, [&](const std::vector<Told>& out) {
    places.push_back({reader.place(), reader.catalog(), out.size()});
  });
  ASSERT_TRUE(whole) << whole.error().message;
  ASSERT_GT(places.size(), 5u);
  for (const Place& place : places) {
    ChangeReader again(files_.options(), place.at, place.catalog);
    const auto rest = read_all(again);
    ASSERT_TRUE(rest) << rest.error().message;
    const auto begin = whole->begin() + static_cast<std::ptrdiff_t>(place.told);
    EXPECT_EQ(*rest, std::vector<Told>(begin, whole->end())) << place.at.offset;
  }
}

// Of one table only: the same rows under the same ids, and the last of them is the last.
TEST_P(Golden, RowsOfATableThatIsWanted) {
  ChangeReader all(files_.options(), {1, 0}, schema::Catalog());
  const auto whole = read_all(all);
  ASSERT_TRUE(whole) << whole.error().message;
  ReaderOptions options = files_.options();
  options.wants = [](std::string_view, std::string_view table) { return table == "i"; };
  ChangeReader one(std::move(options), {1, 0}, schema::Catalog());
  const auto rows = read_all(one);
  ASSERT_TRUE(rows) << rows.error().message;
  const auto id = [](const Told& change) {
    return std::tuple(change.position, change.event, change.row, change.values);
  };
  std::vector<decltype(id(whole->front()))> want, got;
  for (const Told& change : *whole) {
    if (is_row(change) && change.table == "i") want.push_back(id(change));
  }
  uint64_t lasts = 0, transactions = 0;
  const Told* before = nullptr;
  for (const Told& change : *rows) {
    if (!is_row(change)) continue;
    got.push_back(id(change));
    lasts += change.last ? 1 : 0;
    transactions += before == nullptr || change.number == 0 ? 1 : 0;
    before = &change;
  }
  EXPECT_EQ(got, want);
  EXPECT_EQ(lasts, transactions);
}

struct XaCase {
  const char* file;
  std::vector<std::string> rows;  // XA identifier, offset, values
};

// Committed ones; each log has one that was rolled back, too, and MySQL's one that was committed in one phase.
TEST(ChangeReader, XaRowsComeWithTheirCommit) {
  const XaCase cases[] = {
      {"mysql97", {"X'7831',X'62',7 23956 -> 70 xa ", "X'7833',X'',1 24971 -> 72 xa "}},
      {"mysql97-no-gtid", {"X'7831',X'62',7 24819 -> 70 xa ", "X'7833',X'',1 25778 -> 72 xa "}},
      {"mariadb1011", {"X'7831',X'62',7 19309 -> 70 xa "}},
      {"mariadb118", {"X'7831',X'62',7 19769 -> 70 xa "}}};
  for (const XaCase& c : cases) {
    SCOPED_TRACE(c.file);
    Files files({kGolden / (std::string(c.file) + ".binlog")});
    std::vector<std::string> rows;
    Position commit;  // where the transaction begins that commits what was prepared
    schema::Catalog there;
    const ChangeReader::Emit emit = [&](const Change& change) {
      const Told row = told(change);
      if (row.xa.empty() || !is_row(row)) return ok();
      if (rows.empty()) commit = change.transaction->begin;
      rows.push_back(row.xa + " " + std::to_string(row.position.offset) + " " + row.values);
      return ok();
    };
    const auto read_rows = [&](Position start, schema::Catalog catalog) {
      rows.clear();
      ChangeReader reader(files.options(), start, std::move(catalog));
      Result<bool> more = true;
      while (more && *more) {
        if (rows.empty()) there = reader.catalog();
        more = reader.read(emit);
      }
      EXPECT_TRUE(more) << more.error().message;
    };
    read_rows({1, 0}, schema::Catalog());
    EXPECT_EQ(rows, c.rows);
    // Started between XA PREPARE and XA COMMIT: what was prepared before is found.
    read_rows(commit, schema::Catalog(there));
    EXPECT_EQ(rows, c.rows);
  }
}

TEST(ChangeReader, StopsWhereTheLogDoesNotHaveTheRows) {
  Files files({kGolden / "mysql97.binlog"});
  ReaderOptions options = files.options();
  options.losses = LossPolicy::kStop;
  ChangeReader reader(std::move(options), {1, 0}, schema::Catalog());
  const auto read = read_all(reader);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kUnsupported);
  EXPECT_THAT(read.error().message, HasSubstr("mysql97.binlog:"));
  EXPECT_THAT(read.error().message, HasSubstr("logged as a statement"));
  EXPECT_THAT(read.error().message, HasSubstr("binlog_format = ROW"));
}

TEST(ChangeReader, RowsPreparedBeforeTheLogsBeginningAreLostToo) {
  const auto path = kGolden / "mariadb1011.binlog";
  Files files({path, path});
  for (const LossPolicy losses : {LossPolicy::kStop, LossPolicy::kSkip}) {
    ReaderOptions options = files.options();
    options.losses = losses;
    options.oldest = [] { return Position{2, 0}; };
    ChangeReader reader(std::move(options), {1, 19264}, schema::Catalog());
    const auto read = read_all(reader);
    EXPECT_EQ(read.has_value(), losses == LossPolicy::kSkip);
    EXPECT_EQ(reader.counts().xa_skipped, losses == LossPolicy::kSkip ? 1U : 0U);
    if (read) continue;
    EXPECT_EQ(read.error().code, Code::kPurged);
    EXPECT_THAT(read.error().message, HasSubstr("XA transaction X'7831',X'62',7"));
    EXPECT_THAT(read.error().message, HasSubstr("on_loss"));
  }
}

TEST(ChangeReader, ATableThatIsNotKnownIsSaidSo) {
  Files files({kGolden / "mysql56.binlog"});  // no names in its table maps
  std::string error;
  ReaderOptions options = files.options();
  options.number_columns = false;
  // From behind the CREATE TABLEs on, with a catalog of nothing.
  ChangeReader whole(files.options(), {1, 0}, schema::Catalog());
  std::optional<Position> first_row;
  const ChangeReader::Emit emit = [&](const Change& change) {
    if (change.operation == Operation::kInsert) first_row = change.transaction->begin;
    return ok();
  };
  while (!first_row) ASSERT_TRUE(whole.read(emit).value_or(false));
  ChangeReader reader(std::move(options), *first_row, schema::Catalog());
  const auto read = read_all(reader);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kNotFound);
  EXPECT_THAT(read.error().message, HasSubstr("binlog_row_metadata = FULL"));
  EXPECT_EQ(reader.place(), *first_row);

  // While it is still to be learnt, there is nothing to mend.
  options = files.options();
  options.number_columns = false;
  options.catalog_to_come = "no baseline yet";
  ChangeReader early(std::move(options), *first_row, schema::Catalog());
  const auto too_early = read_all(early);
  ASSERT_FALSE(too_early);
  EXPECT_EQ(too_early.error().code, Code::kNotFound);
  EXPECT_THAT(too_early.error().message, EndsWith("are not known: no baseline yet"));
  EXPECT_EQ(early.place(), *first_row);
}

// A file made here: statements and rows of INT columns, in table maps without names.
class MadeLog {
 public:
  MadeLog() { maker_.start("made.000001", {}); }

  Position statement(std::string_view text) {
    ++number_;
    return {1, maker_.statement(gtid(), kSecondUs * number_, "shop", text)};
  }
  // One row of 1, 2, ..., of that original statement. Where its transaction begins.
  Position row(const std::string& table, uint8_t columns, std::string_view sql = "") {
    ++number_;
    return {1, maker_.insert(gtid(), kSecondUs * number_, "shop", table, number_, columns, sql)};
  }

  void event(uint8_t type) { maker_.event(type, 0, kSecondUs * ++number_, ByteVector(17)); }

  // Of what is wanted; "shop.t" for one table, "" for all.
  ChangeReader reader(const std::string& wanted, Position from = {1, 0},
                      schema::Catalog catalog = schema::Catalog()) {
    return {options(wanted), from, std::move(catalog)};
  }
  ReaderOptions options(const std::string& wanted) {
    const auto mode = disk_.exists(paths_[0]) ? io::OpenMode::kWrite : io::OpenMode::kCreateNew;
    auto file = disk_.open(paths_[0], mode);
    EXPECT_TRUE(file && (*file)->write_at(0, maker_.file().bytes));
    ReaderOptions options;
    options.open = [this](Position at) { return FileSource::open(disk_, paths_, at); };
    options.oldest = [] { return Position{1, 0}; };
    options.wants = [wanted](std::string_view database, std::string_view table) {
      return wanted.empty() || wanted == std::string(database) + "." + std::string(table);
    };
    return options;
  }

 private:
  static constexpr uint64_t kSecondUs = 1'000'000;
  mysql::AnyGtid gtid() const { return store::mysql_gtid(number_); }

  store::FileMaker maker_{mysql::Flavor::kMysql, binlog::Checksum::kCrc32};
  uint64_t number_ = 0;
  io::SimulatedDisk disk_;
  const std::vector<std::string> paths_ = {"made.000001"};
};

// However long: what is no DDL is not read whole, nor is the text of a statement whose rows follow.
TEST(ChangeReader, LongStatementsAreNotHeld) {
  constexpr size_t kKept = ChangeReader::kSqlBytesMax;
  MadeLog log;
  log.statement("CREATE TABLE t (id INT)");
  const std::string long_text(3 << 20, 'x');
  log.statement("/* rows */ INSERT INTO t VALUES ('" + long_text + "')");
  log.row("t", 1, "INSERT INTO t VALUES (7)");
  log.row("t", 1, "/* " + std::string(kKept - 4, 'x') + "\u00e9" + long_text);
  for (const bool wanted : {true, false}) {
    ReaderOptions options = log.options("");
    options.losses = LossPolicy::kSkip;
    options.event_bytes_max = 1 << 20;
    options.sql_text = wanted;
    ChangeReader reader(std::move(options), {1, 0}, schema::Catalog());
    std::vector<std::string> sql;
    Result<bool> more = true;
    while (more && *more) {
      more = reader.read([&](const Change& change) {
        if (change.operation == Operation::kInsert) sql.emplace_back(change.sql);
        return ok();
      });
    }
    ASSERT_TRUE(more) << more.error().message;
    EXPECT_EQ(reader.counts().statements_skipped, 1u);
    if (!wanted) {
      EXPECT_THAT(sql, ElementsAre("", ""));
      continue;
    }
    // Cut before the character that does not fit.
    EXPECT_THAT(
        sql, ElementsAre("INSERT INTO t VALUES (7)", "/* " + std::string(kKept - 4, 'x') + "..."));
  }
}

TEST(ChangeReader, EncryptedEventsAreSaidToBe) {
  MadeLog log;
  log.statement("CREATE TABLE t (a INT)");
  log.event(binlog::kMariadbStartEncryptionEvent);
  ChangeReader reader = log.reader("");
  const auto read = read_all(reader);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kUnsupported);
  EXPECT_THAT(read.error().message, HasSubstr("encrypt_binlog"));
}

std::vector<std::string> rows_of(const std::vector<Told>& changes) {
  std::vector<std::string> out;
  for (const Told& change : changes) {
    if (is_row(change)) out.push_back(change.table + " " + change.values);
  }
  return out;
}

// A statement that is not understood concerns its table alone, and that only where a row of it is wanted.
TEST(ChangeReader, OnlyRowsOfTheTableStopBehindAStatementThatIsNotUnderstood) {
  MadeLog log;
  log.statement("CREATE TABLE t (a INT)");
  log.statement("CREATE TABLE other (a INT)");
  log.statement("ALTER TABLE other FROBNICATE COLUMN a");
  log.statement("ALTER TABLE t ADD b INT");
  log.row("t", 2);
  const Position stops = log.row("other", 1);
  log.row("t", 2);

  ChangeReader one = log.reader("shop.t");
  const auto rows = read_all(one);
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_THAT(rows_of(*rows), ElementsAre("t -> 1 2 ", "t -> 1 2 "));

  ChangeReader all = log.reader("");
  const auto stopped = read_all(all);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Code::kDiverged);
  EXPECT_EQ(all.place(), stops);
  for (const char* part : {"made.000001:", "the columns of shop.other are not known",
                           "ALTER TABLE other FROBNICATE COLUMN a", "binlog_row_metadata = FULL"}) {
    EXPECT_THAT(stopped.error().message, HasSubstr(part));
  }

  // From the next place on with the table as it was read, as after a rebuild.
  schema::Catalog read_again = all.catalog();
  ASSERT_TRUE(read_again.apply("CREATE TABLE shop.other (z INT)", {}));
  ChangeReader on = log.reader("", stops, std::move(read_again));
  const auto rest = read_all(on);
  ASSERT_TRUE(rest) << rest.error().message;
  EXPECT_THAT(rows_of(*rest), ElementsAre("other -> 1 ", "t -> 1 2 "));
}

// What is told of does not choose what is followed: a table may get its wanted name late.
TEST(ChangeReader, StatementsAboutTablesThatAreNotWantedAreFollowed) {
  MadeLog log;
  log.statement("CREATE TABLE t (a INT)");
  log.statement("CREATE TABLE _t_new LIKE t");
  log.statement("ALTER TABLE _t_new ADD b INT FIRST");
  log.row("_t_new", 2);
  log.statement("RENAME TABLE t TO _t_old, _t_new TO t");
  log.row("t", 2);
  log.row("_t_old", 1);
  log.statement("RENAME TABLE t TO gone, _t_old TO t");
  log.row("t", 1);
  ChangeReader reader = log.reader("shop.t");
  const auto read = read_all(reader);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_THAT(rows_of(*read), ElementsAre("t -> 1 2 ", "t -> 1 "));
}

// Where not even a name is understood, any table may be meant.
TEST(ChangeReader, EveryTableStopsBehindAStatementThatNamesNone) {
  MadeLog log;
  log.statement("CREATE TABLE t (a INT)");
  log.statement("ALTER TABLE 'what");
  const Position stops = log.row("t", 1);
  ChangeReader reader = log.reader("shop.t");
  const auto stopped = read_all(reader);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, Code::kDiverged);
  EXPECT_THAT(stopped.error().message, HasSubstr("not certain since made.000001:"));
  EXPECT_EQ(reader.place(), stops);
}

}  // namespace
}  // namespace binbus::changes
