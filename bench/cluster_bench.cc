// A node of a cluster, and what it is measured beside; bench/cluster runs them.
//
//   cluster_bench node FOLDER ID LISTEN PACE FOUNDER@HOST:PORT...   a node that does what it is told, line by line, and answers each with
//                                                              a line of JSON:
//     open FIRST COUNT REST    groups g<FIRST>...; REST 0: they never rest
//     leads NAME               whether this node leads the group by now, or another one (0: nobody yet)
//     write NAME COUNT EACH HOW  COUNT syncs of EACH bytes of transactions through a LogWriter, as the leader; HOW: `each` waits for
//                              each one, `stream` goes on while they are on their way
//     entries NAME             how far the group is here: committed entries, and whether it rests
//     peers                    how many other nodes it is connected to
//     call ID COUNT            calls of another node that do nothing
//     usage                    CPU seconds and memory of this process
//   cluster_bench files FOLDER STREAMS COUNT EACH PACE   that many files at once, COUNT times EACH bytes and fdatasync in each
//   cluster_bench local FOLDER COUNT EACH HOW PACE       a log of one node's own, written as by `write`
//
// PACE: of the disk that each node and each file has, MB a second; 0: that of this machine's, which they share.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "raft/group_runner.h"
#include "store/log_testing.h"

namespace binbus {
namespace {

using Json = nlohmann::json;
using Arguments = std::vector<std::string>;

constexpr size_t kRowBytes = 900;  // with it a transaction has about 1,000 bytes

uint64_t now_us() { return io::system_clock().monotonic_us(); }

// A disk that takes bytes no faster than that: a sync lasts at least as long as what was written since the last one.
class PacedFiles final : public io::FileSystem {
 public:
  explicit PacedFiles(uint64_t bytes_per_us) : bytes_per_us_(bytes_per_us) {}

  Result<std::unique_ptr<io::File>> open(const std::string& path, io::OpenMode mode) override {
    BINBUS_TRY(file, disk_.open(path, mode));
    if (bytes_per_us_ == 0) return std::move(file);
    return std::make_unique<PacedFile>(std::move(file), bytes_per_us_);
  }
  Result<std::vector<io::DirectoryEntry>> list(const std::string& directory) override {
    return disk_.list(directory);
  }
  Status make_directories(const std::string& path) override { return disk_.make_directories(path); }
  Status remove(const std::string& path) override { return disk_.remove(path); }
  Status rename(const std::string& from, const std::string& to) override {
    return disk_.rename(from, to);
  }
  Status sync_directory(const std::string& path) override { return disk_.sync_directory(path); }
  bool exists(const std::string& path) override { return disk_.exists(path); }
  Result<uint64_t> free_bytes(const std::string& path) override { return disk_.free_bytes(path); }

 private:
  class PacedFile final : public io::File {
   public:
    PacedFile(std::unique_ptr<io::File> file, uint64_t bytes_per_us)
        : file_(std::move(file)), bytes_per_us_(bytes_per_us) {}
    Result<size_t> read_at(uint64_t offset, std::span<uint8_t> buffer) const override {
      return file_->read_at(offset, buffer);
    }
    Status write_at(uint64_t offset, Bytes bytes) override {
      written_ += bytes.size();
      return file_->write_at(offset, bytes);
    }
    Status sync() override {
      const uint64_t least_us = std::exchange(written_, 0) / bytes_per_us_;
      const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(least_us);
      const Status synced = file_->sync();
      std::this_thread::sleep_until(until);
      return synced;
    }
    void start_writeback(uint64_t offset, uint64_t length) override {
      file_->start_writeback(offset, length);
    }
    Status truncate(uint64_t size) override { return file_->truncate(size); }
    Result<uint64_t> size() const override { return file_->size(); }

   private:
    const std::unique_ptr<io::File> file_;
    const uint64_t bytes_per_us_;
    uint64_t written_ = 0;
  };

