#include "sink/file/file_target.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "io/durable_file.h"
#include "sink/file/compressor.h"

namespace binbus::sink {
namespace {

using nlohmann::json;

constexpr size_t kBufferBytes = 1 << 20;
constexpr uint64_t kNumberMax = 999'999;

// What <path>.checkpoint says.
struct Kept {
  std::string name;     // of the file, without its folder
  uint64_t number = 0;  // in it; 0: without rotation
  uint64_t length = 0;
  uint64_t begun_us = 0;  // when the file's first bytes were written; 0: none are
  std::optional<Checkpoint> checkpoint;

  std::string encode() const {
    json out = {{"file", name}, {"number", number}, {"length", length}, {"begun_us", begun_us}};
    if (checkpoint) out["checkpoint"] = *checkpoint;
    return out.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  }
  static Result<Kept> decode(const std::string& path, std::string_view text) {
    const json in = json::parse(text, nullptr, false);
    const auto number_of = [&in](const char* key) {
      const auto found = in.find(key);
      return found != in.end() && found->is_number_unsigned() ? found->get<uint64_t>() : UINT64_MAX;
    };
    Kept out;
    if (in.is_object()) {
      out.number = number_of("number");
      out.name = in.contains("file") && in["file"].is_string() ? in["file"].get<std::string>() : "";
      out.length = number_of("length");
      out.begun_us = number_of("begun_us");
    }
    if (!in.is_object() || out.name.empty() || out.number > kNumberMax ||
        out.length == UINT64_MAX || out.begun_us == UINT64_MAX) {
      return fail(Code::kCorrupt, path +
                                      " is not what a sink wrote; restore it, or move it and "
                                      "the files that it is about away");
    }
    if (const auto found = in.find("checkpoint"); found != in.end() && found->is_string()) {
      out.checkpoint = found->get<std::string>();
    }
    return out;
  }
};

class FileTarget final : public Target {
 public:
  FileTarget(const SinkOptions& options, std::unique_ptr<Compressor> compressor,
             io::FileSystem& files, io::Clock& clock)
      : path_(options.path),
        rotate_bytes_(options.rotate_bytes),
        rotate_us_(options.rotate_ms * 1000),
        compressor_(std::move(compressor)),
        files_(files),
        clock_(clock) {}

  Result<std::optional<Checkpoint>> open(const std::stop_token&) override {
    BINBUS_RETURN_IF_ERROR(files_.make_directories(io::folder_of(path_)));
    BINBUS_TRY(text, io::read_if_there(files_, kept_path()));
    if (text) {
      BINBUS_TRY(kept, Kept::decode(kept_path(), *text));
      kept_ = kept;
    } else {
      // Before the first file, so that whatever stands there later is known to be ours.
      begin(rotates() ? 1 : 0);
      BINBUS_RETURN_IF_ERROR(refuse_foreign());
      BINBUS_RETURN_IF_ERROR(io::write_durably(files_, kept_path(), kept_.encode()));
    }
    BINBUS_RETURN_IF_ERROR(cut());
    // Rotation or compression is another than it was: goes on in a file of the other kind.
    if (rotates() != (kept_.number > 0) || kept_.name != name_of(kept_.number)) {
      BINBUS_RETURN_IF_ERROR(go_on_elsewhere());
    }
    return kept_.checkpoint;
  }

  Status send(const Message& message) override {
    if (!message.payload) return ok();
    BINBUS_RETURN_IF_ERROR(compressor_->write(*message.payload, buffer_));
    // SQL has a newline of its own already.
    if (!message.payload->ends_with('\n'))
      BINBUS_RETURN_IF_ERROR(compressor_->write("\n", buffer_));
    return buffer_.size() < kBufferBytes ? ok() : flush();
  }

  Status commit(const Checkpoint& checkpoint) override {
    BINBUS_RETURN_IF_ERROR(compressor_->finish(buffer_));
    BINBUS_RETURN_IF_ERROR(flush());
    if (written_ && file_ != nullptr) BINBUS_RETURN_IF_ERROR(file_->sync());
    written_ = false;
    kept_.length = length_;
    kept_.checkpoint = checkpoint;
    if (rotation_due()) begin(kept_.number + 1);
    BINBUS_RETURN_IF_ERROR(io::write_durably(files_, kept_path(), kept_.encode()));
    return ok();
  }

 private:
  bool rotates() const { return rotate_bytes_ > 0 || rotate_us_ > 0; }
  std::string kept_path() const { return path_ + ".checkpoint"; }

  std::string name_of(uint64_t number) const {
    std::string out = path_.substr(path_.rfind('/') + 1);
    if (number > 0) {
      const std::string digits = std::to_string(number);
      out += "." + std::string(6 - digits.size(), '0') + digits;
    }
    return out + std::string(compressor_->suffix());
  }
  std::string path_of(const std::string& name) const { return io::folder_of(path_) + "/" + name; }

  // The next file; it is made when there is something to write.
  void begin(uint64_t number) {
    file_.reset();
    length_ = 0;
    kept_.number = number;
    kept_.name = name_of(number);
    kept_.length = kept_.begun_us = 0;
  }

