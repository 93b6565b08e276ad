#include "coordinate/etcd/etcd_session.h"

#include <etcd.grpc.pb.h>
#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

namespace binbus::coordinate {
namespace {

namespace pb = etcdserverpb;

constexpr uint64_t kCallMsMax = 3'000;
constexpr uint64_t kCallMsMin = 300;
constexpr auto kWatchAgain = std::chrono::milliseconds(200);

Error error_of(const grpc::Status& status, const std::string& endpoint) {
  const Code code = [&] {
    switch (status.error_code()) {
      case grpc::StatusCode::UNAVAILABLE:
      case grpc::StatusCode::CANCELLED:
        return Code::kNetwork;
      case grpc::StatusCode::DEADLINE_EXCEEDED:
        return Code::kTimeout;
      case grpc::StatusCode::UNAUTHENTICATED:
      case grpc::StatusCode::PERMISSION_DENIED:
        return Code::kAuth;
      default:
        return Code::kRemote;
    }
  }();
  return {code, fmt::format("etcd at {}: {}", endpoint, status.error_message())};
}

// etcd knows a wrong password as an invalid argument.
Error auth_error_of(const grpc::Status& status, const std::string& endpoint) {
  Error error = error_of(status, endpoint);
  if (error.code == Code::kRemote) error.code = Code::kAuth;
  return error;
}

Result<std::string> read_file(const std::string& path) {
  if (path.empty()) return "";
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  if (!in) return fail(Code::kTls, "cannot read " + path);
  return out.str();
}

using Credentials = std::shared_ptr<grpc::ChannelCredentials>;

Result<Credentials> credentials_of(const SessionOptions& options) {
  if (!options.tls) return grpc::InsecureChannelCredentials();
  BINBUS_TRY(ca, read_file(options.tls_ca));
  BINBUS_TRY(key, read_file(options.tls_key));
  BINBUS_TRY(cert, read_file(options.tls_cert));
  return grpc::SslCredentials(
      {.pem_root_certs = ca, .pem_private_key = key, .pem_cert_chain = cert});
}

// What follows every key that begins so.
std::string end_of(std::string prefix) {
  ++prefix.back();  // a "/"
  return prefix;
}

struct Endpoint {
  std::string address;
  std::unique_ptr<pb::KV::Stub> kv;
  std::unique_ptr<pb::Lease::Stub> lease;
  std::unique_ptr<pb::Watch::Stub> watch;
  std::unique_ptr<pb::Auth::Stub> auth;
};

std::shared_ptr<Endpoint> connect_to(const std::string& address, const Credentials& credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);  // a folder comes in one
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL,
                   1);  // no memory of earlier sessions' failures
  const auto channel = grpc::CreateCustomChannel(address, credentials, arguments);
  return std::make_shared<Endpoint>(
      Endpoint{address, pb::KV::NewStub(channel), pb::Lease::NewStub(channel),
               pb::Watch::NewStub(channel), pb::Auth::NewStub(channel)});
}

class EtcdSession final : public Session {
 public:
  // `first`: of the options' endpoints, which is asked first.
  EtcdSession(const SessionOptions& options, Credentials credentials, size_t first)
      : options_(options),
        credentials_(std::move(credentials)),
        current_(first),
        call_ms_(std::clamp(options.ttl_ms / 5, kCallMsMin, kCallMsMax)) {
    for (const std::string& address : options_.endpoints)
      endpoints_.push_back(connect_to(address, credentials_));
  }

  ~EtcdSession() override {
    {
      const std::lock_guard lock(mutex_);
      watcher_.request_stop();
      if (watching_ != nullptr) watching_->TryCancel();
    }
    if (watcher_.joinable()) watcher_.join();
    if (lease_ == 0) return;
    pb::LeaseRevokeRequest request;
    request.set_id(lease_);
    (void)call([&](Endpoint& at, grpc::ClientContext& context) {
      pb::LeaseRevokeResponse response;
      return at.lease->LeaseRevoke(&context, request, &response);
    });
  }

