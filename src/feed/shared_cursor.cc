#include "feed/shared_cursor.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hex.h"

namespace binbus::feed {
namespace {

// A first line, then one for each place and each client: "PARTS PLACE", "PARTS =CLIENT", this in hexadecimal.
constexpr std::string_view kHead = "shared\n";

}  // namespace

std::optional<SharedCursor> SharedCursor::parse(std::string_view text, uint64_t now_ms) {
  if (!text.starts_with(kHead)) return std::nullopt;
  SharedCursor out;
  text.remove_prefix(kHead.size());
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t space = line.find(' ');
    Parts parts = 0;
    if (space == std::string_view::npos || !parse_parts(line.substr(0, space), parts))
      return std::nullopt;
    const std::string_view what = line.substr(space + 1);
    const auto client =
        what.starts_with('=') ? parse_hex(what.substr(1)) : std::optional(std::string());
    if (!client) return std::nullopt;
    if (!client->empty()) out.members_[*client].until_ms = now_ms + kLeaseMs;
    for (uint32_t part = 0; part < kParts; ++part) {
      if ((parts >> part & 1) == 0) continue;
      (client->empty() ? out.parts_[part].place : out.parts_[part].client) =
          client->empty() ? std::string(what) : *client;
    }
  }
  out.divide(now_ms);
  return out;
}

std::string SharedCursor::print() const {
  PartPlaces places;
  std::map<std::string, Parts> clients;
  for (uint32_t part = 0; part < kParts; ++part) {
    const Parts bit = Parts{1} << part;
    if (!parts_[part].place.empty()) places.add(parts_[part].place, bit);
    if (!parts_[part].client.empty()) clients[parts_[part].client] |= bit;
  }
  if (places.all.empty() && clients.empty()) return "";
  std::string out(kHead);
  for (const PartPlaces::At& at : places.all)
    out += fmt::format("{} {}\n", print_parts(at.parts), at.place);
  for (const auto& [client, parts] : clients) {
    out += print_parts(parts) + " =";
    append_hex(out, client);
    out += '\n';
  }
  return out;
}

// Whose place is another's, or who did not say for too long that it is there, has none.
void SharedCursor::expire(uint64_t now_ms) {
  bool any = false;
  for (auto its = members_.begin(); its != members_.end();) {
    auto& [client, member] = *its;
    const bool gone = member.until_ms <= now_ms;
    const bool late = member.give_up_by_ms && *member.give_up_by_ms <= now_ms;
    for (Part& part : parts_) {
      if (part.client == client && (gone || (late && part.next != client))) part.client.clear();
    }
    if (late) member.call = "";
    any = any || gone || late;
    its = gone ? members_.erase(its) : std::next(its);
  }
  if (any) divide(now_ms);
}

// How many parts each is to have: as many as the others, or one more; that is for those who have most.
std::map<std::string, uint32_t> SharedCursor::quotas() const {
  std::vector<std::pair<int, std::string>> by_parts;
  for (const auto& [client, member] : members_) {
    const auto has = std::ranges::count(parts_, client, &Part::client);
    by_parts.emplace_back(-static_cast<int>(has), client);
  }
  std::ranges::sort(by_parts);
  std::map<std::string, uint32_t> out;
  const auto count = static_cast<uint32_t>(by_parts.size());
  for (uint32_t i = 0; i < count; ++i)
    out[by_parts[i].second] = kParts / count + (i < kParts % count ? 1 : 0);
  return out;
}

void SharedCursor::divide(uint64_t now_ms) {
  std::map<std::string, uint32_t> left = quotas();
  for (Part& part : parts_) {
    const auto its = left.find(part.client);
    const bool keeps = its != left.end() && its->second > 0;
    if (keeps) --its->second;
    part.next = keeps ? part.client : "";
  }
  auto to = left.begin();
  for (Part& part : parts_) {
    while (to != left.end() && to->second == 0) ++to;
    if (!part.next.empty() || to == left.end()) continue;
    part.next = to->first;
    --to->second;
  }
  for (auto& [client, member] : members_) {
    const bool gives_up = std::ranges::any_of(parts_, [&its = client](const Part& part) {
      return part.client == its && part.next != its;
    });
    if (!gives_up) {
      member.give_up_by_ms.reset();
    } else if (!member.give_up_by_ms) {
      member.give_up_by_ms = now_ms + kGiveUpMs;
    }
  }
}

