// GTID sets of both flavours from any bytes, as encoding and as text: what is understood survives every round trip.
#include "base/check.h"
#include "mysql/gtid_set.h"
#include "mysql/mariadb_gtid_set.h"

namespace binbus::mysql {
namespace {

void check(const GtidSet& set) {
  BINBUS_CHECK(GtidSet::decode(set.encode()).value() == set);
  BINBUS_CHECK(GtidSet::parse(set.to_string(",\n")).value() == set);
  BINBUS_CHECK(set.contains(set) && difference(set, set).empty() && intersection(set, set) == set);
  for (const auto& [tsid, intervals] : set.members()) {
    BINBUS_CHECK(!intervals.empty());
    uint64_t previous = 0;
    for (const auto [first, last] : intervals) {
      BINBUS_CHECK(first <= last && (previous == 0 || first > previous + 1));
      BINBUS_CHECK(set.contains(Gtid{tsid, first}) && set.contains(Gtid{tsid, last}));
      BINBUS_CHECK(!set.contains(Gtid{tsid, last + 1}));
      previous = last;
    }
  }
}

void check(const MariadbGtidSet& set) {
  BINBUS_CHECK(MariadbGtidSet::decode(set.encode()).value() == set);
  BINBUS_CHECK(MariadbGtidSet::parse(set.state_string()).value() == set);
  BINBUS_CHECK(set.contains(set));
  MariadbGtidSet rest = set;
  rest.subtract(set);
  BINBUS_CHECK(rest.empty());
}

}  // namespace
}  // namespace binbus::mysql

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace binbus;
  using namespace binbus::mysql;
  const Bytes bytes(data, size);
  if (const auto set = GtidSet::decode(bytes)) check(*set);
  if (const auto set = GtidSet::parse(as_text(bytes))) check(*set);
  if (const auto set = MariadbGtidSet::decode(bytes)) check(*set);
  if (const auto set = MariadbGtidSet::parse(as_text(bytes))) check(*set);
  return 0;
}