  // kAuth when the user or its password is refused.
  Status begin() {
    if (!options_.user.empty()) BINBUS_RETURN_IF_ERROR(authenticate(*endpoint(current_)));
    pb::LeaseGrantRequest request;
    request.set_ttl(static_cast<int64_t>((options_.ttl_ms + 999) / 1000));
    pb::LeaseGrantResponse response;
    BINBUS_RETURN_IF_ERROR(call([&](Endpoint& at, grpc::ClientContext& context) {
      return at.lease->LeaseGrant(&context, request, &response);
    }));
    lease_ = response.id();
    granted_ms_ = static_cast<uint64_t>(response.ttl()) * 1000;
    watcher_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
    return ok();
  }

  uint64_t ttl_ms() const override { return granted_ms_; }

  Status keep_alive() override {
    pb::LeaseKeepAliveRequest request;
    request.set_id(lease_);
    pb::LeaseKeepAliveResponse response;
    BINBUS_RETURN_IF_ERROR(call([&](Endpoint& at, grpc::ClientContext& context) {
      const auto stream = at.lease->LeaseKeepAlive(&context);
      const bool answered = stream->Write(request) && stream->Read(&response);
      if (!answered) return stream->Finish();
      stream->WritesDone();
      context.TryCancel();
      (void)stream->Finish();
      return grpc::Status::OK;
    }));
    if (response.ttl() > 0) return ok();
    return fail(Code::kNotFound, "etcd does not have our lease any more");
  }

  Result<std::vector<Entry>> list(const std::string& folder) override {
    const std::string prefix = path(folder) + "/";
    BINBUS_TRY(found, range(prefix, end_of(prefix)));
    std::vector<Entry> entries;
    for (const pb::KeyValue& each : found.kvs())
      entries.push_back({each.key().substr(prefix.size()), each.value(), each.mod_revision()});
    return entries;
  }

  Result<std::optional<Entry>> get(const std::string& name) override {
    BINBUS_TRY(found, range(path(name), ""));
    if (found.kvs().empty()) return std::nullopt;
    return Entry{name.substr(name.rfind('/') + 1), found.kvs(0).value(),
                 found.kvs(0).mod_revision()};
  }

  Result<std::optional<Versions>> transact(const std::vector<Step>& steps) override {
    pb::TxnRequest request;
    for (const Step& step : steps) add(step, request);
    pb::TxnResponse response;
    BINBUS_RETURN_IF_ERROR(call([&](Endpoint& at, grpc::ClientContext& context) {
      return at.kv->Txn(&context, request, &response);
    }));
    if (!response.succeeded()) return std::nullopt;
    Versions versions;
    for (const Step& step : steps) {
      const bool changed = step.kind == Step::Kind::kCreate || step.kind == Step::Kind::kSet;
      versions.push_back(changed ? response.header().revision() : step.version);
    }
    return versions;
  }

 private:
  std::string path(const std::string& name) const { return options_.root + "/" + name; }

  void add(const Step& step, pb::TxnRequest& request) const {
    using Kind = Step::Kind;
    const std::string key = path(step.name);
    const auto compare = [&](pb::Compare::CompareTarget target) {
      pb::Compare* made = request.add_compare();
      made->set_key(key);
      made->set_target(target);
      return made;
    };
    if (step.kind == Kind::kCreate) {
      compare(pb::Compare::CREATE)->set_create_revision(0);
    } else {
      compare(pb::Compare::MOD)->set_mod_revision(step.version);
    }
    if (step.kind == Kind::kMine) compare(pb::Compare::LEASE)->set_lease(lease_);
    if (step.kind == Kind::kRemove)
      request.add_success()->mutable_request_delete_range()->set_key(key);
    if (step.kind == Kind::kCreate || step.kind == Kind::kSet) {
      pb::PutRequest* put = request.add_success()->mutable_request_put();
      put->set_key(key);
      put->set_value(step.value);
      if (step.bound) put->set_lease(lease_);
    }
  }

  Result<pb::RangeResponse> range(const std::string& from, const std::string& to) {
    pb::RangeRequest request;
    request.set_key(from);
    request.set_range_end(to);
    pb::RangeResponse response;
    BINBUS_RETURN_IF_ERROR(call([&](Endpoint& at, grpc::ClientContext& context) {
      return at.kv->Range(&context, request, &response);
    }));
    return response;
  }

