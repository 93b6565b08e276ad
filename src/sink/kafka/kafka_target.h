// Delivers to Apache Kafka, through librdkafka.
//
// The producer is always idempotent: what librdkafka tries again is in the log once, in order. A message of a key goes to the
// partition that Java's clients choose for it (murmur2), all of a topic without a key to one. Headers are the message's and
// `id`; a message without payload is a tombstone (null).
//
// at_least_once: commit() waits until the brokers have confirmed all. After an error some messages come again, with equal ids.
// transactional: all messages between two commit()s and the checkpoint, a record of the checkpoint topic, are one
//   transaction: consumers that read committed see each change once, also across kill -9. A Target that opens fences an
//   older one of its transactional id, so each sink needs an id of its own. See docs/decisions/0005.
//
// Rejected, with the others delivered: what is too large, what the topic's settings refuse, and what goes to a topic that is not
// there or not allowed. Brokers refuse a whole batch for one message; so that none is rejected for its neighbour, the batch is
// then sent again one by one, and transactions are sent again without what was refused: send() or commit() fails with
// kRemote once or twice, and Targets made of copies of the same options know what to leave out.
//
// Memory: queue_bytes, and at most 1 KiB for each KiB of it of what librdkafka keeps per message.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "sink/target.h"

namespace binbus::sink {

namespace kafka {
struct Learned;
}

struct KafkaOptions {
  KafkaOptions();
  enum class Delivery : uint8_t { kAtLeastOnce, kTransactional };

  std::vector<std::string> brokers;  // HOST:PORT, those to ask first
  Delivery delivery = Delivery::kAtLeastOnce;
  std::string transactional_id;      // for kTransactional
  std::string checkpoint_topic;      // for kTransactional; "": binbus-checkpoint-TRANSACTIONAL_ID
  std::string compression = "none";  // gzip, snappy, lz4, zstd
  uint32_t message_bytes_max = 1'000'000;  // key, payload and headers, before compression
  uint64_t queue_bytes = 32 << 20;         // that may be under way
  bool create_topics = true;
  int32_t partitions = -1;   // of a topic that is created; -1: the brokers' default
  int32_t replication = -1;  // the same
  uint32_t connect_timeout_ms = 10'000;
  // The rest, by librdkafka's names: security.protocol, sasl.*, ssl.*, linger.ms, partitioner, ...
  std::map<std::string, std::string> properties;

  std::shared_ptr<kafka::Learned> learned;  // shared by copies; not for callers
};

// Connects to nothing yet. kInvalid: the options; the message names the one.
Result<std::unique_ptr<Target>> make_kafka_target(KafkaOptions options);

}  // namespace binbus::sink
