// The nodes of the feed: who they are, and how to speak to them.
//
// Thread: any.
#pragma once

#include <binbus/feed/v1/feed.grpc.pb.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "binbus/client.h"

namespace binbus {

class Nodes {
 public:
  Nodes(std::vector<std::string> seeds, const ConnectOptions& options);

  // The node to try after that one ("": at first). Seeds come before those that nodes told of.
  std::string after(const std::string& address) const;
  // A connection of its own, made with the first call; that fails at once when nobody answers.
  std::unique_ptr<feed::v1::Feed::Stub> connect(const std::string& address) const;
  // Asks the node for the others, for at most kAskMs.
  grpc::Status ask(feed::v1::Feed::Stub& stub);
  // What every call needs.
  void prepare(grpc::ClientContext& call) const;

 private:
  static constexpr int kAskMs = 2'000;
  static constexpr int kPingMs = 3'000;  // who answers no ping for so long is gone
  const std::vector<std::string> seeds_;
  const std::string token_;
  std::shared_ptr<grpc::ChannelCredentials> credentials_;
  grpc::ChannelArguments arguments_;
  mutable std::mutex mutex_;
  std::vector<std::string> told_;  // guarded by mutex_: addresses, as the last node said
};

}  // namespace binbus
