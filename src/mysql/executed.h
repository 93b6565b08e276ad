// "Which transactions": a GTID set of either flavour, for code that carries one without caring which.
#pragma once

#include <string>
#include <variant>

#include "mysql/gtid_set.h"
#include "mysql/mariadb_gtid_set.h"

namespace binbus::mysql {

class Executed {
 public:
  Executed() = default;
  explicit Executed(GtidSet set) : set_(std::move(set)) {}
  explicit Executed(MariadbGtidSet set) : set_(std::move(set)) {}
  static Result<Executed> parse(Flavor flavor, std::string_view text);

  Flavor flavor() const;            // kMysql for one that never held anything
  void add(const AnyGtid& gtid);    // none: no change; the first one added decides the flavour
  void add(const Executed& later);  // what a log executed after this, in its order
  bool contains(const AnyGtid& gtid) const;
  bool contains(const Executed& other) const;
  bool empty() const;
  std::string to_string() const;  // MariaDB: one GTID per domain

  // Null when of the other flavour.
  const GtidSet* mysql() const { return std::get_if<GtidSet>(&set_); }
  const MariadbGtidSet* mariadb() const { return std::get_if<MariadbGtidSet>(&set_); }

  bool operator==(const Executed&) const = default;

 private:
  std::variant<GtidSet, MariadbGtidSet> set_;
};

}  // namespace binbus::mysql
