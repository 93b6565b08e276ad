// Text as whole gzip members or zstd frames.
//
// Thread: one.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace binbus::sink {

class Compressor {
 public:
  virtual ~Compressor() = default;
  // Appends to `out` what is ready.
  virtual Status write(std::string_view text, std::string& out) = 0;
  // Appends the rest, so that `out` and what came before is readable to its end. What is written next begins anew.
  virtual Status finish(std::string& out) = 0;
  virtual std::string_view suffix() const = 0;  // ".gz"
};

// "none", "gzip", "zstd"; else kInvalid.
Result<std::unique_ptr<Compressor>> make_compressor(std::string_view name);

}  // namespace binbus::sink
