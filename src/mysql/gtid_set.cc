#include "mysql/gtid_set.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace binbus::mysql {
namespace {

using Interval = GtidSet::Interval;
using Intervals = GtidSet::Intervals;

constexpr uint64_t kNumberEnd = std::numeric_limits<int64_t>::max();  // one past the highest number
constexpr size_t kTagMax = 32;

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_tag_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool valid_tag(std::string_view tag) {
  if (tag.empty()) return true;
  return tag.size() <= kTagMax && !is_digit(tag[0]) && std::ranges::all_of(tag, [](char c) {
           return c == '_' || is_digit(c) || (c >= 'a' && c <= 'z');
         });
}

// Puts intervals in any order and overlap into the form that Intervals promises.
void normalize(Intervals& list) {
  std::ranges::sort(list, {}, &Interval::first);
  size_t kept = 0;
  for (const Interval& next : list) {
    if (kept > 0 && next.first <= list[kept - 1].last + 1) {
      list[kept - 1].last = std::max(list[kept - 1].last, next.last);
    } else {
      list[kept++] = next;
    }
  }
  list.resize(kept);
}

Intervals minus(const Intervals& left, const Intervals& right) {
  Intervals out;
  auto hole = right.begin();
  for (auto [first, last] : left) {
    while (hole != right.end() && hole->last < first) ++hole;
    for (auto cut = hole; cut != right.end() && cut->first <= last && first <= last; ++cut) {
      if (cut->first > first) out.push_back({first, cut->first - 1});
      first = cut->last + 1;
    }
    if (first <= last) out.push_back({first, last});
  }
  return out;
}

// How long the UUID at the head of `text` is: in braces, with dashes or without.
size_t uuid_length(std::string_view text) {
  if (text.starts_with('{')) return 38;
  return text.size() > 8 && text[8] == '-' ? 36 : 32;
}

// The first interval that ends at or after `number`.
Intervals::const_iterator reaching(const Intervals& list, uint64_t number) {
  return std::ranges::lower_bound(list, number, {}, &Interval::last);
}

// Reads the text form token by token; white space between tokens is skipped.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Status parse(std::map<Tsid, Intervals>* out) {
    skip_space();
    while (at_ < text_.size()) {
      if (take(',')) continue;
      BINBUS_RETURN_IF_ERROR(member(out));
      if (at_ < text_.size() && text_[at_] != ',') return expected("',' or ':'");
    }
    return ok();
  }

 private:
  // uuid[:tag][:interval]...[:tag[:interval]...]...
  Status member(std::map<Tsid, Intervals>* out) {
    const size_t length = uuid_length(text_.substr(at_));
    auto uuid = Uuid::parse(text_.substr(at_, length));
    if (!uuid) return expected("a UUID");
    at_ += length;
    skip_space();
    Tsid tsid{*uuid, ""};
    while (take(':')) {
      if (at_ < text_.size() && is_tag_start(text_[at_])) {
        BINBUS_TRY(name, tag());
        tsid.tag = name;
        continue;
      }
      BINBUS_TRY(first, number("a number or a tag", 1));
      uint64_t last = first;
      if (take('-')) {
        BINBUS_TRY(end, number("a number", 0));
        last = end;
      }
      if (first <= last)
        (*out)[tsid].push_back({first, last});  // "5-3" is empty, as for the server
    }
    return ok();
  }

  Result<std::string> tag() {
    const size_t start = at_;
    while (at_ < text_.size() && (is_tag_start(text_[at_]) || is_digit(text_[at_]))) ++at_;
    if (at_ - start > kTagMax) {
      at_ = start;
      return expected("a tag of at most 32 characters");
    }
    std::string name(text_.substr(start, at_ - start));
    std::ranges::transform(name, name.begin(), to_lower);
    skip_space();
    return name;
  }

  // Leading zeros are refused: before 9.x the server reads such a number as octal, later as decimal.
  Result<uint64_t> number(const char* what, uint64_t min) {
    uint64_t value = 0;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error == std::errc::invalid_argument) return expected(what);
    if (error != std::errc() || value >= kNumberEnd) return expected("a number below 2^63 - 1");
    if (value < min) return expected("a number above 0");
    if (*begin == '0' && end - begin > 1) return expected("a number without leading zeros");
    at_ += static_cast<size_t>(end - begin);
    skip_space();
    return value;
  }

  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    skip_space();
    return true;
  }

  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  tl::unexpected<Error> expected(const char* what) const {
    const std::string found = at_ == text_.size()
                                  ? "the text ends"
                                  : "there is '" + std::string(text_.substr(at_, 40)) + "'";
    return fail(Code::kInvalid, "GTID set: expected " + std::string(what) + " at character " +
                                    std::to_string(at_ + 1) + ", where " + found);
  }

  std::string_view text_;
  size_t at_ = 0;
};