  // At the endpoint that answered last; one that does not is not asked first again.
  template <class Ask>
  Status call(const Ask& ask) {
    const size_t number = current_;
    const std::shared_ptr<Endpoint> at = endpoint(number);
    grpc::Status status = attempt(*at, ask);
    if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED && !options_.user.empty()) {
      BINBUS_RETURN_IF_ERROR(authenticate(*at));
      status = attempt(*at, ask);
    }
    if (status.ok()) return ok();
    Error error = error_of(status, at->address);
    if (error.code == Code::kNetwork || error.code == Code::kTimeout) leave(number, at);
    return fail(std::move(error));
  }

  std::shared_ptr<Endpoint> endpoint(size_t number) {
    const std::lock_guard lock(mutex_);
    return endpoints_[number % endpoints_.size()];
  }

  // A channel that has failed connects again only while a call waits for it, which none does then: the endpoint gets a new one.
  void leave(size_t number, const std::shared_ptr<Endpoint>& failed) {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Endpoint>& at = endpoints_[number % endpoints_.size()];
    if (at != failed) return;  // another call has left it
    at = connect_to(failed->address, credentials_);
    current_ = number + 1;
    if (watching_ != nullptr) watching_->TryCancel();
  }

  template <class Ask>
  grpc::Status attempt(Endpoint& at, const Ask& ask) {
    grpc::ClientContext context;
    prepare(context);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(call_ms_));
    return ask(at, context);
  }

  void prepare(grpc::ClientContext& context) {
    const std::lock_guard lock(mutex_);
    if (!token_.empty()) context.AddMetadata("token", token_);
  }

  Status authenticate(Endpoint& at) {
    pb::AuthenticateRequest request;
    request.set_name(options_.user);
    request.set_password(options_.password);
    pb::AuthenticateResponse response;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(call_ms_));
    const grpc::Status status = at.auth->Authenticate(&context, request, &response);
    if (!status.ok()) return fail(auth_error_of(status, at.address));
    const std::lock_guard lock(mutex_);
    token_ = response.token();
    return ok();
  }

  // Tells of changes. What is missed while it begins again, the periodic look finds.
  void watch(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      grpc::ClientContext context;
      prepare(context);
      {
        const std::lock_guard lock(mutex_);
        if (stop.stop_requested()) return;
        watching_ = &context;
      }
      const std::shared_ptr<Endpoint> at = endpoint(current_);
      const auto stream = at->watch->Watch(&context);
      bool asked = true;
      for (const std::string& folder : options_.watched) {
        pb::WatchRequest request;
        const std::string prefix = path(folder) + "/";
        request.mutable_create_request()->set_key(prefix);
        request.mutable_create_request()->set_range_end(end_of(prefix));
        asked = asked && stream->Write(request);
      }
      for (pb::WatchResponse response; asked && stream->Read(&response);) {
        if (response.canceled()) break;
        options_.on_change();
      }
      context.TryCancel();
      (void)stream->Finish();
      std::unique_lock lock(mutex_);
      watching_ = nullptr;
      ended_.wait_for(lock, stop, kWatchAgain, [] { return false; });
    }
  }

  const SessionOptions options_;
  const Credentials credentials_;
  std::atomic<size_t> current_;  // of the endpoints, counted on and on
  const uint64_t call_ms_;
  int64_t lease_ = 0;  // 0: not granted
  uint64_t granted_ms_ = 0;

  std::mutex mutex_;
  std::condition_variable_any ended_;
  std::vector<std::shared_ptr<Endpoint>> endpoints_;  // guarded by mutex_, as the rest
  std::string token_;
  grpc::ClientContext* watching_ = nullptr;
  std::jthread watcher_;
};

}  // namespace

Result<std::unique_ptr<Session>> connect_etcd(const SessionOptions& options) {
  BINBUS_TRY(credentials, credentials_of(options));
  Error error{Code::kNetwork, ""};
  for (size_t first = 0; first < options.endpoints.size() && !options.stop.stop_requested();
       ++first) {
    auto session = std::make_unique<EtcdSession>(options, credentials, first);
    Status begun = session->begin();
    if (begun) return session;
    error = {begun.error().code,
             (error.message.empty() ? "" : error.message + "; ") + begun.error().message};
  }
  return fail(std::move(error));
}

}  // namespace binbus::coordinate
