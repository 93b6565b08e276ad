#include "sink/kafka/kafka_target.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <array>
#include <chrono>
#include <string_view>
#include <utility>

#include "sink/kafka/checkpoint_topic.h"
#include "sink/kafka/configuration.h"
#include "sink/kafka/errors.h"
#include "sink/kafka/learned.h"
#include "sink/kafka/topics.h"

namespace binbus::sink {
namespace kafka {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kSliceMs = 100;  // how long a call may block before `stop` is asked
constexpr auto kCommitMax = std::chrono::minutes(2);
constexpr auto kSilent = std::chrono::seconds(3);  // then the status says what is waited for
constexpr auto kRefusedTopicFor = std::chrono::seconds(30);
constexpr size_t kRecordOverhead = 128;  // a record's and a batch's own fields, at most
constexpr uint32_t kSendsPerPoll = 64;

struct FreeError {
  void operator()(rd_kafka_error_t* error) const { rd_kafka_error_destroy(error); }
};
using ErrorHandle = std::unique_ptr<rd_kafka_error_t, FreeError>;

std::string_view view(const void* bytes, size_t size) {
  return {static_cast<const char*>(bytes), size};
}

size_t size_of(const Message& message) {
  size_t size = message.key.size() + message.id.size() + kRecordOverhead;
  if (message.payload) size += message.payload->size();
  for (const auto& [name, value] : message.headers) size += name.size() + value.size() + 10;
  return size;
}

rd_kafka_headers_t* headers_of(const Message& message) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(message.headers.size() + 1);
  const auto add = [headers](std::string_view name, std::string_view value) {
    rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                        static_cast<ssize_t>(value.size()));
  };
  if (!message.id.empty()) add("id", message.id);
  for (const auto& [name, value] : message.headers) add(name, value);
  return headers;
}

