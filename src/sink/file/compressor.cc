#include "sink/file/compressor.h"

#include <zlib.h>
#include <zstd.h>

namespace binbus::sink {
namespace {

constexpr size_t kStepBytes = 128 * 1024;

class Plain final : public Compressor {
 public:
  Status write(std::string_view text, std::string& out) override {
    out += text;
    return ok();
  }
  Status finish(std::string&) override { return ok(); }
  std::string_view suffix() const override { return ""; }
};

class Gzip final : public Compressor {
 public:
  static constexpr int kGzipWindow = 15 + 16;

  Gzip() {
    good_ = deflateInit2(&state_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8,
                         Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~Gzip() override {
    if (good_) deflateEnd(&state_);
  }
  Status write(std::string_view text, std::string& out) override {
    began_ |= !text.empty();
    while (!text.empty()) {
      const std::string_view part = text.substr(0, kStepBytes);
      text.remove_prefix(part.size());
      BINBUS_RETURN_IF_ERROR(run(part, Z_NO_FLUSH, out));
    }
    return ok();
  }
  Status finish(std::string& out) override {
    if (!began_) return ok();
    BINBUS_RETURN_IF_ERROR(run("", Z_FINISH, out));
    began_ = false;
    deflateReset(&state_);
    return ok();
  }
  std::string_view suffix() const override { return ".gz"; }

 private:
  Status run(std::string_view text, int flush, std::string& out) {
    if (!good_) return fail(Code::kLimit, "gzip: no memory");
    state_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    state_.avail_in = static_cast<uInt>(text.size());
    do {
      const size_t size = out.size();
      out.resize(size + kStepBytes);
      state_.next_out = reinterpret_cast<Bytef*>(out.data() + size);
      state_.avail_out = kStepBytes;
      deflate(&state_, flush);
      out.resize(size + kStepBytes - state_.avail_out);
    } while (state_.avail_out == 0);
    return ok();
  }

  z_stream state_{};
  bool good_ = false;
  bool began_ = false;
};

class Zstd final : public Compressor {
 public:
  Zstd() : state_(ZSTD_createCCtx(), &ZSTD_freeCCtx) {}
  Status write(std::string_view text, std::string& out) override {
    began_ |= !text.empty();
    return run(text, ZSTD_e_continue, out);
  }
  Status finish(std::string& out) override {
    if (!began_) return ok();
    began_ = false;
    return run("", ZSTD_e_end, out);
  }
  std::string_view suffix() const override { return ".zst"; }

 private:
  Status run(std::string_view text, ZSTD_EndDirective end, std::string& out) {
    if (state_ == nullptr) return fail(Code::kLimit, "zstd: no memory");
    ZSTD_inBuffer input{text.data(), text.size(), 0};
    for (;;) {
      const size_t size = out.size();
      out.resize(size + kStepBytes);
      ZSTD_outBuffer output{out.data() + size, kStepBytes, 0};
      const size_t left = ZSTD_compressStream2(state_.get(), &output, &input, end);
      out.resize(size + output.pos);
      if (ZSTD_isError(left) != 0) {
        return fail(Code::kLimit, std::string("zstd: ") + ZSTD_getErrorName(left));
      }
      if (end == ZSTD_e_end ? left == 0 : input.pos == input.size) return ok();
    }
  }

  std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> state_;
  bool began_ = false;
};

}  // namespace

Result<std::unique_ptr<Compressor>> make_compressor(std::string_view name) {
  if (name == "none") return std::make_unique<Plain>();
  if (name == "gzip") return std::make_unique<Gzip>();
  if (name == "zstd") return std::make_unique<Zstd>();
  return fail(Code::kInvalid,
              "compression is \"" + std::string(name) + "\"; must be one of none, gzip, zstd");
}

}  // namespace binbus::sink
