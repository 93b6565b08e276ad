// Which schema baselines a log holds, and where their bytes are: `.schema` files. Layout: docs/formats/segment.md.
#pragma once

#include <string>
#include <vector>

#include "io/file.h"
#include "store/log.h"

namespace binbus::store {

// What a control record, or a `.state`, tells of one.
struct SchemaRecord {
  SchemaPlace place;
  std::string file;  // in the stream's folder
  uint64_t bytes = 0;
  uint32_t crc = 0;
  bool operator==(const SchemaRecord&) const = default;
};

// The file of a baseline that the control record of that index tells of, recorded in that segment.
std::string schema_file(const std::string& segment, uint64_t index);

// Adds one; another for the same place is replaced.
void add_schema(std::vector<SchemaRecord>& records, SchemaRecord record);
// The one that tells of `position`: of those at or before it that of the newest origin, and of these the newest.
const SchemaRecord* find_schema(const std::vector<SchemaRecord>& records, Position position);
// Drops those that tell nothing about positions in or after `first_segment`.
void prune(std::vector<SchemaRecord>& records, uint64_t first_segment);

// Whether the record's file is there, whole as far as its length tells.
bool has_schema(io::FileSystem& files, const std::string& directory, const SchemaRecord& record);
// Makes the record's file; durable on return. kCorrupt when the bytes are not the record's.
Status write_schema(io::FileSystem& files, const std::string& directory, const SchemaRecord& record,
                    Bytes bytes);
// kCorrupt when the bytes are not those that were written; the message names the file.
Result<ByteVector> read_schema(io::FileSystem& files, const std::string& directory,
                               const SchemaRecord& record);
// Removes the files that no record names.
Status remove_unused_schemas(io::FileSystem& files, const std::string& directory,
                             const std::vector<SchemaRecord>& records);

}  // namespace binbus::store
