// The folder that `data` names: one process at a time, and what it keeps beside the logs.
//
//   data/binbus.lock           held while a process uses the folder; its number is in it
//   data/STREAM/...            the stream's log (store::Log)
//   data/STREAM/server_uuid    the stream's UUID as a server, made once
//   data/STREAM.aside.N/...    a log that the stream had before; nobody reads it
#pragma once

#include <string>

#include "base/result.h"
#include "io/file.h"

namespace binbus::app {

class DataFolder {
 public:
  // Makes the folder when absent and locks it until the object goes. kExists names the process that
  // has it.
  static Result<DataFolder> lock(const std::string& path);
  DataFolder(DataFolder&& other) noexcept;
  DataFolder& operator=(DataFolder&&) = delete;
  ~DataFolder();

  const std::string& path() const { return path_; }
  std::string stream_folder(const std::string& stream) const { return path_ + "/" + stream; }
  // The stream's UUID; drawn and made durable the first time.
  Result<std::string> server_uuid(io::FileSystem& files, const std::string& stream) const;
  // Puts the stream's log aside, so that it begins anew, with the same UUID and its sinks' dead letters: where to. To be called while
  // it is closed.
  Result<std::string> set_aside(io::FileSystem& files, const std::string& stream) const;

 private:
  DataFolder(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  std::string path_;
  int descriptor_;
};

// Where snapshots of a stream's kept rows are, of the stream's folder.
inline std::string snapshots_folder(const std::string& stream_folder) {
  return stream_folder + "/snapshots";
}

// A server id for a UUID: the same each time, never 0, spread over 32 bits.
uint32_t server_id_of(const std::string& server_uuid);

}  // namespace binbus::app
