// What Log and LogReader share behind log.h.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <set>

#include "binlog/scanner.h"
#include "store/control.h"
#include "store/recovery.h"
#include "store/segment.h"
#include "store/segment_writer.h"
#include "store/wake.h"

namespace binbus::store {

using Segments = std::map<uint64_t, std::shared_ptr<Segment>>;  // by number

// There while a restore is under way: the snapshot that is to replace all else in the folder.
inline constexpr std::string_view kRestoringName = "restoring";

struct LogReader::State {
  Log::State* log = nullptr;
  std::shared_ptr<Segment> segment;
  std::shared_ptr<const io::File> file;  // null until the segment's first byte is read
  uint64_t offset = 0;

  Result<Bytes> read(std::span<uint8_t> buffer);
  Position position() const { return {segment->number(), offset}; }
};

// An entry that is written and has not taken effect.
struct PendingEntry {
  Entry entry;
  uint64_t record = 0;  // where it stands in the entries file
  ByteVector payload;   // inline; without the bytes of kPart
  std::vector<TransactionEnd> ends = {};
};

struct RecordAt {
  Entry entry;
  uint64_t record = 0;
};

// What is needed to find entries in a container, newest or not.
struct ContainerIndex {
  static constexpr uint64_t kEvery = 512;
  std::shared_ptr<Segment> container;
  std::shared_ptr<const io::File> file = nullptr;
  std::vector<EntryAt> marks = {};  // each kEvery'th entry
  std::vector<Entry> aborts = {};
  uint64_t first = 0, end = 0;  // the entries that it knows
};

struct Log::State {
  State(io::FileSystem& files_in, io::Clock& clock_in, LogOptions options_in)
      : files(files_in), clock(clock_in), options(std::move(options_in)) {}

  io::FileSystem& files;
  io::Clock& clock;
  const LogOptions options;

  // --- Raft's own
  std::shared_ptr<Segment>
      newest;  // where entries go: the newest segment, or `start` before the first one
  std::shared_ptr<Segment>
      start;  // number 0: the entries before the first segment; null once removed
  std::map<uint64_t, std::shared_ptr<Segment>>
      containers;                         // `start` and segments, by their first entry
  uint64_t first_term = kFirstTerm;       // of the entry before the first
  std::unique_ptr<SegmentWriter> writer;  // of newest
  std::unique_ptr<IndexWriter> index;     // of newest; null of `start`
  bool head_known = false;                // newest's head cannot tell more
  std::deque<PendingEntry> pending;       // written, not yet in effect
  std::deque<RecordAt> recent;            // newest's last entries, pending ones included
  std::vector<Entry> aborts;              // newest's, in effect
  std::vector<uint64_t> member_entries;   // those that recovery found in newest
  uint64_t last_index = 0, last_term = 0;
  uint64_t durable_index = 0;
  uint64_t commit_index = 0, commit_term = 0;  // of the last entry in effect
  uint64_t commit_target = 0;                  // what may take effect
  uint64_t records_end =
      0;  // where the segment ends by its entries: before writer->end() with an abort that waits
  uint64_t applied_end = 0;                     // the same of those in effect
  uint64_t last_end = 0;                        // the last transaction end
  std::vector<TransactionEnd> unseen;           // ends in effect, but not yet visible
  std::optional<binlog::EventScanner> scanner;  // finds transaction ends in what comes from others
  mutable std::optional<ContainerIndex> looked_up;
  std::map<uint64_t, Members> members = {
      {0, {}}};                   // by the entry that made them; first the newest segment's
  std::optional<Error> dead;      // why nothing more can be written
  uint64_t space_checked_us = 0;  // monotonic, of the last look at the disk's free space
  uint64_t unchecked_bytes = 0;   // written since

  // --- any thread
  mutable std::mutex mutex;  // guards what follows
  Segments segments;
  mysql::Executed executed;
  uint64_t last_commit_us = 0;
  std::vector<SourceSpan> sources;
  std::vector<SchemaRecord> schemas;  // ascending
  std::map<std::string, std::string> cursors;
  std::set<const LogReader::State*> readers;  // whose `segment` only changes under the mutex
  Wake wake;                                  // guards itself

