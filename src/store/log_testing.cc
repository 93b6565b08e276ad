#include "store/log_testing.h"

#include <algorithm>

#include "binlog/control_events.h"

namespace binbus::store {
namespace {

const mysql::Uuid kUuid = {{0x3e, 0x11, 0xfa, 0x47, 0x71, 0xca, 0x11, 0xe1, 0x9e, 0x33, 0xc8, 0x0a,
                            0xa9, 0x42, 0x95, 0x62}};

ByteVector format_description_body(mysql::Flavor flavor, binlog::Checksum checksum) {
  const std::string version = flavor == mysql::Flavor::kMysql ? "8.0.32" : "10.11.6-MariaDB-log";
  ByteWriter body;
  body.u16(4).text(version).zeros(50 - version.size()).u32(0).u8(binlog::kHeaderBytes);
  ByteVector header_bytes(41);  // by type, from 1 on; of those that tests decode
  header_bytes[binlog::kTableMapEvent - 1] = 8;
  header_bytes[binlog::kWriteRowsEvent - 1] = 10;
  body.bytes(header_bytes).u8(checksum == binlog::Checksum::kCrc32 ? 1 : 0);
  return body.take();
}

ByteVector gtid_body(const mysql::AnyGtid& gtid, uint64_t commit_us) {
  ByteWriter body;
  if (const auto* own = std::get_if<mysql::Gtid>(&gtid)) {
    body.u8(1)
        .bytes(own->tsid.uuid.bytes)
        .u64(own->number)
        .u8(2)
        .u64(0)
        .u64(1)
        .integer<7>(commit_us);
  } else {
    const auto& theirs = std::get<mysql::MariadbGtid>(gtid);
    body.u64(theirs.sequence).u32(theirs.domain).u8(4).zeros(6);
  }
  return body.take();
}

}  // namespace

std::vector<TransactionEnd> MadeFile::ends_in(uint64_t from, uint64_t to) const {
  std::vector<TransactionEnd> found;
  for (const TransactionEnd& end : ends) {
    if (end.offset <= from || end.offset > to) continue;
    found.push_back(end);
    found.back().offset -= from;
  }
  return found;
}

uint64_t MadeFile::end_before(uint64_t offset) const {
  uint64_t found = 0;
  for (const TransactionEnd& end : ends) {
    if (end.offset <= offset) found = end.offset;
  }
  return found;
}

void FileMaker::start(std::string name, const mysql::Executed& previous) {
  file_ = MadeFile{std::move(name), to_owned(binlog::kMagic), {}};
  event(binlog::kFormatDescriptionEvent, 0, 1'000'000, format_description_body(flavor_, checksum_));
  end({}, 0, false);
  const bool mysql = flavor_ == mysql::Flavor::kMysql;
  const ByteVector body =
      mysql ? previous.mysql()->encode()
            : (previous.empty() ? mysql::MariadbGtidSet() : *previous.mariadb()).encode();
  event(mysql ? binlog::kPreviousGtidsEvent : binlog::kMariadbGtidListEvent, 0, 1'000'000, body);
  end({}, 0, false);
}

void FileMaker::transaction(const mysql::AnyGtid& gtid, uint64_t commit_us, size_t row_bytes) {
  if (flavor_ == mysql::Flavor::kMysql) {
    event(binlog::kGtidEvent, 0, commit_us, gtid_body(gtid, commit_us));
    ByteWriter begin;
    begin.u32(1).u32(0).u8(0).u16(0).u16(0).u8(0).text("BEGIN");
    event(binlog::kQueryEvent, 0, commit_us, begin.view());
  } else {
    event(binlog::kMariadbGtidEvent, 0, commit_us, gtid_body(gtid, commit_us));
  }
  ByteVector rows(std::max<size_t>(row_bytes, 8));
  for (size_t i = 0; i < rows.size(); ++i)
    rows[i] = static_cast<uint8_t>(commit_us / 1'000'000 + i * 7);
  event(30, 0, commit_us, rows);
  event(binlog::kXidEvent, 0, commit_us, ByteVector(8, 1));
  end(gtid, commit_us, true);
}

uint64_t FileMaker::insert(const mysql::AnyGtid& gtid, uint64_t commit_us,
                           std::string_view database, std::string_view table, uint64_t number,
                           uint8_t columns, std::string_view sql) {
  constexpr uint8_t kTypeLong = 3;
  const uint64_t at = file_.bytes.size();
  ByteWriter begin, text, map, rows;
  begin.u32(1).u32(0).u8(0).u16(0).u16(0).u8(0).text("BEGIN");
  text.u8(0).text(sql);
  map.integer<6>(number).u16(1).u8(database.size()).nul_terminated(database);
  map.u8(table.size()).nul_terminated(table).lenenc(columns);
  for (uint8_t i = 0; i < columns; ++i) map.u8(kTypeLong);
  map.lenenc(0).u8(0xff);
  rows.integer<6>(number).u16(1).u16(2).lenenc(columns).u8(0xff).u8(0);
  for (uint8_t i = 1; i <= columns; ++i) rows.u32(i);
  event(binlog::kGtidEvent, 0, commit_us, gtid_body(gtid, commit_us));
  event(binlog::kQueryEvent, 0, commit_us, begin.view());
  if (!sql.empty()) event(binlog::kRowsQueryEvent, 0, commit_us, text.view());
  event(binlog::kTableMapEvent, 0, commit_us, map.view());
  event(binlog::kWriteRowsEvent, 0, commit_us, rows.view());
  event(binlog::kXidEvent, 0, commit_us, ByteVector(8, 1));
  end(gtid, commit_us, true);
  return at;
}

uint64_t FileMaker::statement(const mysql::AnyGtid& gtid, uint64_t commit_us,
                              std::string_view database, std::string_view text) {
  event(flavor_ == mysql::Flavor::kMysql ? binlog::kGtidEvent : binlog::kMariadbGtidEvent, 0,
        commit_us, gtid_body(gtid, commit_us));
  const uint64_t at = file_.bytes.size();
  ByteWriter query;
  query.u32(1).u32(0).u8(database.size()).u16(0).u16(0).nul_terminated(database).text(text);
  event(binlog::kQueryEvent, 0, commit_us, query.view());
  end(gtid, commit_us, true);
  return at;
}

void FileMaker::event(uint8_t type, uint16_t flags, uint64_t commit_us, Bytes body) {
  const bool summed =
      type == binlog::kFormatDescriptionEvent || checksum_ == binlog::Checksum::kCrc32;
  ByteVector event(binlog::kHeaderBytes + body.size() + (summed ? binlog::kChecksumBytes : 0));
  std::ranges::copy(body, event.begin() + binlog::kHeaderBytes);
  const uint64_t log_pos = file_.bytes.size() + event.size();
  binlog::store_header(event.data(), {.timestamp = static_cast<uint32_t>(commit_us / 1'000'000),
                                      .type = type,
                                      .server_id = 1,
                                      .size = static_cast<uint32_t>(event.size()),
                                      .log_pos = static_cast<uint32_t>(log_pos),
                                      .flags = flags});
  if (summed) binlog::write_checksum(event);
  file_.bytes.insert(file_.bytes.end(), event.begin(), event.end());
}

void FileMaker::end(const mysql::AnyGtid& gtid, uint64_t commit_us, bool transaction) {
  file_.ends.push_back({file_.bytes.size(), gtid, commit_us, transaction});
}

mysql::AnyGtid mysql_gtid(uint64_t number) { return mysql::Gtid{{kUuid, ""}, number}; }

mysql::AnyGtid mariadb_gtid(uint64_t sequence, uint32_t server_id, uint32_t domain) {
  return mysql::MariadbGtid{domain, server_id, sequence};
}

mysql::Executed executed(std::initializer_list<mysql::AnyGtid> gtids) {
  mysql::Executed set;
  for (const mysql::AnyGtid& gtid : gtids) set.add(gtid);
  return set;
}

std::vector<MadeFile> make_files(mysql::Flavor flavor, size_t count, size_t transactions,
                                 size_t row_bytes, binlog::Checksum checksum) {
  std::vector<MadeFile> files;
  mysql::Executed done;
  uint64_t number = 0;
  for (size_t i = 0; i < count; ++i) {
    FileMaker maker(flavor, checksum);
    maker.start(binlog::SegmentName{"binlog", i + 1}.to_string(), done);
    for (size_t j = 0; j < transactions; ++j) {
      ++number;
      const mysql::AnyGtid gtid =
          flavor == mysql::Flavor::kMysql ? mysql_gtid(number) : mariadb_gtid(number);
      maker.transaction(gtid, number * 1'000'000, row_bytes);
      done.add(gtid);
    }
    files.push_back(maker.file());
  }
  return files;
}

Status store_file(LocalLog& log, const MadeFile& file, std::optional<SourceSpan> source) {
  constexpr size_t kPiece = 64 * 1024;
  BINBUS_RETURN_IF_ERROR(log.begin_segment(file.name, std::move(source)));
  for (size_t at = 0; at < file.bytes.size(); at += kPiece) {
    const size_t to = std::min(at + kPiece, file.bytes.size());
    BINBUS_RETURN_IF_ERROR(
        log.append(Bytes(file.bytes).subspan(at, to - at), file.ends_in(at, to)));
  }
  return log.sync();
}

Result<ByteVector> read_all(LogReader& reader) {
  ByteVector all;
  ByteVector buffer(64 * 1024);
  for (;;) {
    BINBUS_TRY(bytes, reader.read(buffer));
    all.insert(all.end(), bytes.begin(), bytes.end());
    if (bytes.empty() && !reader.next_segment()) return all;
  }
}

}  // namespace binbus::store
