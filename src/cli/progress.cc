#include "cli/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "cli/units.h"

namespace binbus::cli {
namespace {

constexpr uint64_t kLookBytes = 1 << 20;
constexpr uint64_t kNever = UINT64_MAX;
constexpr auto kFirst = std::chrono::seconds(1);
constexpr auto kRedraw = std::chrono::milliseconds(200);
constexpr size_t kBarMin = 10, kBarMax = 40;

}  // namespace

std::string progress_line(const std::string& what, uint64_t done, uint64_t total, uint64_t took_ms,
                          size_t columns) {
  done = std::min(done, total);
  const double part = total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total);
  const uint64_t rate = took_ms == 0 ? 0 : done * 1000 / took_ms;
  const std::string left = rate == 0 ? "" : duration_text((total - done) * 1000 / rate) + " left";
  const std::string head = what + "  ";
  const std::string tail = fmt::format(" {:3.0f}%  {}/s  {}", part * 100, bytes_text(rate), left);
  const size_t room =
      columns < head.size() + tail.size() + 2 ? 0 : columns - head.size() - tail.size() - 2;
  if (room < kBarMin) return (head + tail).substr(0, columns);
  const size_t bar = std::min(room, kBarMax);
  const auto filled = static_cast<size_t>(part * static_cast<double>(bar));
  return fmt::format("{}[{:<{}}]{}", head, std::string(filled, '='), bar, tail);
}

Result<std::vector<uint64_t>> file_sizes(io::FileSystem& files,
                                         const std::vector<std::string>& paths) {
  std::vector<uint64_t> out;
  for (const std::string& path : paths) {
    BINBUS_TRY(file, files.open(path, io::OpenMode::kRead));
    BINBUS_TRY(size, file->size());
    out.push_back(size);
  }
  return out;
}

Progress::Progress(uint64_t total, bool wanted)
    : total_(total), look_at_(wanted && ::isatty(STDERR_FILENO) == 1 ? kLookBytes : kNever) {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (shown_) fmt::print(stderr, "\r\x1b[K");
  shown_ = false;
}

void Progress::look() {
  look_at_ = done_ + kLookBytes;
  const auto now = std::chrono::steady_clock::now();
  if (now - begun_ < kFirst || now - drawn_ < kRedraw) return;
  drawn_ = now;
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now - begun_);
  fmt::print(stderr, "\r{}\x1b[K",
             progress_line(what_, done_, total_, static_cast<uint64_t>(took.count()),
                           known ? size.ws_col - 1u : 79));
  shown_ = true;
}

}  // namespace binbus::cli
