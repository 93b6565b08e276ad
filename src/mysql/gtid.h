// Global transaction identifiers of both flavours, one at a time. Text forms are the servers' own:
// MySQL "3e11fa47-71ca-11e1-9e33-c80aa9429562:23", tagged "…:tag:23"; MariaDB "domain-server-sequence", "0-1-100".
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.h"

namespace binbus::mysql {

enum class Flavor : uint8_t { kMysql, kMariadb };
std::string_view flavor_name(Flavor flavor);  // "mysql", "mariadb"

struct Uuid {
  std::array<uint8_t, 16> bytes{};
  // Accepts MySQL's spellings: with dashes, without, in braces; any case.
  static Result<Uuid> parse(std::string_view text);
  std::string to_string() const;  // lower case with dashes
  auto operator<=>(const Uuid&) const = default;
};

// MySQL's transaction source identifier: a server's UUID and, since 8.3, a tag ("" when untagged; lower case, at most
// 32 characters of [a-z_][a-z0-9_]*).
struct Tsid {
  Uuid uuid;
  std::string tag;
  std::string to_string() const;
  auto operator<=>(const Tsid&) const = default;
};

struct Gtid {
  Tsid tsid;
  uint64_t number = 0;  // 1 to 2^63 - 2
  std::string to_string() const;
  auto operator<=>(const Gtid&) const = default;
};

struct MariadbGtid {
  uint32_t domain = 0;
  uint32_t server_id = 0;
  uint64_t sequence = 0;
  static Result<MariadbGtid> parse(std::string_view text);
  std::string to_string() const;
  auto operator<=>(const MariadbGtid&) const = default;
};

// A transaction's identifier; monostate: it has none (anonymous, or a source without GTIDs).
using AnyGtid = std::variant<std::monostate, Gtid, MariadbGtid>;
std::string to_string(const AnyGtid& gtid);  // "" for none

}  // namespace binbus::mysql
