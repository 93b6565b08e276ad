// Which topics there are, and making those that are not.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <unordered_set>

#include "base/result.h"
#include "sink/kafka/kafka_target.h"

struct rd_kafka_s;

namespace binbus::sink::kafka {

class Topics {
 public:
  // Borrows both.
  Topics(rd_kafka_s* client, const KafkaOptions& options) : client_(client), options_(options) {}

  // Asks the brokers; the first time this is what connects.
  Status refresh(int timeout_ms);
  // Makes it when it is not there and create_topics is set. Returns the topic's own error, or fails with the target's.
  Result<std::optional<Error>> ensure(const std::string& name);
  // The same for one that keeps the newest record of each key for ever.
  Result<std::optional<Error>> ensure_compacted(const std::string& name);
  void forget(const std::string& name) { known_.erase(name); }

 private:
  Result<std::optional<Error>> find_or_create(const std::string& name, bool compacted);
  Result<std::optional<Error>> create(const std::string& name, bool compacted);

  rd_kafka_s* client_;
  const KafkaOptions& options_;
  std::unordered_set<std::string> known_;
};

}  // namespace binbus::sink::kafka
