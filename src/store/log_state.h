// What Log and LogReader share behind log.h.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <set>

#include "store/segment.h"
#include "store/segment_writer.h"
#include "store/wake.h"

namespace binbus::store {

using Segments = std::map<uint64_t, std::shared_ptr<Segment>>;  // by number

struct LogReader::State {
  Log::State* log = nullptr;
  std::shared_ptr<Segment> segment;
  std::shared_ptr<const io::File> file;  // null until the segment's first byte is read
  uint64_t offset = 0;

  Position position() const { return {segment->number(), offset}; }
};

struct Log::State {
  State(io::FileSystem& files_in, io::Clock& clock_in, LogOptions options_in)
      : files(files_in), clock(clock_in), options(std::move(options_in)) {}

  io::FileSystem& files;
  io::Clock& clock;
  const LogOptions options;

  // --- the writer's own
  std::shared_ptr<Segment> newest;        // null while there is no segment
  std::unique_ptr<SegmentWriter> writer;  // of newest
  std::unique_ptr<IndexWriter> index;     // of newest
  bool head_known = false;                // newest's head cannot tell more
  std::vector<TransactionEnd> pending;    // appended, not yet visible; offsets in newest
  std::optional<Error> dead;              // why nothing more can be written
  uint64_t space_checked_us = 0;          // monotonic, of the last look at the disk's free space
  uint64_t unchecked_bytes = 0;           // appended since

  // --- any thread
  mutable std::mutex mutex;  // guards what follows
  Segments segments;
  mysql::Executed executed;
  uint64_t last_commit_us = 0;
  std::vector<SourceSpan> sources;
  std::vector<SchemaRecord> schemas;          // ascending
  std::set<const LogReader::State*> readers;  // whose `segment` only changes under the mutex
  Wake wake;                                  // guards itself

  // log_open.cc
  Status open(RecoveryReport& report);
  Result<IndexWriter> load_executed(const io::File& segment, uint64_t end);
  Result<IndexWriter> replay(const io::File& segment, uint64_t end, IndexWriter marks);
  void take(const Mark& mark);

  // log_writer.cc
  Status check_alive() const;
  Status check_space(uint64_t bytes);
  // Brings the log back to the last sync() when the disk is full; ends its life otherwise. Returns the error.
  Status settle(Error error);
  Status sync();
  Status check_schema(const SchemaPlace& place) const;
  Status record(SchemaRecord schema);
  void publish();
  void learn_head();
  Result<std::shared_ptr<Segment>> create_segment(const std::string& name, uint64_t number,
                                                  std::vector<SourceSpan> spans);

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
};

}  // namespace binbus::store
