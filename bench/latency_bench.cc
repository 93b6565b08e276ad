// From a commit's return at the source to its event in a reader's socket: directly from the source, and through others.
//
//   latency_bench SOURCE USER PASSWORD COMMITS PAUSE_US TARGET...
//
// Inserts COMMITS rows one by one into bench.latency at SOURCE (HOST:PORT), PAUSE_US apart, while one thread per TARGET
// (HOST:PORT, the same user) follows the binlog there. Prints for each target p50 and p99 in microseconds. A reader may
// be faster than the source's own answer: negative values are real.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "binlog/event.h"
#include "mysql/client.h"

namespace binbus {
namespace {

constexpr uint8_t kComBinlogDump = 0x12;

int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Reads packets of a dump and notes when each transaction's Xid event arrived.
class Follower {
 public:
  static Result<std::unique_ptr<Follower>> start(const mysql::ConnectOptions& options,
                                                 const std::string& file, uint64_t position,
                                                 uint32_t server_id) {
    BINBUS_TRY(client, mysql::Client::connect(options));
    BINBUS_RETURN_IF_ERROR(
        client->query("SET @master_binlog_checksum = 'CRC32', @source_binlog_checksum = 'CRC32'"));
    ByteWriter body;
    body.u32(position).u16(0).u32(server_id).text(file);
    BINBUS_TRY(stream, mysql::Client::hand_over(std::move(client), kComBinlogDump, body.view()));
    stream->set_read_timeout(0);
    return std::unique_ptr<Follower>(new Follower(std::move(stream)));
  }

  ~Follower() {
    stream_->shutdown();
    thread_.join();
  }
  size_t seen() const { return seen_.load(std::memory_order_acquire); }
  const std::vector<int64_t>& arrivals() const { return arrivals_; }

 private:
  explicit Follower(std::unique_ptr<io::Stream> stream)
      : stream_(std::move(stream)), arrivals_(1 << 20), thread_([this] { run(); }) {}

  void run() {
    ByteVector buffer(1 << 20);
    size_t filled = 0;
    while (true) {
      auto got = stream_->read_some(std::span(buffer).subspan(filled));
      if (!got) return;
      const int64_t arrived = now_us();
      filled += *got;
      size_t at = 0;
      while (filled - at >= 4 && filled - at >= 4 + load_le<3>(&buffer[at])) {
        const size_t length = load_le<3>(&buffer[at]);
        if (length > binlog::kHeaderBytes && buffer[at + 4] == 0 &&
            binlog::parse_header(&buffer[at + 5]).type == binlog::kXidEvent) {
          const size_t index = seen_.load(std::memory_order_relaxed);
          arrivals_[index] = arrived;
          seen_.store(index + 1, std::memory_order_release);
        }
        at += 4 + length;
      }
      std::copy(buffer.begin() + static_cast<ptrdiff_t>(at),
                buffer.begin() + static_cast<ptrdiff_t>(filled), buffer.begin());
      filled -= at;
    }
  }

  std::unique_ptr<io::Stream> stream_;
  std::vector<int64_t> arrivals_;
  std::atomic<size_t> seen_ = 0;
  std::thread thread_;
};

Status run(int argc, char** argv) {
  if (argc < 7)
    return fail(Code::kInvalid,
                "usage: latency_bench SOURCE USER PASSWORD COMMITS PAUSE_US TARGET...");
  const auto commits = static_cast<size_t>(std::atol(argv[4]));
  const auto pause = std::chrono::microseconds(std::atol(argv[5]));
  mysql::ConnectOptions options;
  options.address = argv[1];
  options.user = argv[2];
  options.password = argv[3];
  BINBUS_TRY(writer, mysql::Client::connect(options));
  BINBUS_RETURN_IF_ERROR(writer->query("CREATE DATABASE IF NOT EXISTS bench"));
  BINBUS_RETURN_IF_ERROR(
      writer->query("CREATE TABLE IF NOT EXISTS bench.latency (id BIGINT AUTO_INCREMENT PRIMARY "
                    "KEY, t VARCHAR(100))"));
  auto status = writer->query("SHOW BINARY LOG STATUS");
  if (!status) status = writer->query("SHOW MASTER STATUS");
  if (!status) return fail(status.error());
  const std::string file = status->rows.at(0).at(0).value();
  const uint64_t position = std::strtoull(status->rows.at(0).at(1).value().c_str(), nullptr, 10);

  std::vector<std::unique_ptr<Follower>> followers;
  for (int i = 6; i < argc; ++i) {
    options.address = argv[i];
    BINBUS_TRY(follower,
               Follower::start(options, file, position, static_cast<uint32_t>(900'000 + i)));
    followers.push_back(std::move(follower));
  }
  std::this_thread::sleep_for(std::chrono::seconds(1));
  std::vector<int64_t> committed;
  for (size_t i = 0; i < commits; ++i) {
    BINBUS_RETURN_IF_ERROR(writer->query(
        "INSERT INTO bench.latency (t) VALUES ('a row of a usual size, about a hundred bytes')"));
    committed.push_back(now_us());
    std::this_thread::sleep_for(pause);
  }
  for (size_t f = 0; f < followers.size(); ++f) {
    for (int tries = 0; followers[f]->seen() < commits; ++tries) {
      if (tries == 1000)
        return fail(Code::kTimeout, std::string(argv[6 + f]) + ": not every commit arrived");
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    std::vector<int64_t> delays;
    for (size_t i = 0; i < commits; ++i)
      delays.push_back(followers[f]->arrivals()[i] - committed[i]);
    std::sort(delays.begin(), delays.end());
    std::printf("{\"target\": \"%s\", \"commits\": %zu, \"p50_us\": %lld, \"p99_us\": %lld}\n",
                argv[6 + f], commits, static_cast<long long>(delays[commits / 2]),
                static_cast<long long>(delays[commits * 99 / 100]));
  }
  return ok();
}

}  // namespace
}  // namespace binbus

int main(int argc, char** argv) {
  if (const auto status = binbus::run(argc, argv); !status) {
    std::fprintf(stderr, "latency_bench: %s\n", status.error().message.c_str());
    return 1;
  }
}
