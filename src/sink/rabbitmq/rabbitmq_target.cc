#include "sink/rabbitmq/rabbitmq_target.h"

#include <amqp.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>

#include "sink/rabbitmq/confirm_window.h"
#include "sink/rabbitmq/connection.h"
#include "sink/rabbitmq/learned.h"
#include "sink/rabbitmq/queues.h"

namespace binbus::sink {
namespace rabbitmq {
namespace {

using std::chrono::steady_clock;

constexpr int kSliceMs = 200;
constexpr uint32_t kSendsPerLook = 16;
constexpr size_t kBytesPerLook = 64 << 10;
constexpr auto kRefusedExchangeFor = std::chrono::seconds(30);
constexpr auto kOneByOneFor = std::chrono::seconds(30);
constexpr int kFullFirstMs = 50, kFullMostMs = 5000;  // between two tries to find room
constexpr const char* kFull =
    "rabbitmq: a queue refuses messages: it is full (x-overflow is reject-publish), or has lost "
    "its leader";

class RabbitmqTarget final : public Target {
 public:
  explicit RabbitmqTarget(RabbitmqOptions options)
      : options_(std::move(options)), queues_(options_) {}

  Result<std::optional<Checkpoint>> open(const std::stop_token& stop) override;
  Status send(const Message& message) override;
  Status commit(const Checkpoint& checkpoint) override;
  void forget_refusals() override {
    std::erase_if(exchanges_, [](const auto& known) { return known.second.has_value(); });
  }

 private:
  struct Refusal {
    Error error;
    steady_clock::time_point until;
  };

  Status declare(const std::string& exchange);
  Result<std::optional<Error>> refusal(const Message& message, const std::string& exchange,
                                       size_t bytes);
  // Handles what the broker has said; waits for something at most so long.
  Status hear(int wait_ms);
  // Waits until at most so much is unconfirmed and the broker blocks nobody.
  Status wait_for_window(uint64_t count, uint64_t bytes);
  Status handle(Event event);
  Status publish(const Message& message, const std::string& exchange,
                 const std::string& routing_key, size_t bytes);
  // The same until the queues have room for it.
  Status publish_alone(const Message& message, const std::string& exchange,
                       const std::string& routing_key, size_t bytes);
  void reject(const Message& message, const std::string& exchange, Error error);

