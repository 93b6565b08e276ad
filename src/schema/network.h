// MariaDB's INET4, INET6 and UUID as text. Rows leave out zeros at a value's end.
#pragma once

#include <string>

#include "base/bytes.h"

namespace binbus::schema {

// "192.0.2.1"
Status append_inet4(std::string& out, Bytes bytes);
// "2001:db8::1", "::ffff:192.0.2.1"
Status append_inet6(std::string& out, Bytes bytes);
// "123e4567-e89b-12d3-a456-426655440000": in rows the bytes are in the text's order, in every version of a UUID.
Status append_uuid(std::string& out, Bytes bytes);

}  // namespace binbus::schema
