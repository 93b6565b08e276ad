// How a column that is declared so stands in table maps.
//
// Pure; any thread.
#pragma once

#include "schema/field.h"

namespace binbus::schema {

// The type and metadata that servers of today give it in row images; `mariadb`: MariaDB's. Of a charset that is not known one byte
// per character is assumed. kUnknown is none: kWireNull.
WireColumn declared_wire(const Column& column, bool mariadb);

}  // namespace binbus::schema
