// What the store's tests share: binlog files as servers make them, and a log to put them in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "binlog/event.h"
#include "store/local_log.h"

namespace binbus::store {

// A binlog file in the making.
struct MadeFile {
  std::string name;
  ByteVector bytes;
  std::vector<TransactionEnd> ends;  // offsets in the file

  // The ends in (from, to], counted from `from`: what Log::append() takes with these bytes.
  std::vector<TransactionEnd> ends_in(uint64_t from, uint64_t to) const;
  // The last end at or before `offset`; 0: none.
  uint64_t end_before(uint64_t offset) const;
};

class FileMaker {
 public:
  FileMaker(mysql::Flavor flavor, binlog::Checksum checksum)
      : flavor_(flavor), checksum_(checksum) {}

  // Magic, format description, and the set as Previous_gtids or Gtid_list.
  void start(std::string name, const mysql::Executed& previous);
  // Goes on with what was made of a file before.
  void resume(MadeFile file) { file_ = std::move(file); }
  // A transaction with one rows event of `row_bytes`.
  void transaction(const mysql::AnyGtid& gtid, uint64_t commit_us, size_t row_bytes);
  // A MySQL transaction that inserts 1, 2, ... into a table of that many INT columns, its table map without names; `number` is
  // the table's id. Returns where it begins.
  uint64_t insert(const mysql::AnyGtid& gtid, uint64_t commit_us, std::string_view database,
                  std::string_view table, uint64_t number, uint8_t columns,
                  std::string_view sql = "");
  // A transaction of one statement, as DDL is logged. Returns where its event begins.
  uint64_t statement(const mysql::AnyGtid& gtid, uint64_t commit_us, std::string_view database,
                     std::string_view text);
  void event(uint8_t type, uint16_t flags, uint64_t commit_us, Bytes body);
  const MadeFile& file() const { return file_; }

 private:
  void end(const mysql::AnyGtid& gtid, uint64_t commit_us, bool transaction);

  const mysql::Flavor flavor_;
  const binlog::Checksum checksum_;
  MadeFile file_;
};

mysql::AnyGtid mysql_gtid(uint64_t number);
mysql::AnyGtid mariadb_gtid(uint64_t sequence, uint32_t server_id = 1, uint32_t domain = 0);
mysql::Executed executed(std::initializer_list<mysql::AnyGtid> gtids);

// `count` files binlog.000001 on, each with `transactions` of `row_bytes`; transaction n of all has number n and commit
// time n seconds.
std::vector<MadeFile> make_files(mysql::Flavor flavor, size_t count, size_t transactions,
                                 size_t row_bytes,
                                 binlog::Checksum checksum = binlog::Checksum::kCrc32);

// Begins the segment, from `source` if it is told, appends the file in pieces and syncs.
Status store_file(LocalLog& log, const MadeFile& file, std::optional<SourceSpan> source = {});
// The bytes from the reader's position to the visible end, over all segments.
Result<ByteVector> read_all(LogReader& reader);

}  // namespace binbus::store
