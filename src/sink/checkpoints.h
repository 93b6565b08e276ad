// Where a sink's checkpoint is kept.
//
// Thread: the sink's.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "io/file.h"
#include "sink/target.h"

namespace binbus::sink {

class Checkpoints {
 public:
  virtual ~Checkpoints() = default;
  // None: nothing was delivered yet.
  virtual Result<std::optional<Checkpoint>> read() = 0;
  // Durable on return, unless behind() says that it is to be repeated.
  virtual Status write(const Checkpoint& checkpoint) = 0;
  virtual bool behind() const { return false; }
  virtual Status forget() = 0;
  // Where to go on when the target has kept one with its data; as read().
  virtual Result<std::optional<Checkpoint>> reconcile(const Checkpoint& kept) { return kept; }
};

// In a file of its own.
std::unique_ptr<Checkpoints> file_checkpoints(io::FileSystem& files, std::string path);

}  // namespace binbus::sink
