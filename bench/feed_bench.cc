// Clients of a feed, through the C++ SDK.
//
//   feed_bench rows HOST:PORT STREAM TABLES CLIENTS            all rows of a snapshot, each of them
//   feed_bench changes HOST:PORT STREAM TABLES CLIENTS COUNT   that many changes from now on, each; prints "ready" first
//   feed_bench arrivals HOST:PORT STREAM TABLES COUNT          when each of that many changes came; prints "ready" first
#include <sys/resource.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "binbus/client.h"

namespace binbus {
namespace {

using std::chrono::steady_clock;

double seconds_since(steady_clock::time_point from) {
  return std::chrono::duration<double>(steady_clock::now() - from).count();
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

int failed(const Feed& feed) {
  const auto error = feed.error();
  std::fprintf(stderr, "feed_bench: %s\n", error ? error->what() : "the feed has ended");
  return 1;
}

// Each client on a thread of its own, with a connection of its own.
int many(const std::vector<std::string>& words, bool snapshot) {
  const auto clients = static_cast<size_t>(std::atol(words[5].c_str()));
  const uint64_t count = snapshot ? UINT64_MAX : std::strtoull(words[6].c_str(), nullptr, 10);
  std::atomic<size_t> connected = 0;
  std::atomic<uint64_t> taken = 0;
  std::atomic<int> result = 0;
  const auto begin = steady_clock::now();
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < clients; ++i) {
    threads.emplace_back([&] {
      const auto client = Client::connect({words[2]});
      std::atomic<bool> counted = false;
      const auto feed =
          client->subscribe({.stream = words[3],
                             .tables = {words[4]},
                             .start = snapshot ? Start::snapshot() : Start::now(),
                             .snapshot_end = snapshot,
                             .on_state = [&](const State& state) {
                               if (state.kind == State::kConnected && !counted.exchange(true))
                                 ++connected;
                             }});
      uint64_t mine = 0;
      while (mine < count) {
        const auto change = feed->next();
        if (!change) {
          result = failed(*feed);
          return;
        }
        if (change->op() == Op::kSnapshotEnd) break;
        ++mine;
      }
      taken += mine;
    });
  }
  while (connected < clients && result == 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::puts("ready");
  std::fflush(stdout);
  threads.clear();
  std::printf("{\"taken\": %llu, \"wall_s\": %.3f, \"cpu_s\": %.3f}\n",
              static_cast<unsigned long long>(taken), seconds_since(begin), cpu_seconds());
  return result;
}

// A JSON array of when they came, in nanoseconds of CLOCK_MONOTONIC.
int arrivals(const std::vector<std::string>& words) {
  std::vector<steady_clock::time_point> arrived(std::strtoull(words[5].c_str(), nullptr, 10));
  const auto client = Client::connect({words[2]});
  const auto feed = client->subscribe({.stream = words[3],
                                       .tables = {words[4]},
                                       .start = Start::now(),
                                       .on_state = [](const State& state) {
                                         if (state.kind != State::kConnected) return;
                                         std::puts("ready");
                                         std::fflush(stdout);
                                       }});
  for (steady_clock::time_point& each : arrived) {
    if (!feed->next()) return failed(*feed);
    each = steady_clock::now();
  }
  for (size_t i = 0; i < arrived.size(); ++i) {
    std::printf(
        "%s%lld", i == 0 ? "[" : ", ",
        static_cast<long long>(arrived[i].time_since_epoch() / std::chrono::nanoseconds(1)));
  }
  std::puts("]");
  return 0;
}

}  // namespace
}  // namespace binbus

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv, argv + argc);
  const std::string mode = argc > 1 ? words[1] : "";
  if (mode == "rows" && argc == 6) return binbus::many(words, /*snapshot=*/true);
  if (mode == "changes" && argc == 7) return binbus::many(words, /*snapshot=*/false);
  if (mode == "arrivals" && argc == 6) return binbus::arrivals(words);
  std::fputs("feed_bench: see the beginning of feed_bench.cc for its words\n", stderr);
  return 2;
}
