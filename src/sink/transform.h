// What becomes of a change before a format prints it: columns dropped, masked, hashed and renamed, tables renamed.
//
// - A masked value is the text given, also where it was NULL. A hash is SHA-256, in hex, of the salt and the text that SELECT
//   prints in UTC, so equal values stay equal; NULL stays NULL. What a row image lacks stays absent. The columns are text then.
// - Where anything is hidden by the sink's configuration, original statements (`sql`) are left out of all its changes: they hold
//   the values. The statements of DDL stay as they are.
// - A name of a column that a table does not have means nothing to that table.
//
// Thread: one; keeps what is made of each table version.
#pragma once

#include <memory>

#include "schema/change.h"
#include "sink/rules.h"
#include "sink/template.h"

namespace binbus::sink {

class Transform {
 public:
  // `rules` must outlive it. kInvalid for what makes no sense whatever the table.
  static Result<std::unique_ptr<Transform>> make(const SinkOptions& options, Rules& rules);
  // The change as it is delivered; the same object where nothing is to be done. Valid until the next call, and no longer than
  // `change`. kInvalid when columns would be named alike.
  Result<const schema::Change*> apply(const schema::Change& change);

 private:
  enum class Action : uint8_t { kKeep, kMask, kMaskNull, kHash };
  struct ColumnPlan {
    uint32_t from = 0;  // ordinal in the original
    Action action = Action::kKeep;
    const std::string* mask = nullptr;
  };
  struct TablePlan {
    schema::TablePtr table;  // derived; the original when nothing is to be done
    bool changes_rows = false;
    std::vector<ColumnPlan> columns;
  };
  struct RenameTemplate {
    Template database, table;
  };
  struct Image {
    std::vector<schema::Field> fields;
    std::vector<std::string> texts;  // of hashed fields
  };

  Transform(const SinkOptions& options, Rules& rules) : rules_(rules), salt_(options.hash_salt) {}
  Result<TablePlan> make_plan(const schema::TableVersion& from, size_t rule) const;
  Result<const TablePlan*> plan(const schema::TablePtr& table);
  Result<std::span<const schema::Field>> image(const TablePlan& plan,
                                               std::span<const schema::Field> from, Image& out);

  Rules& rules_;
  const std::string salt_;
  std::vector<RenameTemplate> renames_;  // by the rule's number
  bool changes_anything_ = false;
  bool hides_anything_ = false;
  format::TableCache<Result<TablePlan>> plans_;
  schema::Change change_;
  Image before_, after_;
};

}  // namespace binbus::sink
