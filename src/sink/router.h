// Where a change goes: topic or exchange, routing key, and its key, by the templates of its table's rule (sink/template.h).
//
// Keys. An entry of `key` without braces is a column, one with braces a template. One entry: its text as it is, NULL is no key.
// Several: joined by "|", with "\" before each "\" and "|" of theirs, NULL as "\N", so that different keys stay different.
// The values are those of the row as it is delivered (masked, hashed, renamed): after the change, of deletes before it.
// What the image after an update lacks is taken from the one before.
//
// Kafka's topics have letters, digits, ".", "_" and "-": any other byte becomes "_".
//
// Thread: one; keeps what its templates mean per table version.
#pragma once

#include <memory>

#include "format/writer.h"
#include "sink/rules.h"
#include "sink/template.h"

namespace binbus::sink {

// Views that hold until the next call.
struct Route {
  std::string_view topic;  // RabbitMQ: the exchange
  std::string_view routing_key;
  std::string_view key;
};

class Router {
 public:
  // kInvalid for what is no template.
  static Result<std::unique_ptr<Router>> make(const SinkOptions& options, const Rules& rules);

  // By the rule of this number. kInvalid: the table has no such column, which somebody must mend; kUnsupported: this row's
  // image lacks the column.
  Result<Route> route(const schema::Change& change, size_t rule, format::Writer& writer);
  // Of an update, whether it changes the message's key.
  Result<bool> key_changes(const schema::Change& update, size_t rule, format::Writer& writer);

 private:
  struct Templates {
    Template topic, routing_key;
    std::vector<Template> key;
  };
  struct Bound {
    size_t rule;
    Result<Templates> templates;
  };
  class Printer;

  Router() = default;
  Result<const Templates*> bound(const schema::TablePtr& table, size_t rule);
  Status print_key(const Templates& templates, const Printer& printer, std::string& out);

  bool kafka_ = false;
  std::vector<Templates> rules_;
  Template transaction_topic_;
  format::TableCache<Bound> cache_;
  std::string topic_, routing_key_, key_, old_key_;
};

}  // namespace binbus::sink
