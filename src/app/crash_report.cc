#include "app/crash_report.h"

#include <execinfo.h>
#include <unistd.h>

#include <csignal>
#include <string_view>
#include <utility>

namespace binbus::app {
namespace {

constexpr int kFramesMax = 64;

constexpr std::pair<int, std::string_view> kSignals[] = {{SIGSEGV, "SIGSEGV"},
                                                         {SIGBUS, "SIGBUS"},
                                                         {SIGILL, "SIGILL"},
                                                         {SIGFPE, "SIGFPE"},
                                                         {SIGABRT, "SIGABRT"}};

void say(std::string_view text) {
  static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
}

// It may be the heap that is broken: nothing here allocates, or takes a lock.
void report(int signal) {
  say("binbus crashed by ");
  for (const auto& [number, name] : kSignals) {
    if (number == signal) say(name);
  }
  say("; please report it with this stack, of which `addr2line -Cfie binbus ADDRESS` tells the "
      "lines:\n");
  void* frames[kFramesMax];
  ::backtrace_symbols_fd(frames, ::backtrace(frames, kFramesMax), STDERR_FILENO);
  ::raise(signal);  // which now does what it does to any process
}

}  // namespace

void report_crashes() {
  void* frame = nullptr;
  ::backtrace(&frame, 1);  // the first call loads a library
  struct sigaction action = {};
  action.sa_handler = report;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
  for (const auto& [number, name] : kSignals) ::sigaction(number, &action, nullptr);
}

}  // namespace binbus::app