  const RabbitmqOptions options_;
  std::stop_token stop_;
  Queues queues_;
  std::unique_ptr<Connection> connection_;
  ConfirmWindow window_;
  std::map<std::string, std::optional<Refusal>> exchanges_;  // none: it is there
  std::string blocked_;                                      // why; "": it is not
  std::optional<Error> error_;                               // nothing works after it
  bool alone_ = false;                                       // one message is under way
  bool refused_ = false;                                     // and was refused
  uint32_t sends_ = 0;
  size_t bytes_since_look_ = 0;
};

Result<std::optional<Checkpoint>> RabbitmqTarget::open(const std::stop_token& stop) {
  stop_ = stop;
  BINBUS_TRY(connection, Connection::connect(options_, stop));
  connection_ = std::move(connection);
  const auto must_act = [](Error error) {  // what is not there stays so until somebody acts
    if (error.code == Code::kNotFound) error.code = Code::kInvalid;
    return fail(std::move(error));
  };
  if (Status made = declare(options_.exchange); !made) return must_act(std::move(made).error());
  for (size_t i = 0; i < queues_.names().size(); ++i) {
    if (Status made = connection_->declare_queue(queues_.names()[i]); !made)
      return must_act(std::move(made).error());
    if (options_.exchange.empty()) continue;
    if (Status bound = connection_->bind_queue(queues_.names()[i], queues_.binding_key(i)); !bound)
      return must_act(std::move(bound).error());
  }
  return std::nullopt;
}

// One that is there already is taken as it is, whatever its settings.
Status RabbitmqTarget::declare(const std::string& exchange) {
  if (!exchange.empty()) {
    Status there = connection_->declare_exchange(exchange, true);
    if (!there && there.error().code == Code::kNotFound && options_.declare)
      there = connection_->declare_exchange(exchange, false);
    if (!there) return there;
  }
  exchanges_[exchange] = std::nullopt;
  return ok();
}

Status RabbitmqTarget::send(const Message& message) {
  if (error_) return fail(*error_);
  const std::string exchange(message.topic.empty() ? options_.exchange : message.topic);
  const size_t bytes = message.payload ? message.payload->size() : 0;
  BINBUS_TRY(refused, refusal(message, exchange, bytes));
  if (refused) {
    reject(message, exchange, std::move(*refused));
    return ok();
  }
  BINBUS_RETURN_IF_ERROR(wait_for_window(
      options_.unconfirmed_max - 1,
      options_.unconfirmed_bytes_max - std::min<uint64_t>(bytes, options_.unconfirmed_bytes_max)));
  const std::string& routing_key = queues_.routing_key(message.routing_key, bytes);
  if (steady_clock::now() < options_.learned->one_by_one_until) {
    BINBUS_RETURN_IF_ERROR(wait_for_window(0, 0));
    alone_ = true;
    Status published = publish_alone(message, exchange, routing_key, bytes);
    alone_ = false;
    return published;
  }
  BINBUS_RETURN_IF_ERROR(publish(message, exchange, routing_key, bytes));
  bytes_since_look_ += bytes;
  if (++sends_ % kSendsPerLook != 0 && bytes_since_look_ < kBytesPerLook) return ok();
  bytes_since_look_ = 0;
  return hear(0);
}

Status RabbitmqTarget::publish(const Message& message, const std::string& exchange,
                               const std::string& routing_key, size_t bytes) {
  BINBUS_RETURN_IF_ERROR(connection_->publish(message, exchange, routing_key));
  window_.published(static_cast<uint32_t>(bytes));
  return ok();
}

Status RabbitmqTarget::publish_alone(const Message& message, const std::string& exchange,
                                     const std::string& routing_key, size_t bytes) {
  for (int pause_ms = kFullFirstMs;; pause_ms = std::min(2 * pause_ms, kFullMostMs)) {
    refused_ = false;
    BINBUS_RETURN_IF_ERROR(publish(message, exchange, routing_key, bytes));
    BINBUS_RETURN_IF_ERROR(wait_for_window(0, 0));
    if (!refused_ && pause_ms > kFullFirstMs && on_waiting) on_waiting("");
    if (!refused_) return ok();
    if (on_waiting) on_waiting(kFull);
    const auto again = steady_clock::now() + std::chrono::milliseconds(pause_ms);
    while (steady_clock::now() < again) {
      BINBUS_RETURN_IF_ERROR(hear(std::min(pause_ms, kSliceMs)));
      if (stop_.stop_requested()) return fail(Code::kStopped, "rabbitmq: asked to stop");
    }
  }
}

Result<std::optional<Error>> RabbitmqTarget::refusal(const Message& message,
                                                     const std::string& exchange, size_t bytes) {
  const uint64_t most =
      std::min<uint64_t>(options_.message_bytes_max, options_.learned->message_bytes_max);
  if (bytes > most)
    return Error{
        Code::kLimit,
        fmt::format(
            "rabbitmq: exchange {}: a message of {} bytes is over the limit of {}; raise the "
            "sink's message_bytes_max and the broker's max_message_size",
            exchange, bytes, most)};
  if (message.routing_key.size() > 255)
    return Error{
        Code::kInvalid,
        fmt::format("rabbitmq: exchange {}: the routing key has {} bytes, and AMQP allows 255; set "
                    "the sink's routing_key",
                    exchange, message.routing_key.size())};
  const auto known = exchanges_.find(exchange);
  if (known != exchanges_.end() && (!known->second || steady_clock::now() < known->second->until))
    return known->second ? std::optional(known->second->error) : std::nullopt;
  const Status there = declare(exchange);
  if (there) return std::nullopt;
  const Code code = there.error().code;
  if (code != Code::kNotFound && code != Code::kAuth && code != Code::kInvalid)
    return fail(there.error());
  exchanges_[exchange] = Refusal{there.error(), steady_clock::now() + kRefusedExchangeFor};
  return there.error();
}

Status RabbitmqTarget::commit(const Checkpoint&) {
  if (error_) return fail(*error_);
  BINBUS_RETURN_IF_ERROR(hear(0));
  return wait_for_window(0, 0);
}

Status RabbitmqTarget::wait_for_window(uint64_t count, uint64_t bytes) {
  auto heard = steady_clock::now();
  while (window_.count() > count || window_.bytes() > bytes || !blocked_.empty()) {
    const uint64_t before = window_.count();
    const bool was_blocked = !blocked_.empty();
    BINBUS_RETURN_IF_ERROR(hear(kSliceMs));
    if (stop_.stop_requested()) return fail(Code::kStopped, "rabbitmq: asked to stop");
    if (window_.count() != before || was_blocked) heard = steady_clock::now();
    if (steady_clock::now() - heard > std::chrono::milliseconds(options_.confirm_timeout_ms)) {
      error_ = {Code::kTimeout,
                fmt::format("rabbitmq: nothing confirmed for {} ms, {} messages wait",
                            options_.confirm_timeout_ms, window_.count())};
      return fail(*error_);
    }
  }
  return ok();
}

Status RabbitmqTarget::hear(int wait_ms) {
  for (;; wait_ms = 0) {
    auto event = connection_->next(wait_ms);
    if (event && std::holds_alternative<Nothing>(*event)) return ok();
    Status handled = event ? handle(std::move(*event)) : Status(fail(std::move(event).error()));
    if (handled) continue;
    error_ = std::move(handled).error();
    if (error_->code == Code::kNotFound)
      error_->code = Code::kRemote;  // an exchange that was there
    return fail(*error_);
  }
}

Status RabbitmqTarget::handle(Event event) {
  if (const auto* confirmed = std::get_if<Confirmed>(&event)) {
    window_.confirmed(confirmed->tag, confirmed->multiple);
  } else if (const auto* refused = std::get_if<Refused>(&event)) {
    options_.learned->one_by_one_until = steady_clock::now() + kOneByOneFor;
    if (!alone_)
      return fail(Code::kRemote,
                  std::string(kFull) + "; all since the last commit is sent again one by one");
    window_.confirmed(refused->tag, refused->multiple);
    refused_ = true;
  } else if (auto* back = std::get_if<Returned>(&event)) {
    if (on_rejected) on_rejected(std::move(back->rejection));
  } else if (const auto* blocked = std::get_if<Blocked>(&event)) {
    blocked_ = blocked->reason;
    if (on_waiting)
      on_waiting(blocked_.empty() ? "" : "rabbitmq: the broker blocks publishers: " + blocked_);
  }
  return ok();
}

void RabbitmqTarget::reject(const Message& message, const std::string& exchange, Error error) {
  if (!on_rejected) return;
  Rejection rejection{exchange,
                      std::string(message.routing_key),
                      std::string(message.key),
                      std::string(message.id),
                      std::nullopt,
                      std::move(error)};
  if (message.payload) rejection.payload.emplace(*message.payload);
  on_rejected(std::move(rejection));
}

Status check(const RabbitmqOptions& options) {
  using Kind = RabbitmqOptions::Queues;
  const auto is_one_of = [](const std::string& value, std::initializer_list<const char*> names) {
    return std::ranges::find(names, value) != names.end();
  };
  std::string url = options.url;
  amqp_connection_info parts{};
  if (amqp_parse_url(url.data(), &parts) != AMQP_STATUS_OK)
    return fail(
        Code::kInvalid,
        "rabbitmq: url is none; set it to amqp://USER:PASSWORD@HOST:PORT/VHOST, with %2F and the "
        "like in its parts, or amqps://");
  if (!is_one_of(options.exchange_type, {"topic", "direct", "fanout", "headers"}))
    return fail(
        Code::kInvalid,
        fmt::format("rabbitmq: exchange_type {}; set it to topic, direct, fanout or headers",
                    options.exchange_type));
  if (!is_one_of(options.queue_type, {"classic", "quorum"}))
    return fail(Code::kInvalid, fmt::format("rabbitmq: queue_type {}; set it to classic or quorum",
                                            options.queue_type));
  const bool divided = options.queues == Kind::kByTable || options.queues == Kind::kByVolume;
  if (divided && !is_one_of(options.exchange_type, {"topic", "direct"}))
    return fail(
        Code::kInvalid,
        fmt::format(
            "rabbitmq: an exchange of type {} gives every queue every message; set exchange_type "
            "to direct or topic for divided queues",
            options.exchange_type));
  if (divided && (options.queue_count < 1 || options.queue_count > 1000))
    return fail(Code::kInvalid,
                fmt::format("rabbitmq: queue_count {}; set it to 1 to 1000", options.queue_count));
  if (options.queues != Kind::kNone && options.queue.empty())
    return fail(Code::kInvalid, "rabbitmq: queue is empty; name it");
  if (options.unconfirmed_max == 0)
    return fail(Code::kInvalid, "rabbitmq: unconfirmed_max is 0; set it to 1 or more");
  return ok();
}

}  // namespace
}  // namespace rabbitmq

RabbitmqOptions::RabbitmqOptions() : learned(std::make_shared<rabbitmq::Learned>()) {}

Result<std::unique_ptr<Target>> make_rabbitmq_target(RabbitmqOptions options) {
  BINBUS_RETURN_IF_ERROR(rabbitmq::check(options));
  return std::make_unique<rabbitmq::RabbitmqTarget>(std::move(options));
}

}  // namespace binbus::sink
