// Partial updates of JSON documents (binlog_row_value_options=PARTIAL_JSON): what to replace, insert and remove, in order.
#pragma once

#include <string>

#include "base/bytes.h"

namespace binbus::schema {

// Makes the document after the update; `updated` is replaced. kCorrupt where the update does not fit the document.
// Parts that no step touches are copied as they are.
Status apply_json_update(Bytes document, Bytes update, ByteVector& updated);

// Appends the update itself as JSON, for who has no document to apply it to:
// [{"op": "replace", "path": "$.a", "value": 1}, {"op": "remove", "path": "$.b[0]"}]
Status append_json_update(std::string& out, Bytes update);

}  // namespace binbus::schema
