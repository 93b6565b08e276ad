// A binlog file of any bytes: never a crash nor an endless loop, and what is told of transactions holds: places grow, and
// rows lie between a begin and a commit. Every value that comes is read. First byte: 1 when columns that nothing is known of have numbers
// for names.
#include <algorithm>

#include "base/check.h"
#include "changes/change_reader.h"

namespace {

using namespace binbus;
using namespace binbus::changes;

// One segment, in memory.
class MemorySource final : public binlog::ByteSource {
 public:
  MemorySource(Bytes bytes, Position at) : bytes_(bytes), at_(at) {}
  Result<Bytes> read(std::span<uint8_t> buffer) override {
    const Bytes rest = bytes_.subspan(std::min<size_t>(at_.offset, bytes_.size()));
    const size_t count = std::min(buffer.size(), rest.size());
    std::ranges::copy(rest.first(count), buffer.begin());
    at_.offset += count;
    return Bytes(buffer.first(count));
  }
  bool next_segment() override { return false; }
  Position position() const override { return at_; }
  std::string segment_name() const override { return "binlog.000001"; }
  Status seek(Position position) override {
    at_ = position;
    return ok();
  }
  bool wait(uint64_t, const std::stop_token&) override { return false; }

 private:
  Bytes bytes_;
  Position at_;
};

void read_all(std::span<const schema::Field> fields) {
  std::string text;
  for (const schema::Field& field : fields) {
    text.clear();
    if (field.state == schema::Field::State::kValue) (void)schema::append_text(text, field);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Bytes file(data + 1, size - 1);
  ReaderOptions options;
  options.open = [file](Position at) -> Result<std::unique_ptr<binlog::ByteSource>> {
    return std::make_unique<MemorySource>(file, at);
  };
  options.oldest = [] { return Position{1, 0}; };
  options.losses = LossPolicy::kSkip;
  options.number_columns = (data[0] & 1) != 0;
  options.event_bytes_max = 1 << 20;
  bool open = false;
  const ChangeReader::Emit emit = [&open](const Change& change) {
    switch (change.operation) {
      case schema::Operation::kBegin:
        open = true;
        break;
      case schema::Operation::kCommit:
        BINBUS_CHECK(std::exchange(open, false));
        break;
      case schema::Operation::kInsert:
      case schema::Operation::kUpdate:
      case schema::Operation::kDelete:
        BINBUS_CHECK(change.table != nullptr);
        read_all(change.before);
        read_all(change.after);
        break;
      default:
        break;
    }
    return ok();
  };
  ChangeReader reader(options, {1, 0}, schema::Catalog());
  for (Position before = reader.place();; before = reader.place()) {
    const auto more = reader.read(emit);
    if (!more || !*more) break;
    BINBUS_CHECK(before < reader.place());
  }
  return 0;
}
