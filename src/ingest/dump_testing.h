// What ingest's tests share: a source's files and the dump that it makes of them, and a destination in memory.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "binlog/event.h"
#include "ingest/destination.h"

namespace binbus::ingest::testing_dump {

inline constexpr char kUuidA[] = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa";
inline constexpr char kUuidB[] = "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb";

inline constexpr uint8_t kRowsEvent = 30;

// A binlog file in the making, as MySQL 8 writes it: format description, Previous_gtids, transactions.
class SourceFile {
 public:
  SourceFile(std::string name, const std::string& previous_gtids, uint32_t made_s = 1000,
             const std::string& version = "8.0.36");
  SourceFile& event(uint8_t type, Bytes body, uint16_t flags = 0);
  // Gtid, BEGIN, a rows event with `row_bytes` of body, Xid.
  SourceFile& transaction(const std::string& uuid, uint64_t number, size_t row_bytes = 40);
  SourceFile& rotate_to(const std::string& next);
  // The next event ends there: as if something stood between, or (GTIDs skipped) the file had more.
  SourceFile& skip(uint64_t bytes);

  const std::string& name() const { return name_; }
  const std::vector<ByteVector>& events() const { return events_; }
  ByteVector bytes() const;  // the file: magic and events
  uint64_t end() const { return end_; }
  // Offset after so many events.
  uint64_t end_of(size_t events) const;

 private:
  std::string name_;
  uint32_t made_s_;
  uint64_t end_ = 4;
  std::vector<ByteVector> events_;
};

ByteVector fake_rotate(const std::string& file, uint64_t position);
ByteVector heartbeat(const std::string& file, uint64_t position);
// The format description as it is sent when a dump begins within the file.
ByteVector artificial(ByteVector format_description);

enum class SemiSync : uint8_t { kOff, kOn, kAckWanted };
// The event as network packets.
ByteVector packets(Bytes event, SemiSync semi_sync = SemiSync::kOff);
ByteVector error_packet(uint16_t number, const std::string& message);

// The packets of a dump of the file from `offset` on, the fake rotate and format description first.
ByteVector dump(const SourceFile& file, uint64_t offset = 4);

ByteVector concat(std::initializer_list<ByteVector> parts);

// Keeps what is synced and what is not apart, as the store does.
class MemoryDestination final : public Destination {
 public:
  Status begin_segment(const std::string& name, const SourceIdentity& source = {}) override;
  Status append(Bytes bytes, std::span<const binlog::TransactionEnd> ends) override;
  Status sync() override;
  // The newest of those that have begun is still on its way.
  Status begin_sync() override;
  Result<binlog::Position> synced() override { return synced_; }
  Status abort_transaction() override;
  Status record_source(const SourceIdentity& source) override;
  binlog::Position end() const override;
  std::string segment_name() const override { return newest_; }
  uint32_t segment_made_s() const override;
  mysql::Executed executed() const override { return synced_executed_; }
  SourceIdentity source_at_end() const override;

  const ByteVector& segment(const std::string& name) const { return segments_.at(name); }
  const std::vector<std::string>& names() const { return names_; }
  struct Span {
    std::string segment;
    uint64_t offset;
    SourceIdentity source;
  };
  const std::vector<Span>& spans() const { return spans_; }
  uint64_t syncs() const { return syncs_; }
  void set_executed(mysql::Executed executed) { synced_executed_ = std::move(executed); }

  std::optional<Error> fail_append;
  std::optional<Error> fail_sync;

 private:
  std::map<std::string, ByteVector> segments_;
  std::vector<std::string> names_;
  std::string newest_;
  uint64_t last_end_ = 0;
  std::vector<Span> spans_;
  uint64_t syncs_ = 0;
  binlog::Position synced_, under_way_;
  std::vector<mysql::AnyGtid> unsynced_;
  mysql::Executed synced_executed_;
};

}  // namespace binbus::ingest::testing_dump
