// Binlog files on disk, read one after another as if they were a log.
#pragma once

#include <memory>
#include <vector>

#include "binlog/byte_source.h"
#include "io/file.h"

namespace binbus::changes {

// Segments are numbered by their place in the list, from 1: files may have any names. Thread: one; files are not written to meanwhile.
class FileSource final : public binlog::ByteSource {
 public:
  // `paths` outlives it and is not empty. kNotFound for a file that is not there, or a place that none of them has.
  static Result<std::unique_ptr<binlog::ByteSource>> open(io::FileSystem& files,
                                                          const std::vector<std::string>& paths,
                                                          binlog::Position at);
  Result<Bytes> read(std::span<uint8_t> buffer) override;
  bool next_segment() override;
  binlog::Position position() const override { return at_; }
  // The file's name without its folder.
  std::string segment_name() const override;
  Status seek(binlog::Position position) override;
  bool wait(uint64_t, const std::stop_token&) override { return false; }

 private:
  FileSource(io::FileSystem& files, const std::vector<std::string>& paths)
      : files_(files), paths_(paths) {}

  io::FileSystem& files_;
  const std::vector<std::string>& paths_;
  std::unique_ptr<io::File> file_;
  binlog::Position at_;
};

}  // namespace binbus::changes