Parts SharedCursor::join(const Holder& worker, uint64_t now_ms) {
  expire(now_ms);
  const auto [its, is_new] = members_.try_emplace(worker.client);
  Member& member = its->second;
  // What an earlier call was told may be under way to be committed: stay() says what to give up.
  const bool gives_up = is_new || member.call == worker.call;
  member.call = worker.call;
  member.until_ms = now_ms + kLeaseMs;
  divide(now_ms);
  Parts out = 0;
  for (uint32_t i = 0; i < kParts; ++i) {
    Part& part = parts_[i];
    const bool stays = part.next == worker.client;
    if (part.client == worker.client && !stays && gives_up) part.client.clear();
    if (part.client.empty() && stays) part.client = worker.client;
    if (part.client == worker.client) out |= Parts{1} << i;
  }
  if (gives_up) member.give_up_by_ms.reset();
  return out;
}

// Null: it is not there any more. Says that it is.
SharedCursor::Member* SharedCursor::find(const Holder& worker, uint64_t now_ms) {
  const auto found = members_.find(worker.client);
  if (found == members_.end()) return nullptr;
  Member& member = found->second;
  if (!member.call) member.call = worker.call;
  if (*member.call == worker.call) member.until_ms = now_ms + kLeaseMs;
  expire(now_ms);
  const auto still = members_.find(worker.client);
  return still != members_.end() && still->second.call == worker.call ? &still->second : nullptr;
}

Stay SharedCursor::stay(const Holder& worker, Parts has, uint64_t now_ms) {
  const Member* member = find(worker, now_ms);
  if (member == nullptr) return Stay::kLost;
  for (uint32_t i = 0; i < kParts; ++i) {
    if ((has >> i & 1) != 0 && parts_[i].client != worker.client) return Stay::kLost;
  }
  if (member->give_up_by_ms) return Stay::kGiveUp;
  const bool more = std::ranges::any_of(
      parts_, [&](const Part& part) { return part.next == worker.client && part.client.empty(); });
  return more ? Stay::kTakeOn : Stay::kGoOn;
}

bool SharedCursor::commit(const Holder& worker, const PartPlaces& places, uint64_t now_ms) {
  if (find(worker, now_ms) == nullptr) return false;
  for (uint32_t i = 0; i < kParts; ++i) {
    const std::string_view place = places.of(i);
    if (parts_[i].client == worker.client && !place.empty()) parts_[i].place = place;
  }
  return true;
}

void SharedCursor::leave(const Holder& worker, uint64_t now_ms) {
  if (find(worker, now_ms) == nullptr) return;
  for (Part& part : parts_) {
    if (part.client == worker.client) part.client.clear();
  }
  members_.erase(worker.client);
  divide(now_ms);
}

PartPlaces SharedCursor::places(Parts parts) const {
  PartPlaces out;
  for (uint32_t i = 0; i < kParts; ++i) {
    if ((parts >> i & 1) != 0) out.add(parts_[i].place, Parts{1} << i);
  }
  return out;
}

std::vector<Worker> SharedCursor::workers(uint64_t now_ms) {
  expire(now_ms);
  std::vector<Worker> out;
  for (const auto& [client, member] : members_) {
    Worker& worker = out.emplace_back(Worker{client, 0});
    for (uint32_t i = 0; i < kParts; ++i) {
      if (parts_[i].client == client) worker.parts |= Parts{1} << i;
    }
  }
  return out;
}

bool SharedCursor::has_room_for(const std::string& client, uint64_t now_ms) {
  expire(now_ms);
  return members_.size() < kWorkersMax || members_.contains(client);
}

}  // namespace binbus::feed
