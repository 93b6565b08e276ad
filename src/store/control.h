// The documents that control records and `.state` files carry. JSON, so that later versions can add members; unknown ones
// are ignored. Layout: docs/formats/segment.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/log.h"
#include "store/schema_records.h"

namespace binbus::store {

// What the document of a kControl or kBegin entry tells; nothing: something that this version does not know.
struct ControlRecord {
  std::optional<SourceSpan> source;  // from this place on, the bytes come from there
  std::optional<SchemaRecord>
      schema;  // a baseline, whose bytes the kPart entries before it have, or that at `same`
  std::optional<Position> same;
  std::optional<Cursor> cursor;
  std::string
      begin;  // kBegin: the segment's name; `source` is where its bytes come from, if that is new
};
ByteVector encode_source(const SourceSpan& span);
ByteVector encode_schema(const SchemaRecord& record, std::optional<Position> same = std::nullopt);
ByteVector encode_cursor(const Cursor& cursor);
ByteVector encode_begin(const std::string& name, const std::optional<SourceSpan>& source);
// `end`: where the log ended.
Result<ControlRecord> decode_control(Bytes document, Position end);

// What is true at a segment's first byte, beside the segment's own head.
struct ControlState {
  std::vector<SourceSpan> sources;  // ascending
  mysql::Executed executed;  // used when the segment has no Previous_gtids or Gtid_list event
  std::vector<SchemaRecord> schemas = {};  // ascending
  std::map<std::string, std::string> cursors = {};
  Members members = {};
};

// A `.state` file. Its header alone tells how the segment joins the one before.
struct StateHeader {
  uint64_t first_index = kFirstIndex;  // of the segment's first entry
  uint64_t term = kFirstTerm;          // of the entry before
  uint64_t previous_number =
      0;  // of the segment before, with its final size and newest commit time; 0: none
  uint64_t previous_bytes = 0;
  uint64_t previous_newest_commit_us = 0;
  bool operator==(const StateHeader&) const = default;
};

ByteVector encode_state(const StateHeader& header, const ControlState& state);
struct StateFile {
  StateHeader header;
  ControlState control;
};
Result<StateFile> decode_state(Bytes file);
Result<StateHeader> read_state_header(io::FileSystem& files, const std::string& path);
Result<ControlState> read_state_document(io::FileSystem& files, const std::string& path);

}  // namespace binbus::store
