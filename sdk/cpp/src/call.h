// One Subscribe call: what gRPC tells of it, one message after the other.
//
// Lifecycle: made, begin(), and alive until User::call_over() was called.
// Thread:    any; the user is called on gRPC's threads, by one at a time for received() and call_over().
#pragma once

#include <binbus/feed/v1/feed.grpc.pb.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <mutex>

namespace binbus {

class Call final
    : public grpc::ClientBidiReactor<feed::v1::SubscribeRequest, feed::v1::SubscribeResponse> {
 public:
  class User {
   public:
    virtual ~User() = default;
    // May take what it wants out of the message.
    virtual void received(feed::v1::SubscribeResponse& message) = 0;
    // Writes what is to be sent next; false: nothing is. Asked again after each message that was sent, and by send().
    virtual bool to_send(feed::v1::SubscribeRequest& message) = 0;
    // The last that is heard of it.
    virtual void call_over(const grpc::Status& status) = 0;
  };

  Call(User& user, feed::v1::Start start) : user_(user) {
    *request_.mutable_start() = std::move(start);
  }
  grpc::ClientContext& context() { return context_; }
  void begin(feed::v1::Feed::Stub& stub);
  // There may be something to send. Must not be called by who holds a lock that User::to_send() needs.
  void send();
  // It is over soon.
  void cancel() { context_.TryCancel(); }

 private:
  void OnReadDone(bool got) override;
  void OnWriteDone(bool done) override;
  void OnDone(const grpc::Status& status) override { user_.call_over(status); }

  User& user_;
  grpc::ClientContext context_;
  feed::v1::SubscribeResponse response_;
  feed::v1::SubscribeRequest request_;

  std::mutex mutex_;     // not held while gRPC is called: it may call back at once
  bool writing_ = true;  // guarded by mutex_; Start is the first
  bool ended_ = false;   // guarded by mutex_; nothing more comes, and nothing more is sent
};

}  // namespace binbus
