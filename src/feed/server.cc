#include "feed/server.h"

#include <binbus/feed/v1/feed.grpc.pb.h>
#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/crypto.h>
#include <pthread.h>

#include <atomic>
#include <bit>
#include <list>
#include <random>
#include <thread>

#include "base/error_table.h"
#include "base/log.h"
#include "feed/status.h"
#include "feed/subscriber.h"
#include "io/address.h"
#include "io/tls.h"

namespace binbus::feed {
namespace {

constexpr int kReceiveBytesMax = 1 << 20;
constexpr int kPingMs = 10'000;      // so often is asked whether a client is still there
constexpr int kPingWaitMs = 10'000;  // and so long it may take to answer
constexpr unsigned kLookAtFilesS = 1;
constexpr int kCommitTries = 20;
constexpr auto kCommitWait = std::chrono::milliseconds(250);
constexpr auto kStopWait = std::chrono::seconds(2);  // for clients that take nothing

// Messages of Subscribe as bytes: see feed/wire.h.
using Reactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;
using Methods = v1::Feed::WithRawCallbackMethod_Subscribe<
    v1::Feed::WithCallbackMethod_Nodes<v1::Feed::WithCallbackMethod_ListCursors<
        v1::Feed::WithCallbackMethod_DeleteCursor<v1::Feed::Service>>>>;

// A call that is answered with a status only.
class Refused final : public Reactor {
 public:
  explicit Refused(const Error& error) { Finish(to_grpc(error)); }
  void OnDone() override { delete this; }
};

grpc::Slice shared_slice(std::shared_ptr<const std::string> text) {
  auto* const share = new std::shared_ptr<const std::string>(std::move(text));
  return {const_cast<char*>((*share)->data()), (*share)->size(),
          [](void* its) { delete static_cast<std::shared_ptr<const std::string>*>(its); }, share};
}

// A Subscribe call: what gRPC tells of it handed to a Subscriber, and its messages back, one after the other.
//
// Lifecycle: to be deleted once ended().
// Thread:  gRPC's callbacks from any; one of its own for the Subscriber, and one for what is committed.
class Call final : public Reactor, public Output {
 public:
  Call(Streams& streams, io::Clock& clock, std::string node, std::string id, std::string peer)
      : streams_(streams),
        clock_(clock),
        node_(std::move(node)),
        id_(std::move(id)),
        peer_(std::move(peer)) {
    StartRead(&request_);
  }

  void stop() {
    stopping_ = true;
    stop_.request_stop();
  }
  bool ended() const { return ended_; }

  Status send(std::string_view head, std::shared_ptr<const std::string> body,
              const std::function<void()>& each_second) override {
    const std::lock_guard one_at_a_time(send_mutex_);
    BINBUS_RETURN_IF_ERROR(wait_written(each_second));
    // gRPC may keep both for longer: a copy, and a share.
    std::vector<grpc::Slice> parts{grpc::Slice(head.data(), head.size())};
    if (body) parts.push_back(shared_slice(std::move(body)));
    outgoing_ = grpc::ByteBuffer(parts.data(), parts.size());
    {
      const std::lock_guard lock(mutex_);
      writing_ = true;
    }
    StartWrite(&outgoing_);  // its end may be told before it returns
    return ok();
  }

