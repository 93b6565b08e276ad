#include "sink/delivery.h"

#include <utility>

#include "base/log.h"
#include "format/value.h"
#include "sink/names.h"

namespace binbus::sink {

using schema::Change;
using schema::Field;
using schema::Operation;

namespace {

constexpr size_t kKeepBytesMax = 4 << 20;  // of buffers, after a huge message

void add(std::atomic<uint64_t>& counter, uint64_t more) {  // one writer
  counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

std::string& emptied(std::string& buffer) {
  if (buffer.capacity() > kKeepBytesMax) buffer = std::string();
  buffer.clear();
  return buffer;
}

format::WriterOptions writer_options(const SinkOptions& options, const Rules& rules) {
  format::WriterOptions out;
  out.stream = options.stream;
  out.transaction_bounds = options.transaction_bounds;
  out.ddl = std::ranges::any_of(rules.all(), [](const TableOptions& rule) {
    return std::ranges::find(rule.operations, "ddl") != rule.operations.end();
  });
  out.schemas = options.schemas;
  out.sql_text = options.sql_text;
  out.gtid = options.gtid;
  out.primary_key = options.primary_key;
  return out;
}

Status check_choice(std::string_view key, std::string_view value,
                    std::span<const std::string_view> choices) {
  if (std::ranges::find(choices, value) != choices.end()) return ok();
  std::string names;
  for (const std::string_view choice : choices) {
    names += names.empty() ? "" : ", ";
    names += choice;
  }
  return fail(Code::kInvalid,
              std::string(key) + " is \"" + std::string(value) + "\"; must be one of " + names);
}

Status check_choices(const SinkOptions& options, const Rules& rules) {
  constexpr std::string_view kPolicies[] = {"dead_letter", "stop", "skip"};
  constexpr std::string_view kKeyChanges[] = {"", "update", "delete_insert"};
  BINBUS_RETURN_IF_ERROR(check_choice("on_rejected", options.on_rejected, kPolicies));
  for (const TableOptions& rule : rules.all()) {
    BINBUS_RETURN_IF_ERROR(check_choice("key_change", rule.key_change, kKeyChanges));
  }
  return ok();
}

// The row after the update, with what its image lacks from the one before.
std::vector<Field> whole_row(const Change& update) {
  std::vector<Field> row(update.after.begin(), update.after.end());
  for (size_t i = 0; i < row.size() && i < update.before.size(); ++i) {
    if (format::is_absent(row[i])) row[i] = update.before[i];
  }
  return row;
}

}  // namespace

Counts Counters::read() const {
  return {changes.load(std::memory_order_relaxed),  filtered.load(std::memory_order_relaxed),
          messages.load(std::memory_order_relaxed), bytes.load(std::memory_order_relaxed),
          rejected.load(std::memory_order_relaxed), skipped.load(std::memory_order_relaxed)};
}

Delivery::Delivery(const SinkOptions& options, DeadLetters& dead_letters, io::Clock& clock,
                   Counters& counters, Rules rules)
    : options_(options),
      dead_letters_(dead_letters),
      clock_(clock),
      counters_(counters),
      rules_(std::move(rules)),
      ids_(options.stream) {}

Result<std::unique_ptr<Delivery>> Delivery::make(const SinkOptions& options,
                                                 DeadLetters& dead_letters, io::Clock& clock,
                                                 Counters& counters) {
  BINBUS_TRY(rules, Rules::make(options));
  std::unique_ptr<Delivery> out(
      new Delivery(options, dead_letters, clock, counters, std::move(rules)));
  BINBUS_TRY(filter, Filter::make(options, out->rules_));
  BINBUS_TRY(transform, Transform::make(options, out->rules_));
  BINBUS_TRY(router, Router::make(options, out->rules_));
  BINBUS_TRY(writer, format::make_writer(options.format, writer_options(options, out->rules_)));
  out->filter_ = std::move(filter);
  out->transform_ = std::move(transform);
  out->router_ = std::move(router);
  out->routed_ = options.type != "file";
  out->writer_ = std::move(writer);
  BINBUS_RETURN_IF_ERROR(check_choices(options, out->rules_));
  out->on_rejected_ = options.on_rejected == "stop"   ? OnRejected::kStop
                      : options.on_rejected == "skip" ? OnRejected::kSkip
                                                      : OnRejected::kDeadLetter;
  return out;
}

Status Delivery::check(const SinkOptions& options) {
  BINBUS_TRY(rules, Rules::make(options));
  BINBUS_RETURN_IF_ERROR(Filter::make(options, rules));
  BINBUS_RETURN_IF_ERROR(Transform::make(options, rules));
  BINBUS_RETURN_IF_ERROR(Router::make(options, rules));
  BINBUS_RETURN_IF_ERROR(format::make_writer(options.format, writer_options(options, rules)));
  return check_choices(options, rules);
}

Status Delivery::attach(Target& target, Checkpoint after) {
  // A format may keep what it knows of a transaction; this one begins anew.
  BINBUS_TRY(writer, format::make_writer(options_.format, writer_options(options_, rules_)));
  writer_ = std::move(writer);
  tells_last_ = writer_->tells_last();
  holds_ = tells_last_ && filter_->selects_rows();
  held_.reset();
  target_ = &target;
  target_->on_rejected = [this](Rejection rejection) { reject(std::move(rejection), true); };
  after_ = std::move(after);
  uncommitted_ = 0;
  begin_waits_ = in_bounds_ = false;
  failure_.reset();
  return ok();
}

std::string Delivery::position_text(const Change& change) {
  std::string out;
  ids_.append_position(out, change);
  return out;
}

void Delivery::reject(Rejection rejection, bool printed) {
  add(counters_.rejected, 1);
  if (on_rejected_ == OnRejected::kSkip) {
    add(counters_.skipped, 1);
    return;
  }
  DeadLetter letter;
  if (held_ && rejection.id == held_->id) {
    letter.position = held_->position;
    letter.timestamp_ms = held_->timestamp_ms;
  } else if (current_ != nullptr && rejection.id == id_) {
    letter.position = position_text(*current_);
    letter.timestamp_ms = format::commit_us(*current_) / 1000;
  }
  if (on_rejected_ == OnRejected::kStop && !stop_) {
    stop_ = Error{Code::kInvalid, "message " + rejection.id +
                                      " was rejected: " + rejection.error.message +
                                      "; it is kept as a dead letter, and resuming the sink goes "
                                      "on behind it"};
  }
  letter.message = std::move(rejection);
  letter.printed = printed;
  letter.after = after_;
  letter.time_us = clock_.wall_us();
  Status kept = dead_letters_.append(letter);
  // Within commit() the target keeps its checkpoint next.
  if (kept && committing_) kept = dead_letters_.sync();
  if (!kept && !failure_) failure_ = kept.error();
}

Status Delivery::settle(const Change& change, const Error& error) {
  const std::string position = position_text(change);
  if (error.code == Code::kInvalid) return fail_in("at " + position, error);
  id_.clear();
  ids_.append(id_, change);
  Rejection rejection;
  rejection.id = id_;
  rejection.error = error;
  if (const schema::TablePtr& table = table_of(change); table != nullptr) {
    rejection.error.message = shown(*table) + ": " + error.message;
  }
  reject(std::move(rejection), false);
  return failure_ ? Status(fail(*failure_)) : ok();
}

Status Delivery::send(const Message& message) {
  BINBUS_RETURN_IF_ERROR(target_->send(message));
  if (failure_) return fail(*failure_);
  ++uncommitted_;
  add(counters_.messages, 1);
  if (message.payload) add(counters_.bytes, message.payload->size());
  return ok();
}

Result<bool> Delivery::print(const Change& change, size_t rule, std::string_view id_suffix,
                             Message& message) {
  BINBUS_TRY(written, writer_->write(emptied(payload_), change));
  if (!written) return false;
  if (routed_) {
    BINBUS_TRY(route, router_->route(change, rule, *writer_));
    message.topic = route.topic;
    message.routing_key = route.routing_key;
    message.key = route.key;
  }
  id_.clear();
  ids_.append(id_, change);
  id_ += id_suffix;
  message.payload = payload_;
  message.content_type = writer_->content_type();
  message.id = id_;
  message.timestamp_ms = format::commit_us(change) / 1000;
  return true;
}

Result<bool> Delivery::deliver(const Change& change, size_t rule, std::string_view id_suffix) {
  Message message;
  const Result<bool> printed = print(change, rule, id_suffix, message);
  if (!printed) {
    BINBUS_RETURN_IF_ERROR(settle(change, printed.error()));
    return false;
  }
  if (!*printed) return false;
  if (begin_waits_) {
    begin_waits_ = false;
    in_bounds_ = true;
    Message begin;
    begin.topic = begin_topic_;
    begin.routing_key = begin_routing_key_;
    begin.key = begin_key_;
    begin.payload = begin_payload_;
    begin.content_type = writer_->content_type();
    begin.id = begin_id_;
    begin.timestamp_ms = begin_timestamp_ms_;
    BINBUS_RETURN_IF_ERROR(send(begin));
  }
  const bool tombstone =
      options_.tombstones && change.operation == Operation::kDelete && !message.key.empty();
  BINBUS_RETURN_IF_ERROR(send_or_hold(message, tombstone));
  return true;
}

Status Delivery::send_with_tombstone(const Message& message, bool tombstone) {
  BINBUS_RETURN_IF_ERROR(send(message));
  if (!tombstone) return ok();
  const std::string id = std::string(message.id) + ":tombstone";
  Message empty = message;
  empty.payload = std::nullopt;
  empty.id = id;
  return send(empty);
}

Status Delivery::send_or_hold(const Message& message, bool tombstone) {
  BINBUS_RETURN_IF_ERROR(send_held());
  const bool waits = holds_ || (tells_last_ && current_->may_be_last);
  if (!waits) return send_with_tombstone(message, tombstone);
  held_ = Held{.payload = std::string(*message.payload),
               .topic = std::string(message.topic),
               .routing_key = std::string(message.routing_key),
               .key = std::string(message.key),
               .id = std::string(message.id),
               .position = position_text(*current_),
               .timestamp_ms = message.timestamp_ms,
               .tombstone = tombstone};
  return ok();
}

Status Delivery::send_held() {
  if (!held_) return ok();
  Message message;
  message.topic = held_->topic;
  message.routing_key = held_->routing_key;
  message.key = held_->key;
  message.payload = held_->payload;
  message.content_type = writer_->content_type();
  message.id = held_->id;
  message.timestamp_ms = held_->timestamp_ms;
  Status sent = send_with_tombstone(message, held_->tombstone);
  held_.reset();
  return sent;
}

Status Delivery::split_update(const Change& update, size_t rule) {
  Change part = update;
  part.operation = Operation::kDelete;
  part.last = false;
  part.after = {};
  BINBUS_RETURN_IF_ERROR(deliver(part, rule, ":delete"));
  const std::vector<Field> row = whole_row(update);
  part = update;
  part.operation = Operation::kInsert;
  part.before = {};
  part.after = row;
  BINBUS_RETURN_IF_ERROR(deliver(part, rule, ":insert"));
  return ok();
}

Status Delivery::take_bounds(const Change& change) {
  if (held_) writer_->mark_last(held_->payload);
  BINBUS_RETURN_IF_ERROR(send_held());
  if (change.operation == Operation::kBegin) begin_waits_ = in_bounds_ = false;
  if (!options_.transaction_bounds) return ok();
  const size_t rule = rules_.of(nullptr);
  if (change.operation == Operation::kCommit) {
    begin_waits_ = false;
    if (std::exchange(in_bounds_, false)) BINBUS_RETURN_IF_ERROR(deliver(change, rule, ""));
    return ok();
  }
  Message message;
  const Result<bool> printed = print(change, rule, "", message);
  if (!printed) return settle(change, printed.error());
  if (!*printed) return ok();
  begin_waits_ = true;
  begin_payload_ = *message.payload;
  begin_id_ = message.id;
  begin_topic_ = message.topic;
  begin_routing_key_ = message.routing_key;
  begin_key_ = message.key;
  begin_timestamp_ms_ = message.timestamp_ms;
  return ok();
}

Status Delivery::take_wanted(const Change& change) {
  const size_t rule = rules_.of(table_of(change));
  const Result<const Change*> made = transform_->apply(change);
  if (!made) return settle(change, made.error());
  const Change& delivered = **made;
  current_ = &delivered;
  if (routed_ && delivered.operation == Operation::kUpdate &&
      rules_.all()[rule].key_change == "delete_insert") {
    const Result<bool> splits = router_->key_changes(delivered, rule, *writer_);
    if (!splits) return settle(delivered, splits.error());
    if (*splits) return split_update(delivered, rule);
  }
  BINBUS_RETURN_IF_ERROR(deliver(delivered, rule, ""));
  return ok();
}

Status Delivery::take(const Change& change) {
  if (failure_) return fail(*failure_);
  commit_us_ = format::commit_us(change);
  current_ = &change;
  Status taken = ok();
  if (change.operation == Operation::kBegin || change.operation == Operation::kCommit) {
    taken = take_bounds(change);
  } else {
    add(counters_.changes, 1);
    const Result<bool> passes = filter_->passes(change);
    if (!passes) {
      taken = settle(change, passes.error());
    } else if (*passes) {
      taken = take_wanted(change);
    } else {
      add(counters_.filtered, 1);
    }
  }
  current_ = nullptr;
  return taken;
}

Status Delivery::take_again(const DeadLetter& letter) {
  Message message;
  message.topic = letter.message.topic;
  message.routing_key = letter.message.routing_key;
  message.key = letter.message.key;
  if (letter.message.payload) message.payload = *letter.message.payload;
  message.content_type = writer_->content_type();
  message.id = letter.message.id;
  message.timestamp_ms = letter.timestamp_ms;
  return send(message);
}

Status Delivery::commit(const Checkpoint& checkpoint) {
  if (failure_) return fail(*failure_);
  BINBUS_RETURN_IF_ERROR(dead_letters_.sync());
  committing_ = true;
  Status committed = target_->commit(checkpoint);
  committing_ = false;
  BINBUS_RETURN_IF_ERROR(std::move(committed));
  if (failure_) return fail(*failure_);
  after_ = checkpoint;
  uncommitted_ = 0;
  return ok();
}

}  // namespace binbus::sink