// The tagged encoding writes a tag's length as the serialization library's variable-length integer; up to 63 that is one
// byte, the length shifted left.
Result<std::string> read_tag(ByteReader& in) {
  BINBUS_TRY(encoded, in.u8("GTID set: tag length"));
  if ((encoded & 1) != 0 || encoded / 2 > kTagMax) {
    return fail(Code::kCorrupt, "GTID set: a tag longer than 32 characters");
  }
  BINBUS_TRY(tag, in.bytes(encoded / 2, "GTID set: tag"));
  if (!valid_tag(as_text(tag))) return fail(Code::kCorrupt, "GTID set: bad characters in a tag");
  return std::string(as_text(tag));
}

Status read_intervals(ByteReader& in, Intervals* out) {
  BINBUS_TRY(count, in.u64("GTID set: interval count"));
  if (count > in.remaining() / 16) return fail(Code::kTruncated, "GTID set: intervals");
  uint64_t previous_end = 0;
  for (uint64_t i = 0; i < count; ++i) {
    BINBUS_TRY(first, in.u64("GTID set: interval"));
    BINBUS_TRY(end, in.u64("GTID set: interval"));
    if (first <= previous_end || end <= first || end > kNumberEnd) {
      return fail(Code::kCorrupt, "GTID set: interval " + std::to_string(first) + " to " +
                                      std::to_string(end) + " is empty or out of order");
    }
    out->push_back({first, end - 1});
    previous_end = end;
  }
  return ok();
}

}  // namespace

Result<GtidSet> GtidSet::parse(std::string_view text) {
  GtidSet set;
  BINBUS_RETURN_IF_ERROR(Parser(text).parse(&set.members_));
  for (auto& [tsid, intervals] : set.members_) normalize(intervals);
  return set;
}

Result<GtidSet> GtidSet::decode(Bytes bytes) {
  ByteReader in(bytes);
  BINBUS_TRY(header, in.u64("GTID set: header"));
  const uint64_t format = header >> 56;
  if (format > 1) {
    return fail(Code::kCorrupt, "GTID set: unknown encoding " + std::to_string(format));
  }
  const bool tagged = format == 1;
  const uint64_t count = tagged ? header << 8 >> 16 : header;
  GtidSet set;
  for (uint64_t i = 0; i < count; ++i) {
    Tsid tsid;
    BINBUS_TRY(uuid, in.bytes(tsid.uuid.bytes.size(), "GTID set: UUID"));
    std::ranges::copy(uuid, tsid.uuid.bytes.begin());
    if (tagged) {
      BINBUS_TRY(tag, read_tag(in));
      tsid.tag = tag;
    }
    Intervals intervals;
    BINBUS_RETURN_IF_ERROR(read_intervals(in, &intervals));
    if (intervals.empty()) continue;
    Intervals& member = set.members_[tsid];
    member.insert(member.end(), intervals.begin(), intervals.end());
  }
  if (in.remaining() > 0) {
    return fail(Code::kCorrupt, "GTID set: " + std::to_string(in.remaining()) + " bytes too many");
  }
  for (auto& [tsid, intervals] : set.members_) normalize(intervals);
  return set;
}

