#include "raft/sim_oracle_testing.h"

#include <algorithm>

namespace binbus::raft {
namespace {

using store::Entry;
using store::EntryKind;

std::string text(Position at) {
  return std::to_string(at.segment) + ":" + std::to_string(at.offset);
}
std::string text(const Entry& entry) {
  return "kind " + std::to_string(static_cast<int>(entry.kind)) + " at " +
         std::to_string(entry.offset) + "+" + std::to_string(entry.length);
}

std::string text(const Members& members) {
  std::string all;
  const auto add = [&all](const char* name, const std::vector<NodeId>& nodes) {
    all += name;
    for (const NodeId node : nodes) all += " " + std::to_string(node);
  };
  add("voters", members.voters);
  add(", outgoing", members.outgoing);
  add(", learners", members.learners);
  add(", learners next", members.learners_next);
  return all;
}

bool same_until(const SimSource& a, const SimSource& b, Position end) {
  for (size_t i = 0; i < end.segment; ++i) {
    const Bytes one = a[i].bytes, other = b[i].bytes;
    const size_t count = i + 1 < end.segment ? one.size() : end.offset;
    if (i + 1 < end.segment && one.size() != other.size()) return false;
    if (one.size() < count || other.size() < count ||
        !std::equal(one.begin(), one.begin() + static_cast<ptrdiff_t>(count), other.begin()))
      return false;
  }
  return true;
}

// The few of Raft's own fields that tell of terms and votes, of its protobuf.
struct RaftHead {
  uint64_t type = 0, term = 0, reject = 0;
};
RaftHead parse_raft_head(Bytes message_head) {
  ByteReader outer(message_head);
  ByteReader in(*outer.bytes(*outer.u32("length"), "head"));
  RaftHead head;
  const auto varint = [&in] {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const uint8_t byte = *in.u8("varint");
      value |= uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return value;
    }
  };
  while (in.remaining() > 0) {
    const uint64_t key = varint();
    const uint64_t value = varint();
    if (key % 8 == 2) static_cast<void>(in.bytes(value, "field"));
    if (key >> 3 == 1) head.type = value;
    if (key >> 3 == 4) head.term = value;
    if (key >> 3 == 10) head.reject = value;
  }
  return head;
}

}  // namespace

SimOracle::SimOracle(SimCluster& cluster, std::shared_ptr<const SimSource> source)
    : cluster_(cluster), sources_{source}, truth_(std::move(source)) {
  cluster_.on_send_ = [this](SimNode& node, const Message& message) { sent(node, message); };
  cluster_.on_start_ = [this](SimNode& node) { started(node); };
}

void SimOracle::wrong(SimNode& node, const std::string& what) {
  cluster_.wrong("node " + std::to_string(node.id) + " in round " +
                 std::to_string(cluster_.round_) + ": " + what);
}

// A node gives one vote in a term, and never speaks of an earlier term than it did, whatever becomes of its power.
void SimOracle::sent(SimNode& node, const Message& message) {
  const RaftHead head = parse_raft_head(message.head);
  const auto type = static_cast<MessageType>(head.type);
  if (type == MessageType::kPreVote || type == MessageType::kPreVoteResponse || head.term == 0)
    return;
  Watched& watched = watched_[node.id];
  if (head.term < watched.sent_term) wrong(node, "its term went back");
  watched.sent_term = head.term;
  const bool votes = type == MessageType::kVoteResponse && head.reject == 0;
  if (!votes && type != MessageType::kVote) return;
  const NodeId candidate = votes ? message.to : node.id;
  const NodeId voted = watched.votes.try_emplace(head.term, candidate).first->second;
  if (voted != candidate) wrong(node, "voted twice in term " + std::to_string(head.term));
}

