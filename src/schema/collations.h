// Collations: their numbers, and the names that servers have for them.
#pragma once

#include <cstdint>
#include <string_view>

#include "mysql/gtid.h"

namespace binbus::schema {

// "utf8mb4_0900_ai_ci"; "" when the number is of none that MySQL 5.5 to 9.7 or MariaDB 10.2 to 11.8 has. The old names that
// begin with "utf8_" come as today's, with "utf8mb3_". The flavors differ in the names of five old Croatian ones only.
std::string_view collation_name(uint32_t collation_id, mysql::Flavor flavor);

}  // namespace binbus::schema
