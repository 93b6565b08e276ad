#include "io/simulated_disk.h"

#include <algorithm>
#include <array>
#include <random>
#include <set>

namespace binbus::io {
namespace {

constexpr uint64_t kSectorBytes = SimulatedDisk::kSectorBytes;
using Sector = std::array<uint8_t, kSectorBytes>;
using Random = std::mt19937_64;

std::string parent(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

// A sparse file's bytes.
struct Contents {
  std::map<uint64_t, Sector> sectors;  // those not there are zeros
  uint64_t size = 0;

  const Sector& at(uint64_t number) const {
    static const Sector kZeros{};
    const auto found = sectors.find(number);
    return found == sectors.end() ? kZeros : found->second;
  }
  void truncate(uint64_t new_size) {
    size = new_size;
    sectors.erase(sectors.lower_bound((new_size + kSectorBytes - 1) / kSectorBytes), sectors.end());
    const auto last = sectors.find(new_size / kSectorBytes);
    if (last != sectors.end()) {
      std::fill(last->second.begin() + static_cast<ptrdiff_t>(new_size % kSectorBytes),
                last->second.end(), uint8_t{0});
    }
  }
};

// What a sector that was being written holds after the power failed.
Sector after_crash(const Sector& before, const Sector& now, Random& random) {
  switch (random() % 4) {
    case 0:
      return before;
    case 1: {
      Sector zeroed = now;
      for (size_t i = 0; i < zeroed.size(); ++i) {
        if (before[i] != now[i]) zeroed[i] = 0;
      }
      return zeroed;
    }
    case 2: {
      Sector torn = before;
      const size_t written = static_cast<size_t>(random() % kSectorBytes);
      std::copy_n(now.begin(), written, torn.begin());
      return torn;
    }
    default:
      return now;
  }
}

}  // namespace

struct SimulatedDisk::Node {
  Contents synced;
  Contents current;
  std::set<uint64_t> dirty;  // sectors whose contents differ, or may

  void crash(Random& random) {
    const uint64_t low = std::min(synced.size, current.size);
    const uint64_t high = std::max(synced.size, current.size);
    const uint64_t sizes[] = {synced.size, current.size, low + random() % (high - low + 1)};
    const uint64_t size = sizes[random() % 3];
    for (const uint64_t number : dirty) {
      synced.sectors[number] = after_crash(synced.at(number), current.at(number), random);
    }
    synced.truncate(size);
    current = synced;
    dirty.clear();
  }
};

// Each name's new file (null: removed); a rename changes two at once.
struct SimulatedDisk::NameChange {
  std::vector<std::pair<std::string, std::shared_ptr<Node>>> names;

  void apply(Names& to) const {
    for (const auto& [name, node] : names) {
      if (node) {
        to[name] = node;
      } else {
        to.erase(name);
      }
    }
  }
};

class SimulatedDisk::OpenFile final : public File {
 public:
  OpenFile(SimulatedDisk& disk, std::shared_ptr<Node> node) : disk_(disk), node_(std::move(node)) {}

  Result<size_t> read_at(uint64_t offset, std::span<uint8_t> buffer) const override {
    const std::lock_guard lock(disk_.mutex_);
    const Contents& contents = node_->current;
    if (offset >= contents.size) return size_t{0};
    const size_t count =
        static_cast<size_t>(std::min<uint64_t>(buffer.size(), contents.size - offset));
    disk_.bytes_read_ += count;
    for (size_t done = 0; done < count;) {
      const uint64_t at = offset + done;
      const size_t within = static_cast<size_t>(at % kSectorBytes);
      const size_t part = std::min<size_t>(count - done, kSectorBytes - within);
      std::copy_n(contents.at(at / kSectorBytes).begin() + static_cast<ptrdiff_t>(within), part,
                  buffer.begin() + static_cast<ptrdiff_t>(done));
      done += part;
    }
    return count;
  }
  Status write_at(uint64_t offset, Bytes bytes) override {
    const std::lock_guard lock(disk_.mutex_);
    return disk_.write(*node_, offset, bytes);
  }
  Status sync() override {
    BINBUS_RETURN_IF_ERROR(disk_.take_time());
    const std::lock_guard lock(disk_.mutex_);
    return disk_.sync(*node_);
  }
  void start_writeback(uint64_t, uint64_t) override {}
  Status truncate(uint64_t size) override {
    const std::lock_guard lock(disk_.mutex_);
    Contents& contents = node_->current;
    for (auto at = contents.sectors.lower_bound(size / kSectorBytes); at != contents.sectors.end();
         ++at) {
      node_->dirty.insert(at->first);
    }
    disk_.used_ = disk_.used_ - contents.size + size;
    contents.truncate(size);
    return ok();
  }
  Result<uint64_t> size() const override {
    const std::lock_guard lock(disk_.mutex_);
    return node_->current.size;
  }

