#include "nodes.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace binbus {
namespace {

std::string read_pem(const std::string& file) {
  if (file.empty()) return "";
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in || text.str().empty()) throw Error(ErrorCode::kInvalid, "tls: cannot read " + file);
  return text.str();
}

void check_seeds(const std::vector<std::string>& seeds) {
  if (seeds.empty()) throw Error(ErrorCode::kInvalid, "connect: no address is given");
  for (const std::string& seed : seeds) {
    const size_t colon = seed.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == seed.size() ||
        seed.find_first_not_of("0123456789", colon + 1) != std::string::npos)
      throw Error(ErrorCode::kInvalid, "connect: \"" + seed + "\" is no HOST:PORT");
  }
}

}  // namespace

Nodes::Nodes(std::vector<std::string> seeds, const ConnectOptions& options)
    : seeds_(std::move(seeds)), token_(options.token) {
  check_seeds(seeds_);
  credentials_ = grpc::InsecureChannelCredentials();
  if (options.tls) {
    if (options.tls->cert.empty() != options.tls->key.empty())
      throw Error(ErrorCode::kInvalid, "tls: cert and key go together");
    credentials_ = grpc::SslCredentials({.pem_root_certs = read_pem(options.tls->ca),
                                         .pem_private_key = read_pem(options.tls->key),
                                         .pem_cert_chain = read_pem(options.tls->cert)});
    if (!options.tls->server_name.empty())
      arguments_.SetSslTargetNameOverride(options.tls->server_name);
  }
  arguments_.SetMaxReceiveMessageSize(-1);  // a row may be long
  arguments_.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kPingMs);
  arguments_.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingMs);
  arguments_.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // as many as it takes
  // Each attempt is one, and not put off by what gRPC remembers of those before.
  arguments_.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
}

std::string Nodes::after(const std::string& address) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> all = seeds_;
  for (const std::string& told : told_) {
    if (std::ranges::find(all, told) == all.end()) all.push_back(told);
  }
  const auto found = std::ranges::find(all, address);
  return found == all.end() || found + 1 == all.end() ? all.front() : *(found + 1);
}

std::unique_ptr<feed::v1::Feed::Stub> Nodes::connect(const std::string& address) const {
  return feed::v1::Feed::NewStub(grpc::CreateCustomChannel(address, credentials_, arguments_));
}

void Nodes::prepare(grpc::ClientContext& call) const {
  if (!token_.empty()) call.AddMetadata("authorization", "Bearer " + token_);
}

grpc::Status Nodes::ask(feed::v1::Feed::Stub& stub) {
  grpc::ClientContext context;
  prepare(context);
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(kAskMs));
  feed::v1::NodesResponse response;
  const grpc::Status status = stub.Nodes(&context, {}, &response);
  if (!status.ok()) return status;
  const std::lock_guard lock(mutex_);
  told_.clear();
  for (const auto& node : response.nodes()) told_.push_back(node.address());
  return status;
}

}  // namespace binbus
