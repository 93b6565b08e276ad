#include "sink/kafka/topics.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <array>

#include "sink/kafka/errors.h"

namespace binbus::sink::kafka {
namespace {

constexpr int kRequestMs = 10'000;

template <auto kFunction>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    kFunction(object);
  }
};

}  // namespace

// Asked for all at once: asking for one that is not there may make it, with the brokers' settings.
Status Topics::refresh(int timeout_ms) {
  const struct rd_kafka_metadata* listing = nullptr;
  const auto error = rd_kafka_metadata(client_, 1, nullptr, &listing, timeout_ms);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(describe(error, "kafka: topics"));
  known_.clear();
  for (int i = 0; i < listing->topic_cnt; ++i)
    if (listing->topics[i].err == RD_KAFKA_RESP_ERR_NO_ERROR)
      known_.insert(listing->topics[i].topic);
  rd_kafka_metadata_destroy(listing);
  return ok();
}

Result<std::optional<Error>> Topics::ensure(const std::string& name) {
  return find_or_create(name, false);
}

Result<std::optional<Error>> Topics::ensure_compacted(const std::string& name) {
  return find_or_create(name, true);
}

Result<std::optional<Error>> Topics::find_or_create(const std::string& name, bool compacted) {
  if (known_.contains(name)) return std::nullopt;
  BINBUS_RETURN_IF_ERROR(refresh(kRequestMs));
  if (known_.contains(name)) return std::nullopt;
  if (options_.create_topics || compacted) return create(name, compacted);
  return Error{
      Code::kNotFound,
      fmt::format(
          "kafka: topic {} does not exist; create it, or set the sink's create_topics; one that "
          "is there and not seen: grant Describe and Write on it with kafka-acls",
          name)};
}

Result<std::optional<Error>> Topics::create(const std::string& name, bool compacted) {
  std::array<char, 512> why{};
  const std::string where = fmt::format("kafka: creating topic {}", name);
  std::unique_ptr<rd_kafka_NewTopic_t, Freer<rd_kafka_NewTopic_destroy>> topic(
      rd_kafka_NewTopic_new(name.c_str(), compacted ? 1 : options_.partitions, options_.replication,
                            why.data(), why.size()));
  if (!topic) return Error{Code::kInvalid, fmt::format("{}: {}", where, why.data())};
  if (compacted) {
    rd_kafka_NewTopic_set_config(topic.get(), "cleanup.policy", "compact");
    rd_kafka_NewTopic_set_config(topic.get(), "segment.ms",
                                 "3600000");  // so that it is compacted soon
  }
  std::unique_ptr<rd_kafka_queue_t, Freer<rd_kafka_queue_destroy>> answers(
      rd_kafka_queue_new(client_));
  rd_kafka_NewTopic_t* topics[] = {topic.get()};
  rd_kafka_CreateTopics(client_, topics, 1, nullptr, answers.get());
  std::unique_ptr<rd_kafka_event_t, Freer<rd_kafka_event_destroy>> event(
      rd_kafka_queue_poll(answers.get(), kRequestMs));
  if (!event) return fail(Code::kTimeout, where + ": no answer");
  if (const auto error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(describe(error, where, rd_kafka_event_error_string(event.get())));
  size_t count = 0;
  const auto* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (size_t i = 0; i < count; ++i) {
    const auto error = rd_kafka_topic_result_error(results[i]);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
      continue;
    const char* words = rd_kafka_topic_result_error_string(results[i]);
    return describe(error, where, words == nullptr ? "" : words);
  }
  known_.insert(name);
  return std::nullopt;
}

}  // namespace binbus::sink::kafka