  void OnReadDone(bool got) override {
    if (!got) {  // the client has no more to say
      if (!subscriber_) Finish({grpc::StatusCode::INVALID_ARGUMENT, "no Start was sent"});
      return;
    }
    v1::SubscribeRequest request;
    if (!grpc::SerializationTraits<v1::SubscribeRequest>::Deserialize(&request_, &request).ok())
      return refuse({Code::kInvalid, "a message came that is no SubscribeRequest"});
    if (subscriber_ && request.has_start())
      return refuse({Code::kInvalid, "Start is the first message, and only that"});
    if (!subscriber_) {
      subscriber_ =
          std::make_unique<Subscriber>(streams_, clock_, node_, request.start(), id_, peer_, *this);
      committing_ = !request.start().cursor().empty();
      thread_ = std::jthread([this] { run(); });
    } else if (request.has_credit()) {
      subscriber_->credit(request.credit().bytes());
    } else if (request.has_commit() && !committing_) {
      return refuse({Code::kInvalid, "commit: the subscription has no cursor"});
    } else if (request.has_commit()) {
      const std::lock_guard lock(mutex_);
      to_commit_ = request.commit().position();  // what came before it is done, too
      commit_.notify_all();
    } else if (request.has_leave()) {
      subscriber_->leave();
    }
    StartRead(&request_);
  }
  void OnWriteDone(bool done) override {
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
      write_ok_ = done;
    }
    written_.notify_all();  // who wakes up finds the lock free
  }
  void OnCancel() override { stop_.request_stop(); }
  void OnDone() override { ended_ = true; }

 private:
  void run() {
    ::pthread_setname_np(::pthread_self(), "feed");
    Status ran = ok();
    {
      std::jthread committing;
      if (committing_)
        committing = std::jthread([this](const std::stop_token& stop) { commit(stop); });
      ran = subscriber_->run(stop_.get_token());
    }
    subscriber_->let_go();                   // the call itself goes with the next one that comes
    static_cast<void>(wait_written([] {}));  // nothing may be on its way behind the call's end
    {
      const std::lock_guard lock(mutex_);
      if (client_error_) ran = fail(*client_error_);
    }
    if (stopping_)
      ran = fail(Code::kUnavailable, "binbus stops: subscribe again, here or elsewhere");
    Finish(ran ? grpc::Status::OK : to_grpc(ran.error()));
  }

  // What was sent last is on its way; the next message need not wait for who sends it.
  Status wait_written(const std::function<void()>& each_second) {
    std::unique_lock lock(mutex_);
    while (!written_.wait_for(lock, std::chrono::seconds(1), [this] { return !writing_; })) {
      lock.unlock();
      each_second();
      lock.lock();
    }
    return write_ok_ ? ok() : fail(Code::kNetwork, "the client is gone");
  }

  // Nothing more is read; ends the call.
  void refuse(Error error) {
    if (!subscriber_) return Finish(to_grpc(error));
    const std::lock_guard lock(mutex_);
    if (!client_error_) client_error_ = std::move(error);
    stop_.request_stop();
  }

  // Tried again while who decides may be changing.
  Status commit(const std::string& position, const std::stop_token& stop) {
    for (int tries = 1;; ++tries) {
      if (!subscriber_->may_commit())
        tries = 0;  // it waits for its turn: what it has done before can wait, too
      Status done = subscriber_->commit(position);
      if (done || done.error().code == Code::kStopped || tries == kCommitTries ||
          retry_of(done.error().code) != Retry::kLater)
        return done;
      std::unique_lock lock(mutex_);
      commit_.wait_for(lock, stop, kCommitWait, [] { return false; });
      if (stop.stop_requested()) return done;
    }
  }

  void commit(const std::stop_token& stop) {
    ::pthread_setname_np(::pthread_self(), "feed_commit");
    std::unique_lock lock(mutex_);
    while (commit_.wait(lock, stop, [this] { return to_commit_.has_value(); })) {
      v1::SubscribeResponse message;
      message.mutable_committed()->set_position(*std::exchange(to_commit_, std::nullopt));
      lock.unlock();
      const Status done = commit(message.committed().position(), stop);
      if (done) {
        static_cast<void>(send(message.SerializeAsString(), nullptr,
                               [] {}));  // who is gone is noticed by the subscriber
      } else {
        refuse(done.error());
      }
      lock.lock();
    }
  }

  Streams& streams_;
  io::Clock& clock_;
  const std::string node_;
  const std::string id_;
  const std::string peer_;
  grpc::ByteBuffer request_;
  std::stop_source stop_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> ended_{false};
  std::unique_ptr<Subscriber> subscriber_;
  bool committing_ = false;  // there is a cursor; set before the thread

