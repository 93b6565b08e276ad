// A target that remembers, and deliveries to it of changes made by hand.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sink/delivery.h"
#include "sink/target.h"

namespace binbus::sink {

// What became of a target's messages, shared by all targets that a test makes.
struct Received {
  std::vector<std::string> committed;    // "topic [routing key] key: payload"
  std::vector<std::string> uncommitted;  // since the last commit
  std::vector<std::string> ids;
  std::vector<Checkpoint> checkpoints;
  int opened = 0;
  // What the next call shall answer.
  std::vector<Error> open_errors, send_errors, commit_errors;
  std::string reject;              // messages whose payload holds this are rejected
  bool reject_in_commit = false;   // only then, as brokers do
  std::optional<Checkpoint> kept;  // what open() tells
  bool keeps_checkpoints = false;  // and commit() keeps
  bool routing_keys = false;       // shown
  std::function<void(Target&)> before_commit;
};

class TestTarget final : public Target {
 public:
  explicit TestTarget(Received& received) : received_(received) {}
  Result<std::optional<Checkpoint>> open(const std::stop_token& stop) override;
  Status send(const Message& message) override;
  Status commit(const Checkpoint& checkpoint) override;
  bool asked_to_stop() const { return stop_.stop_requested(); }

 private:
  Received& received_;
  std::stop_token stop_;
  std::vector<Rejection> rejections_;
};

}  // namespace binbus::sink
