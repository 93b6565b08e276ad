#include "binbus/table.h"

namespace binbus {

size_t Table::find(std::string_view column) const {
  size_t i = 0;
  while (i < columns.size() && columns[i].name != column) ++i;
  return i;
}

}  // namespace binbus