std::string GtidSet::to_string(std::string_view separator) const {
  std::string text;
  const Uuid* uuid = nullptr;
  for (const auto& [tsid, intervals] : members_) {
    if (uuid == nullptr || *uuid != tsid.uuid) {
      if (uuid != nullptr) text += separator;
      text += tsid.uuid.to_string();
      uuid = &tsid.uuid;
    }
    if (!tsid.tag.empty()) text.append(":").append(tsid.tag);
    for (const auto [first, last] : intervals) {
      text.append(":").append(std::to_string(first));
      if (last > first) text.append("-").append(std::to_string(last));
    }
  }
  return text;
}

ByteVector GtidSet::encode() const {
  const bool with_tags = tagged();
  ByteWriter out;
  out.u64(with_tags ? uint64_t{1} << 56 | members_.size() << 8 | 1 : members_.size());
  for (const auto& [tsid, intervals] : members_) {
    out.bytes(tsid.uuid.bytes);
    if (with_tags) out.u8(tsid.tag.size() << 1).text(tsid.tag);
    out.u64(intervals.size());
    for (const auto [first, last] : intervals) out.u64(first).u64(last + 1);
  }
  return out.take();
}

void GtidSet::add(const Tsid& tsid, uint64_t first, uint64_t last) {
  Intervals& list = members_[tsid];
  const auto begin =
      std::ranges::lower_bound(list, first, {}, [](const Interval& i) { return i.last + 1; });
  const auto end = std::ranges::upper_bound(begin, list.end(), last + 1, {}, &Interval::first);
  if (begin == end) {
    list.insert(begin, {first, last});
    return;
  }
  begin->first = std::min(begin->first, first);
  begin->last = std::max(std::prev(end)->last, last);
  list.erase(std::next(begin), end);
}

void GtidSet::add(const GtidSet& other) {
  for (const auto& [tsid, intervals] : other.members_) {
    Intervals& list = members_[tsid];
    list.insert(list.end(), intervals.begin(), intervals.end());
    normalize(list);
  }
}

void GtidSet::subtract(const GtidSet& other) {
  for (const auto& [tsid, intervals] : other.members_) {
    const auto member = members_.find(tsid);
    if (member == members_.end()) continue;
    member->second = minus(member->second, intervals);
    if (member->second.empty()) members_.erase(member);
  }
}

bool GtidSet::contains(const Gtid& gtid) const {
  const auto member = members_.find(gtid.tsid);
  if (member == members_.end()) return false;
  const auto found = reaching(member->second, gtid.number);
  return found != member->second.end() && found->first <= gtid.number;
}

bool GtidSet::contains(const GtidSet& other) const {
  for (const auto& [tsid, intervals] : other.members_) {
    const auto member = members_.find(tsid);
    if (member == members_.end()) return false;
    for (const auto [first, last] : intervals) {
      const auto found = reaching(member->second, last);
      if (found == member->second.end() || found->first > first) return false;
    }
  }
  return true;
}

bool GtidSet::intersects(const GtidSet& other) const {
  for (const auto& [tsid, intervals] : other.members_) {
    const auto member = members_.find(tsid);
    if (member == members_.end()) continue;
    for (const auto [first, last] : intervals) {
      const auto found = reaching(member->second, first);
      if (found != member->second.end() && found->first <= last) return true;
    }
  }
  return false;
}

uint64_t GtidSet::count() const {
  uint64_t total = 0;
  for (const auto& [tsid, intervals] : members_) {
    for (const auto [first, last] : intervals) total += last - first + 1;
  }
  return total;
}

bool GtidSet::tagged() const {
  return std::ranges::any_of(members_,
                             [](const auto& member) { return !member.first.tag.empty(); });
}

GtidSet difference(GtidSet left, const GtidSet& right) {
  left.subtract(right);
  return left;
}

GtidSet intersection(const GtidSet& left, const GtidSet& right) {
  return difference(left, difference(left, right));
}

}  // namespace binbus::mysql
