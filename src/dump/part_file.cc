#include "dump/part_file.h"

#include <openssl/evp.h>

#include "base/check.h"
#include "format/json_output.h"
#include "io/durable_file.h"
#include "sink/file/compressor.h"

namespace binbus::dump {
namespace {

constexpr size_t kWriteBytes = 1 << 20;

}  // namespace

struct PartFile::State {
  State(io::FileSystem& of, std::string name)
      : files(of), path(std::move(name)), made(path + ".new") {}

  Status flush() {
    BINBUS_CHECK(EVP_DigestUpdate(digest.get(), out.data(), out.size()) == 1);
    BINBUS_RETURN_IF_ERROR(file->write_at(bytes, as_bytes(out)));
    bytes += out.size();
    out.clear();
    return ok();
  }

  io::FileSystem& files;
  const std::string path, made;
  std::unique_ptr<io::File> file;
  std::unique_ptr<sink::Compressor> compressor;
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest{EVP_MD_CTX_new(),
                                                                 &EVP_MD_CTX_free};
  std::string out;  // compressed, and not yet written
  uint64_t bytes = 0;
  bool has_name = false;
};

PartFile::PartFile(std::unique_ptr<State> state) : state_(std::move(state)) {}

PartFile::~PartFile() {
  if (!state_->has_name) static_cast<void>(io::remove_if_there(state_->files, state_->made));
}

Result<std::unique_ptr<PartFile>> PartFile::open(io::FileSystem& files, const std::string& path,
                                                 const std::string& compress) {
  auto state = std::make_unique<State>(files, path);
  BINBUS_TRY(compressor, sink::make_compressor(compress));
  state->compressor = std::move(compressor);
  BINBUS_CHECK(EVP_DigestInit_ex(state->digest.get(), EVP_sha256(), nullptr) == 1);
  BINBUS_RETURN_IF_ERROR(io::remove_if_there(files, state->made));
  BINBUS_TRY(file, files.open(state->made, io::OpenMode::kCreateNew));
  state->file = std::move(file);
  return std::unique_ptr<PartFile>(new PartFile(std::move(state)));
}

Status PartFile::write(std::string_view text) {
  BINBUS_RETURN_IF_ERROR(state_->compressor->write(text, state_->out));
  return state_->out.size() < kWriteBytes ? ok() : state_->flush();
}

Result<PartFile::Written> PartFile::finish() {
  BINBUS_RETURN_IF_ERROR(state_->compressor->finish(state_->out));
  BINBUS_RETURN_IF_ERROR(state_->flush());
  if (state_->bytes == 0) return Written{};
  BINBUS_RETURN_IF_ERROR(state_->file->sync());
  BINBUS_RETURN_IF_ERROR(state_->files.rename(state_->made, state_->path));
  state_->has_name = true;
  uint8_t sum[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  BINBUS_CHECK(EVP_DigestFinal_ex(state_->digest.get(), sum, &size) == 1);
  Written written{.bytes = state_->bytes, .sha256 = {}};
  format::append_hex(written.sha256, Bytes(sum, size));
  for (char& c : written.sha256) c = static_cast<char>(c >= 'A' ? c - 'A' + 'a' : c);
  return written;
}

}  // namespace binbus::dump
