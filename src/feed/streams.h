// What the feed needs of the program around it: streams by name, and who else feeds them.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "changes/log_changes.h"
#include "feed/cursors.h"
#include "feed/subscribers.h"
#include "state/kept_tables.h"
#include "store/log.h"

namespace binbus::feed {

class Tails;  // feed/tail.h

struct Stream {
  std::shared_ptr<void> keep;  // all the rest is good as long as this is held
  store::Log* log = nullptr;
  changes::SchemaAt schema_at;
  std::function<void()> on_diverged;         // see changes::LogChanges
  const state::KeptTables* state = nullptr;  // null: no rows are kept
  std::shared_ptr<Cursors> cursors;
  std::shared_ptr<Subscribers> subscribers;
  std::shared_ptr<Tails> tails;
  std::stop_token closing;  // to be let go of
};

struct Node {
  std::string name;
  std::string address;  // of its feed
};

// Thread: any.
class Streams {
 public:
  virtual ~Streams() = default;
  // kNotFound: there is none of that name; kUnavailable: its log is not open now.
  virtual Result<Stream> feed(const std::string& stream) = 0;
  // This one first.
  virtual std::vector<Node> feed_nodes() const = 0;
};

}  // namespace binbus::feed