  std::mutex send_mutex_;
  std::mutex mutex_;
  std::condition_variable written_;
  std::condition_variable_any commit_;
  grpc::ByteBuffer outgoing_;             // guarded by send_mutex_, and gRPC's while writing_
  bool writing_ = false;                  // guarded by mutex_
  bool write_ok_ = true;                  // the same
  std::optional<std::string> to_commit_;  // the same
  std::optional<Error>
      client_error_;  // the same: the first of what it did or wanted that cannot be
  std::jthread thread_;
};

std::string random_id() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

// HOST:PORT of gRPC's "ipv4:10.0.0.7:51234", "ipv6:%5B::1%5D:51234".
std::string peer_of(const grpc::CallbackServerContext& context) {
  std::string peer = context.peer();
  peer.erase(0, peer.find(':') + 1);
  for (const auto& [code, character] : {std::pair("%5B", "["), std::pair("%5D", "]")}) {
    if (const size_t at = peer.find(code); at != std::string::npos) peer.replace(at, 3, character);
  }
  return peer;
}

class Service final : public Methods {
 public:
  Service(const ServerOptions& options, Streams& streams, io::Clock& clock)
      : node_(options.node), token_(options.token), streams_(streams), clock_(clock) {}

  Reactor* Subscribe(grpc::CallbackServerContext* context) override {
    if (const Status allowed = check_token(*context); !allowed) return new Refused(allowed.error());
    const std::lock_guard lock(mutex_);
    std::erase_if(calls_, [](const auto& call) { return call->ended(); });
    if (stopping_) return new Refused({Code::kUnavailable, "binbus stops"});
    if (calls_.size() >= Server::kSubscribersMax) {
      return new Refused(
          {Code::kLimit, fmt::format("there are {} subscribers, and no more are served",
                                     Server::kSubscribersMax)});
    }
    calls_.push_back(
        std::make_unique<Call>(streams_, clock_, node_, random_id(), peer_of(*context)));
    return calls_.back().get();
  }

  grpc::ServerUnaryReactor* Nodes(grpc::CallbackServerContext* context, const v1::NodesRequest*,
                                  v1::NodesResponse* response) override {
    return answer(*context, [&]() -> Status {
      for (Node& node : streams_.feed_nodes()) {
        v1::Node& out = *response->add_nodes();
        out.set_name(std::move(node.name));
        out.set_address(std::move(node.address));
      }
      return ok();
    });
  }

  grpc::ServerUnaryReactor* ListCursors(grpc::CallbackServerContext* context,
                                        const v1::ListCursorsRequest* request,
                                        v1::ListCursorsResponse* response) override {
    return answer(*context, [&]() -> Status {
      BINBUS_TRY(stream, streams_.feed(request->stream()));
      BINBUS_TRY(cursors, stream.cursors->list());
      const changes::LogChanges log(*stream.log, stream.schema_at);
      for (CursorStatus& cursor : cursors) {
        v1::Cursor& out = *response->add_cursors();
        out.set_name(std::move(cursor.name));
        out.set_position(cursor.shared ? furthest_behind(log, cursor.places)
                                       : std::move(cursor.position));
        out.set_client(std::move(cursor.client));
        out.set_shared(cursor.shared);
        for (Worker& worker : cursor.workers) {
          v1::Worker& its = *out.add_workers();
          its.set_client(std::move(worker.client));
          its.set_parts(static_cast<uint32_t>(std::popcount(worker.parts)));
        }
      }
      return ok();
    });
  }

  grpc::ServerUnaryReactor* DeleteCursor(grpc::CallbackServerContext* context,
                                         const v1::DeleteCursorRequest* request,
                                         v1::DeleteCursorResponse*) override {
    return answer(*context, [&]() -> Status {
      BINBUS_TRY(stream, streams_.feed(request->stream()));
      return stream.cursors->remove(request->cursor());
    });
  }

