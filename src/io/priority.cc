#include "io/priority.h"

#include <sys/resource.h>

namespace binbus::io {

// In Linux, niceness is a thread's. Lowering a priority is anybody's right.
void give_way() { static_cast<void>(::setpriority(PRIO_PROCESS, 0, 19)); }

}  // namespace binbus::io
