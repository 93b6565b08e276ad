// Against librdkafka's brokers in this process, which fail when they are told to. Real ones: tests/server/test_brokers.py.
#include "sink/kafka/kafka_target.h"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "base/log.h"
#include "sink/kafka/configuration.h"

namespace {
std::atomic<int> g_failures;
}  // namespace

// In place of base's. librdkafka logs each answer that makes a transaction fail on the thread that reads it, before it handles it:
// held up here, others than the first are handled while the target ends.
namespace binbus::log {
void write(Level, std::string_view, std::initializer_list<Field> fields) {
  for (const Field& field : fields) {
    if (field.value.find("Fatal transaction error") != std::string::npos && ++g_failures > 1)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}
}  // namespace binbus::log

namespace binbus::sink {
namespace {

constexpr int16_t kProduce = 0;  // Kafka's number of the request
constexpr auto kFenced = RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;

// What librdkafka says of a failure, and frees, is as long as the topic's name.
const std::vector<std::string> kTopics = {"o", "orders", "large_rows_of_the_shop",
                                          "binbus-checkpoint-changes"};

struct FreeBrokers {
  void operator()(rd_kafka_mock_cluster_t* brokers) const {
    rd_kafka_mock_cluster_destroy(brokers);
  }
};

class Brokers {
 public:
  Brokers() : owner_(rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), nullptr, 0)) {
    brokers_.reset(rd_kafka_mock_cluster_new(owner_.get(), 1));
    for (const std::string& topic : kTopics)
      rd_kafka_mock_topic_create(brokers_.get(), topic.c_str(), 1, 1);
  }
  KafkaOptions transactional() const {
    KafkaOptions options;
    options.brokers = {rd_kafka_mock_cluster_bootstraps(brokers_.get())};
    options.delivery = KafkaOptions::Delivery::kTransactional;
    options.transactional_id = "changes";
    options.properties = {{"linger.ms", "0"}};
    return options;
  }
  void fence() {
    rd_kafka_mock_push_request_errors(brokers_.get(), kProduce, 8, kFenced, kFenced, kFenced,
                                      kFenced, kFenced, kFenced, kFenced, kFenced);
  }
  void end_fence() { rd_kafka_mock_clear_request_errors(brokers_.get(), kProduce); }

 private:
  kafka::Client owner_;
  std::unique_ptr<rd_kafka_mock_cluster_t, FreeBrokers> brokers_;
};

Status send_to_each_topic(Target& target) {
  for (const std::string& topic : kTopics) {
    Message message;
    message.topic = topic;
    message.payload = "x";
    BINBUS_RETURN_IF_ERROR(target.send(message));
  }
  return ok();
}

Status deliver_until_shut_out(Brokers& brokers) {
  BINBUS_TRY(target, make_kafka_target(brokers.transactional()));
  const auto opened = target->open(std::stop_token());
  if (!opened) return fail(opened.error());
  BINBUS_RETURN_IF_ERROR(send_to_each_topic(*target));
  BINBUS_RETURN_IF_ERROR(target->commit("1"));
  brokers.fence();
  Status sent = ok();
  while (sent) sent = send_to_each_topic(*target);
  brokers.end_fence();
  return sent;
}

// The brokers tell so for each request that is under way.
TEST(KafkaTargetTest, OneThatIsShutOutMayEndBeforeAllAnswersAreThere) {
  Brokers brokers;
  int others = 0;
  for (int round = 0; round < 5; ++round) {
    g_failures = 0;
    const Status ended = deliver_until_shut_out(brokers);
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, Code::kExists) << ended.error().message;
    others += g_failures - 1;
  }
  EXPECT_GT(others, 0);
}

}  // namespace
}  // namespace binbus::sink
