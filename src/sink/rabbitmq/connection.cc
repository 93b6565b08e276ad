#include "sink/rabbitmq/connection.h"

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <charconv>
#include <vector>

#include "sink/rabbitmq/learned.h"

namespace binbus::sink::rabbitmq {
namespace {

constexpr amqp_channel_t kPublishing = 1;
constexpr amqp_channel_t kDeclaring = 2;  // what is refused closes its channel

amqp_bytes_t bytes(std::string_view text) { return {text.size(), const_cast<char*>(text.data())}; }
std::string text_of(amqp_bytes_t text) { return {static_cast<const char*>(text.bytes), text.len}; }
timeval time_of(uint32_t ms) { return {ms / 1000, static_cast<suseconds_t>(ms % 1000 * 1000)}; }

amqp_table_entry_t entry(const char* name, std::string_view value) {
  amqp_table_entry_t made{};
  made.key = amqp_cstring_bytes(name);
  made.value.kind = AMQP_FIELD_KIND_UTF8;
  made.value.value.bytes = bytes(value);
  return made;
}
amqp_table_entry_t flag(const char* name) {
  amqp_table_entry_t made{};
  made.key = amqp_cstring_bytes(name);
  made.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  made.value.value.boolean = 1;
  return made;
}
amqp_table_entry_t number(const char* name, uint64_t value) {
  amqp_table_entry_t made{};
  made.key = amqp_cstring_bytes(name);
  made.value.kind = AMQP_FIELD_KIND_I64;
  made.value.value.i64 = static_cast<int64_t>(value);
  return made;
}
amqp_table_t table(std::vector<amqp_table_entry_t>& entries) {
  return {static_cast<int>(entries.size()), entries.data()};
}

// "message size 20000 is larger than configured max size 16384": the number after `before`.
uint64_t number_after(const std::string& text, std::string_view before) {
  uint64_t value = 0;
  if (const size_t at = text.find(before); at != text.npos)
    std::from_chars(text.data() + at + before.size(), text.data() + text.size(), value);
  return value;
}

}  // namespace

void Connection::Destroy::operator()(amqp_connection_state_t_* state) const {
  amqp_destroy_connection(state);
}

Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::connect(const RabbitmqOptions& options,
                                                        const std::stop_token& stop) {
  std::unique_ptr<Connection> connection(new Connection(options));
  BINBUS_RETURN_IF_ERROR(connection->open(stop));
  return connection;
}

Status Connection::open(const std::stop_token& stop) {
  stop_ = stop;
  std::string url = options_.url;  // taken apart in place
  amqp_connection_info parts{};
  amqp_default_connection_info(&parts);
  if (amqp_parse_url(url.data(), &parts) != AMQP_STATUS_OK)
    return fail(
        Code::kInvalid,
        "rabbitmq: url is none; set it to amqp://USER:PASSWORD@HOST:PORT/VHOST, with %2F and the "
        "like in its parts, or amqps://");
  peer_ = fmt::format("{}:{}", parts.host, parts.port);
  state_.reset(amqp_new_connection());
  amqp_socket_t* socket =
      parts.ssl ? amqp_ssl_socket_new(state_.get()) : amqp_tcp_socket_new(state_.get());
  if (parts.ssl) {
    if (options_.ca_file.empty())
      SSL_CTX_set_default_verify_paths(static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(socket)));
    else if (amqp_ssl_socket_set_cacert(socket, options_.ca_file.c_str()) != AMQP_STATUS_OK)
      return fail(Code::kInvalid,
                  fmt::format("rabbitmq: no certificates in ca_file {}", options_.ca_file));
    if (!options_.certificate_file.empty() &&
        amqp_ssl_socket_set_key(socket, options_.certificate_file.c_str(),
                                options_.key_file.c_str()) != AMQP_STATUS_OK)
      return fail(Code::kInvalid,
                  fmt::format("rabbitmq: certificate_file {} and key_file {} do not go together",
                              options_.certificate_file, options_.key_file));
  }
  const timeval wait = time_of(options_.connect_timeout_ms);
  if (const int status = amqp_socket_open_noblock(socket, parts.host, parts.port, &wait);
      status != AMQP_STATUS_OK)
    return library_error(status, "connecting");
  // A call that is blocked in the socket returns with an error.
  on_stop_.emplace(
      stop, [descriptor = amqp_get_sockfd(state_.get())] { shutdown(descriptor, SHUT_RDWR); });
  amqp_set_handshake_timeout(state_.get(), &wait);
  amqp_set_rpc_timeout(state_.get(), &wait);
  return login(parts.user, parts.password, parts.vhost);
}

