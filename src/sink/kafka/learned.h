// What brokers have refused, for the Targets that are made after that.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "base/result.h"

namespace binbus::sink::kafka {

struct RefusedTopic {
  Error error;
  std::chrono::steady_clock::time_point
      until;  // then it is asked for again: somebody may have mended it
};

struct Learned {
  // A batch was refused, and which message is to blame is not known: each goes in a batch of its own until the next commit.
  bool one_by_one = false;
  // By id, since the last commit; transactional only, where what is refused ends the transaction.
  std::map<std::string, Error> refused_messages;
  std::map<std::string, RefusedTopic> refused_topics;
};

}  // namespace binbus::sink::kafka
