// Any bytes as a source's dump, into the receiver too: nothing may be read past its end, and memory stays bounded.
#include <algorithm>

#include "ingest/dump_plan.h"
#include "ingest/packet_reader.h"
#include "ingest/receiver.h"

namespace {

using namespace binbus;

class Nowhere final : public ingest::Destination {
 public:
  Status begin_segment(const std::string& name, const ingest::SourceIdentity&) override {
    name_ = name;
    end_ = 0;
    return ok();
  }
  Status append(Bytes bytes, std::span<const binlog::TransactionEnd>) override {
    end_ += bytes.size();
    return ok();
  }
  Status sync() override { return ok(); }
  Status abort_transaction() override { return ok(); }
  Status record_source(const ingest::SourceIdentity&) override { return ok(); }
  binlog::Position end() const override { return {name_.empty() ? 0U : 1U, end_}; }
  std::string segment_name() const override { return name_; }
  mysql::Executed executed() const override { return {}; }
  ingest::SourceIdentity source_at_end() const override { return {}; }

 private:
  std::string name_;
  uint64_t end_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t step = 1 + data[0];
  Nowhere destination;
  ingest::DumpPlan plan;
  if (data[1] & 1) {
    plan.by = ingest::DumpPlan::By::kGtid;
    plan.own_numbering = plan.new_source = true;
    if (!destination.begin_segment("binlog.000001", {})) return 0;
  }
  ingest::Receiver receiver(destination, plan, {});
  ingest::PacketReader reader(2 * ingest::PacketReader::kWholeBytes);
  Bytes rest(data + 2, size - 2);
  while (true) {
    auto piece = reader.next();
    if (!piece) return 0;
    if (*piece) {
      if (!receiver.take(**piece)) return 0;
      continue;
    }
    if (!receiver.flush() || rest.empty()) return 0;
    const std::span<uint8_t> space = reader.space();
    const size_t count = std::min({step, space.size(), rest.size()});
    std::copy_n(rest.begin(), count, space.begin());
    reader.filled(count);
    rest = rest.subspan(count);
  }
}
