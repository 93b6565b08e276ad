// One column's value in a row image, as bytes of the event, and what it means.
//
// Pure: views in, text or numbers out; nothing is allocated but in the output given. Everything may be used from any
// thread. Bytes come from outside: whatever contradicts its type is kCorrupt, and nothing was appended then.
#pragma once

#include <string>

#include "base/bytes.h"
#include "schema/column.h"

namespace binbus::schema {

class Charset;

// A column's type as Table_map events number it; values not named here are carried as numbers.
enum WireType : uint8_t {
  kWireDecimalOld = 0,
  kWireTiny = 1,
  kWireShort = 2,
  kWireLong = 3,
  kWireFloat = 4,
  kWireDouble = 5,
  kWireNull = 6,
  kWireTimestamp = 7,
  kWireLonglong = 8,
  kWireInt24 = 9,
  kWireDate = 10,
  kWireTime = 11,
  kWireDatetime = 12,
  kWireYear = 13,
  kWireNewdate = 14,
  kWireVarchar = 15,
  kWireBit = 16,
  kWireTimestamp2 = 17,
  kWireDatetime2 = 18,
  kWireTime2 = 19,
  kWireTypedArray = 20,
  kWireBlobCompressed = 140,     // MariaDB
  kWireVarcharCompressed = 141,  // MariaDB
  kWireVector = 242,
  kWireJson = 245,
  kWireNewdecimal = 246,
  kWireEnum = 247,
  kWireSet = 248,
  kWireTinyBlob = 249,
  kWireMediumBlob = 250,
  kWireLongBlob = 251,
  kWireBlob = 252,
  kWireVarString = 253,
  kWireString = 254,
  kWireGeometry = 255,
};

// What the Table_map says of one column: enough to find where its value ends.
struct WireColumn {
  uint8_t type = 0;       // the real one: kWireEnum and kWireSet where the event says kWireString
  uint16_t metadata = 0;  // as the type defines it; of kWireString: the length in bytes
  bool nullable = true;
};

struct Field {
  enum class State : uint8_t {
    kAbsent,
    kNull,
    kValue,
    kPartial,  // what changes in a JSON document that is not in the row's before image: see append_json_update()
  };
  State state = State::kAbsent;
  WireColumn wire;
  const Column* column = nullptr;  // never null for what RowReader gives
  const Charset* charset =
      nullptr;       // the column's, looked up; null: bytes, or a charset that no server has
  Bytes bytes = {};  // kValue: without its length prefix; a view into the event
};

// Appends the value as the server's own SELECT prints it in a UTC session with utf8mb4: integers, decimals, shortest
// exact floats, "2024-02-29 12:00:00.5", "-838:59:59", labels of ENUM and SET, JSON text. Text in UTF-8; of binary types
// the bytes as they are (also BIT, geometry and VECTOR). `field` must be kValue.
Status append_text(std::string& out, const Field& field);

// The same value as a number, for the types that are: integers, YEAR, BIT, the index of an ENUM, the bits of a SET.
struct Integer {
  uint64_t bits = 0;
  bool is_signed = false;
  int64_t value() const { return static_cast<int64_t>(bits); }
};
Result<Integer> read_integer(const Field& field);
Result<double> read_double(const Field& field);  // FLOAT (exactly widened) and DOUBLE

// Temporal types in their parts, zeros kept: "0000-00-00" is all zeros. TIMESTAMP is UTC.
struct Temporal {
  uint32_t year = 0, month = 0, day = 0;
  uint32_t hour = 0, minute = 0, second = 0, microsecond = 0;  // TIME: hour up to 838
  bool negative = false;                                       // TIME
};
Result<Temporal> read_temporal(const Field& field);

}  // namespace binbus::schema
