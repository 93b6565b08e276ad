#include "mysql/mariadb_gtid_set.h"

#include <algorithm>

namespace binbus::mysql {
namespace {

constexpr uint32_t kCountMask = 0x0fffffff;  // the upper 4 bits of a Gtid_list's count are flags
constexpr size_t kEncodedGtidBytes = 16;

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// Calls visit(gtid) for every GTID of the state, a domain's newest last.
template <class Visit>
void for_each(const std::map<uint32_t, MariadbGtidSet::Domain>& domains, Visit visit) {
  for (const auto& [id, domain] : domains) {
    for (const auto& [server, sequence] : domain.last_by_server) {
      if (server != domain.newest_server) visit(MariadbGtid{id, server, sequence});
    }
    visit(MariadbGtid{id, domain.newest_server, domain.last_by_server.at(domain.newest_server)});
  }
}

// The server with the highest sequence.
uint32_t highest_server(const MariadbGtidSet::Domain& domain) {
  return std::ranges::max_element(domain.last_by_server, {}, [](auto& s) { return s.second; })
      ->first;
}

}  // namespace

Result<MariadbGtidSet> MariadbGtidSet::parse(std::string_view text) {
  MariadbGtidSet set;
  std::string_view rest = trim(text);
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const size_t at = static_cast<size_t>(rest.data() - text.data()) + 1;
    auto gtid = MariadbGtid::parse(trim(rest.substr(0, comma)));
    if (!gtid) return fail_in("GTID list, character " + std::to_string(at), gtid.error());
    set.add(*gtid);
    if (comma == rest.size()) break;
    rest.remove_prefix(comma + 1);
    if (trim(rest).empty()) return fail(Code::kInvalid, "GTID list: nothing after the last comma");
  }
  return set;
}

Result<MariadbGtidSet> MariadbGtidSet::decode(Bytes body) {
  ByteReader in(body);
  BINBUS_TRY(header, in.u32("GTID list: count"));
  const uint32_t count = header & kCountMask;
  if (count > in.remaining() / kEncodedGtidBytes) return fail(Code::kTruncated, "GTID list");
  MariadbGtidSet set;
  for (uint32_t i = 0; i < count; ++i) {
    BINBUS_TRY(gtid, in.bytes(kEncodedGtidBytes, "GTID list"));
    set.add({load_u32(&gtid[0]), load_u32(&gtid[4]), load_u64(&gtid[8])});
  }
  return set;
}

ByteVector MariadbGtidSet::encode() const {
  ByteWriter gtids;
  for_each(domains_, [&](const MariadbGtid& gtid) {
    gtids.u32(gtid.domain).u32(gtid.server_id).u64(gtid.sequence);
  });
  ByteWriter out;
  out.u32(gtids.size() / kEncodedGtidBytes).bytes(gtids.view());
  if (empty()) out.zeros(2);  // as the server pads it, for the sake of replicas older than GTIDs
  return out.take();
}

std::string MariadbGtidSet::to_string() const {
  std::string text;
  for (const auto& [id, domain] : domains_) {
    if (!text.empty()) text += ',';
    text += newest(id).to_string();
  }
  return text;
}

std::string MariadbGtidSet::state_string() const {
  std::string text;
  for_each(domains_, [&](const MariadbGtid& gtid) {
    if (!text.empty()) text += ',';
    text += gtid.to_string();
  });
  return text;
}

void MariadbGtidSet::add(const MariadbGtid& gtid) {
  Domain& domain = domains_[gtid.domain];
  domain.last_by_server[gtid.server_id] = gtid.sequence;
  domain.newest_server = gtid.server_id;
}

void MariadbGtidSet::add(const MariadbGtidSet& other) {
  for (const auto& [id, theirs] : other.domains_) {
    const auto [ours, is_new] = domains_.try_emplace(id, theirs);
    if (is_new) continue;
    for (const auto& [server, sequence] : theirs.last_by_server) {
      uint64_t& last = ours->second.last_by_server[server];
      last = std::max(last, sequence);
    }
    const uint64_t place = newest(id).sequence;
    if (other.newest(id).sequence > place) ours->second.newest_server = theirs.newest_server;
  }
}

void MariadbGtidSet::subtract(const MariadbGtidSet& other) {
  for (const auto& [id, theirs] : other.domains_) {
    const auto ours = domains_.find(id);
    if (ours == domains_.end()) continue;
    Domain& domain = ours->second;
    for (const auto& [server, sequence] : theirs.last_by_server) {
      const auto last = domain.last_by_server.find(server);
      if (last != domain.last_by_server.end() && last->second <= sequence) {
        domain.last_by_server.erase(last);
      }
    }
    if (domain.last_by_server.empty()) {
      domains_.erase(ours);
    } else if (!domain.last_by_server.contains(domain.newest_server)) {
      domain.newest_server = highest_server(domain);
    }
  }
}

bool MariadbGtidSet::contains(const MariadbGtid& gtid) const {
  return domains_.contains(gtid.domain) && newest(gtid.domain).sequence >= gtid.sequence;
}

bool MariadbGtidSet::contains(const MariadbGtidSet& other) const {
  return std::ranges::all_of(
      other.domains_, [&](const auto& theirs) { return contains(other.newest(theirs.first)); });
}

MariadbGtid MariadbGtidSet::newest(uint32_t domain) const {
  const auto found = domains_.find(domain);
  if (found == domains_.end()) return {domain, 0, 0};
  const uint32_t server = found->second.newest_server;
  return {domain, server, found->second.last_by_server.at(server)};
}

}  // namespace binbus::mysql
