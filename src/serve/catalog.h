// The server that clients believe to talk to: its identity, variables and list of binary logs, made from the log, from
// what ingest knows of the source, and from usual values for the rest.
//
// Owner:  borrows options and log.
// Thread: any.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "serve/server.h"

namespace binbus::serve {

class Catalog {
 public:
  Catalog(const ServerOptions& options, store::Log& log, std::function<SourceFacts()> facts)
      : options_(options), log_(log), facts_(std::move(facts)) {}

  // False while there is no byte that a reader could be sent: nobody can be told then what server this is.
  bool ready() const { return log_.size().bytes > 0; }
  // Of the newest segment's format description; before that is there, ingest's; "" when neither is known.
  std::string version() const;
  mysql::Flavor flavor() const;
  bool behind() const { return facts_().behind; }  // see SourceFacts
  // The value of a global variable; `name` in lower case. None: a server of this version has no such variable, or
  // binbus does not know it.
  std::optional<std::string> variable(const std::string& name) const;
  // All that are known, by name.
  std::vector<std::pair<std::string, std::string>> variables() const;

  // Transactions that came before the oldest segment.
  mysql::Executed purged() const;
  // Of the newest segment whose head is readable.
  Result<binlog::FormatDescription> newest_format() const;

  const ServerOptions& options() const { return options_; }
  store::Log& log() const { return log_; }

 private:
  std::optional<std::string> computed(const std::string& name) const;
  std::string gtid_mode() const;

  const ServerOptions& options_;
  store::Log& log_;
  std::function<SourceFacts()> facts_;
};

// The format description at a segment's start. kNotFound while it has none.
Result<binlog::FormatDescription> read_format(store::Log& log, uint64_t segment);

}  // namespace binbus::serve
