#include "mysql/executed.h"

namespace binbus::mysql {

Result<Executed> Executed::parse(Flavor flavor, std::string_view text) {
  if (flavor == Flavor::kMysql) {
    BINBUS_TRY(set, GtidSet::parse(text));
    return Executed(std::move(set));
  }
  BINBUS_TRY(set, MariadbGtidSet::parse(text));
  return Executed(std::move(set));
}

Flavor Executed::flavor() const { return mysql() != nullptr ? Flavor::kMysql : Flavor::kMariadb; }

void Executed::add(const AnyGtid& gtid) {
  if (const auto* mysql_gtid = std::get_if<Gtid>(&gtid)) {
    if (empty() && mysql() == nullptr) set_.emplace<GtidSet>();
    if (auto* set = std::get_if<GtidSet>(&set_)) set->add(*mysql_gtid);
  } else if (const auto* mariadb_gtid = std::get_if<MariadbGtid>(&gtid)) {
    if (empty() && mariadb() == nullptr) set_.emplace<MariadbGtidSet>();
    if (auto* set = std::get_if<MariadbGtidSet>(&set_)) set->add(*mariadb_gtid);
  }
}

void Executed::add(const Executed& later) {
  if (later.empty()) return;
  if (empty() && flavor() != later.flavor()) {
    *this = later;
  } else if (auto* set = std::get_if<GtidSet>(&set_); set != nullptr && later.mysql() != nullptr) {
    set->add(*later.mysql());
  } else if (later.mariadb() != nullptr) {
    for (const auto& [id, domain] : later.mariadb()->domains()) {
      for (const auto& [server, sequence] : domain.last_by_server)
        add(MariadbGtid{id, server, sequence});
      add(later.mariadb()->newest(id));  // last: it is the domain's place now
    }
  }
}

bool Executed::contains(const AnyGtid& gtid) const {
  if (const auto* mysql_gtid = std::get_if<Gtid>(&gtid)) {
    return mysql() != nullptr && mysql()->contains(*mysql_gtid);
  }
  if (const auto* mariadb_gtid = std::get_if<MariadbGtid>(&gtid)) {
    return mariadb() != nullptr && mariadb()->contains(*mariadb_gtid);
  }
  return false;
}

bool Executed::contains(const Executed& other) const {
  if (other.empty()) return true;
  if (mysql() != nullptr && other.mysql() != nullptr) return mysql()->contains(*other.mysql());
  if (mariadb() != nullptr && other.mariadb() != nullptr) {
    return mariadb()->contains(*other.mariadb());
  }
  return false;
}

bool Executed::empty() const {
  return std::visit([](const auto& set) { return set.empty(); }, set_);
}

std::string Executed::to_string() const {
  return std::visit([](const auto& set) { return set.to_string(); }, set_);
}

}  // namespace binbus::mysql
