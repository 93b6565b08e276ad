// A table's definition as bytes: for checkpoints, control entries, and for keeping 100,000 of them in memory.
//
// Pure; any thread. The layout begins with a version of its own. Bytes that contradict it are kCorrupt or kTruncated.
#pragma once

#include "base/bytes.h"
#include "schema/table_definition.h"

namespace binbus::schema {

ByteVector encode_table(const TableDefinition& definition);
// Bytes after the definition are kCorrupt.
Result<TableDefinition> decode_table(Bytes bytes);

// One version alone, as a control entry tells of a change.
ByteVector encode_version(const TableVersion& version);
Result<TableVersion> decode_version(Bytes bytes);

}  // namespace binbus::schema