std::string id_of(const rd_kafka_message_t& message) {
  rd_kafka_headers_t* headers = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
      rd_kafka_header_get_last(headers, "id", &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return "";
  return std::string(view(value, size));
}

class KafkaTarget final : public Target {
 public:
  explicit KafkaTarget(KafkaOptions options) : options_(std::move(options)) {}
  ~KafkaTarget() override {
    abort_transaction();
    producer_.reset();  // before what its callbacks use
  }

  Result<std::optional<Checkpoint>> open(const std::stop_token& stop) override;
  Status send(const Message& message) override;
  Status commit(const Checkpoint& checkpoint) override;
  void forget_refusals() override { options_.learned->refused_topics.clear(); }

 private:
  bool transactional() const { return options_.delivery == KafkaOptions::Delivery::kTransactional; }

  Status connect();
  Result<std::optional<Checkpoint>> take_over();
  Status begin();
  Status produce(const Message& message, const std::string& topic);
  Status produce_checkpoint(const Checkpoint& checkpoint);
  Status flush();
  Status end_transaction();
  void abort_transaction();
  Result<std::optional<Error>> refusal(const Message& message, const std::string& topic);

  // Calls librdkafka's function until it has done its work, failed or `stop` is asked.
  template <class F>
  Status repeat(const std::string& what, steady_clock::time_point deadline, F call);
  // What a failed call says of the target; the cause that was seen before goes first.
  Status failed(int error, const std::string& what, const std::string& words = "");

  void on_undelivered(const rd_kafka_message_t& message);
  void on_client_error(int error, const char* reason);
  void reject(const Message& message, Error error);
  void fail_with(Error error) {
    if (!error_) error_ = std::move(error);
  }

  const KafkaOptions options_;
  std::stop_token stop_;
  bool one_by_one_ = false;
  Client producer_;
  std::optional<Topics> topics_;
  std::optional<steady_clock::time_point> began_;  // the open transaction
  std::optional<Error> error_;                     // the target's; nothing works after it
  std::optional<Error> connection_error_;          // the last one; it may mend itself
  uint32_t sends_ = 0;
};

Result<std::optional<Checkpoint>> KafkaTarget::open(const std::stop_token& stop) {
  stop_ = stop;
  one_by_one_ = options_.learned->one_by_one;
  error_.reset();
  connection_error_.reset();
  topics_.reset();
  producer_.reset();
  BINBUS_TRY(configuration, producer_configuration(options_, one_by_one_));
  rd_kafka_conf_set_opaque(configuration.get(), this);
  rd_kafka_conf_set_dr_msg_cb(configuration.get(),
                              [](rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
                                static_cast<KafkaTarget*>(self)->on_undelivered(*message);
                              });
  rd_kafka_conf_set_error_cb(configuration.get(),
                             [](rd_kafka_t*, int error, const char* reason, void* self) {
                               static_cast<KafkaTarget*>(self)->on_client_error(error, reason);
                             });
  BINBUS_TRY(producer, make_producer(std::move(configuration)));
  producer_ = std::move(producer);
  topics_.emplace(producer_.get(), options_);
  BINBUS_RETURN_IF_ERROR(connect());
  if (!transactional()) return std::nullopt;
  return take_over();
}

Status KafkaTarget::connect() {
  const auto deadline = steady_clock::now() + milliseconds(options_.connect_timeout_ms);
  for (;;) {
    Status asked = topics_->refresh(kSliceMs * 5);
    if (asked) return asked;
    rd_kafka_poll(producer_.get(), 0);
    if (error_) return fail(*error_);
    if (stop_.stop_requested()) return fail(Code::kStopped, "kafka: asked to stop");
    const bool hopeless = connection_error_ && (connection_error_->code == Code::kAuth ||
                                                connection_error_->code == Code::kTls);
    if (hopeless || steady_clock::now() > deadline)
      return fail(connection_error_ ? *connection_error_ : std::move(asked).error());
  }
}

// Fences an older instance; after that its transactions are either committed or aborted, and the checkpoint stands still.
Result<std::optional<Checkpoint>> KafkaTarget::take_over() {
  BINBUS_TRY(refused, topics_->ensure_compacted(options_.checkpoint_topic));
  if (refused) return fail(*refused);
  const auto deadline = steady_clock::now() + kCommitMax;
  BINBUS_RETURN_IF_ERROR(repeat("init_transactions", deadline, [this] {
    return rd_kafka_init_transactions(producer_.get(), kSliceMs * 5);
  }));
  return read_checkpoint(options_, options_.checkpoint_topic, stop_);
}

Status KafkaTarget::send(const Message& message) {
  if (error_) return fail(*error_);
  // What was refused is behind a commit: with batches again.
  if (one_by_one_ && !options_.learned->one_by_one) BINBUS_RETURN_IF_ERROR(open(stop_));
  const std::string topic(message.topic);
  BINBUS_TRY(refused, refusal(message, topic));
  if (refused) {
    reject(message, std::move(*refused));
    return ok();
  }
  BINBUS_RETURN_IF_ERROR(begin());
  BINBUS_RETURN_IF_ERROR(produce(message, topic));
  if (++sends_ % kSendsPerPoll == 0) rd_kafka_poll(producer_.get(), 0);
  return error_ ? fail(*error_) : ok();
}

// Why the message is not sent at all; none when it is.
Result<std::optional<Error>> KafkaTarget::refusal(const Message& message,
                                                  const std::string& topic) {
  if (const size_t size = size_of(message); size > options_.message_bytes_max)
    return Error{
        Code::kLimit,
        fmt::format("kafka: topic {}: a message of {} bytes is over message_bytes_max ({}); "
                    "raise it, and the topic's max.message.bytes",
                    topic, size, options_.message_bytes_max)};
  Learned& learned = *options_.learned;
  if (!learned.refused_messages.empty() && !message.id.empty())
    if (const auto known = learned.refused_messages.find(std::string(message.id));
        known != learned.refused_messages.end())
      return known->second;
  if (const auto known = learned.refused_topics.find(topic);
      known != learned.refused_topics.end()) {
    if (steady_clock::now() < known->second.until) return known->second.error;
    learned.refused_topics.erase(known);
  }
  BINBUS_TRY(refused, topics_->ensure(topic));
  if (refused)
    learned.refused_topics.insert_or_assign(
        topic, RefusedTopic{*refused, steady_clock::now() + kRefusedTopicFor});
  return std::move(refused);
}

Status KafkaTarget::begin() {
  if (!transactional() || began_) return ok();
  BINBUS_RETURN_IF_ERROR(repeat("begin_transaction", steady_clock::now() + kCommitMax,
                                [this] { return rd_kafka_begin_transaction(producer_.get()); }));
  began_ = steady_clock::now();
  return ok();
}

Status KafkaTarget::produce(const Message& message, const std::string& topic) {
  rd_kafka_headers_t* headers = headers_of(message);
  // Empty and absent differ by the pointer alone.
  const std::string_view payload = message.payload.value_or("");
  void* const value =
      message.payload ? const_cast<char*>(payload.empty() ? "" : payload.data()) : nullptr;
  const char* const key = message.key.empty() ? nullptr : message.key.data();
  for (bool told = false;;) {
    const auto error = rd_kafka_producev(
        producer_.get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(key, message.key.size()), RD_KAFKA_V_VALUE(value, payload.size()),
        RD_KAFKA_V_TIMESTAMP(static_cast<int64_t>(message.timestamp_ms)),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (told) on_waiting("");
      return ok();
    }
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      rd_kafka_headers_destroy(headers);
      if (scope_of(error) != Scope::kBatch) return failed(error, "topic " + topic);
      reject(message, describe(error, "kafka: topic " + topic));
      return ok();
    }
    rd_kafka_poll(producer_.get(), kSliceMs);
    if (on_waiting && !std::exchange(told, true)) on_waiting("kafka: the queue is full");
    if (error_ || stop_.stop_requested()) {
      rd_kafka_headers_destroy(headers);
      return error_ ? fail(*error_) : fail(Code::kStopped, "kafka: asked to stop");
    }
  }
}

