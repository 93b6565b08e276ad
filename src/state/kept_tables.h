// A stream's kept tables, as their readers see them.
//
// Thread: any.
#pragma once

#include "changes/change_source.h"
#include "state/tables.h"

namespace binbus::state {

struct KeeperStatus {
  std::string reason;       // why it does not go on, if it does not
  std::string fill_reason;  // why nothing is read at the source
  Place place;
  bool caught_up = false;
  uint64_t disk_bytes = 0;
  TableRecords tables = std::make_shared<const std::vector<TableRecord>>();  // never null
};

class KeptTables {
 public:
  virtual ~KeptTables() = default;
  virtual KeeperStatus status() const = 0;
  virtual bool keeps(std::string_view database, std::string_view table) const = 0;
  // Tables that are ready, at the newest place; null: none has been shown yet.
  virtual std::shared_ptr<const TablesView> view() const = 0;
  // For one reader of the log; good as long as this. Empty: whole images are not kept.
  virtual changes::FillRow filler() const = 0;
};

}  // namespace binbus::state
