// The documents that control records and `.state` files carry. JSON, so that later versions can add members; unknown ones
// are ignored. Layout: docs/formats/segment.md.
#pragma once

#include <vector>

#include "store/log.h"
#include "store/schema_records.h"

namespace binbus::store {

// A control record: from this place on, the bytes come from there. None: a record that tells something else.
ByteVector encode_source(const SourceSpan& span);
Result<std::optional<SourceSpan>> decode_source(Bytes document, Position from);
// A control record: a schema baseline is kept. None: a record that tells something else.
ByteVector encode_schema(const SchemaRecord& record);
Result<std::optional<SchemaRecord>> decode_schema(Bytes document);

// What is true at a segment's first byte, beside the segment's own head.
struct ControlState {
  std::vector<SourceSpan> sources;  // ascending
  mysql::Executed executed;  // used when the segment has no Previous_gtids or Gtid_list event
  std::vector<SchemaRecord> schemas = {};  // ascending
};

// A `.state` file. Its header alone tells how the segment joins the one before.
struct StateHeader {
  uint64_t first_index = 1;  // of the segment's first entry
  uint64_t term = 1;
  uint64_t previous_number =
      0;  // of the segment before, with its final size and newest commit time; 0: none
  uint64_t previous_bytes = 0;
  uint64_t previous_newest_commit_us = 0;
  bool operator==(const StateHeader&) const = default;
};

ByteVector encode_state(const StateHeader& header, const ControlState& state);
Result<StateHeader> read_state_header(io::FileSystem& files, const std::string& path);
Result<ControlState> read_state_document(io::FileSystem& files, const std::string& path);

}  // namespace binbus::store
