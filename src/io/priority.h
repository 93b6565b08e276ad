// Of threads whose work may wait.
#pragma once

namespace binbus::io {

// Lowers the calling thread's priority, and that of those it makes from now on: they run when other threads of the machine leave
// them time.
void give_way();

}  // namespace binbus::io
