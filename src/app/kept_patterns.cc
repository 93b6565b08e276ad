#include "app/kept_patterns.h"

#include <fmt/format.h>

#include <sstream>

#include "io/durable_file.h"
#include "sink/filter.h"

namespace binbus::app {

Result<std::shared_ptr<const KeptPatterns::Now>> KeptPatterns::compile(
    std::vector<std::string> patterns, bool told) {
  BINBUS_TRY(set, sink::PatternSet::compile(patterns));
  return std::make_shared<const Now>(Now{std::move(patterns), std::move(set), told});
}

Result<std::unique_ptr<KeptPatterns>> KeptPatterns::load(io::FileSystem& files, std::string path,
                                                         std::vector<std::string> configured) {
  BINBUS_TRY(text, io::read_if_there(files, path));
  std::vector<std::string> patterns;
  std::istringstream lines(text.value_or(""));
  for (std::string line; std::getline(lines, line);) patterns.push_back(line);
  auto now = compile(text ? patterns : configured, text.has_value());
  if (!now) {
    return fail(Code::kInvalid,
                fmt::format("{}: {}; mend the line, or remove the file to have the tables of "
                            "binbus.toml kept",
                            path, now.error().message));
  }
  std::unique_ptr<KeptPatterns> out(
      new KeptPatterns(files, std::move(path), std::move(configured)));
  out->now_ = std::move(*now);
  return out;
}

std::shared_ptr<const KeptPatterns::Now> KeptPatterns::now() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

bool KeptPatterns::matches(std::string_view database, std::string_view table) const {
  return !sink::is_system_schema(database) && now()->set.matches(database, table);
}

std::vector<std::string> KeptPatterns::list() const { return now()->patterns; }

bool KeptPatterns::is_told() const { return now()->told; }

Status KeptPatterns::tell(std::vector<std::string> patterns) {
  const bool told = !patterns.empty();
  std::string lines;
  for (const std::string& pattern : patterns) {
    if (pattern.empty() || pattern.find('\n') != std::string::npos)
      return fail(Code::kInvalid, "a pattern must be one line, and not empty");
    lines += pattern + "\n";
  }
  BINBUS_TRY(now, compile(told ? std::move(patterns) : configured_, told));
  const std::lock_guard lock(mutex_);
  BINBUS_RETURN_IF_ERROR(told ? io::write_durably(files_, path_, lines)
                              : io::remove_if_there(files_, path_));
  now_ = std::move(now);
  return ok();
}

}  // namespace binbus::app
