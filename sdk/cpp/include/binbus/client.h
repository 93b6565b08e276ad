// binbus: all rows of your tables, then every change, each once.
//
//   auto client = binbus::Client::connect({"127.0.0.1:7272"});
//   auto feed = client->subscribe({.stream = "shop", .tables = {"shop.*"},
//                                  .start = binbus::Start::snapshot(), .cursor = "my-app"});
//   while (auto change = feed->next()) {
//     if (auto row = change->after()) std::cout << row["id"].as_int64() << "\n";
//     change->commit();
//   }
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "binbus/feed.h"

namespace binbus {

class Nodes;

// Names of PEM files.
struct Tls {
  std::string ca = {};    // who signed the nodes' certificates; "": whom the system trusts
  std::string cert = {};  // this client's, where nodes ask for one
  std::string key = {};
  std::string server_name =
      {};  // in the nodes' certificates; "": the name or address that is connected to
};

struct ConnectOptions {
  std::string token = {};
  std::optional<Tls> tls = {};  // none: plain text
};

// Thread: any.
class Client {
 public:
  // `seeds` are HOST:PORT of any nodes, tried in this order; they tell of the others. Nobody is connected to yet, so that nothing can
  // fail that may mend itself. Throws Error(kInvalid): no seed, one that is no HOST:PORT, a file that cannot be read.
  static std::unique_ptr<Client> connect(std::vector<std::string> seeds,
                                         const ConnectOptions& options = {});
  // Throws Error(kInvalid): no stream, or options that do not go together. What only a node can tell is told by the feed.
  std::unique_ptr<Feed> subscribe(SubscribeOptions options);

 private:
  explicit Client(std::shared_ptr<Nodes> nodes) : nodes_(std::move(nodes)) {}
  const std::shared_ptr<Nodes> nodes_;
};

}  // namespace binbus
