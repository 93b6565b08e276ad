#include "sink/kafka/configuration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sink/kafka/errors.h"

namespace binbus::sink::kafka {
namespace {

using testing::HasSubstr;

KafkaOptions with(std::map<std::string, std::string> properties) {
  KafkaOptions options;
  options.brokers = {"localhost:9092"};
  options.properties = std::move(properties);
  return options;
}

struct Case {
  const char* name;
  KafkaOptions options;
  const char* complaint;  // "": none
};
std::vector<Case> cases() {
  KafkaOptions no_id = with({});
  no_id.delivery = KafkaOptions::Delivery::kTransactional;
  KafkaOptions transactional = no_id;
  transactional.transactional_id = "orders";
  KafkaOptions bad_compression = with({});
  bad_compression.compression = "zip";
  return {
      {"plain", with({}), ""},
      {"transactional", transactional, ""},
      {"tuned", with({{"linger.ms", "50"}, {"partitioner", "consistent"}}), ""},
      {"sasl",
       with({{"security.protocol", "SASL_SSL"},
             {"sasl.mechanism", "PLAIN"},
             {"sasl.username", "u"},
             {"sasl.password", "p"}}),
       ""},
      {"no_brokers", KafkaOptions(), "brokers is empty"},
      {"unknown", with({{"linger.millis", "5"}}),
       "kafka property linger.millis: No such configuration property"},
      {"bad_value", with({{"linger.ms", "soon"}}), "kafka property linger.ms"},
      {"ours", with({{"compression.type", "lz4"}}), "set the sink's compression instead"},
      {"relied_on", with({{"acks", "1"}}), "kafka property acks: binbus relies on its own value"},
      {"contradiction", with({{"max.in.flight", "100"}}), "max.in.flight"},
      {"no_such_file", with({{"security.protocol", "ssl"}, {"ssl.ca.location", "no/ca.pem"}}),
       "(no/ca.pem)"},
      {"no_transactional_id", no_id, "set transactional_id too"},
      {"compression", bad_compression, "compression.type"},
  };
}

TEST(MakeKafkaTarget, says_what_is_wrong_with_the_options) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const auto made = make_kafka_target(c.options);
    if (*c.complaint == '\0') {
      EXPECT_TRUE(made) << made.error().message;
      continue;
    }
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Code::kInvalid);
    EXPECT_THAT(made.error().message, HasSubstr(c.complaint));
  }
}

TEST(MakeKafkaTarget, messages_have_no_secrets) {
  const auto made = make_kafka_target(with({{"sasl.pasword", "sesame"}}));
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, Not(HasSubstr("sesame")));
}

// The numbers are the protocol's, and librdkafka's own below 0.
TEST(Errors, whose_fault) {
  EXPECT_EQ(scope_of(3), Scope::kTopic);    // UNKNOWN_TOPIC_OR_PART
  EXPECT_EQ(scope_of(10), Scope::kBatch);   // MSG_SIZE_TOO_LARGE
  EXPECT_EQ(scope_of(29), Scope::kTopic);   // TOPIC_AUTHORIZATION_FAILED
  EXPECT_EQ(scope_of(90), Scope::kTarget);  // PRODUCER_FENCED
  EXPECT_EQ(code_of(90), Code::kExists);
  EXPECT_EQ(scope_of(99999), Scope::kTarget);  // not heard of yet
  EXPECT_EQ(code_of(99999), Code::kRemote);
  EXPECT_THAT(describe(29, "kafka: topic t").message,
              testing::AllOf(HasSubstr("kafka: topic t: "), HasSubstr("TOPIC_AUTHORIZATION_FAILED"),
                             HasSubstr("kafka-acls")));
}

}  // namespace
}  // namespace binbus::sink::kafka
