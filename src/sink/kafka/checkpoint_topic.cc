#include "sink/kafka/checkpoint_topic.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "sink/kafka/configuration.h"
#include "sink/kafka/errors.h"

namespace binbus::sink::kafka {
namespace {

using std::chrono::steady_clock;
constexpr auto kSilence = std::chrono::seconds(30);
constexpr int32_t kPartition = 0;

struct FreeTopic {
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
};
struct FreeMessage {
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
using Topic = std::unique_ptr<rd_kafka_topic_t, FreeTopic>;

// The last record from `start` to the end.
Result<std::optional<Checkpoint>> read_last(rd_kafka_topic_t* topic, int64_t start,
                                            const std::string& where, const std::stop_token& stop) {
  if (rd_kafka_consume_start(topic, kPartition, start) != 0)
    return fail(describe(rd_kafka_last_error(), where));
  std::optional<Checkpoint> last;
  Status read = ok();
  for (auto heard = steady_clock::now();;) {
    std::unique_ptr<rd_kafka_message_t, FreeMessage> message(
        rd_kafka_consume(topic, kPartition, 100));
    if (stop.stop_requested()) {
      read = fail(Code::kStopped, where + ": asked to stop");
      break;
    }
    if (!message) {
      if (steady_clock::now() - heard < kSilence) continue;
      read = fail(Code::kTimeout, where + ": the brokers do not send it");
      break;
    }
    heard = steady_clock::now();
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) break;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      read = fail(describe(message->err, where, rd_kafka_message_errstr(message.get())));
      break;
    }
    if (message->payload != nullptr)
      last.emplace(static_cast<const char*>(message->payload), message->len);
  }
  rd_kafka_consume_stop(topic, kPartition);
  BINBUS_RETURN_IF_ERROR(std::move(read));
  return last;
}

}  // namespace

Result<std::optional<Checkpoint>> read_checkpoint(const KafkaOptions& options,
                                                  const std::string& name,
                                                  const std::stop_token& stop) {
  const std::string where = fmt::format("kafka: reading the checkpoint in topic {}", name);
  BINBUS_TRY(configuration, reader_configuration(options));
  BINBUS_TRY(client, make_reader(std::move(configuration)));
  int64_t low = 0, high = 0;
  const auto error =
      rd_kafka_query_watermark_offsets(client.get(), name.c_str(), kPartition, &low, &high, 10'000);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(describe(error, where));
  const Topic topic(rd_kafka_topic_new(client.get(), name.c_str(), nullptr));
  // Transactions' ends count as offsets too, and what was aborted counts and is not seen.
  for (int64_t span = 100;; span *= 10) {
    const int64_t start = std::max(low, high - span);
    if (start >= high) return std::nullopt;
    BINBUS_TRY(found, read_last(topic.get(), start, where, stop));
    if (found || start == low) return std::move(found);
  }
}

}  // namespace binbus::sink::kafka