  // Whether others rely on the entries' numbers: the node has others beside it, or is not, or not yet, one of the members itself.
  bool shared(const Members& by) const {
    return by.shared() || (options.node != 0 && !by.empty() && !by.has(options.node));
  }

  // log_open.cc
  Status remove_all();
  Status begin_anew();  // from what restore() has put in its place
  void become(State&& fresh);
  Status open(RecoveryReport& report);
  Status open_newest(const StateHeader& header, RecoveryReport& report);
  Status take_recovered(const StateHeader& header, RecoveredSegment& recovered);
  Status take_applied(const std::vector<EntryAt>& inlines);
  Status take_ends(const io::File& segment);
  Result<IndexWriter> load_executed(const io::File& segment, uint64_t end);
  Result<IndexWriter> replay(const io::File& segment, uint64_t end, IndexWriter marks);
  void take(const Mark& mark);

  // log_entries.cc
  Status check_alive() const;
  Status check_space(uint64_t bytes);
  // Says what to do about an error of the disk, and ends the log's life after most. Returns it.
  Status settle(Error error);
  bool behind_void() const;
  Status check_offset(const Entry& entry) const;
  Status write_events(const Entry& entry, Bytes payload,
                      std::optional<std::vector<TransactionEnd>>& ends);
  Status find_ends(uint64_t offset, Bytes payload, std::vector<TransactionEnd>& ends);
  Status truncate(uint64_t from);
  Status cut_to(uint64_t bytes, uint64_t records);
  uint64_t bytes_end() const;  // of the segment, without what was staged and has no entry
  const PendingEntry* barrier() const;

  // log_apply.cc
  // Lets take effect what may.
  Status apply();
  void publish(uint64_t visible);
  void learn_head(uint64_t visible);
  Status apply_control(const PendingEntry& entry);
  Status apply_schema(const PendingEntry& entry, ControlRecord& record);
  Status apply_abort(const Entry& entry);
  Status apply_begin(const PendingEntry& entry);
  Result<ByteVector> read_parts(uint64_t before, uint64_t bytes) const;

  // log_container.cc
  // What lies before the first segment.
  Status create_start(Bytes state_file);
  // `trailing`: records that its entries file begins with.
  Result<std::shared_ptr<Segment>> create_segment(const std::string& name, uint64_t number,
                                                  Bytes state_file, Bytes trailing);
  std::shared_ptr<Segment> container_of(uint64_t index) const;
  Status look_up(uint64_t index) const;
  Result<EntryAt> find_entry(uint64_t index) const;
  Result<std::vector<Entry>> old_entries(uint64_t from, uint64_t to, size_t count_max) const;
  // The file with which it exists.
  static const std::string& made_by(const Segment& container);
  Status remove_container(const Segment& segment);
  // What restore() began: once more, when it was cut short.
  Status take_restoring();

  // log_lookup.cc
  // What was executed before the segment's first transaction.
  Result<mysql::Executed> previous_of(Segment& segment) const;
  // Adds what the source at `at` had executed without a file that tells of it. Under the mutex.
  void add_seeded_locked(mysql::Executed& set, Position at) const;
  std::vector<std::shared_ptr<Segment>> all_segments() const;
  Result<std::shared_ptr<Segment>> find_segment(uint64_t number) const;
  Result<std::shared_ptr<Segment>> find_segment_locked(uint64_t number) const;  // under the mutex
  bool has(Position position) const;
  Result<SchemaRecord> schema_at(Position at) const;

  // log_retention.cc
  Result<std::vector<std::string>> remove_old(uint64_t now_us, uint64_t keep_from);
  std::shared_ptr<Segment> take_oldest(uint64_t now_us, uint64_t keep_from, uint64_t total_bytes);
  uint64_t total_bytes() const;
  Status drop_oldest(const std::shared_ptr<Segment>& oldest);
};

}  // namespace binbus::store
