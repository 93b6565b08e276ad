#include "state/source_rows.h"

#include "state/chunk_query.h"

namespace binbus::state {
namespace {

class ReaderRows final : public SourceRows {
 public:
  ReaderRows(store::Log& log, const SourceAccess& source, io::Clock& clock)
      : reader_(log, source, clock) {}

  Status begin(Position at, bool exact, const std::stop_token& stop) override {
    return reader_.begin(at, exact, stop);
  }
  Position exact_place() const override { return reader_.exact_place(); }
  Result<Position> end(const std::stop_token& stop) override { return reader_.end(stop); }

  Status read_chunk(const Tables::Table& table, std::span<const schema::Field> last,
                    uint64_t rows_max, const Take& take) override {
    const schema::TablePtr& version = table.record.table;
    return reader_.read(
        version,
        [&](std::string_view list) {
          return chunk_query(*version, list, table.key, last, rows_max);
        },
        take);
  }

  Status read_rows(const Tables::Table& table, std::span<const ByteVector> keys,
                   const Take& take) override {
    const schema::TablePtr& version = table.record.table;
    std::vector<std::string> conditions;
    StoredRowReader stored(version);
    for (const ByteVector& key : keys) {
      BINBUS_TRY(row, stored.read(key));
      BINBUS_TRY(condition, key_condition(table.key, row));
      conditions.push_back(std::move(condition));
    }
    return reader_.read(
        version,
        [&](std::string_view list) -> Result<std::string> {
          return rows_query(*version, list, conditions);
        },
        take);
  }

  Result<uint64_t> guess_rows(const schema::TableVersion& table) override {
    return reader_.guess_rows(table);
  }
  Result<uint64_t> threads_running() override { return reader_.threads_running(); }
  void disconnect() override { reader_.disconnect(); }
  void interrupt() override { reader_.interrupt(); }

 private:
  SourceReader reader_;
};

}  // namespace

std::unique_ptr<SourceRows> rows_of_source(store::Log& log, const SourceAccess& source,
                                           io::Clock& clock) {
  return std::make_unique<ReaderRows>(log, source, clock);
}

}  // namespace binbus::state
