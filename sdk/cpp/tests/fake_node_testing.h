// A node of the feed, written from the protocol: it serves a made-up log, and fails as it is told to.
#pragma once

#include <binbus/feed/v1/feed.grpc.pb.h>
#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace binbus {

// Rows of shop.orders (id BIGINT, name VARCHAR), keyed by id.
feed::v1::Table orders_table();
feed::v1::Row orders_row(int64_t id);
// A batch with the table and one insert, of the transaction number `transaction`, whose `event` it is.
void add_insert(feed::v1::Batch& batch, int transaction, uint32_t event, int64_t id);
void add_mark(feed::v1::Batch& batch, feed::v1::Operation operation, int transaction);
void add_read(feed::v1::Batch& batch, int64_t id);
std::string position_of(int transaction, uint32_t event);

// One Subscribe call, as its script sees it.
class FakeCall {
 public:
  using Stream = grpc::ServerReaderWriter<feed::v1::SubscribeResponse, feed::v1::SubscribeRequest>;
  FakeCall(grpc::ServerContext& context, Stream& stream) : context_(context), stream_(stream) {}

  void subscribed(const std::string& position = "");
  void waiting(const std::string& reason);
  void batch(const feed::v1::Batch& batch);
  void snapshot_begin(bool anew = false);
  void snapshot_end(const std::string& position);
  void heartbeat(const std::string& position);
  void committed(const std::string& position);
  // What the client says next; waits for it. false: it has gone.
  bool read(feed::v1::SubscribeRequest& request) { return stream_.Read(&request); }
  // Answers the commit that the client says next; its position, "" when it says something else.
  std::string answer_commit();
  // Answers commits until the client has gone.
  grpc::Status answer_commits();
  // Waits for what the client says next, and breaks.
  grpc::Status break_at_request();
  // Until the client has gone, with heartbeats if there is a position for them.
  grpc::Status idle(const std::string& position = "");

 private:
  void write(const feed::v1::SubscribeResponse& message) { stream_.Write(message); }
  grpc::ServerContext& context_;
  Stream& stream_;
};

// Thread: the script runs on gRPC's, one for each call.
class FakeNode final : public feed::v1::Feed::Service {
 public:
  // The call's number, from 0.
  using Script = std::function<grpc::Status(int, const feed::v1::Start&, FakeCall&)>;
  explicit FakeNode(Script script, const std::string& listen = "127.0.0.1:0");
  ~FakeNode() override { kill(); }

  const std::string& address() const { return address_; }
  void kill();
  void set_others(std::vector<std::string> addresses) { others_ = std::move(addresses); }
  // What calls began with, so far.
  std::vector<feed::v1::Start> starts() const;
  std::string authorization() const;  // of the last call

 private:
  grpc::Status Subscribe(grpc::ServerContext* context, FakeCall::Stream* stream) override;
  grpc::Status Nodes(grpc::ServerContext* context, const feed::v1::NodesRequest* request,
                     feed::v1::NodesResponse* response) override;

  const Script script_;
  std::vector<std::string> others_;
  mutable std::mutex mutex_;
  std::vector<feed::v1::Start> starts_;  // guarded by mutex_
  std::string authorization_;            // guarded by mutex_
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace binbus