void SimOracle::started(SimNode& node) {
  Watched& watched = watched_[node.id];
  const uint64_t last = node.log().last_index(), committed = watched.commit;
  watched.entries = watched.last = watched.commit = 0;
  watched.visible = {};
  // A node alone may have cut the same bytes into other entries (store/recovery.h).
  if (node.group->members().all() == std::vector{node.id}) {
    entries_.clear();
    committed_.clear();
    states_.clear();
  } else if (last < committed) {
    wrong(node, "begins with entry " + std::to_string(last) + ", and had committed " +
                    std::to_string(committed));
  }
  const auto kept = HardStateFile::open(node.disk, "log");
  if (!kept || !*kept) return wrong(node, "has forgotten its term");
  const HardState& state = (*kept)->state();
  if (state.term < watched.sent_term) wrong(node, "has forgotten its term");
  const auto voted = watched.votes.find(state.term);
  if (voted != watched.votes.end() && voted->second != state.vote)
    wrong(node, "has forgotten its vote");
}

void SimOracle::ended(SimNode& node) {
  watched_[node.id].reader.reset();
  watched_[node.id].leading = 0;
}

void SimOracle::check() {
  for (auto& [id, node] : cluster_.nodes_) {
    if (node->up() && !node->syncing && cluster_.wrong_.empty()) check(*node);
  }
}

void SimOracle::check(SimNode& node) {
  Watched& watched = watched_[node.id];
  const CoreStatus& status = node.group->status();
  if (status.role == Role::kLeader) {
    const NodeId leader = leaders_.try_emplace(status.term, node.id).first->second;
    if (leader != node.id) wrong(node, "a second leader in term " + std::to_string(status.term));
  }
  check_epoch(node, watched);
  check_entries(node, watched);
  check_visible(node, watched);
  if (node.group->leading() != 0) check_promises(node);
  if (cluster_.wrong_.empty()) follow(node, watched);
}

// The term in which a leader writes is its epoch, by which others refuse who led before: nobody had it, nor had the node itself.
void SimOracle::check_epoch(SimNode& node, Watched& watched) {
  const uint64_t term = node.group->leading();
  if (std::exchange(watched.leading, term) == term || term == 0) return;
  if (!epochs_.insert(term).second || term <= watched.led)
    wrong(node, "leads in term " + std::to_string(term) + ", which is not new");
  watched.led = term;
}

void SimOracle::check_entries(SimNode& node, Watched& watched) {
  store::Log& log = node.log();
  const uint64_t first = log.first_index(), last = log.last_index(), commit = log.commit_index();
  if (commit > last) return wrong(node, "committed more than it has");
  if (last < first) return;
  const uint64_t last_term = log.term(last).value_or(0);
  if (watched.last == last && watched.last_term == last_term && watched.commit == commit) return;
  if (commit < watched.commit) wrong(node, "its commit index went back");
  for (uint64_t at = std::max(first, watched.entries + 1); at <= last;) {
    const auto found = log.entries(at, last + 1, 1000);
    if (!found) return wrong(node, "entries: " + found.error().message);
    for (const Entry& entry : *found) {
      if (entry.index != at++) return wrong(node, "entries with a gap");
      Entry& known = entries_.try_emplace({entry.index, entry.term}, entry).first->second;
      const bool alike = known.kind == entry.kind && known.length == entry.length &&
                         known.payload_crc == entry.payload_crc;
      const bool cut = (known.kind == EntryKind::kVoid && entry.kind == EntryKind::kEvents) ||
                       (known.kind == EntryKind::kEvents && entry.kind == EntryKind::kVoid);
      if (!alike && !cut) {
        return wrong(node, "entry " + std::to_string(entry.index) + " of term " +
                               std::to_string(entry.term) + " is " + text(entry) + ", and was " +
                               text(known));
      }
      if (known.kind == EntryKind::kVoid) known = entry;
      if (entry.index > commit) continue;
      const uint64_t term = committed_.try_emplace(entry.index, entry.term).first->second;
      if (term != entry.term) {
        return wrong(node, "entry " + std::to_string(entry.index) + " is committed in term " +
                               std::to_string(entry.term) + " and " + std::to_string(term));
      }
    }
  }
  watched.entries = watched.commit = commit;
  watched.last = last;
  watched.last_term = last_term;
  std::string state = text(log.visible_end()) + " " + log.executed().to_string();
  for (const auto& [name, value] : log.cursors("")) state += " " + name + "=" + value;
  const std::string& known = states_.try_emplace(commit, state).first->second;
  if (known != state)
    wrong(node, "at entry " + std::to_string(commit) + " it is " + state + ", and was " + known);
}

