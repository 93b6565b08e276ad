// A group's messages: Raft's own head, the records of entries, and their payloads. Layout: docs/formats/node-protocol.md.

#include "base/check.h"
#include "binlog/event.h"
#include "raft/entry_data.h"
#include "raft/group.h"

namespace binbus::raft {

using store::Entry;
using store::EntryKind;

size_t Message::body_bytes() const {
  size_t bytes = 0;
  for (const auto& part : body) {
    const auto* kept = std::get_if<ByteVector>(&part);
    bytes += kept != nullptr ? kept->size() : std::get<store::Payload>(part).length;
  }
  return bytes;
}

Status Message::load(ByteVector& out) const {
  for (const auto& part : body) {
    if (const auto* kept = std::get_if<ByteVector>(&part)) {
      out.insert(out.end(), kept->begin(), kept->end());
      continue;
    }
    BINBUS_TRY(read, std::get<store::Payload>(part).read());
    out.insert(out.end(), read.begin(), read.end());
  }
  return ok();
}

void Group::send(std::vector<CoreMessage>& messages) {
  for (CoreMessage& from : messages) {
    const bool is_snapshot = from.type == MessageType::kSnapshot;
    const NodeId to = from.to;
    auto message = message_of(from);
    if (message) network_.send(std::move(*message));
    // It goes on with entries, and begins anew with a snapshot when this one gets lost.
    if (is_snapshot) static_cast<void>(core_->report_snapshot(to, message.has_value()));
  }
}

// None: what it should carry cannot be read; Raft sends it again, or its disk's fault shows elsewhere.
std::optional<Message> Group::message_of(CoreMessage& from) {
  Message message{.to = from.to, .urgent = from.entries.empty(), .head = {}, .body = {}};
  ByteWriter head;
  head.u32(from.head.size()).bytes(from.head).u32(from.entries.size());
  for (const CoreEntry& each : from.entries) {
    auto entry = entry_of(each);
    if (!entry) return std::nullopt;
    store_entry(head, *entry);
    if (entry->length == 0) continue;
    const auto carried = carried_.find({each.index, each.term});
    if (each.members) {
      message.body.emplace_back(each.data);
    } else if (entry->kind != EntryKind::kEvents && carried != carried_.end()) {
      message.body.emplace_back(to_owned(carried->second.payload));
    } else {
      auto payload = log_->payload(*entry);
      if (!payload) return std::nullopt;
      message.body.emplace_back(std::move(*payload));
    }
  }
  if (from.type == MessageType::kSnapshot) {
    message.urgent = false;
    // It has waited for room on the disk, and retention has made that.
    if (log_->snapshot().index != from.snapshot_index) return std::nullopt;
    auto snapshot = log_->encode_snapshot();
    if (!snapshot) return std::nullopt;
    message.body.emplace_back(std::move(*snapshot));
  }
  message.head = head.take();
  return message;
}

namespace {

Result<std::vector<Entry>> parse_head(Bytes head, Bytes& raft_head) {
  ByteReader in(head);
  BINBUS_TRY(length, in.u32("message: length"));
  BINBUS_TRY(own, in.bytes(length, "message: head"));
  raft_head = own;
  BINBUS_TRY(count, in.u32("message: entries"));
  std::vector<Entry> entries;
  for (uint32_t i = 0; i < count; ++i) {
    BINBUS_TRY(record, in.bytes(store::kEntryBytes, "message: entry"));
    BINBUS_TRY(entry, store::parse_entry(record));
    entries.push_back(entry);
  }
  if (in.remaining() > 0) return fail(Code::kCorrupt, "message: too long");
  return entries;
}

}  // namespace

// Splits it, and keeps what its entries carry for append(). False when it contradicts itself.
bool Group::take(const Received& message, std::vector<CoreEntry>& entries, Bytes& raft_head) {
  auto parsed = parse_head(message.head, raft_head);
  if (!parsed) return false;
  Bytes rest = message.body;
  std::vector<std::pair<std::pair<uint64_t, uint64_t>, Bytes>> carried;
  for (const Entry& entry : *parsed) {
    if (entry.length > rest.size()) return false;
    const Bytes payload = rest.first(entry.length);
    rest = rest.subspan(entry.length);
    if (entry.length > 0 && binlog::crc32(0, payload) != entry.payload_crc) return false;
    CoreEntry each{.index = entry.index,
                   .term = entry.term,
                   .members = entry.kind == EntryKind::kMembers,
                   .data = {}};
    if (each.members) {
      each.data = to_owned(payload);
    } else if (entry.kind != EntryKind::kEmpty) {
      each.data = describe(entry);
      carried.push_back({{entry.index, entry.term}, payload});
    }
    entries.push_back(std::move(each));
  }
  if (parsed->empty()) {
    received_snapshot_ = to_owned(rest);
  } else if (!rest.empty()) {
    return false;
  }
  // The same one may also have come as void, which carries nothing: which of both it is, the core says.
  for (const auto& [entry, payload] : carried) {
    Carried& kept = carried_[entry];
    if (kept.payload.empty()) kept.payload = payload;
  }
  return true;
}

}  // namespace binbus::raft
