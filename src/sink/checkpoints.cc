#include "sink/checkpoints.h"

#include "io/durable_file.h"

namespace binbus::sink {
namespace {

class FileCheckpoints final : public Checkpoints {
 public:
  FileCheckpoints(io::FileSystem& files, std::string path)
      : files_(files), path_(std::move(path)) {}
  Result<std::optional<Checkpoint>> read() override { return io::read_if_there(files_, path_); }
  Status write(const Checkpoint& checkpoint) override {
    return io::write_durably(files_, path_, checkpoint);
  }
  Status forget() override { return io::remove_if_there(files_, path_); }

 private:
  io::FileSystem& files_;
  const std::string path_;
};

}  // namespace

std::unique_ptr<Checkpoints> file_checkpoints(io::FileSystem& files, std::string path) {
  return std::make_unique<FileCheckpoints>(files, std::move(path));
}

}  // namespace binbus::sink
