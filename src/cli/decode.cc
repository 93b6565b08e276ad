#include "cli/decode.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>

#include "changes/change_reader.h"
#include "changes/file_source.h"
#include "changes/sql_dump.h"
#include "cli/progress.h"
#include "format/writer.h"

namespace binbus::cli {
namespace {

using schema::Change;

constexpr size_t kWriteBytes = 256 * 1024;

Result<std::string> read_text(const std::string& path) {
  BINBUS_TRY(file, io::posix_file_system().open(path, io::OpenMode::kRead));
  BINBUS_TRY(size, file->size());
  std::string text(size, '\0');
  BINBUS_TRY(count, file->read_at(0, {reinterpret_cast<uint8_t*>(text.data()), text.size()}));
  text.resize(count);
  return text;
}

// kStopped: nobody reads any more, as when `head` has seen enough.
Status write_out(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(STDOUT_FILENO, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EPIPE) return fail(Code::kStopped, "standard output is closed");
    if (count < 0) return fail(Code::kIo, std::string("standard output: ") + std::strerror(errno));
    text.remove_prefix(static_cast<size_t>(count));
  }
  return ok();
}

// FILE:POS, the file by its name or its path; {0, 0}: not given.
Result<binlog::Position> position_of(const std::string& text, const std::vector<std::string>& files,
                                     const char* option) {
  if (text.empty()) return binlog::Position{};
  const size_t colon = text.rfind(':');
  const std::string name = colon == std::string::npos ? "" : text.substr(0, colon);
  const std::string digits = colon == std::string::npos ? text : text.substr(colon + 1);
  const bool number = !digits.empty() && digits.size() < 20 &&
                      std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  if (!number) {
    return fail(Code::kInvalid, fmt::format("{} {}: FILE:POS, or POS in the {} file", option, text,
                                            option == std::string("--from") ? "first" : "last"));
  }
  const uint64_t offset = std::stoull(digits);
  if (name.empty()) {
    return binlog::Position{option == std::string("--from") ? 1 : files.size(), offset};
  }
  for (size_t i = 0; i < files.size(); ++i) {
    if (files[i] == name || files[i].ends_with("/" + name)) return binlog::Position{i + 1, offset};
  }
  return fail(Code::kInvalid,
              fmt::format("{} {}: {} is not one of the files given", option, text, name));
}

Status run(const Decode& command) {
  io::FileSystem& files = io::posix_file_system();
  schema::Catalog catalog;
  if (!command.schema.empty()) {
    BINBUS_TRY(dump, read_text(command.schema));
    if (Status applied = changes::apply_sql_dump(catalog, dump, {}); !applied)
      return fail_in(command.schema, std::move(applied).error());
  }
  BINBUS_TRY(from, position_of(command.from, command.files, "--from"));
  BINBUS_TRY(until, position_of(command.until, command.files, "--until"));
  BINBUS_TRY(writer,
             format::make_writer(command.format, {.stream = command.stream,
                                                  .transaction_bounds = command.transactions,
                                                  .ddl = !command.no_ddl,
                                                  .schemas = command.schemas,
                                                  .sql_text = command.sql_text,
                                                  .gtid = true,
                                                  .primary_key = false}));
  changes::ReaderOptions options;
  options.open = [&](binlog::Position at) {
    return changes::FileSource::open(files, command.files, at);
  };
  options.oldest = [] { return binlog::Position{1, 0}; };
  options.losses = command.stop_at_losses ? changes::LossPolicy::kStop : changes::LossPolicy::kSkip;
  options.number_columns = true;
  options.sql_text = command.sql_text;
  // A place is where changes are printed from; tables are followed from the first file's beginning.
  changes::ChangeReader reader(std::move(options), {1, 0}, std::move(catalog));
  BINBUS_TRY(sizes, file_sizes(files, command.files));
  Progress progress(std::accumulate(sizes.begin(), sizes.end(), uint64_t{0}),
                    ::isatty(STDOUT_FILENO) == 0);
  binlog::Position reached{0, 0};
  const auto reach = [&](binlog::Position at) {
    for (; reached.segment < at.segment; reached = {reached.segment + 1, 0}) {
      if (reached.segment > 0) progress.add(sizes[reached.segment - 1] - reached.offset);
      progress.begin(command.files[reached.segment]);
    }
    progress.add(at.offset - reached.offset);
    reached = at;
  };
  std::string out;
  const auto emit = [&](const Change& change) -> Status {
    if (change.position > reached) reach(change.position);
    if (change.position < from) return ok();
    BINBUS_TRY(printed, writer->write(out, change));
    if (printed && (out.empty() || out.back() != '\n')) out += '\n';
    if (out.size() < kWriteBytes) return ok();
    const Status written = write_out(out);
    out.clear();
    return written;
  };
  while (true) {
    if (until.segment > 0 && reader.place() >= until) break;
    auto more = reader.read(emit);
    if (!more) {
      // What came before it is right, and said.
      if (more.error().code != Code::kStopped) BINBUS_RETURN_IF_ERROR(write_out(out));
      return fail(std::move(more).error());
    }
    if (!*more) break;
    if (reader.place() > reached) reach(reader.place());
  }
  progress.clear();
  BINBUS_RETURN_IF_ERROR(write_out(out));
  if (const uint64_t count = reader.counts().statements_skipped; count > 0) {
    fmt::print(
        stderr,
        "binbus: {} statements changed rows that the log does not have (binlog_format was not "
        "ROW)\n",
        count);
  }
  if (const uint64_t count = reader.counts().incidents; count > 0) {
    fmt::print(stderr, "binbus: {} times the source lost events (Incident)\n", count);
  }
  if (const uint64_t count = reader.counts().xa_skipped; count > 0) {
    fmt::print(stderr,
               "binbus: {} XA transactions were prepared before the first file: their rows are not "
               "in these\n",
               count);
  }
  return ok();
}

}  // namespace

int decode(const Decode& command) {
  const Status status = run(command);
  if (status || status.error().code == Code::kStopped) return kOk;
  fmt::print(stderr, "binbus: {}\n", status.error().message);
  return status.error().code == Code::kInvalid ? kUsage : kFailed;
}

}  // namespace binbus::cli
