#include "app/sink_targets.h"

#include <charconv>
#include <mutex>
#include <optional>

#include "sink/file/file_target.h"
#include "sink/kafka/kafka_target.h"
#include "sink/rabbitmq/rabbitmq_target.h"

namespace binbus::app {
namespace {

using sink::KafkaOptions;
using sink::RabbitmqOptions;
using sink::SinkOptions;

// Takes settings of ours out of `properties`; the first that is wrong is kept as the error.
class Settings {
 public:
  explicit Settings(std::map<std::string, std::string> properties)
      : properties_(std::move(properties)) {}

  template <class T>
  void number(const char* name, T& out) {
    const auto text = take(name);
    if (!text) return;
    T value{};
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc() || end != text->data() + text->size()) {
      wrong(name, "must be a number");
    } else {
      out = value;
    }
  }
  void flag(const char* name, bool& out) {
    const auto text = take(name);
    if (!text) return;
    if (*text != "true" && *text != "false") return wrong(name, "must be true or false");
    out = *text == "true";
  }
  void text(const char* name, std::string& out) {
    if (const auto given = take(name)) out = *given;
  }
  template <class E>
  void choice(const char* name, E& out,
              std::initializer_list<std::pair<std::string_view, E>> choices) {
    const auto given = take(name);
    if (!given) return;
    std::string names;
    for (const auto& [choice_name, value] : choices) {
      if (*given == choice_name) {
        out = value;
        return;
      }
      names += names.empty() ? "" : ", ";
      names += choice_name;
    }
    wrong(name, "must be one of " + names);
  }
  const std::map<std::string, std::string>& rest() const { return properties_; }
  Status status() const { return error_ ? fail(*error_) : ok(); }
  void refuse_rest() {
    if (!properties_.empty()) wrong(properties_.begin()->first.c_str(), "is not known");
  }

 private:
  std::optional<std::string> take(const char* name) {
    const auto found = properties_.find(name);
    if (found == properties_.end()) return std::nullopt;
    std::string value = std::move(found->second);
    properties_.erase(found);
    return value;
  }
  void wrong(const char* name, const std::string& why) {
    if (!error_) error_ = Error{Code::kInvalid, std::string("properties: ") + name + " " + why};
  }

  std::map<std::string, std::string> properties_;
  std::optional<Error> error_;
};

Result<KafkaOptions> kafka_options(const SinkOptions& sink) {
  KafkaOptions options;
  options.brokers = sink.brokers;
  options.delivery = sink.delivery == "transactional" ? KafkaOptions::Delivery::kTransactional
                                                      : KafkaOptions::Delivery::kAtLeastOnce;
  options.transactional_id = "binbus-" + sink.stream + "-" + sink.name;
  Settings settings(sink.properties);
  settings.text("transactional.id", options.transactional_id);
  settings.text("checkpoint_topic", options.checkpoint_topic);
  settings.text("compression.type", options.compression);
  settings.number("message_bytes_max", options.message_bytes_max);
  settings.number("queue_bytes", options.queue_bytes);
  settings.flag("create_topics", options.create_topics);
  settings.number("partitions", options.partitions);
  settings.number("replication", options.replication);
  settings.number("connect_timeout_ms", options.connect_timeout_ms);
  BINBUS_RETURN_IF_ERROR(settings.status());
  options.properties = settings.rest();
  return options;
}

Result<RabbitmqOptions> rabbitmq_options(const SinkOptions& sink) {
  using Queues = RabbitmqOptions::Queues;
  RabbitmqOptions options;
  options.url = sink.url;
  // Queues are bound to one exchange; messages may name others.
  if (sink.exchange.find('{') == std::string::npos) options.exchange = sink.exchange;
  // A sink with nothing to send would have to answer: a broker that is gone shows with the next message.
  options.heartbeat_s = 0;
  Settings settings(sink.properties);
  settings.text("ca_file", options.ca_file);
  settings.text("certificate_file", options.certificate_file);
  settings.text("key_file", options.key_file);
  settings.text("exchange_type", options.exchange_type);
  settings.flag("declare", options.declare);
  settings.choice<Queues>("queues", options.queues,
                          {{"none", Queues::kNone},
                           {"one", Queues::kOne},
                           {"by_table", Queues::kByTable},
                           {"by_volume", Queues::kByVolume}});
  settings.text("queue", options.queue);
  settings.text("queue_type", options.queue_type);
  settings.number("queue_count", options.queue_count);
  settings.flag("mandatory", options.mandatory);
  settings.number("message_bytes_max", options.message_bytes_max);
  settings.number("unconfirmed_max", options.unconfirmed_max);
  settings.number("unconfirmed_bytes_max", options.unconfirmed_bytes_max);
  settings.number("heartbeat_s", options.heartbeat_s);
  settings.number("connect_timeout_ms", options.connect_timeout_ms);
  settings.number("confirm_timeout_ms", options.confirm_timeout_ms);
  settings.refuse_rest();
  BINBUS_RETURN_IF_ERROR(settings.status());
  return options;
}

// The newest options, with what targets made of them have learned.
struct Made {
  std::mutex mutex;
  std::optional<SinkOptions> of;
  KafkaOptions kafka;
  RabbitmqOptions rabbitmq;
};

}  // namespace

MakeTarget target_maker(io::FileSystem& files, io::Clock& clock) {
  return [&files, &clock, made = std::make_shared<Made>()](
             const SinkOptions& options) -> Result<std::unique_ptr<sink::Target>> {
    if (options.type == "file") return sink::make_file_target(options, files, clock);
    const std::lock_guard lock(made->mutex);
    if (!made->of || !(*made->of == options)) {
      made->of.reset();
      if (options.type == "kafka") {
        BINBUS_TRY(kafka, kafka_options(options));
        made->kafka = std::move(kafka);
      } else {
        BINBUS_TRY(rabbitmq, rabbitmq_options(options));
        made->rabbitmq = std::move(rabbitmq);
      }
      made->of = options;
    }
    return options.type == "kafka" ? sink::make_kafka_target(made->kafka)
                                   : sink::make_rabbitmq_target(made->rabbitmq);
  };
}

}  // namespace binbus::app
