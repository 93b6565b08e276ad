#include "sink/kafka/errors.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <iterator>

namespace binbus::sink::kafka {
namespace {

struct Row {
  rd_kafka_resp_err_t error;
  Scope scope;
  Code code;
  const char* mend;  // "": nothing to do, or it is plain
};

constexpr const char* kSmaller =
    "lower the sink's message_bytes_max, or raise the topic's max.message.bytes";
constexpr const char* kRefusedRecord =
    "a compacted topic takes no message without a key; see the topic's settings";
constexpr const char* kFenced =
    "another binbus delivers under the same transactional id: stop it, or give each sink its own";
constexpr const char* kAcl = "allow it with kafka-acls";

// What is not here concerns the target and may mend itself.
constexpr Row kRows[] = {
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, Scope::kBatch, Code::kLimit, kSmaller},
    {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, Scope::kBatch, Code::kLimit, kSmaller},
    {RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, Scope::kBatch, Code::kLimit, kSmaller},
    {RD_KAFKA_RESP_ERR_INVALID_MSG, Scope::kBatch, Code::kInvalid, kRefusedRecord},
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, Scope::kBatch, Code::kInvalid, kRefusedRecord},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, Scope::kBatch, Code::kInvalid,
     "see the brokers' policies"},
    {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, Scope::kBatch, Code::kInvalid,
     "raise the topic's message.timestamp.before.max.ms"},

    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, Scope::kTopic, Code::kNotFound, "create it"},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, Scope::kTopic, Code::kNotFound, "create it"},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, Scope::kTopic, Code::kNotFound, ""},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, Scope::kTopic, Code::kInvalid,
     "a name has at most 249 of a-z A-Z 0-9 . _ -; set the sink's topic"},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Scope::kTopic, Code::kAuth,
     "grant Write and Describe on it (and Create, when binbus makes topics) with kafka-acls"},
    {RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, Scope::kTopic, Code::kInvalid,
     "set the sink's partitions"},
    {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, Scope::kTopic, Code::kInvalid,
     "set the sink's replication to at most the number of brokers"},

    {RD_KAFKA_RESP_ERR__FENCED, Scope::kTarget, Code::kExists, kFenced},
    {RD_KAFKA_RESP_ERR_PRODUCER_FENCED, Scope::kTarget, Code::kExists, kFenced},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, Scope::kTarget, Code::kExists, kFenced},
    {RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, Scope::kTarget, Code::kInvalid,
     "lower the property transaction.timeout.ms, or raise the brokers' transaction.max.timeout.ms"},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, Scope::kTarget, Code::kAuth,
     "grant Write and Describe on the transactional id with kafka-acls"},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, Scope::kTarget, Code::kAuth,
     "grant IdempotentWrite on the cluster with kafka-acls"},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, Scope::kTarget, Code::kAuth, kAcl},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, Scope::kTarget, Code::kAuth,
     "set the properties sasl.username and sasl.password, and the brokers' sasl.mechanism"},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, Scope::kTarget, Code::kAuth,
     "set the properties sasl.username and sasl.password"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, Scope::kTarget, Code::kInvalid,
     "set the property sasl.mechanism to one that the brokers have"},
    {RD_KAFKA_RESP_ERR__SSL, Scope::kTarget, Code::kTls,
     "set the properties security.protocol and ssl.ca.location"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, Scope::kTarget, Code::kUnsupported,
     "binbus needs Kafka 0.11 or newer"},
    {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, Scope::kTarget, Code::kUnsupported,
     "binbus needs Kafka 0.11 or newer"},
    {RD_KAFKA_RESP_ERR__TRANSPORT, Scope::kTarget, Code::kNetwork, ""},
    {RD_KAFKA_RESP_ERR__RESOLVE, Scope::kTarget, Code::kNetwork, "see the sink's brokers"},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, Scope::kTarget, Code::kNetwork, "see the sink's brokers"},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, Scope::kTarget, Code::kTimeout, ""},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, Scope::kTarget, Code::kTimeout, ""},
    {RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, Scope::kTarget, Code::kTimeout, ""},
    {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, Scope::kTarget, Code::kTimeout, ""},
};

const Row& row_of(int error) {
  static constexpr Row kOther{RD_KAFKA_RESP_ERR_UNKNOWN, Scope::kTarget, Code::kRemote, ""};
  const auto row = std::ranges::find(kRows, error, [](const Row& r) { return int{r.error}; });
  return row == std::end(kRows) ? kOther : *row;
}

}  // namespace

Scope scope_of(int error) { return row_of(error).scope; }
Code code_of(int error) { return row_of(error).code; }

Error describe(int error, const std::string& where, const std::string& words) {
  const auto code = static_cast<rd_kafka_resp_err_t>(error);
  const char* mend = row_of(error).mend;
  return {code_of(error),
          fmt::format("{}: {} ({}){}{}", where, words.empty() ? rd_kafka_err2str(code) : words,
                      rd_kafka_err2name(code), *mend == '\0' ? "" : "; ", mend)};
}

}  // namespace binbus::sink::kafka