 private:
  SimulatedDisk& disk_;
  std::shared_ptr<Node> node_;
};

SimulatedDisk::SimulatedDisk() = default;
SimulatedDisk::~SimulatedDisk() = default;

void SimulatedDisk::crash(uint64_t seed) {
  const std::lock_guard lock(mutex_);
  Random random(seed);
  for (const NameChange& change : unsynced_) {
    if (random() % 2 == 0) change.apply(synced_names_);
  }
  unsynced_.clear();
  names_ = synced_names_;
  used_ = 0;
  for (const auto& [name, node] : names_) {
    if (!node) continue;
    node->crash(random);
    used_ += node->current.size;
  }
  syncs_until_failure_ = 0;
}

void SimulatedDisk::set_capacity(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

void SimulatedDisk::fail_sync(uint64_t kth) {
  const std::lock_guard lock(mutex_);
  syncs_until_failure_ = kth;
}

void SimulatedDisk::on_sync(std::function<Status()> call) {
  const std::lock_guard lock(mutex_);
  on_sync_ = std::move(call);
}

// Others read and write while it lasts.
Status SimulatedDisk::take_time() {
  std::function<Status()> call;
  {
    const std::lock_guard lock(mutex_);
    call = on_sync_;
  }
  return call ? call() : ok();
}

void SimulatedDisk::lie_about_syncs(bool lie) {
  const std::lock_guard lock(mutex_);
  lie_ = lie;
}

uint64_t SimulatedDisk::bytes_read() const {
  const std::lock_guard lock(mutex_);
  return bytes_read_;
}

uint64_t SimulatedDisk::syncs() const {
  const std::lock_guard lock(mutex_);
  return syncs_;
}

Status SimulatedDisk::sync(Node& node) {
  ++syncs_;
  if (lie_) return ok();
  const bool fails = syncs_until_failure_ > 0 && --syncs_until_failure_ == 0;
  if (!fails) {
    for (const uint64_t number : node.dirty) {
      const auto found = node.current.sectors.find(number);
      if (found == node.current.sectors.end()) {
        node.synced.sectors.erase(number);
      } else {
        node.synced.sectors[number] = found->second;
      }
    }
    node.synced.truncate(node.current.size);
  }
  node.dirty.clear();  // as the kernel does also when it failed: the pages count as written
  if (fails) return fail(Code::kIo, "sync: simulated failure");
  return ok();
}

Status SimulatedDisk::write(Node& node, uint64_t offset, Bytes bytes) {
  const uint64_t old_size = node.current.size;
  const uint64_t room = capacity_ > used_ ? capacity_ - used_ : 0;
  const uint64_t end_max =
      std::max(old_size, room > UINT64_MAX - old_size ? UINT64_MAX : old_size + room);
  const bool full = offset + bytes.size() > end_max;
  if (full) bytes = bytes.first(static_cast<size_t>(end_max > offset ? end_max - offset : 0));
  for (size_t done = 0; done < bytes.size();) {
    const uint64_t at = offset + done;
    const size_t within = static_cast<size_t>(at % kSectorBytes);
    const size_t part = std::min<size_t>(bytes.size() - done, kSectorBytes - within);
    Sector& sector = node.current.sectors[at / kSectorBytes];
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(done), part,
                sector.begin() + static_cast<ptrdiff_t>(within));
    node.dirty.insert(at / kSectorBytes);
    done += part;
  }
  node.current.size = std::max(old_size, bytes.empty() ? old_size : offset + bytes.size());
  used_ += node.current.size - old_size;
  if (full) return fail(Code::kDiskFull, "write: no space left on the simulated disk");
  return ok();
}

void SimulatedDisk::change_names(NameChange change) {
  change.apply(names_);
  unsynced_.push_back(std::move(change));
}

Result<std::unique_ptr<File>> SimulatedDisk::open(const std::string& path, OpenMode mode) {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  if (mode == OpenMode::kCreateNew) {
    if (found != names_.end()) return fail(Code::kExists, "open " + path + ": it exists");
    change_names({{{path, std::make_shared<Node>()}}});
  } else if (found == names_.end()) {
    return fail(Code::kNotFound, "open " + path + ": no such file");
  }
  return std::make_unique<OpenFile>(*this, names_.at(path));
}

Result<std::vector<DirectoryEntry>> SimulatedDisk::list(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  std::vector<DirectoryEntry> entries;
  for (const auto& [path, node] : names_) {
    if (parent(path) != directory) continue;
    entries.push_back({path.substr(directory.size() + 1), node->current.size, false});
  }
  return entries;
}

Status SimulatedDisk::make_directories(const std::string&) { return ok(); }  // any path's are there

Status SimulatedDisk::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  if (found == names_.end()) return fail(Code::kNotFound, "remove " + path + ": no such file");
  used_ -= found->second->current.size;
  change_names({{{path, nullptr}}});
  return ok();
}

Status SimulatedDisk::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(from);
  if (found == names_.end()) return fail(Code::kNotFound, "rename " + from + ": no such file");
  const auto replaced = names_.find(to);
  if (replaced != names_.end()) used_ -= replaced->second->current.size;
  change_names({{{to, found->second}, {from, nullptr}}});
  return ok();
}

Status SimulatedDisk::sync_directory(const std::string& path) {
  BINBUS_RETURN_IF_ERROR(take_time());
  const std::lock_guard lock(mutex_);
  std::vector<NameChange> others;
  for (NameChange& change : unsynced_) {
    if (parent(change.names.front().first) == path) {
      change.apply(synced_names_);
    } else {
      others.push_back(std::move(change));
    }
  }
  unsynced_ = std::move(others);
  return ok();
}

bool SimulatedDisk::exists(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return names_.contains(path);
}

Result<uint64_t> SimulatedDisk::free_bytes(const std::string&) {
  const std::lock_guard lock(mutex_);
  return capacity_ > used_ ? capacity_ - used_ : 0;
}

}  // namespace binbus::io
