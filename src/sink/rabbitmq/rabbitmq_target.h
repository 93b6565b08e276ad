// Delivers to RabbitMQ (AMQP 0-9-1), through librabbitmq.
//
// Each message is persistent, goes to an exchange with a routing key, and counts when the broker has confirmed it. After an error
// some messages come again, with equal ids: at least once. The exchange is Message::topic, or the options' where that is empty.
// Properties: message_id, content_type, timestamp (seconds). Headers: the message's, `key`, `timestamp_ms`, and `tombstone`
// for a message without payload.
//
// Rejected, with the others delivered: what is too large, what goes to an exchange that is not there, and what no queue takes
// (`mandatory`). A queue that is full and refuses (x-overflow = reject-publish) is waited for: kRemote.
//
// Memory: unconfirmed_bytes_max in the kernel's and the broker's buffers; none of ours but 8 bytes for each unconfirmed message.
// The heartbeat is answered within send() and commit() only: who has nothing to send calls commit() once in heartbeat_s / 2,
// or finds the connection closed by the broker (kNetwork) with the next message.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "sink/target.h"

namespace binbus::sink {

namespace rabbitmq {
struct Learned;
}

struct RabbitmqOptions {
  RabbitmqOptions();
  enum class Queues : uint8_t {
    kNone,  // whoever consumes binds its own
    kOne,   // gets everything
    kByTable,  // queue_count of them; the hash of the routing key decides, so a table's changes stay in order
    kByVolume,  // queue_count of them; the one that got the fewest bytes is next, so only within a queue there is order
  };

  std::string url;  // amqp://USER:PASSWORD@HOST:PORT/VHOST, or amqps://
  // PEM files, for amqps. "": the system's authorities; no certificate of ours.
  std::string ca_file, certificate_file, key_file;

  std::string exchange =
      "binbus";  // "": the default exchange, where the routing key is a queue's name
  std::string exchange_type = "topic";  // topic, direct, fanout, headers
  bool declare = true;  // makes exchanges that are not there, durable; else they must be
  Queues queues = Queues::kNone;
  // Declared durable, and bound to `exchange`. More than one have a number from 0 on: "changes.0". The routing key is then the
  // queue's name, and the message's own becomes the header `routing_key`.
  std::string queue = "binbus";
  std::string queue_type = "classic";  // classic, quorum
  uint32_t queue_count = 1;

  bool mandatory = true;  // what no queue takes is rejected, not dropped
  uint32_t message_bytes_max = 16 << 20;
  uint32_t unconfirmed_max = 10'000;
  uint64_t unconfirmed_bytes_max = 32 << 20;
  uint16_t heartbeat_s = 60;
  uint32_t connect_timeout_ms = 10'000;
  uint32_t confirm_timeout_ms =
      60'000;  // nothing confirmed for so long, while the broker blocks nobody: kTimeout

  std::shared_ptr<rabbitmq::Learned> learned;  // shared by copies; not for callers
};

// Connects to nothing yet. kInvalid: the options; the message names the one.
Result<std::unique_ptr<Target>> make_rabbitmq_target(RabbitmqOptions options);

}  // namespace binbus::sink
