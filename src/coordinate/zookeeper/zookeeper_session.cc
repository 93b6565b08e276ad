#include "coordinate/zookeeper/zookeeper_session.h"

#include <fmt/format.h>
#include <zookeeper/zookeeper.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "coordinate/names.h"

namespace binbus::coordinate {
namespace {

constexpr uint64_t kCallMsMax = 3'000;
constexpr uint64_t kCallMsMin = 300;

Error error_of(int rc, const std::string& what) {
  const Code code = [&] {
    switch (rc) {
      case ZCONNECTIONLOSS:
      case ZCLOSING:
        return Code::kNetwork;
      case ZOPERATIONTIMEOUT:
        return Code::kTimeout;
      case ZSESSIONEXPIRED:
      case ZINVALIDSTATE:
        return Code::kNotFound;
      case ZNOAUTH:
      case ZAUTHFAILED:
        return Code::kAuth;
      default:
        return Code::kRemote;
    }
  }();
  return {code, fmt::format("zookeeper: {}: {}", what, zerror(rc))};
}

// A step's condition that did not hold.
bool refused(int rc) { return rc == ZNODEEXISTS || rc == ZBADVERSION || rc == ZNONODE; }

void no_log(const char*) {}  // what it says comes back as errors, too

// What an asynchronous call is answered with. Who asked may have given up waiting: the answer lives until both are done with it.
template <class T>
class Call {
 public:
  static std::shared_ptr<Call> make() { return std::make_shared<Call>(); }
  // For the library's `data`; taken back by answered(), or by unsent().
  static void* hold(const std::shared_ptr<Call>& call) { return new std::shared_ptr<Call>(call); }
  static void answered(const void* held, int rc, T value) {
    const auto* call = static_cast<const std::shared_ptr<Call>*>(held);
    {
      const std::lock_guard lock((*call)->mutex_);
      (*call)->rc_ = rc;
      (*call)->value_ = std::move(value);
      (*call)->answered_.notify_all();
    }
    delete call;
  }
  static int unsent(const void* held, int rc) {
    delete static_cast<const std::shared_ptr<Call>*>(held);
    return rc;
  }
  int wait(uint64_t timeout_ms) {
    std::unique_lock lock(mutex_);
    const bool there = answered_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                                          [this] { return rc_.has_value(); });
    return there ? *rc_ : static_cast<int>(ZOPERATIONTIMEOUT);
  }
  T take() {
    const std::lock_guard lock(mutex_);
    return std::move(value_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable answered_;
  std::optional<int> rc_;
  T value_{};
};

using Value = std::pair<std::string, int64_t>;  // a node's data and its version

void on_void(int rc, const void* held) { Call<bool>::answered(held, rc, true); }
void on_string(int rc, const char*, const void* held) { Call<bool>::answered(held, rc, true); }
void on_data(int rc, const char* value, int length, const Stat* stat, const void* held) {
  Value out;
  if (rc == ZOK && length > 0) out.first.assign(value, static_cast<size_t>(length));
  if (rc == ZOK) out.second = stat->version;
  Call<Value>::answered(held, rc, std::move(out));
}
void on_names(int rc, const String_vector* names, const void* held) {
  std::vector<std::string> out;
  if (rc == ZOK) out.assign(names->data, names->data + names->count);
  Call<std::vector<std::string>>::answered(held, rc, std::move(out));
}

// A transaction under way, with all that the library keeps pointers to.
struct Transaction {
  explicit Transaction(const std::vector<Step>& wanted)
      : steps(wanted), operations(wanted.size()), results(wanted.size()), stats(wanted.size()) {}
  std::vector<Step> steps;
  std::vector<std::string> paths;
  std::vector<zoo_op_t> operations;
  std::vector<zoo_op_result_t> results;
  std::vector<Stat> stats;
};

class ZookeeperSession final : public Session {
 public:
  explicit ZookeeperSession(const SessionOptions& options)
      : options_(options), call_ms_(std::clamp(options.ttl_ms / 5, kCallMsMin, kCallMsMax)) {}
  ~ZookeeperSession() override {
    if (handle_ != nullptr) ::zookeeper_close(handle_);
  }

  Status begin() {
    const std::string hosts = fmt::format("{}", fmt::join(options_.endpoints, ","));
    handle_ = ::zookeeper_init2(hosts.c_str(), on_event, static_cast<int>(options_.ttl_ms), nullptr,
                                this, 0, no_log);
    if (handle_ == nullptr)
      return fail(Code::kInvalid, fmt::format("zookeeper: no such address: {}", hosts));
    {
      std::unique_lock lock(mutex_);
      const bool connected =
          event_.wait_for(lock, options_.stop, std::chrono::milliseconds(options_.ttl_ms),
                          [this] { return ::zoo_state(handle_) == ZOO_CONNECTED_STATE; });
      if (!connected)
        return fail(Code::kNetwork, fmt::format("zookeeper: none of {} answers", hosts));
    }
    granted_ms_ = static_cast<uint64_t>(::zoo_recv_timeout(handle_));
    if (!options_.user.empty()) {
      const std::string who = options_.user + ":" + options_.password;
      const int rc = ::zoo_add_auth(handle_, "digest", who.data(), static_cast<int>(who.size()),
                                    nullptr, nullptr);
      if (rc != ZOK) return fail(error_of(rc, "add_auth"));
    }
    return make_folders();
  }

  uint64_t ttl_ms() const override { return granted_ms_; }

  Status keep_alive() override {
    // A read is answered by the server at hand, which may be cut off from the others while they end the session; a transaction
    // by their leader and a majority, whether its condition holds or not.
    BINBUS_RETURN_IF_ERROR(attempt({{.kind = Step::Kind::kIs, .name = names::kId, .version = -1}}));
    return ok();
  }

  Result<std::vector<Entry>> list(const std::string& folder) override {
    const bool watched = std::ranges::find(options_.watched, folder) != options_.watched.end();
    std::vector<std::string> sorted;
    const int rc = ask<std::vector<std::string>>(
        [&](const void* held) {
          return ::zoo_awget_children(handle_, path(folder).c_str(), watched ? on_event : nullptr,
                                      this, on_names, held);
        },
        &sorted);
    if (rc == ZNONODE) return std::vector<Entry>();
    if (rc != ZOK) return fail(error_of(rc, "get_children of " + path(folder)));
    std::ranges::sort(sorted);
    std::vector<Entry> entries;
    for (const std::string& name : sorted) {
      BINBUS_TRY(entry, read(folder + "/" + name, watched));
      if (entry) entries.push_back(std::move(*entry));
    }
    return entries;
  }

  Result<std::optional<Entry>> get(const std::string& name) override { return read(name, false); }

  Result<std::optional<Versions>> transact(const std::vector<Step>& steps) override {
    bool missing_folder = false;
    BINBUS_TRY(versions, attempt(steps, &missing_folder));
    if (versions || !missing_folder) return versions;
    // Somebody has removed everything.
    BINBUS_RETURN_IF_ERROR(make_folders());
    return attempt(steps);
  }

 private:
  std::string path(const std::string& name) const { return options_.root + "/" + name; }

  static void on_event(zhandle_t*, int, int, const char*, void* context) {
    auto* self = static_cast<ZookeeperSession*>(context);
    {
      const std::lock_guard lock(self->mutex_);
      self->event_.notify_all();
    }
    self->options_.on_change();
  }

  // Who has given a user keeps others out of the group.
  const ACL_vector* acl() const {
    return options_.user.empty() ? &ZOO_OPEN_ACL_UNSAFE : &ZOO_CREATOR_ALL_ACL;
  }

  Status make_folders() {
    std::vector<std::string> folders;
    for (size_t slash = options_.root.find('/', 1); slash != std::string::npos;
         slash = options_.root.find('/', slash + 1))
      folders.push_back(options_.root.substr(0, slash));
    const size_t shared = folders.size();
    folders.push_back(options_.root);
    for (const char* name :
         {"group", names::kNodes, names::kOwners, names::kEpochs, names::kPositions,
          names::kCheckpoints, names::kFilterTables, names::kSinks})
      folders.push_back(path(name));
    for (size_t i = 0; i < folders.size(); ++i) {
      const int rc = ask<bool>([&](const void* held) {
        return ::zoo_acreate(handle_, folders[i].c_str(), nullptr, -1,
                             i < shared ? &ZOO_OPEN_ACL_UNSAFE : acl(), 0, on_string, held);
      });
      if (rc != ZOK && rc != ZNODEEXISTS) return fail(error_of(rc, "create " + folders[i]));
    }
    return ok();
  }

  // Begins a call and waits for its answer: the library's own calls that wait do so for as long as it takes.
  template <class T>
  int ask(const std::function<int(const void* held)>& begin, T* out = nullptr) {
    const auto call = Call<T>::make();
    const void* held = Call<T>::hold(call);
    if (const int rc = begin(held); rc != ZOK) return Call<T>::unsent(held, rc);
    const int rc = call->wait(call_ms_);
    if (rc == ZOK && out != nullptr) *out = call->take();
    return rc;
  }

  Result<std::optional<Entry>> read(const std::string& name, bool watched) {
    Value value;
    const int rc = ask<Value>(
        [&](const void* held) {
          return ::zoo_awget(handle_, path(name).c_str(), watched ? on_event : nullptr, this,
                             on_data, held);
        },
        &value);
    if (rc == ZNONODE) return std::nullopt;
    if (rc != ZOK) return fail(error_of(rc, "get " + path(name)));
    return Entry{name.substr(name.rfind('/') + 1), std::move(value.first), value.second};
  }

  void fill(Transaction& transaction) const {
    using Kind = Step::Kind;
    transaction.paths.reserve(transaction.steps.size());
    for (size_t i = 0; i < transaction.steps.size(); ++i) {
      const Step& step = transaction.steps[i];
      zoo_op_t* operation = &transaction.operations[i];
      const char* name = transaction.paths.emplace_back(path(step.name)).c_str();
      const auto version = static_cast<int>(step.version);
      const auto bytes = static_cast<int>(step.value.size());
      switch (step.kind) {
        case Kind::kMine:
        case Kind::kIs:
          ::zoo_check_op_init(operation, name, version);
          break;
        case Kind::kCreate:
          ::zoo_create_op_init(operation, name, step.value.data(), bytes, acl(),
                               step.bound ? ZOO_EPHEMERAL : 0, nullptr, 0);
          break;
        case Kind::kSet:
          ::zoo_set_op_init(operation, name, step.value.data(), bytes, version,
                            &transaction.stats[i]);
          break;
        case Kind::kRemove:
          ::zoo_delete_op_init(operation, name, version);
          break;
      }
    }
  }

  Result<std::optional<Versions>> attempt(const std::vector<Step>& steps,
                                          bool* missing_folder = nullptr) {
    using Kind = Step::Kind;
    auto transaction = std::make_shared<Transaction>(steps);
    fill(*transaction);
    // Kept until it is answered, which may be after we have given up.
    struct Held {
      std::shared_ptr<Transaction> transaction;
      const void* call;
    };
    const int rc = ask<bool>([&](const void* call) {
      auto* held = new Held{transaction, call};
      const int begun = ::zoo_amulti(
          handle_, static_cast<int>(steps.size()), transaction->operations.data(),
          transaction->results.data(),
          [](int answer, const void* data) {
            const auto* which = static_cast<const Held*>(data);
            on_void(answer, which->call);
            delete which;
          },
          held);
      if (begun != ZOK) delete held;
      return begun;
    });
    if (refused(rc)) {
      for (size_t i = 0; missing_folder != nullptr && i < steps.size(); ++i) {
        if (transaction->results[i].err == ZNONODE && steps[i].kind == Kind::kCreate)
          *missing_folder = true;
      }
      return std::nullopt;
    }
    if (rc != ZOK) return fail(error_of(rc, "multi"));
    Versions versions;
    for (size_t i = 0; i < steps.size(); ++i) {
      const Kind kind = steps[i].kind;
      versions.push_back(kind == Kind::kSet      ? transaction->stats[i].version
                         : kind == Kind::kCreate ? 0
                                                 : steps[i].version);
    }
    return versions;
  }

  const SessionOptions options_;
  const uint64_t call_ms_;
  zhandle_t* handle_ = nullptr;
  uint64_t granted_ms_ = 0;
  std::mutex mutex_;
  std::condition_variable_any event_;
};

}  // namespace

Result<std::unique_ptr<Session>> connect_zookeeper(const SessionOptions& options) {
  if (options.tls) {
    return fail(Code::kUnsupported,
                "zookeeper: the client library has no TLS; put a TLS tunnel in front of it");
  }
  auto session = std::make_unique<ZookeeperSession>(options);
  BINBUS_RETURN_IF_ERROR(session->begin());
  return session;
}

}  // namespace binbus::coordinate
