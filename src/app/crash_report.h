// What a crash leaves in the log, where no core is kept: the signal and the stack.
#pragma once

namespace binbus::app {

// From here on, for all threads. The process ends by the signal all the same.
void report_crashes();

}  // namespace binbus::app
