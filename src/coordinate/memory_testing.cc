#include "coordinate/memory_testing.h"

#include <chrono>
#include <thread>
#include <utility>

namespace binbus::coordinate {

class MemorySession final : public Session {
 public:
  MemorySession(std::shared_ptr<MemoryServer> server, uint64_t id, uint64_t ttl_ms)
      : server_(std::move(server)), id_(id), ttl_ms_(ttl_ms) {}
  ~MemorySession() override {
    {
      const std::lock_guard lock(server_->mutex_);
      server_->watchers_.erase(id_);
      if (server_->away_) return;  // it expires some time
      server_->end_session(id_);
    }
    server_->tell();
  }
  uint64_t ttl_ms() const override { return ttl_ms_; }

  Status keep_alive() override {
    const std::lock_guard lock(server_->mutex_);
    return there();
  }

  Result<std::vector<Entry>> list(const std::string& folder) override {
    const std::lock_guard lock(server_->mutex_);
    BINBUS_RETURN_IF_ERROR(there());
    std::vector<Entry> entries;
    const std::string prefix = folder + "/";
    for (const auto& [name, node] : server_->nodes_) {
      if (name.starts_with(prefix))
        entries.push_back({name.substr(prefix.size()), node.value, node.version});
    }
    return entries;
  }

  Result<std::optional<Entry>> get(const std::string& name) override {
    const std::lock_guard lock(server_->mutex_);
    BINBUS_RETURN_IF_ERROR(there());
    const auto found = server_->nodes_.find(name);
    if (found == server_->nodes_.end()) return std::nullopt;
    return Entry{name.substr(name.rfind('/') + 1), found->second.value, found->second.version};
  }

  Result<std::optional<Versions>> transact(const std::vector<Step>& steps) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(server_->slow_ms_));
    using Kind = Step::Kind;
    Versions versions;
    bool lost = false;
    {
      const std::lock_guard lock(server_->mutex_);
      BINBUS_RETURN_IF_ERROR(there());
      for (const Step& step : steps) {
        const auto found = server_->nodes_.find(step.name);
        const bool is = found != server_->nodes_.end();
        if (step.kind == Kind::kCreate ? is : !is || found->second.version != step.version)
          return std::nullopt;
        if (step.kind == Kind::kMine && found->second.session != id_) return std::nullopt;
      }
      ++server_->revision_;
      for (const Step& step : steps) {
        const bool change = step.kind == Kind::kCreate || step.kind == Kind::kSet;
        if (step.kind == Kind::kRemove) server_->nodes_.erase(step.name);
        if (change)
          server_->nodes_[step.name] = {step.value, server_->revision_, step.bound ? id_ : 0};
        versions.push_back(change ? server_->revision_ : step.version);
      }
      lost = std::exchange(server_->lose_answer_, false);
    }
    server_->tell();
    if (lost) return fail(Code::kTimeout, "memory: the answer is lost");
    return versions;
  }

 private:
  Status there() const {
    if (server_->away_) return fail(Code::kNetwork, "memory: away");
    if (!server_->sessions_.contains(id_)) return fail(Code::kNotFound, "memory: session expired");
    return ok();
  }

  const std::shared_ptr<MemoryServer> server_;
  const uint64_t id_;
  const uint64_t ttl_ms_;
};

Connect MemoryServer::connect() {
  return [this](const SessionOptions& options) -> Result<std::unique_ptr<Session>> {
    const std::lock_guard lock(mutex_);
    if (away_) return fail(Code::kNetwork, "memory: away");
    const uint64_t id = ++made_;
    sessions_.insert(id);
    watchers_[id] = options.on_change;
    return std::make_unique<MemorySession>(shared_from_this(), id, options.ttl_ms);
  };
}

void MemoryServer::set_away(bool away) {
  const std::lock_guard lock(mutex_);
  away_ = away;
}

void MemoryServer::set_slow(uint64_t ms) { slow_ms_ = ms; }

void MemoryServer::lose_next_answer() {
  const std::lock_guard lock(mutex_);
  lose_answer_ = true;
}

void MemoryServer::end_session(uint64_t session) {
  sessions_.erase(session);
  std::erase_if(nodes_, [&](const auto& node) { return node.second.session == session; });
}

void MemoryServer::expire_sessions() {
  {
    const std::lock_guard lock(mutex_);
    for (const uint64_t session : std::set(sessions_)) end_session(session);
  }
  tell();
}

void MemoryServer::wipe() {
  {
    const std::lock_guard lock(mutex_);
    nodes_.clear();
    sessions_.clear();
    revision_ = 0;
  }
  tell();
}

void MemoryServer::put(const std::string& name, const std::string& value) {
  {
    const std::lock_guard lock(mutex_);
    nodes_[name] = {value, ++revision_, 0};
  }
  tell();
}

void MemoryServer::remove(const std::string& name) {
  remove_untold(name);
  tell();
}

void MemoryServer::remove_untold(const std::string& name) {
  const std::lock_guard lock(mutex_);
  nodes_.erase(name);
}

std::string MemoryServer::value(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? "" : found->second.value;
}

uint64_t MemoryServer::sessions_made() const {
  const std::lock_guard lock(mutex_);
  return made_;
}

void MemoryServer::tell() {
  std::map<uint64_t, std::function<void()>> watchers;
  {
    const std::lock_guard lock(mutex_);
    watchers = watchers_;
  }
  for (const auto& [session, on_change] : watchers) on_change();
}

}  // namespace binbus::coordinate
