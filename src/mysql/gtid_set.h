// MySQL's GTID sets: per transaction source identifier, disjoint intervals of numbers.
//
// Limits: none on size; parsing and decoding check every length before trusting it.
// Errors: kInvalid for text, kCorrupt or kTruncated for bytes, naming what and where.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mysql/gtid.h"

namespace binbus::mysql {

class GtidSet {
 public:
  struct Interval {
    uint64_t first;
    uint64_t last;  // inclusive
    bool operator==(const Interval&) const = default;
  };
  using Intervals =
      std::vector<Interval>;  // sorted, disjoint, not adjacent, never empty in the map

  // Text as in @@GLOBAL.gtid_executed: "uuid:1-5:7,uuid:tag:1-3:othertag:9"; white space and newlines anywhere between
  // tokens, repeated UUIDs, any order, "" for the empty set, as the server accepts them.
  static Result<GtidSet> parse(std::string_view text);
  // The body of Previous_gtids_log_event and of COM_BINLOG_DUMP_GTID: the untagged and, since 8.3, the tagged encoding.
  static Result<GtidSet> decode(Bytes bytes);

  // The server's own normal form: UUIDs sorted, ",\n" between when `separator` says so; the tags of a UUID follow it.
  std::string to_string(std::string_view separator = ",") const;
  // Untagged encoding when no member is tagged (every server reads it), else the tagged one.
  ByteVector encode() const;

  void add(const Gtid& gtid) { add(gtid.tsid, gtid.number, gtid.number); }
  void add(const Tsid& tsid, uint64_t first, uint64_t last);
  void add(const GtidSet& other);
  void subtract(const GtidSet& other);

  bool contains(const Gtid& gtid) const;
  bool contains(const GtidSet& other) const;  // MySQL's GTID_SUBSET(other, *this)
  bool intersects(const GtidSet& other) const;
  bool empty() const { return members_.empty(); }
  uint64_t count() const;
  bool tagged() const;
  const std::map<Tsid, Intervals>& members() const { return members_; }

  bool operator==(const GtidSet&) const = default;

 private:
  std::map<Tsid, Intervals> members_;
};

GtidSet difference(GtidSet left, const GtidSet& right);
GtidSet intersection(const GtidSet& left, const GtidSet& right);

}  // namespace binbus::mysql
