// What every format's Writer shares: output is cut back when a message fails or is none.
#pragma once

#include "format/writer.h"

namespace binbus::format {

class FormatWriter : public Writer {
 public:
  Result<bool> write(std::string& out, const schema::Change& change) final {
    const size_t size = out.size();
    return keep_or_cut(out, size, print(out, change));
  }
  Result<bool> write_key(std::string& out, const schema::Change& change) final {
    const size_t size = out.size();
    return keep_or_cut(out, size, print_key(out, change));
  }
  std::string_view content_type() const override { return "application/json"; }

 protected:
  // As write() and write_key(), and what was appended does not count unless true is returned.
  virtual Result<bool> print(std::string& out, const schema::Change& change) = 0;
  virtual Result<bool> print_key(std::string& out, const schema::Change& change) = 0;

 private:
  static Result<bool> keep_or_cut(std::string& out, size_t size, Result<bool> printed) {
    if (!printed || !*printed) out.resize(size);
    return printed;
  }
};

std::unique_ptr<Writer> make_maxwell_writer(const WriterOptions& options);
std::unique_ptr<Writer> make_canal_writer(const WriterOptions& options);
std::unique_ptr<Writer> make_debezium_writer(const WriterOptions& options);
std::unique_ptr<Writer> make_plain_writer(const WriterOptions& options);
std::unique_ptr<Writer> make_sql_writer(const WriterOptions& options);

}  // namespace binbus::format
