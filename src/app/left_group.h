// A stream's group that this node is in no more, as others keep the stream: its log is gone, and what the group may never forget of
// this node, its term and its vote, is there still, should it be taken in again.
//
//   data/.cluster/STREAM.left   since it has left, also while the log is being removed
#pragma once

#include <string>

#include "io/file.h"

namespace binbus::app {

class LeftGroup {
 public:
  LeftGroup(io::FileSystem& files, const std::string& control_folder, const std::string& stream);
  bool is_left() const;
  // Removes the log, and the rows that are kept of it; snapshots of these, and what sinks have laid down, stay. Of a closed log.
  Status leave(const std::string& stream_folder);
  // Ends what a leave() may have begun, and takes the mark away. Without a mark it does nothing.
  Status come_back(const std::string& stream_folder);
  // The vote too: of a group that is no more.
  Status forget(const std::string& stream_folder) const;

 private:
  Status remove_log(const std::string& stream_folder) const;

  io::FileSystem& files_;
  const std::string mark_;
  const std::string began_;
};

}  // namespace binbus::app
