#include "binbus/client.h"

#include "nodes.h"
#include "subscription.h"

namespace binbus {

std::unique_ptr<Client> Client::connect(std::vector<std::string> seeds,
                                        const ConnectOptions& options) {
  return std::unique_ptr<Client>(new Client(std::make_shared<Nodes>(std::move(seeds), options)));
}

std::unique_ptr<Feed> Client::subscribe(SubscribeOptions options) {
  return std::make_unique<Feed>(std::make_shared<Subscription>(nodes_, std::move(options)));
}

}  // namespace binbus
