// One AMQP connection with a channel that publishes with confirms: librabbitmq behind our own types.
//
// Owner:  borrows the options.
// Thread: one; `stop`, given to connect(), ends a blocked call from any.
// Errors: by kind of failure, as target.h says; after one of them only the destructor is of use.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "sink/rabbitmq/rabbitmq_target.h"

struct amqp_connection_state_t_;

namespace binbus::sink::rabbitmq {

// What the broker says by itself.
struct Nothing {};
struct Confirmed {
  uint64_t tag;
  bool multiple;
};
struct Refused {  // by a queue that is full, or an error of the broker's
  uint64_t tag;
  bool multiple;
};
struct Returned {  // no queue takes it; its confirmation follows
  Rejection rejection;
};
struct Blocked {
  std::string reason;  // "": not blocked any more
};
using Event = std::variant<Nothing, Confirmed, Refused, Returned, Blocked>;

class Connection {
 public:
  static Result<std::unique_ptr<Connection>> connect(const RabbitmqOptions& options,
                                                     const std::stop_token& stop);
  ~Connection();

  // `passive`: it must be there. kNotFound: it is not; the connection goes on.
  Status declare_exchange(const std::string& name, bool passive);
  Status declare_queue(const std::string& name);
  Status bind_queue(const std::string& queue, const std::string& key);
  // Returns when it is written to the socket. `routing_key` is what it is published with.
  Status publish(const Message& message, const std::string& exchange,
                 const std::string& routing_key);
  // The next event, or Nothing after `wait_ms`.
  Result<Event> next(int wait_ms);

 private:
  struct Destroy {
    void operator()(amqp_connection_state_t_* state) const;
  };
  explicit Connection(const RabbitmqOptions& options) : options_(options) {}
  Status open(const std::stop_token& stop);
  Status login(const std::string& user, const std::string& password, const std::string& vhost);
  // The outcome of the last call; after a refused declaration the channel for these is opened anew.
  Status reply(const std::string& where);
  Status reopen_channel();
  Status library_error(int status, const std::string& where) const;
  Status closed_by_broker(uint16_t number, const std::string& text, const std::string& where) const;
  Result<Event> returned(const void* method);

  const RabbitmqOptions& options_;
  std::string peer_;  // HOST:PORT
  std::unique_ptr<amqp_connection_state_t_, Destroy> state_;
  std::stop_token stop_;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;  // gone before the socket is
};

}  // namespace binbus::sink::rabbitmq
