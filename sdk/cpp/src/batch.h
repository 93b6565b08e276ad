// A message with changes, as it was received, with what is needed to read it.
#pragma once

#include <binbus/feed/v1/feed.pb.h>

#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "binbus/table.h"

namespace binbus {

// Who takes a position as done.
class Committer {
 public:
  virtual ~Committer() = default;
  virtual void commit(const std::string& position) = 0;
};

namespace detail {

// Immutable once it is made; all Changes and Rows of it share it.
struct Batch {
  struct ChangeTables {
    const Table* table = nullptr;
    const Table* before = nullptr;  // of DDL
    const Table* after = nullptr;
  };
  std::weak_ptr<Committer> committer;
  feed::v1::Batch message;
  std::vector<ChangeTables> tables;  // one for each change
  std::vector<std::shared_ptr<const Table>> held;
};

}  // namespace detail

// The tables that were told of in one call, and batches made with them.
class Tables {
 public:
  // Takes the message over. Throws Error(kProtocol) when it names what was not told, or says what is unknown here.
  std::shared_ptr<detail::Batch> make(feed::v1::Batch&& message);

 private:
  static constexpr size_t kNamedMax = 1001;  // of a node: one, and 1000 newer
  const Table* find(uint32_t id, detail::Batch& user) const;
  void add(const feed::v1::Table& told);

  std::unordered_map<uint32_t, std::shared_ptr<const Table>> tables_;
  std::deque<uint32_t> order_;  // in which they were told
};

}  // namespace binbus
