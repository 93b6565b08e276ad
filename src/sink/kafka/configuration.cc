#include "sink/kafka/configuration.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/log.h"

namespace binbus::sink::kafka {
namespace {

struct Reserved {
  std::string_view property;
  std::string_view instead;  // the sink's own option; "": delivery depends on it
};
constexpr Reserved kReserved[] = {
    {"bootstrap.servers", "brokers"},
    {"metadata.broker.list", "brokers"},
    {"transactional.id", "transactional_id"},
    {"compression.type", "compression"},
    {"compression.codec", "compression"},
    {"message.max.bytes", "message_bytes_max"},
    {"queue.buffering.max.kbytes", "queue_bytes"},
    {"queue.buffering.max.messages", "queue_bytes"},
    {"enable.idempotence", ""},
    {"enable.gapless.guarantee", ""},
    {"acks", ""},
    {"request.required.acks", ""},
    {"delivery.report.only.error", ""},
    {"isolation.level", ""},
    {"plugin.library.paths", ""},
};

using Array = std::array<char, 512>;

Status set(rd_kafka_conf_t* configuration, const std::string& name, const std::string& value) {
  Array why{};
  if (rd_kafka_conf_set(configuration, name.c_str(), value.c_str(), why.data(), why.size()) ==
      RD_KAFKA_CONF_OK)
    return ok();
  return fail(Code::kInvalid, fmt::format("kafka property {}: {}", name, why.data()));
}

using Settings = std::vector<std::pair<std::string, std::string>>;

// Ours first, so that a user's property of the same name wins.
Result<Configuration> configure(const KafkaOptions& options, const Settings& ours) {
  if (options.brokers.empty())
    return fail(Code::kInvalid, "kafka: brokers is empty; set it to [\"HOST:PORT\", ...]");
  Configuration made(rd_kafka_conf_new());
  rd_kafka_conf_set_log_cb(made.get(), [](const rd_kafka_t*, int, const char*, const char* line) {
    log::debug("kafka_client", {{"message", line}});
  });
  BINBUS_RETURN_IF_ERROR(
      set(made.get(), "bootstrap.servers", fmt::format("{}", fmt::join(options.brokers, ","))));
  BINBUS_RETURN_IF_ERROR(set(made.get(), "client.id", "binbus"));
  BINBUS_RETURN_IF_ERROR(set(made.get(), "reconnect.backoff.max.ms", "1000"));
  for (const auto& [name, value] : ours) BINBUS_RETURN_IF_ERROR(set(made.get(), name, value));
  for (const auto& [name, value] : options.properties) {
    const auto reserved = std::ranges::find(kReserved, name, &Reserved::property);
    if (reserved != std::end(kReserved))
      return fail(
          Code::kInvalid,
          reserved->instead.empty()
              ? fmt::format("kafka property {}: binbus relies on its own value; remove it", name)
              : fmt::format("kafka property {}: set the sink's {} instead", name,
                            reserved->instead));
    BINBUS_RETURN_IF_ERROR(set(made.get(), name, value));
  }
  return made;
}

// Of a file that cannot be read, librdkafka names the property alone.
std::string with_file(std::string why, const rd_kafka_conf_t* configuration) {
  const std::string property = why.substr(0, why.find(" failed: "));
  Array file{};
  size_t size = file.size();
  if (!property.ends_with(".location") ||
      rd_kafka_conf_get(configuration, property.c_str(), file.data(), &size) != RD_KAFKA_CONF_OK)
    return why;
  return fmt::format("{} ({})", why, file.data());
}

Result<Client> make(rd_kafka_type_t type, Configuration configuration) {
  Array why{};
  Client client(rd_kafka_new(type, configuration.get(), why.data(), why.size()));
  if (!client) {
    return fail(Code::kInvalid,
                fmt::format("kafka properties: {}", with_file(why.data(), configuration.get())));
  }
  configuration.release();  // the client's now
  return client;
}

}  // namespace

// An answer by which another has shut the producer out, handled while it is destroyed, frees a text for the second time (librdkafka
// 2.0 to 2.15): the purge waits until none is waited for any more.
void Free::operator()(rd_kafka_s* client) const {
  if (rd_kafka_type(client) == RD_KAFKA_PRODUCER)
    rd_kafka_purge(client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_destroy(client);
}
void Free::operator()(rd_kafka_conf_s* configuration) const {
  rd_kafka_conf_destroy(configuration);
}

Result<Configuration> producer_configuration(const KafkaOptions& options, bool one_by_one) {
  const uint64_t queue_kib = std::clamp<uint64_t>(options.queue_bytes / 1024, 1, 2'097'151);
  Settings ours = {
      {"enable.idempotence", "true"},
      {"delivery.report.only.error", "true"},
      // Unlike Java's clients it has one partition for what has no key: rows of a table without a key stay in order.
      {"partitioner", "murmur2"},
      {"compression.type", options.compression},
      {"message.max.bytes", fmt::to_string(options.message_bytes_max)},
      {"queue.buffering.max.kbytes", fmt::to_string(queue_kib)},
      {"queue.buffering.max.messages",
       fmt::to_string(std::clamp<uint64_t>(queue_kib, 100, 10'000'000))},
      // Nothing waits that long when the source is quiet: a commit flushes. With less, five small requests are always
      // on their way, and librdkafka spins until it may send the sixth: a quarter of a sink's CPU.
      {"linger.ms", "50"},
      {"message.timeout.ms", "60000"},
  };
  if (one_by_one) ours.emplace_back("batch.num.messages", "1");
  if (options.delivery == KafkaOptions::Delivery::kTransactional) {
    if (options.transactional_id.empty())
      return fail(Code::kInvalid, "kafka: delivery is transactional; set transactional_id too");
    ours.emplace_back("transactional.id", options.transactional_id);
    ours.emplace_back("transaction.timeout.ms", "300000");
  }
  return configure(options, ours);
}

Result<Configuration> reader_configuration(const KafkaOptions& options) {
  return configure(options, {{"isolation.level", "read_committed"},
                             {"enable.partition.eof", "true"},
                             {"auto.offset.reset", "earliest"},
                             {"fetch.wait.max.ms", "20"}});
}

Result<Client> make_producer(Configuration configuration) {
  return make(RD_KAFKA_PRODUCER, std::move(configuration));
}
Result<Client> make_reader(Configuration configuration) {
  return make(RD_KAFKA_CONSUMER, std::move(configuration));
}

}  // namespace binbus::sink::kafka