void SimOracle::check_visible(SimNode& node, Watched& watched) {
  const Position visible = node.log().visible_end();
  if (visible == watched.visible || !cluster_.wrong_.empty()) return;
  watched.visible = visible;
  if (visible.segment == 0) return;
  if (visible > truth_end_) extend(node, visible);
  if (!cluster_.wrong_.empty()) return;
  const MadeFile& file = (*truth_)[visible.segment - 1];
  if (file.end_before(visible.offset) != visible.offset) wrong(node, "shows half a transaction");
  const mysql::Executed executed = node.log().executed(), want = executed_at(visible);
  if (executed != want && !(executed.empty() && want.empty())) {
    wrong(node, "executed " + executed.to_string() + " at " + text(visible) + " and not " +
                    want.to_string());
  }
}

mysql::Executed SimOracle::executed_at(Position end) const {
  mysql::Executed set;
  for (size_t i = 0; i < end.segment; ++i) {
    for (const store::TransactionEnd& found : (*truth_)[i].ends) {
      if (i + 1 < end.segment || found.offset <= end.offset) set.add(found.gtid);
    }
  }
  return set;
}

// More became visible than anywhere before: it must be some source's.
void SimOracle::extend(SimNode& node, Position to) {
  std::shared_ptr<const SimSource> found = agrees(node, *truth_, truth_end_, to) ? truth_ : nullptr;
  for (auto source = sources_.rbegin(); !found && source != sources_.rend(); ++source) {
    if (same_until(**source, *truth_, truth_end_) && agrees(node, **source, truth_end_, to))
      found = *source;
  }
  if (!found) return wrong(node, "shows up to " + text(to) + " what no source had");
  truth_ = std::move(found);
  truth_end_ = to;
}

bool SimOracle::agrees(SimNode& node, const SimSource& source, Position from, Position to) {
  const auto segments = node.log().segments();
  if (segments.empty()) return false;
  from = std::max(from, Position{segments.front().number, 0});
  auto reader = node.log().reader(from);
  if (!reader) return false;
  ByteVector buffer(64 * 1024);
  for (;;) {
    const Position at = (*reader)->position();
    const auto bytes = (*reader)->read(buffer);
    if (!bytes || at.segment > source.size()) return false;
    const Bytes want = source[at.segment - 1].bytes;
    if (at.offset + bytes->size() > want.size() ||
        !std::equal(bytes->begin(), bytes->end(), want.begin() + static_cast<ptrdiff_t>(at.offset)))
      return false;
    if (!bytes->empty()) continue;
    if (at.segment == to.segment) return at == to;
    if (at.offset != want.size() || !(*reader)->next_segment()) return false;
  }
}

// A reader of the node, which goes on where it was, also after a restart once the node shows that much again.
void SimOracle::follow(SimNode& node, Watched& watched) {
  store::Log& log = node.log();
  const Position visible = log.visible_end();
  if (visible.segment == 0) return;
  if (!watched.reader) {
    const Position oldest = {log.segments().front().number, 0};
    if (watched.seen < oldest) watched.seen = oldest;
    if (watched.seen > visible) return;
    auto reader = log.reader(watched.seen);
    if (!reader) return wrong(node, "reader: " + reader.error().message);
    watched.reader = std::move(*reader);
  }
  ByteVector buffer(1 + cluster_.below(8000));
  for (;;) {
    const Position at = watched.reader->position();
    const auto bytes = watched.reader->read(buffer);
    if (!bytes && bytes.error().code == Code::kPurged) {  // the log has begun anew, further on
      watched.reader.reset();
      return;
    }
    if (!bytes) return wrong(node, "read: " + bytes.error().message);
    const MadeFile& file = (*truth_)[at.segment - 1];
    if (at.offset + bytes->size() > file.bytes.size() ||
        !std::equal(bytes->begin(), bytes->end(),
                    file.bytes.begin() + static_cast<ptrdiff_t>(at.offset)))
      return wrong(node, "what is read at " + text(at) + " is not the source's");
    watched.seen = watched.reader->position();
    if (!bytes->empty()) continue;
    if (!watched.reader->next_segment()) break;
    if (at.offset != file.bytes.size()) return wrong(node, file.name + " was sealed too short");
    watched.seen = watched.reader->position();
  }
  if (watched.seen != visible) wrong(node, "the reader did not reach the visible end");
}

