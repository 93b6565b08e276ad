// Well-known text of a geometry: POINT (1 2).
//
// Pure; any thread.
#pragma once

#include <string>

#include "base/bytes.h"

namespace binbus::format {

// Appends the text of well-known binary of two dimensions, coordinates in the order that they are stored in (x, then y).
// kCorrupt, and `out` is as far as it came, for anything else; also for collections in collections in ... 32 times.
Status append_wkt(std::string& out, Bytes wkb);

struct Point {
  double x = 0;
  double y = 0;
};
// Of a POINT.
Result<Point> read_point(Bytes wkb);

}  // namespace binbus::format
