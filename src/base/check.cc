#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace binbus {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "binbus: check failed: %s at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace binbus