Status Connection::login(const std::string& user, const std::string& password,
                         const std::string& vhost) {
  std::vector<amqp_table_entry_t> able = {flag("connection.blocked"),
                                          flag("authentication_failure_close")};
  std::vector<amqp_table_entry_t> properties = {entry("product", "binbus"),
                                                entry("connection_name", "binbus")};
  properties.emplace_back();
  properties.back().key = amqp_cstring_bytes("capabilities");
  properties.back().value.kind = AMQP_FIELD_KIND_TABLE;
  properties.back().value.value.table = table(able);
  const amqp_table_t client = table(properties);
  const amqp_rpc_reply_t answer = amqp_login_with_properties(
      state_.get(), vhost.c_str(), 0, AMQP_DEFAULT_FRAME_SIZE, options_.heartbeat_s, &client,
      AMQP_SASL_METHOD_PLAIN, user.c_str(), password.c_str());
  if (answer.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION)
    return library_error(answer.library_error, "logging in");
  if (answer.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION &&
      answer.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
    const auto* close = static_cast<amqp_connection_close_t*>(answer.reply.decoded);
    return closed_by_broker(close->reply_code, text_of(close->reply_text),
                            fmt::format("logging in as {} to vhost {}", user, vhost));
  }
  for (const amqp_channel_t channel : {kPublishing, kDeclaring}) {
    amqp_channel_open(state_.get(), channel);
    BINBUS_RETURN_IF_ERROR(reply("opening a channel"));
  }
  amqp_confirm_select(state_.get(), kPublishing);
  return reply("asking for confirms");
}

Status Connection::declare_exchange(const std::string& name, bool passive) {
  amqp_exchange_declare(state_.get(), kDeclaring, bytes(name), bytes(options_.exchange_type),
                        passive, 1, 0, 0, amqp_empty_table);
  return reply(fmt::format("exchange {}", name));
}

Status Connection::declare_queue(const std::string& name) {
  std::vector<amqp_table_entry_t> arguments = {entry("x-queue-type", options_.queue_type)};
  amqp_queue_declare(state_.get(), kDeclaring, bytes(name), !options_.declare, 1, 0, 0,
                     table(arguments));
  return reply(fmt::format("queue {}", name));
}

Status Connection::bind_queue(const std::string& queue, const std::string& key) {
  amqp_queue_bind(state_.get(), kDeclaring, bytes(queue), bytes(options_.exchange), bytes(key),
                  amqp_empty_table);
  return reply(fmt::format("binding queue {} to exchange {}", queue, options_.exchange));
}

Status Connection::publish(const Message& message, const std::string& exchange,
                           const std::string& routing_key) {
  std::vector<amqp_table_entry_t> headers;
  headers.reserve(message.headers.size() + 4);
  if (!message.key.empty()) headers.push_back(entry("key", message.key));
  headers.push_back(number("timestamp_ms", message.timestamp_ms));
  if (!message.payload) headers.push_back(flag("tombstone"));
  if (routing_key != message.routing_key)
    headers.push_back(entry("routing_key", message.routing_key));
  for (const auto& [name, value] : message.headers) {
    headers.push_back(entry("", value));
    headers.back().key = bytes(name);
  }
  amqp_basic_properties_t properties{};
  properties._flags =
      AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_TIMESTAMP_FLAG;
  properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;
  properties.headers = table(headers);
  properties.timestamp = message.timestamp_ms / 1000;
  if (!message.id.empty()) {
    properties._flags |= AMQP_BASIC_MESSAGE_ID_FLAG;
    properties.message_id = bytes(message.id);
  }
  if (!message.content_type.empty()) {
    properties._flags |= AMQP_BASIC_CONTENT_TYPE_FLAG;
    properties.content_type = bytes(message.content_type);
  }
  const int status =
      amqp_basic_publish(state_.get(), kPublishing, bytes(exchange), bytes(routing_key),
                         options_.mandatory, 0, &properties, bytes(message.payload.value_or("")));
  return status == AMQP_STATUS_OK ? ok() : library_error(status, "publishing");
}

