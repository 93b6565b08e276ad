#include "schema/change.h"

namespace binbus::schema {

std::string_view operation_name(Operation operation) {
  switch (operation) {
    case Operation::kInsert:
      return "insert";
    case Operation::kUpdate:
      return "update";
    case Operation::kDelete:
      return "delete";
    case Operation::kDdl:
      return "ddl";
    case Operation::kTruncate:
      return "truncate";
    case Operation::kBegin:
      return "begin";
    case Operation::kCommit:
      return "commit";
    case Operation::kRead:
      return "read";
  }
  return "";
}

}  // namespace binbus::schema