std::shared_ptr<const SimSource> SimOracle::source_at(Position end) const {
  for (auto source = sources_.rbegin(); source != sources_.rend(); ++source) {
    if (same_until(**source, *truth_, end)) return *source;
  }
  return truth_;
}

void SimOracle::acknowledge(uint64_t term, Position end) {
  promised_ = std::max(promised_, end);
  promised_term_ = std::max(promised_term_, term);
}

void SimOracle::tried_cursor(const std::string& name, uint64_t value) {
  cursors_[name].tried.insert(value);
}
void SimOracle::acknowledge_cursor(uint64_t term, const std::string& name, uint64_t value) {
  cursors_[name].least = std::max(cursors_[name].least, value);
  promised_term_ = std::max(promised_term_, term);
}
void SimOracle::tried_schema(Position at, const ByteVector& bytes) {
  schemas_[at].tried.push_back(bytes);
}
void SimOracle::acknowledge_schema(uint64_t term, Position at, const ByteVector& bytes) {
  Schema& schema = schemas_[at];
  const auto found = std::ranges::find(schema.tried, bytes);
  schema.least = std::max(schema.least, static_cast<size_t>(found - schema.tried.begin()));
  schema.acknowledged = true;
  promised_term_ = std::max(promised_term_, term);
}

// Of a leader that may write: it has what was acknowledged in its term and before.
void SimOracle::check_promises(SimNode& node) {
  store::Log& log = node.log();
  if (node.group->leading() < promised_term_) return;
  if (log.visible_end() < promised_)
    return wrong(node, "leads without " + text(promised_) + ", which was acknowledged");
  for (const auto& [name, cursor] : cursors_) {
    const std::string value = log.cursor(name);
    const uint64_t number = value.empty() ? 0 : std::stoull(value);
    if (number < cursor.least || (number != 0 && !cursor.tried.contains(number)))
      wrong(node, "leads without cursor " + name + "=" + std::to_string(cursor.least));
  }
  const auto segments = log.segments();
  for (const auto& [at, schema] : schemas_) {
    if (segments.empty() || at.segment < segments.front().number || !schema.acknowledged) continue;
    const auto found = log.read_schema(at);
    if (!found) {
      wrong(node, "leads without the schema at " + text(at) + ": " + found.error().message);
    } else if (std::find(schema.tried.begin() + static_cast<ptrdiff_t>(schema.least),
                         schema.tried.end(), *found) == schema.tried.end()) {
      wrong(node, "has another schema at " + text(at));
    }
  }
}

void SimOracle::check_same(SimNode& a, SimNode& b) {
  if (a.log().visible_end() != b.log().visible_end() || a.log().executed() != b.log().executed() ||
      a.log().cursors("") != b.log().cursors(""))
    wrong(b, "does not have what node " + std::to_string(a.id) + " has");
  for (const store::SchemaPlace& place : a.log().schemas()) {
    const auto segments = b.log().segments();
    if (segments.empty() || place.at.segment < segments.front().number) continue;
    const auto one = a.log().read_schema(place.at), other = b.log().read_schema(place.at);
    if (!one || !other || *one != *other) wrong(b, "another schema at " + text(place.at));
  }
  for (const store::SourceSpan& span : a.log().sources()) {
    const auto segments = b.log().segments();
    if (segments.empty() || span.from.segment < segments.front().number) continue;
    if (std::ranges::count(b.log().sources(), span) == 0)
      wrong(b, "no source at " + text(span.from));
  }
  if (a.group->members() != b.group->members()) {
    wrong(b, "its members are " + text(b.group->members()) + ", and at node " +
                 std::to_string(a.id) + " " + text(a.group->members()));
  }
}

}  // namespace binbus::raft
