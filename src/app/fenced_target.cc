#include "app/fenced_target.h"

namespace binbus::app {
namespace {

using sink::Checkpoint;
using sink::Message;

class FencedTarget final : public sink::Target {
 public:
  FencedTarget(std::unique_ptr<sink::Target> target, std::function<Status()> check,
               std::string epoch)
      : target_(std::move(target)), check_(std::move(check)), epoch_(std::move(epoch)) {
    target_->on_rejected = [this](sink::Rejection rejection) { on_rejected(std::move(rejection)); };
    target_->on_waiting = [this](std::string_view reason) {
      if (on_waiting) on_waiting(reason);
    };
  }
  Result<std::optional<Checkpoint>> open(const std::stop_token& stop) override {
    BINBUS_RETURN_IF_ERROR(check_());
    auto kept = target_->open(stop);
    if (!kept) return fail(judged(std::move(kept).error()));
    return kept;
  }
  Status send(const Message& message) override {
    BINBUS_RETURN_IF_ERROR(check_());
    headers_.assign(message.headers.begin(), message.headers.end());
    headers_.emplace_back("epoch", epoch_);
    Message fenced = message;
    fenced.headers = headers_;
    return judged(target_->send(fenced));
  }
  Status commit(const Checkpoint& checkpoint) override {
    BINBUS_RETURN_IF_ERROR(check_());
    return judged(target_->commit(checkpoint));
  }
  void forget_refusals() override { target_->forget_refusals(); }

 private:
  // Whoever opens the target last is let in. Who has shut this one out can be one of before that has not learnt of its end yet:
  // the one whose turn it is opens it once more.
  Error judged(Error error) const {
    if (error.code != Code::kExists) return error;
    if (auto still = check_(); !still) return std::move(still).error();
    return {Code::kUnavailable, error.message + "; it is this node's turn: it takes over again"};
  }
  Status judged(Status done) const {
    if (done) return done;
    return fail(judged(std::move(done).error()));
  }

  const std::unique_ptr<sink::Target> target_;
  const std::function<Status()> check_;
  const std::string epoch_;
  std::vector<std::pair<std::string_view, std::string_view>> headers_;
};

}  // namespace

MakeTarget fenced(MakeTarget make, std::function<Status()> check, std::string epoch) {
  return [make = std::move(make), check = std::move(check), epoch = std::move(epoch)](
             const sink::SinkOptions& options) -> Result<std::unique_ptr<sink::Target>> {
    BINBUS_TRY(target, make(options));
    return std::make_unique<FencedTarget>(std::move(target), check, epoch);
  };
}

}  // namespace binbus::app
