// What all tables of a source looked like at one time, as it was read there, and where in the source's log that was.
//
// Values; any thread.
#pragma once

#include "schema/catalog.h"

namespace binbus::schema {

// Where the source's log ended when it was asked.
struct SourcePlace {
  std::string file;
  uint64_t offset = 0;
  std::string
      executed;  // a GTID set as text: gtid_executed, or gtid_binlog_pos; "": the source has none
  bool operator==(const SourcePlace&) const = default;
};

// What statements mean beside what their events say: of the source as it was then.
struct SourceDefaults {
  uint8_t lower_case_table_names = 0;
  bool explicit_defaults_for_timestamp = true;
  bool utf8_is_utf8mb3 = true;
  std::string collation_server;
  bool operator==(const SourceDefaults&) const = default;

  // The facts for query_context(); the server's version comes from the log's format description.
  StatementContext context() const;
};

struct Baseline {
  std::string server_uuid;  // MySQL; for MariaDB "" and server_id tells
  uint32_t server_id = 0;
  std::string server_version;
  SourceDefaults defaults;
  // A table that no statement between these two places changed was as in `catalog` at both.
  SourcePlace before, after;
  Catalog catalog;

  // As bytes, compressed. decode(): kCorrupt, kUnsupported for a later layout, kLimit over kBaselineBytesMax.
  ByteVector encode() const;
  static Result<Baseline> decode(Bytes bytes);
};

inline constexpr uint64_t kBaselineBytesMax = 1ULL << 30;  // not compressed

// What baselines and checkpoints are made of: bytes behind a layout's number, as a zstd frame.
ByteVector compress(Bytes plain);
Result<ByteVector> uncompress(Bytes bytes);
void store_defaults(ByteWriter& out, const SourceDefaults& defaults);
Result<SourceDefaults> read_defaults(ByteReader& in);

}  // namespace binbus::schema