  void stop_calls() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& call : calls_) call->stop();
  }
  size_t calls() const {
    const std::lock_guard lock(mutex_);
    return static_cast<size_t>(
        std::ranges::count_if(calls_, [](const auto& call) { return !call->ended(); }));
  }

 private:
  Status check_token(const grpc::CallbackServerContext& context) const {
    if (token_.empty()) return ok();
    const std::string wanted = "Bearer " + token_;
    const auto& metadata = context.client_metadata();
    const auto given = metadata.find("authorization");
    if (given != metadata.end() && given->second.size() == wanted.size() &&
        CRYPTO_memcmp(given->second.data(), wanted.data(), wanted.size()) == 0)
      return ok();
    return fail(Code::kAuth, given == metadata.end()
                                 ? "a token is needed: send it as \"authorization: Bearer TOKEN\""
                                 : "the token is not the one in [feed] token");
  }

  template <class Do>
  grpc::ServerUnaryReactor* answer(grpc::CallbackServerContext& context, const Do& with_right) {
    Status done = check_token(context);
    if (done) done = with_right();
    grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
    reactor->Finish(done ? grpc::Status::OK : to_grpc(done.error()));
    return reactor;
  }

  const std::string node_;
  const std::string token_;
  Streams& streams_;
  io::Clock& clock_;
  mutable std::mutex mutex_;
  bool stopping_ = false;                   // guarded by mutex_
  std::list<std::unique_ptr<Call>> calls_;  // guarded by mutex_
};

// Certificates are taken anew when their files change.
Result<std::shared_ptr<grpc::ServerCredentials>> credentials(const ServerOptions& options) {
  if (options.tls_cert.empty()) return grpc::InsecureServerCredentials();
  // gRPC says nothing of files that are no good.
  const auto good = io::TlsServer::open({.certificate_file = options.tls_cert,
                                         .key_file = options.tls_key,
                                         .ca_file = options.tls_ca});
  if (!good) return fail_in("[feed]", good.error());
  grpc::experimental::TlsServerCredentialsOptions tls(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          options.tls_key, options.tls_cert, options.tls_ca, kLookAtFilesS));
  tls.watch_identity_key_cert_pairs();
  if (!options.tls_ca.empty()) {
    tls.watch_root_certs();
    tls.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return grpc::experimental::TlsServerCredentials(tls);
}

}  // namespace

struct Server::State {
  State(const ServerOptions& options, Streams& streams, io::Clock& clock)
      : service(options, streams, clock) {}
  Service service;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::~Server() { stop(); }

Result<std::unique_ptr<Server>> Server::open(const ServerOptions& options, Streams& streams,
                                             io::Clock& clock) {
  BINBUS_TRY(address, io::HostPort::parse(options.listen));
  BINBUS_TRY(secured, credentials(options));
  auto state = std::make_unique<State>(options, streams, clock);
  grpc::ServerBuilder builder;
  const std::string host = address.host.empty()                          ? "0.0.0.0"
                           : address.host.find(':') != std::string::npos ? "[" + address.host + "]"
                                                                         : address.host;
  builder.AddListeningPort(host + ":" + address.port, secured, &state->port);
  builder.RegisterService(&state->service);
  builder.SetMaxReceiveMessageSize(kReceiveBytesMax);
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kPingMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingWaitMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  state->server = builder.BuildAndStart();
  if (!state->server || state->port == 0) {
    return fail(Code::kNetwork,
                fmt::format("[feed]: cannot listen on {}: the address is taken or not "
                            "this machine's, or the certificate is no good",
                            options.listen));
  }
  log::info("feed_serving", {{"listen", options.listen}, {"port", state->port}});
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

void Server::stop() {
  if (!state_->server) return;
  state_->service.stop_calls();
  state_->server->Shutdown(std::chrono::system_clock::now() + kStopWait);
  state_->server.reset();
}

uint16_t Server::port() const { return static_cast<uint16_t>(state_->port); }
size_t Server::subscribers() const { return state_->service.calls(); }

}  // namespace binbus::feed