Status KafkaTarget::commit(const Checkpoint& checkpoint) {
  if (error_) return fail(*error_);
  if (transactional()) {
    BINBUS_RETURN_IF_ERROR(begin());
    BINBUS_RETURN_IF_ERROR(produce_checkpoint(checkpoint));
  }
  BINBUS_RETURN_IF_ERROR(flush());
  if (transactional()) BINBUS_RETURN_IF_ERROR(end_transaction());
  options_.learned->refused_messages.clear();
  options_.learned->one_by_one = false;
  return ok();
}

Status KafkaTarget::produce_checkpoint(const Checkpoint& checkpoint) {
  const auto produce = [&] {
    return rd_kafka_producev(
        producer_.get(), RD_KAFKA_V_TOPIC(options_.checkpoint_topic.c_str()),
        RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(kCheckpointKey, std::string_view(kCheckpointKey).size()),
        RD_KAFKA_V_VALUE(const_cast<char*>(checkpoint.data()), checkpoint.size()), RD_KAFKA_V_END);
  };
  auto error = produce();
  if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
    BINBUS_RETURN_IF_ERROR(flush());
    error = produce();
  }
  return error == RD_KAFKA_RESP_ERR_NO_ERROR ? ok()
                                             : failed(error, "topic " + options_.checkpoint_topic);
}

// Waits until all is confirmed or given up by librdkafka, which message.timeout.ms limits.
Status KafkaTarget::flush() {
  const auto start = steady_clock::now();
  for (bool told = false;;) {
    const auto error = rd_kafka_flush(producer_.get(), kSliceMs);
    if (error_) return fail(*error_);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (told) on_waiting("");
      return ok();
    }
    if (stop_.stop_requested()) return fail(Code::kStopped, "kafka: asked to stop");
    if (error != RD_KAFKA_RESP_ERR__TIMED_OUT) return failed(error, "flush");
    if (told || !on_waiting || steady_clock::now() - start < kSilent) continue;
    told = true;
    on_waiting(connection_error_ ? connection_error_->message
                                 : "kafka: the brokers do not confirm");
  }
}

Status KafkaTarget::end_transaction() {
  BINBUS_RETURN_IF_ERROR(repeat("commit_transaction", steady_clock::now() + kCommitMax, [this] {
    return rd_kafka_commit_transaction(producer_.get(), kSliceMs * 5);
  }));
  began_.reset();
  return ok();
}

// Consumers need not wait for the brokers to find out; the next open() would do it too.
void KafkaTarget::abort_transaction() {
  if (producer_ && began_) ErrorHandle(rd_kafka_abort_transaction(producer_.get(), 1000));
}

template <class F>
Status KafkaTarget::repeat(const std::string& what, steady_clock::time_point deadline, F call) {
  for (;;) {
    const ErrorHandle error(call());
    rd_kafka_poll(producer_.get(), 0);
    if (!error) return ok();
    if (error_) return fail(*error_);
    if (stop_.stop_requested()) return fail(Code::kStopped, "kafka: asked to stop");
    if (!rd_kafka_error_is_retriable(error.get()) || steady_clock::now() > deadline)
      return failed(rd_kafka_error_code(error.get()), what, rd_kafka_error_string(error.get()));
  }
}