  io::FileSystem& disk_ = io::posix_file_system();
  const uint64_t bytes_per_us_;  // 0: no bound
};

// What the steps of a run took, one after the other.
Json summary(std::vector<uint64_t> took_us, uint64_t wall_us, uint64_t bytes) {
  std::ranges::sort(took_us);
  return {{"wall_s", static_cast<double>(wall_us) / 1e6},
          {"bytes", bytes},
          {"p50_us", took_us.at(took_us.size() / 2)},
          {"p99_us", took_us.at(took_us.size() * 99 / 100)}};
}

// Writes a file of its own of `count` times about `each` bytes of whole transactions, each time to be durable.
Result<Json> write(store::LogWriter& writer, uint64_t first_number, const std::string& count_word,
                   const std::string& each_word, const std::string& how) {
  const size_t count = std::stoull(count_word), each = std::stoull(each_word);
  store::FileMaker maker(mysql::Flavor::kMysql, binlog::Checksum::kCrc32);
  mysql::Executed done;
  maker.start("binlog." + std::to_string(100'000 + first_number), done);
  std::vector<size_t> ends;
  uint64_t number = first_number;
  while (ends.size() < count) {
    const size_t begun = ends.empty() ? 0 : ends.back();
    do {
      ++number;
      maker.transaction(store::mysql_gtid(number), number, kRowBytes);
    } while (maker.file().bytes.size() < begun + each);
    ends.push_back(maker.file().bytes.size());
  }
  const store::MadeFile& file = maker.file();
  BINBUS_RETURN_IF_ERROR(writer.begin_segment(file.name));
  std::vector<uint64_t> took_us;
  const uint64_t begun_us = now_us();
  size_t from = 0, next_end = 0;
  for (const size_t to : ends) {
    const uint64_t start_us = now_us();
    std::vector<store::TransactionEnd> within;
    for (; next_end < file.ends.size() && file.ends[next_end].offset <= to; ++next_end) {
      within.push_back(file.ends[next_end]);
      within.back().offset -= from;
    }
    BINBUS_RETURN_IF_ERROR(writer.append(Bytes(file.bytes).subspan(from, to - from), within));
    BINBUS_RETURN_IF_ERROR(how == "each" ? writer.sync() : writer.begin_sync());
    took_us.push_back(now_us() - start_us);
    from = to;
  }
  BINBUS_RETURN_IF_ERROR(writer.sync());
  Json result = summary(std::move(took_us), now_us() - begun_us, file.bytes.size());
  result["next"] = number;
  return result;
}

class Node {
 public:
  static Result<std::unique_ptr<Node>> open(const Arguments& words) {
    std::unique_ptr<Node> node(new Node(words.at(2), std::stoull(words.at(5))));
    node->id_ = std::stoull(words.at(3));
    raft::TransportOptions transport{.self = {node->id_, "n" + words[3], "bench", words.at(4)},
                                     .listen = words[4]};
    std::vector<raft::Peer> peers;
    for (size_t i = 6; i < words.size(); ++i) {
      const size_t at = words[i].find('@');
      node->founders_.voters.push_back(std::stoull(words[i].substr(0, at)));
      peers.push_back({.name = words[i].substr(0, at), .address = words[i].substr(at + 1)});
    }
    const bool alone = peers.size() < 2;
    BINBUS_TRY(host, raft::GroupHost::open(alone ? std::nullopt : std::optional(transport),
                                           {.answer = [](auto&&...) { return ByteVector(); },
                                            .peer_seen = [](auto&&...) {},
                                            .peer_lost = [](auto) {}},
                                           io::system_clock()));
    node->host_ = std::move(host);
    if (!alone) BINBUS_RETURN_IF_ERROR(node->host_->transport()->set_peers(peers));
    return node;
  }
  ~Node() {
    for (auto& [name, group] : groups_) group->stop();
    groups_.clear();
    host_->stop();
  }

  Result<Json> answer(const Arguments& words) {
    const std::string& what = words.at(0);
    if (what == "open")
      return open_groups(std::stoull(words.at(1)), std::stoull(words.at(2)), words.at(3) != "0");
    if (what == "usage") return usage();
    if (what == "peers") return peers();
    if (what == "call") return call(std::stoull(words.at(1)), std::stoull(words.at(2)));
    raft::GroupRunner& group = *groups_.at(words.at(1));
    if (what == "leads") return leads(group);
    if (what == "write") return write_as_leader(group, words);
    if (what == "entries") return entries(group);
    return fail(Code::kInvalid, "no command " + what);
  }

 private:
  Node(std::string folder, uint64_t pace) : folder_(std::move(folder)), disk_(pace) {}

  Result<Json> open_groups(uint64_t first, uint64_t count, bool may_rest) {
    for (uint64_t i = first; i < first + count; ++i) {
      const std::string name = "g" + std::to_string(i);
      raft::GroupOptions options;
      options.log.directory = folder_ + "/" + name;
      std::filesystem::create_directories(options.log.directory);
      options.founders = founders_;
      options.core.id = id_;
      options.core.election_ticks_max = 15;
      options.core.seed = i;
      if (!may_rest) options.rest_after_ticks = 0;
      BINBUS_TRY(group, raft::GroupRunner::open(name, disk_, io::system_clock(), options, *host_,
                                                nullptr));
      groups_[name] = std::move(group);
    }
    return Json{{"groups", groups_.size()}};
  }

  static Result<Json> leads(const raft::GroupRunner& group) {
    return Json{{"leads", group.leading() != 0}, {"leader", group.status().core.leader}};
  }

  Result<Json> write_as_leader(raft::GroupRunner& group, const Arguments& words) {
    raft::Leadership leadership(group, group.leading());
    store::LogWriter writer(group.log(), leadership);
    BINBUS_TRY(wrote, write(writer, written_[group.name()], words.at(2), words.at(3), words.at(4)));
    written_[group.name()] = wrote["next"];
    return wrote;
  }

  static Result<Json> entries(const raft::GroupRunner& group) {
    const raft::GroupStatus status = group.status();
    return Json{{"last", status.last_index},
                {"committed", status.commit_index},
                {"resting", status.resting}};
  }

  Result<Json> peers() {
    const auto peers = host_->transport()->status();
    return Json{{"connected", std::ranges::count_if(peers, [](const raft::PeerStatus& peer) {
                   return peer.urgent.connected && peer.bulk.connected;
                 })}};
  }

  Result<Json> call(raft::NodeId to, size_t count) {
    std::vector<uint64_t> took_us;
    const uint64_t begun_us = now_us();
    for (size_t i = 0; i < count; ++i) {
      const uint64_t start_us = now_us();
      BINBUS_TRY(answered, host_->transport()->call(to, "nothing", {}, 10'000));
      static_cast<void>(answered);
      took_us.push_back(now_us() - start_us);
    }
    return summary(std::move(took_us), now_us() - begun_us, 0);
  }

  static Result<Json> usage() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    size_t pages = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> pages >> resident;
    return Json{{"cpu_s", seconds(used.ru_utime) + seconds(used.ru_stime)},
                {"memory_bytes", resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE))}};
  }

  const std::string folder_;
  PacedFiles disk_;
  raft::NodeId id_ = 0;
  raft::Members founders_;
  std::unique_ptr<raft::GroupHost> host_;
  std::map<std::string, std::shared_ptr<raft::GroupRunner>> groups_;
  std::map<std::string, uint64_t> written_;  // transactions
};

Result<Json> files(const Arguments& words) {
  const size_t streams = std::stoull(words.at(3)), count = std::stoull(words.at(4)),
               each = std::stoull(words.at(5));
  PacedFiles disk(std::stoull(words.at(6)));
  const ByteVector block(each, 'x');
  std::vector<std::vector<uint64_t>> took_us(streams);
  std::vector<Status> outcomes(streams);
  const auto write_one = [&](size_t i) -> Status {
    const std::string name = std::to_string(streams) + "-" + std::to_string(i);
    BINBUS_TRY(file, disk.open(words[2] + "/" + name, io::OpenMode::kCreateNew));
    for (size_t n = 0; n < count; ++n) {
      const uint64_t start_us = now_us();
      BINBUS_RETURN_IF_ERROR(file->write_at(n * each, block));
      BINBUS_RETURN_IF_ERROR(file->sync());
      took_us[i].push_back(now_us() - start_us);
    }
    return ok();
  };
  const uint64_t begun_us = now_us();
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < streams; ++i)
      threads.emplace_back([&, i] { outcomes[i] = write_one(i); });
  }
  const uint64_t wall_us = now_us() - begun_us;
  for (Status& outcome : outcomes) BINBUS_RETURN_IF_ERROR(std::move(outcome));
  return summary(std::move(took_us[0]), wall_us, count * each);
}

Result<Json> local(const Arguments& words) {
  PacedFiles disk(std::stoull(words.at(6)));
  BINBUS_TRY(log,
             store::LocalLog::open(disk, io::system_clock(), {.directory = words[2]}, nullptr));
  return write(log->writer(), 0, words.at(3), words.at(4), words.at(5));
}

Status print(const Result<Json>& answer) {
  if (!answer) return fail(answer.error());
  std::cout << answer->dump() << std::endl;
  return ok();
}

Status run(const Arguments& words) {
  const std::string what = words.size() > 2 ? words[1] : "";
  if (what == "files") return print(files(words));
  if (what == "local") return print(local(words));
  if (what != "node") return fail(Code::kInvalid, "usage: cluster_bench node|files|local ...");
  BINBUS_TRY(node, Node::open(words));
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream in(line);
    const Arguments command{std::istream_iterator<std::string>(in), {}};
    BINBUS_RETURN_IF_ERROR(print(node->answer(command)));
  }
  return ok();
}

}  // namespace
}  // namespace binbus

int main(int argc, char** argv) {
  if (const auto status = binbus::run({argv, argv + argc}); !status) {
    std::fprintf(stderr, "cluster_bench: %s\n", status.error().message.c_str());
    return 1;
  }
}
