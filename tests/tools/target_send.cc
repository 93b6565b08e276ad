// Lets a script send messages to a broker as a sink does: made anew after an error, with all since the last commit.
//
//   target_send kafka|rabbitmq [OPTION=VALUE...]       names as in KafkaOptions and RabbitmqOptions; property.NAME=VALUE
//
// Input, columns separated by tabs, those at the end may be left out:
//   TOPIC KEY PAYLOAD ID ROUTING_KEY      a message; PAYLOAD \N: a tombstone
//   commit CHECKPOINT
// Output:
//   checkpoint TEXT                       what the target keeps, once connected; "-": nothing
//   committed CHECKPOINT
//   rejected ID TOPIC KEY BYTES ERROR
//   waiting REASON                        "" when it goes on
//   error CODE MESSAGE                    and made anew, or the end with status 1 when it is not one to try again
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error_table.h"
#include "sink/kafka/kafka_target.h"
#include "sink/rabbitmq/rabbitmq_target.h"

namespace binbus::sink {
namespace {

using Make = std::function<Result<std::unique_ptr<Target>>()>;
using Columns = std::vector<std::string>;

Columns split(const std::string& line) {
  Columns columns(1);
  for (const char c : line)
    if (c == '\t')
      columns.emplace_back();
    else
      columns.back() += c;
  return columns;
}

Status set(KafkaOptions& options, const std::string& name, const std::string& value) {
  if (name == "brokers")
    options.brokers = {value};
  else if (name == "delivery")
    options.delivery = value == "transactional" ? KafkaOptions::Delivery::kTransactional
                                                : KafkaOptions::Delivery::kAtLeastOnce;
  else if (name == "transactional_id")
    options.transactional_id = value;
  else if (name == "compression")
    options.compression = value;
  else if (name == "message_bytes_max")
    options.message_bytes_max = static_cast<uint32_t>(std::stoul(value));
  else if (name == "queue_bytes")
    options.queue_bytes = std::stoull(value);
  else if (name == "create_topics")
    options.create_topics = value == "true";
  else if (name == "partitions")
    options.partitions = std::stoi(value);
  else if (name.starts_with("property."))
    options.properties[name.substr(9)] = value;
  else
    return fail(Code::kInvalid, "no option " + name);
  return ok();
}

Status set(RabbitmqOptions& options, const std::string& name, const std::string& value) {
  using Queues = RabbitmqOptions::Queues;
  if (name == "url")
    options.url = value;
  else if (name == "ca_file")
    options.ca_file = value;
  else if (name == "exchange")
    options.exchange = value;
  else if (name == "exchange_type")
    options.exchange_type = value;
  else if (name == "declare")
    options.declare = value == "true";
  else if (name == "queue")
    options.queue = value;
  else if (name == "queue_type")
    options.queue_type = value;
  else if (name == "queue_count")
    options.queue_count = static_cast<uint32_t>(std::stoul(value));
  else if (name == "queues")
    options.queues = value == "one"         ? Queues::kOne
                     : value == "by_table"  ? Queues::kByTable
                     : value == "by_volume" ? Queues::kByVolume
                                            : Queues::kNone;
  else if (name == "message_bytes_max")
    options.message_bytes_max = static_cast<uint32_t>(std::stoul(value));
  else if (name == "confirm_timeout_ms")
    options.confirm_timeout_ms = static_cast<uint32_t>(std::stoul(value));
  else
    return fail(Code::kInvalid, "no option " + name);
  return ok();
}

// Targets of copies of the same options.
template <class Options, class F>
Result<Make> maker(F make, int count, char** arguments) {
  Options options;
  for (int i = 0; i < count; ++i) {
    const std::string argument = arguments[i];
    const size_t equals = argument.find('=');
    BINBUS_RETURN_IF_ERROR(set(options, argument.substr(0, equals), argument.substr(equals + 1)));
  }
  return Make([options, make] { return make(options); });
}

class Sender {
 public:
  explicit Sender(Make make) : make_(std::move(make)) {}

  bool run() {
    if (!until_done(nullptr)) return false;
    for (std::string line; std::getline(std::cin, line);) {
      const Columns columns = split(line);
      if (!until_done(&columns)) return false;
      if (columns[0] != "commit") {
        uncommitted_.push_back(columns);
      } else {
        uncommitted_.clear();
        std::cout << "committed\t" << columns[1] << std::endl;
      }
    }
    return true;
  }

 private:
  bool until_done(const Columns* columns) {
    for (;;) {
      const Status done = attempt(columns);
      if (done) return true;
      std::cout << "error\t" << code_name(done.error().code) << '\t' << done.error().message
                << std::endl;
      target_.reset();
      if (retry_of(done.error().code) != Retry::kLater) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }

  Status attempt(const Columns* columns) {
    if (!target_) {
      BINBUS_RETURN_IF_ERROR(open());
      for (const Columns& message : uncommitted_) BINBUS_RETURN_IF_ERROR(send(message));
    }
    if (columns == nullptr) return ok();
    return (*columns)[0] == "commit" ? target_->commit((*columns)[1]) : send(*columns);
  }

  Status open() {
    BINBUS_TRY(target, make_());
    target->on_rejected = [](const Rejection& rejection) {
      std::cout << "rejected\t" << rejection.id << '\t' << rejection.topic << '\t' << rejection.key
                << '\t' << (rejection.payload ? std::to_string(rejection.payload->size()) : "none")
                << '\t' << rejection.error.message << std::endl;
    };
    target->on_waiting = [](std::string_view reason) {
      std::cout << "waiting\t" << reason << std::endl;
    };
    BINBUS_TRY(checkpoint, target->open({}));
    std::cout << "checkpoint\t" << checkpoint.value_or("-") << std::endl;
    target_ = std::move(target);
    return ok();
  }

  Status send(const Columns& columns) {
    const auto column = [&](size_t i) {
      return i < columns.size() ? std::string_view(columns[i]) : "";
    };
    const std::pair<std::string_view, std::string_view> headers[] = {{"table", column(4)}};
    Message message;
    message.topic = column(0);
    message.key = column(1);
    if (column(2) != "\\N") message.payload = column(2);
    message.id = column(3);
    message.routing_key = column(4);
    message.content_type = "application/json";
    message.timestamp_ms =
        static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                  std::chrono::system_clock::now().time_since_epoch())
                                  .count());
    if (!column(4).empty()) message.headers = headers;
    return target_->send(message);
  }

  const Make make_;
  std::unique_ptr<Target> target_;
  std::vector<Columns> uncommitted_;
};

Result<Make> maker_of(int argc, char** argv) {
  const std::string kind = argc > 1 ? argv[1] : "";
  if (kind == "kafka") return maker<KafkaOptions>(make_kafka_target, argc - 2, argv + 2);
  if (kind == "rabbitmq") return maker<RabbitmqOptions>(make_rabbitmq_target, argc - 2, argv + 2);
  return fail(Code::kInvalid, "usage: target_send kafka|rabbitmq [OPTION=VALUE...]");
}

}  // namespace
}  // namespace binbus::sink

int main(int argc, char** argv) {
  auto make = binbus::sink::maker_of(argc, argv);
  if (!make) {
    std::cout << "error\tinvalid\t" << make.error().message << std::endl;
    return 2;
  }
  return binbus::sink::Sender(std::move(*make)).run() ? 0 : 1;
}