  bool rotation_due() const {
    if (!rotates() || length_ == 0 || kept_.number >= kNumberMax) return false;
    if (rotate_bytes_ > 0 && length_ >= rotate_bytes_) return true;
    return rotate_us_ > 0 && clock_.wall_us() >= kept_.begun_us + rotate_us_;
  }

  Status refuse_foreign() const {
    const std::string path = path_of(kept_.name);
    if (!files_.exists(path)) return ok();
    return fail(Code::kInvalid,
                path + " is there already and " + kept_path() +
                    ", which would tell how much of it is this sink's, is not; move "
                    "it away, or name another path");
  }

  // Brings the file back to its checkpoint.
  Status cut() {
    const std::string path = path_of(kept_.name);
    if (!files_.exists(path)) {
      // Moved away by somebody, or not begun: what follows is in a new file.
      kept_.length = kept_.begun_us = length_ = 0;
      return ok();
    }
    BINBUS_TRY(file, files_.open(path, io::OpenMode::kWrite));
    BINBUS_TRY(size, file->size());
    if (size < kept_.length) {
      return fail(Code::kCorrupt,
                  path + " has " + std::to_string(size) + " bytes, its checkpoint tells of " +
                      std::to_string(kept_.length) + "; restore it, or move it away");
    }
    if (size > kept_.length) {
      BINBUS_RETURN_IF_ERROR(file->truncate(kept_.length));
      BINBUS_RETURN_IF_ERROR(file->sync());
    }
    file_ = std::move(file);
    length_ = kept_.length;
    return ok();
  }

  Status go_on_elsewhere() {
    uint64_t number = rotates() ? kept_.number + 1 : 0;
    while (rotates() && number < kNumberMax && files_.exists(path_of(name_of(number)))) ++number;
    begin(number);
    BINBUS_RETURN_IF_ERROR(refuse_foreign());
    return io::write_durably(files_, kept_path(), kept_.encode());
  }

  Status flush() {
    if (buffer_.empty()) return ok();
    if (file_ == nullptr) {
      const std::string path = path_of(kept_.name);
      BINBUS_TRY(file, files_.open(path, io::OpenMode::kCreateNew));
      BINBUS_RETURN_IF_ERROR(files_.sync_directory(io::folder_of(path)));
      file_ = std::move(file);
      kept_.begun_us = clock_.wall_us();
    }
    BINBUS_RETURN_IF_ERROR(file_->write_at(length_, as_bytes(buffer_)));
    if (kept_.begun_us == 0) kept_.begun_us = clock_.wall_us();
    length_ += buffer_.size();
    written_ = true;
    if (buffer_.capacity() > 4 * kBufferBytes) buffer_ = std::string();
    buffer_.clear();
    return ok();
  }

  const std::string path_;
  const uint64_t rotate_bytes_, rotate_us_;
  const std::unique_ptr<Compressor> compressor_;
  io::FileSystem& files_;
  io::Clock& clock_;
  Kept kept_;
  std::unique_ptr<io::File> file_;  // null: not begun
  uint64_t length_ = 0;
  bool written_ = false;  // since the last sync
  std::string buffer_;
};

// Standard output: what was read by the other side is not known, so nothing is kept.
class OutputTarget final : public Target {
 public:
  explicit OutputTarget(std::unique_ptr<Compressor> compressor)
      : compressor_(std::move(compressor)) {}
  Result<std::optional<Checkpoint>> open(const std::stop_token&) override { return std::nullopt; }
  Status send(const Message& message) override {
    if (!message.payload) return ok();
    BINBUS_RETURN_IF_ERROR(compressor_->write(*message.payload, buffer_));
    if (!message.payload->ends_with('\n'))
      BINBUS_RETURN_IF_ERROR(compressor_->write("\n", buffer_));
    return buffer_.size() < kBufferBytes ? ok() : flush();
  }
  Status commit(const Checkpoint&) override {
    BINBUS_RETURN_IF_ERROR(compressor_->finish(buffer_));
    return flush();
  }

 private:
  Status flush() {
    std::string_view rest = buffer_;
    while (!rest.empty()) {
      const ssize_t written = ::write(STDOUT_FILENO, rest.data(), rest.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) {
        return fail(Code::kIo, std::string("standard output: ") + std::strerror(errno));
      }
      rest.remove_prefix(static_cast<size_t>(written));
    }
    buffer_.clear();
    return ok();
  }

  const std::unique_ptr<Compressor> compressor_;
  std::string buffer_;
};

}  // namespace

Result<std::unique_ptr<Target>> make_file_target(const SinkOptions& options, io::FileSystem& files,
                                                 io::Clock& clock) {
  BINBUS_TRY(compressor, make_compressor(options.compression));
  if (options.path.empty()) return fail(Code::kInvalid, "path is missing: where the file goes");
  if (options.path != "-") {
    return std::make_unique<FileTarget>(options, std::move(compressor), files, clock);
  }
  if (options.rotate_bytes > 0 || options.rotate_ms > 0) {
    return fail(Code::kInvalid, "standard output (path = \"-\") cannot be rotated");
  }
  return std::make_unique<OutputTarget>(std::move(compressor));
}

}  // namespace binbus::sink