Result<Event> Connection::next(int wait_ms) {
  const timeval wait = time_of(static_cast<uint32_t>(wait_ms));
  amqp_frame_t frame{};
  amqp_maybe_release_buffers(state_.get());
  const int status = amqp_simple_wait_frame_noblock(state_.get(), &frame, &wait);
  if (status == AMQP_STATUS_TIMEOUT) return Nothing{};
  if (status != AMQP_STATUS_OK) return fail(library_error(status, "waiting for confirms").error());
  if (frame.frame_type != AMQP_FRAME_METHOD) return Nothing{};
  const void* method = frame.payload.method.decoded;
  switch (frame.payload.method.id) {
    case AMQP_BASIC_ACK_METHOD: {
      const auto* ack = static_cast<const amqp_basic_ack_t*>(method);
      return Confirmed{ack->delivery_tag, ack->multiple != 0};
    }
    case AMQP_BASIC_NACK_METHOD: {
      const auto* nack = static_cast<const amqp_basic_nack_t*>(method);
      return Refused{nack->delivery_tag, nack->multiple != 0};
    }
    case AMQP_BASIC_RETURN_METHOD:
      return returned(method);
    case AMQP_CONNECTION_BLOCKED_METHOD:
      return Blocked{text_of(static_cast<const amqp_connection_blocked_t*>(method)->reason)};
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
      return Blocked{""};
    case AMQP_CHANNEL_CLOSE_METHOD: {
      const auto* close = static_cast<const amqp_channel_close_t*>(method);
      return fail(
          closed_by_broker(close->reply_code, text_of(close->reply_text), "publishing").error());
    }
    case AMQP_CONNECTION_CLOSE_METHOD: {
      const auto* close = static_cast<const amqp_connection_close_t*>(method);
      return fail(
          closed_by_broker(close->reply_code, text_of(close->reply_text), "publishing").error());
    }
    default:
      return Nothing{};
  }
}

// The broker sends the whole message back, so none has to be kept for this.
Result<Event> Connection::returned(const void* method) {
  const auto* why = static_cast<const amqp_basic_return_t*>(method);
  Rejection rejection;
  rejection.topic = text_of(why->exchange);
  rejection.routing_key = text_of(why->routing_key);
  rejection.error = {Code::kNotFound, fmt::format("rabbitmq: exchange {}, routing key {}: {} ({}); "
                                                  "bind a queue for it, or set the sink's queues",
                                                  rejection.topic, rejection.routing_key,
                                                  text_of(why->reply_text), why->reply_code)};
  amqp_message_t message{};
  const amqp_rpc_reply_t read = amqp_read_message(state_.get(), kPublishing, &message, 0);
  if (read.reply_type != AMQP_RESPONSE_NORMAL)
    return fail(library_error(read.library_error, "reading a returned message").error());
  rejection.id = text_of(message.properties.message_id);
  bool tombstone = false;
  for (int i = 0; i < message.properties.headers.num_entries; ++i) {
    const amqp_table_entry_t& header = message.properties.headers.entries[i];
    if (text_of(header.key) == "key") rejection.key = text_of(header.value.value.bytes);
    if (text_of(header.key) == "routing_key")
      rejection.routing_key = text_of(header.value.value.bytes);
    if (text_of(header.key) == "tombstone") tombstone = true;
  }
  if (!tombstone) rejection.payload = text_of(message.body);
  amqp_destroy_message(&message);
  return Returned{std::move(rejection)};
}

