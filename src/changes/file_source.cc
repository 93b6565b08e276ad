#include "changes/file_source.h"

namespace binbus::changes {

Result<std::unique_ptr<binlog::ByteSource>> FileSource::open(io::FileSystem& files,
                                                             const std::vector<std::string>& paths,
                                                             binlog::Position at) {
  std::unique_ptr<FileSource> source(new FileSource(files, paths));
  BINBUS_RETURN_IF_ERROR(source->seek(at));
  return source;
}

Status FileSource::seek(binlog::Position position) {
  if (position.segment == 0 || position.segment > paths_.size()) {
    return fail(Code::kNotFound, "file " + std::to_string(position.segment) + " of " +
                                     std::to_string(paths_.size()));
  }
  if (file_ == nullptr || position.segment != at_.segment) {
    BINBUS_TRY(file, files_.open(paths_[position.segment - 1], io::OpenMode::kRead));
    file_ = std::move(file);
  }
  at_ = position;
  return ok();
}

Result<Bytes> FileSource::read(std::span<uint8_t> buffer) {
  BINBUS_TRY(count, file_->read_at(at_.offset, buffer));
  at_.offset += count;
  return Bytes(buffer.first(count));
}

bool FileSource::next_segment() {
  // What is wrong with the next file is said when it is read.
  return at_.segment < paths_.size() && seek({at_.segment + 1, 0}).has_value();
}

std::string FileSource::segment_name() const {
  const std::string& path = paths_[at_.segment - 1];
  return path.substr(path.rfind('/') + 1);
}

}  // namespace binbus::changes
