#include "app/import_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "app/config.h"
#include "app/data_folder.h"
#include "app/import.h"
#include "cli/progress.h"
#include "io/clock.h"

namespace binbus::app {
namespace {

Result<std::string> data_folder(const cli::Import& command) {
  if (!command.data.empty()) return command.data;
  BINBUS_TRY(config, load_config(command.config, Secrets::kLeave));
  if (std::ranges::find(config.streams, command.stream, &StreamConfig::name) ==
      config.streams.end()) {
    return fail(Code::kInvalid,
                fmt::format("{} has no stream \"{}\"", command.config, command.stream));
  }
  return config.data;
}

Status import_all(const cli::Import& command, const std::string& data) {
  BINBUS_TRY(folder, DataFolder::lock(data));
  io::FileSystem& files = io::posix_file_system();
  BINBUS_TRY(log,
             store::LocalLog::open(files, io::system_clock(),
                                   {.directory = folder.stream_folder(command.stream)}, nullptr));
  BINBUS_TRY(sizes, cli::file_sizes(files, command.files));
  cli::Progress progress(2 * std::accumulate(sizes.begin(), sizes.end(), uint64_t{0}));
  for (const std::string& path : command.files) {
    progress.begin(path);
    BINBUS_TRY(imported, import_file(files, path, *log, [&](size_t read) { progress.add(read); }));
    progress.clear();
    fmt::print("{}: {} bytes, {} transactions{}\n", imported.segment, imported.bytes,
               imported.transactions,
               imported.bytes_before == 0
                   ? ""
                   : fmt::format("; {} bytes were there already", imported.bytes_before));
  }
  return ok();
}

}  // namespace

int import_files(const cli::Import& command) {
  const auto data = data_folder(command);
  if (!data) {
    fmt::print(stderr, "binbus: {}\n", data.error().message);
    return cli::ExitCode::kUsage;
  }
  if (Status imported = import_all(command, *data); !imported) {
    fmt::print(stderr, "binbus: {}\n", imported.error().message);
    return cli::ExitCode::kFailed;
  }
  return cli::ExitCode::kOk;
}

}  // namespace binbus::app