Status KafkaTarget::failed(int error, const std::string& what, const std::string& words) {
  rd_kafka_poll(producer_.get(), 0);  // what happened before may be the cause
  std::array<char, 512> fatal{};
  const auto cause = rd_kafka_fatal_error(producer_.get(), fatal.data(), fatal.size());
  if (cause != RD_KAFKA_RESP_ERR_NO_ERROR)
    fail_with(describe(cause, "kafka: " + what, fatal.data()));
  else
    fail_with(describe(error, "kafka: " + what, words));
  return fail(*error_);
}

void KafkaTarget::on_undelivered(const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR || message.err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
      message.err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
    return;
  const std::string topic = rd_kafka_topic_name(message.rkt);
  Error error = describe(message.err, "kafka: topic " + topic);
  Learned& learned = *options_.learned;
  const Scope scope = topic == options_.checkpoint_topic && transactional() ? Scope::kTarget
                                                                            : scope_of(message.err);
  if (scope == Scope::kTarget) {
    if (error.code == Code::kTimeout && connection_error_) {
      error.code = connection_error_->code;
      error.message += "; " + connection_error_->message;
    }
    return fail_with(std::move(error));
  }
  if (scope == Scope::kBatch && !one_by_one_) {
    learned.one_by_one = true;
    error.message +=
        "; all since the last commit is sent again one by one, without what is refused";
    return fail_with({Code::kRemote, error.message});
  }
  std::string id = id_of(message);
  if (scope == Scope::kTopic) {
    topics_->forget(topic);
    learned.refused_topics.insert_or_assign(
        topic, RefusedTopic{error, steady_clock::now() + kRefusedTopicFor});
  } else if (transactional()) {
    learned.refused_messages.insert_or_assign(id, error);
  }
  if (transactional())
    return fail_with({Code::kRemote, error.message + "; the transaction is sent again without it"});
  if (!on_rejected) return;
  Rejection rejection{topic,         "",           std::string(view(message.key, message.key_len)),
                      std::move(id), std::nullopt, std::move(error)};
  if (message.payload != nullptr) rejection.payload.emplace(view(message.payload, message.len));
  on_rejected(std::move(rejection));
}

void KafkaTarget::on_client_error(int error, const char* reason) {
  if (error != RD_KAFKA_RESP_ERR__FATAL) {
    // "All brokers are down" says less than what came before it.
    if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || !connection_error_)
      connection_error_ = describe(error, "kafka", reason);
    return;
  }
  std::array<char, 512> why{};
  const auto cause = rd_kafka_fatal_error(producer_.get(), why.data(), why.size());
  Error fatal = describe(cause, "kafka", why.data());
  // The brokers end a transaction that is open for too long in the same way as one whose id another has taken.
  if (fatal.code == Code::kExists && began_ &&
      steady_clock::now() - *began_ > std::chrono::minutes(1))
    fatal = {
        Code::kTimeout,
        fatal.message +
            ", or raise the property transaction.timeout.ms: the transaction was open for long"};
  fail_with(std::move(fatal));
}

void KafkaTarget::reject(const Message& message, Error error) {
  if (!on_rejected) return;
  Rejection rejection{std::string(message.topic),
                      std::string(message.routing_key),
                      std::string(message.key),
                      std::string(message.id),
                      std::nullopt,
                      std::move(error)};
  if (message.payload) rejection.payload.emplace(*message.payload);
  on_rejected(std::move(rejection));
}

}  // namespace
}  // namespace kafka

KafkaOptions::KafkaOptions() : learned(std::make_shared<kafka::Learned>()) {}

Result<std::unique_ptr<Target>> make_kafka_target(KafkaOptions options) {
  if (options.checkpoint_topic.empty())
    options.checkpoint_topic = "binbus-checkpoint-" + options.transactional_id;
  BINBUS_TRY(configuration, kafka::producer_configuration(options, false));
  BINBUS_TRY(producer, kafka::make_producer(std::move(configuration)));  // checks them together
  producer.reset();
  return std::make_unique<kafka::KafkaTarget>(std::move(options));
}

}  // namespace binbus::sink