Status Connection::reply(const std::string& where) {
  const amqp_rpc_reply_t answer = amqp_get_rpc_reply(state_.get());
  if (answer.reply_type == AMQP_RESPONSE_NORMAL) return ok();
  if (answer.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION)
    return library_error(answer.library_error, where);
  if (answer.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
    const auto* close = static_cast<amqp_channel_close_t*>(answer.reply.decoded);
    Status refused = closed_by_broker(close->reply_code, text_of(close->reply_text), where);
    BINBUS_RETURN_IF_ERROR(reopen_channel());
    return refused;
  }
  if (answer.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
    const auto* close = static_cast<amqp_connection_close_t*>(answer.reply.decoded);
    return closed_by_broker(close->reply_code, text_of(close->reply_text), where);
  }
  return fail(Code::kRemote,
              fmt::format("rabbitmq {}: {}: an answer that makes no sense", peer_, where));
}

Status Connection::reopen_channel() {
  amqp_channel_close_ok_t closed{};
  if (const int status =
          amqp_send_method(state_.get(), kDeclaring, AMQP_CHANNEL_CLOSE_OK_METHOD, &closed);
      status != AMQP_STATUS_OK)
    return library_error(status, "closing a channel");
  amqp_channel_open(state_.get(), kDeclaring);
  const amqp_rpc_reply_t answer = amqp_get_rpc_reply(state_.get());
  if (answer.reply_type == AMQP_RESPONSE_NORMAL) return ok();
  return fail(Code::kRemote, fmt::format("rabbitmq {}: opening a channel failed", peer_));
}

Status Connection::library_error(int status, const std::string& where) const {
  if (stop_.stop_requested()) return fail(Code::kStopped, "rabbitmq: asked to stop");
  const bool tls = status <= AMQP_STATUS_SSL_ERROR && status > _AMQP_STATUS_SSL_NEXT_VALUE;
  const Code code =
      tls                                                                        ? Code::kTls
      : status == AMQP_STATUS_TIMEOUT || status == AMQP_STATUS_HEARTBEAT_TIMEOUT ? Code::kTimeout
      : status == AMQP_STATUS_BROKER_UNSUPPORTED_SASL_METHOD ? Code::kUnsupported
      : status == AMQP_STATUS_BAD_AMQP_DATA || status == AMQP_STATUS_TABLE_TOO_BIG ? Code::kRemote
                                                                                   : Code::kNetwork;
  return fail(code, fmt::format("rabbitmq {}: {}: {}{}", peer_, where, amqp_error_string2(status),
                                code == Code::kTls
                                    ? "; see the sink's ca_file, and the host's name in its url"
                                    : ""));
}

Status Connection::closed_by_broker(uint16_t number, const std::string& text,
                                    const std::string& where) const {
  const auto because = [&](Code code, const char* mend) {
    return fail(code, fmt::format("rabbitmq {}: {}: {}{}", peer_, where, text, mend));
  };
  if (const uint64_t limit = number_after(text, "larger than configured max size "); limit > 0) {
    options_.learned->message_bytes_max = limit;
    return because(Code::kRemote, "; all since the last commit is sent again without it");
  }
  switch (number) {
    case AMQP_ACCESS_REFUSED:
      return because(Code::kAuth,
                     "; see the url's user and password, and rabbitmqctl set_permissions");
    case AMQP_NOT_FOUND:
      return because(Code::kNotFound, "; create it, or set the sink's declare");
    case AMQP_NOT_ALLOWED:
      return because(Code::kInvalid, "; see the url's vhost and rabbitmqctl list_vhosts");
    case AMQP_PRECONDITION_FAILED:
      return because(Code::kInvalid,
                     "; it is there with other settings: give the sink the same, or delete it");
    case AMQP_CONNECTION_FORCED:
      return because(Code::kNetwork, "");
    default:
      return because(Code::kRemote, "");
  }
}

}  // namespace binbus::sink::rabbitmq
