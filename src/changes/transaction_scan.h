// Looks through a transaction's events, headers mostly, for what must be known before its rows are told.
//
// Thread: one at a time. Memory: a few KB beside the block given.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "binlog/byte_source.h"
#include "binlog/event.h"

namespace binbus::changes {

// How a transaction ends, and where its last rows are.
struct TransactionAhead {
  bool rolled_back = false;
  bool prepared = false;     // an XA transaction that stays open
  uint64_t xid = 0;          // of its Xid event; 0: none
  uint64_t rows_events = 0;  // up to the last one of a table that is wanted
};

using WantsTable = std::function<bool(std::string_view database, std::string_view table)>;

// Takes a transaction's events, one by one, from behind its first.
class TransactionScan {
 public:
  // `wants` not given: every table is wanted.
  TransactionScan(const binlog::FormatDescription& format, const WantsTable& wants)
      : format_(format), wants_(wants) {}

  // How many bytes of an event take() needs to see.
  static size_t prefix_bytes(const binlog::EventHeader& header);
  // `prefix`: the event's first min(size, prefix_bytes()) bytes, its checksum not among them. True when it ends the transaction.
  Result<bool> take(const binlog::EventHeader& header, Bytes prefix);
  // The transaction does not end: the next one's GTID came, or nothing.
  void give_up() { ahead_.rolled_back = true; }
  const TransactionAhead& ahead() const { return ahead_; }

 private:
  Status take_map(Bytes prefix);
  Result<bool> wanted(Bytes prefix) const;
  bool take_query(Bytes prefix);

  const binlog::FormatDescription& format_;
  const WantsTable& wants_;
  TransactionAhead ahead_;
  uint64_t rows_events_ = 0;
  std::vector<std::pair<uint64_t, bool>> tables_;  // by id: wanted
};

// Bytes of one segment at growing offsets: of a block that is there, and then read for themselves.
class BytesAhead {
 public:
  using Open = std::function<Result<std::unique_ptr<binlog::ByteSource>>(binlog::Position)>;
  // `block` starts at `at` and outlives this.
  BytesAhead(Bytes block, binlog::Position at, const Open& open)
      : bytes_(block), at_(at), open_(open) {}
  // `count` bytes from `offset` on, fewer at the end of what there is; good until the next call.
  Result<Bytes> get(uint64_t offset, size_t count) {
    const uint64_t skip = offset - at_.offset;
    if (skip + count > bytes_.size()) return read(offset, count);
    return bytes_.subspan(static_cast<size_t>(skip), count);
  }

 private:
  Result<Bytes> read(uint64_t offset, size_t count);

  Bytes bytes_;
  binlog::Position at_;  // of bytes_
  const Open& open_;
  std::unique_ptr<binlog::ByteSource> source_;
  ByteVector buffer_;
};

}  // namespace binbus::changes
