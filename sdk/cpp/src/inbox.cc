#include "inbox.h"

#include <utility>

#include "binbus/error.h"

namespace binbus {
namespace {

Op op_of(feed::v1::Operation operation) {
  switch (operation) {
    case feed::v1::INSERT:
      return Op::kInsert;
    case feed::v1::UPDATE:
      return Op::kUpdate;
    case feed::v1::DELETE:
      return Op::kDelete;
    case feed::v1::DDL:
      return Op::kDdl;
    case feed::v1::BEGIN:
      return Op::kBegin;
    case feed::v1::COMMIT:
      return Op::kCommit;
    default:  // Tables::make() lets no other pass
      return Op::kRead;
  }
}

// Of what is told besides changes.
std::shared_ptr<detail::Batch> mark(const std::string& position) {
  auto batch = std::make_shared<detail::Batch>();
  batch->message.add_changes()->set_position(position);
  batch->tables.emplace_back();
  return batch;
}

}  // namespace

void Inbox::subscribed(const std::string& position) {
  if (position.empty()) return;
  if (position != resume_) came_.reset();
  resume_ = position;  // nothing may be missed before the first change comes
}

void Inbox::batch(std::shared_ptr<const detail::Batch> batch, uint64_t bytes) {
  items_.push_back({What::kBatch, std::move(batch), bytes});
}

void Inbox::snapshot_begin(bool anew) {
  if (anew) items_.push_back({What::kReset, mark("")});
}

void Inbox::snapshot_end(const std::string& position, std::weak_ptr<Committer> committer) {
  auto batch = mark(position);
  batch->committer = std::move(committer);
  items_.push_back({What::kSnapshotEnd, std::move(batch), 0, position});
}

void Inbox::heartbeat(const std::string& position) {
  if (!items_.empty() && items_.back().what == What::kHeartbeat) items_.pop_back();
  items_.push_back({What::kHeartbeat, nullptr, 0, position});
}

void Inbox::clear() {
  items_.clear();
  next_ = 0;
  copy_ = 0;
  credit_ = 0;
}

std::optional<std::string> Inbox::take_idle() {
  return std::exchange(idle_, false) ? std::optional(resume_) : std::nullopt;
}

uint64_t Inbox::take_credit(uint64_t least) {
  return credit_ >= least ? std::exchange(credit_, 0) : 0;
}

std::optional<Change> Inbox::pop() {
  while (!items_.empty()) {
    Item& item = items_.front();
    if (item.what == What::kBatch) {
      if (auto change = pop_from(item.batch)) return change;
    }
    const Item done = std::move(item);
    items_.pop_front();
    next_ = 0;
    credit_ += done.bytes;
    if (done.what == What::kReset) {
      delivered_.forget_rows();
      came_.reset();
      resume_.clear();  // from the start again: the program has nothing any more
      returned_.clear();
      idle_ = false;
      return Change(Op::kReset, done.batch, 0);
    }
    if (!done.position.empty()) {
      resume_ = done.position;
      idle_ = true;
    }
    if (done.what == What::kSnapshotEnd && tell_end_) {
      returned_ = done.position;
      return Change(Op::kSnapshotEnd, done.batch, 0);
    }
  }
  return std::nullopt;
}

// Through breaks: what comes again does not come here.
void Inbox::count(const feed::v1::Change& raw, const feed::v1::Transaction& transaction) {
  if (raw.operation() == feed::v1::BEGIN) {
    came_ = 0;
  } else if (raw.operation() != feed::v1::COMMIT) {
    if (came_) ++*came_;
  } else if (const auto came = std::exchange(came_, std::nullopt);
             came && raw.count() != 0 && raw.count() != *came) {
    throw Error(ErrorCode::kProtocol, "of the transaction at " + transaction.position() + " " +
                                          std::to_string(raw.count()) +
                                          " changes were to come, and " + std::to_string(*came) +
                                          " did");
  }
}

std::optional<Change> Inbox::pop_from(const std::shared_ptr<const detail::Batch>& batch) {
  while (next_ < batch->message.changes_size()) {
    const int index = next_;
    const feed::v1::Change& raw = batch->message.changes(index);
    const Table* table = batch->tables[static_cast<size_t>(index)].table;
    const auto& transaction =
        raw.operation() == feed::v1::READ
            ? feed::v1::Transaction::default_instance()
            : batch->message.transactions(static_cast<int>(raw.transaction()));
    const uint64_t copy = ++copy_;
    const bool whole = copy >= raw.copies();
    if (whole) {
      ++next_;
      copy_ = 0;
    }
    if (delivered_.has(raw, transaction, table, copy)) continue;
    delivered_.add(raw, transaction, table, copy);
    idle_ = false;
    count(raw, transaction);
    if (whole) resume_ = returned_ = raw.position();
    return Change(op_of(raw.operation()), batch, index, whole);
  }
  return std::nullopt;
}

}  // namespace binbus
