// A segment's `.index` file: sparse marks at transaction ends, for look-ups without scanning. Derived from the segment,
// never synced, safe to delete; a mark that does not match its checksum ends the file. Layout: docs/formats/segment.md.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "binlog/transaction_tracker.h"
#include "io/file.h"
#include "mysql/executed.h"

namespace binbus::store {

// Tells of the stretch between the mark before (or the segment's start) and this one.
struct Mark {
  uint64_t from = 0;              // the mark before; 0: none
  uint64_t offset = 0;            // a transaction end
  uint64_t newest_commit_us = 0;  // the stretch's latest commit time; 0: no transaction
  mysql::Executed added;          // the stretch's GTIDs
};

// Reads marks in order. Thread: one; a writer may append meanwhile.
class MarkReader {
 public:
  // A file that is absent or none of ours has no marks.
  static MarkReader open(io::FileSystem& files, const std::string& path);
  explicit MarkReader(std::shared_ptr<const io::File> file);
  // None at the end.
  std::optional<Mark> next();
  uint64_t position() const {
    return position_;
  }  // of the next mark in the file; 0: the file is none of ours

 private:
  std::shared_ptr<const io::File> file_;
  uint64_t position_ = 0;
  uint64_t offset_ = 0;  // of the mark before
};

// Adds marks at least `mark_bytes` apart (further when GTID sets are huge, so that marks stay a small part of the
// segment). A failing disk costs marks, never the log: look-ups then scan. Thread: one.
class IndexWriter {
 public:
  // Keeps the marks that the file has up to `end`, and calls `on_mark` for each.
  static IndexWriter open(io::FileSystem& files, const std::string& path, uint64_t end,
                          uint64_t mark_bytes, const std::function<void(const Mark&)>& on_mark);
  // Starts a new, empty file in place of any other.
  static IndexWriter create(io::FileSystem& files, const std::string& path, uint64_t mark_bytes);

  // A transaction end, each once and in order.
  void add(const binlog::TransactionEnd& end);
  // Marks the last transaction end added, so that the marks cover the whole segment.
  void finish();
  uint64_t marked() const { return marked_; }  // offset of the last mark; 0: none

 private:
  IndexWriter(std::shared_ptr<io::File> file, uint64_t mark_bytes)
      : file_(std::move(file)), mark_bytes_(mark_bytes) {}
  void write(const Mark& mark);

  std::shared_ptr<io::File> file_;  // null once the disk refused
  uint64_t mark_bytes_;
  uint64_t position_ = 0;  // in the file
  uint64_t marked_ = 0;
  uint64_t last_mark_bytes_ = 0;
  Mark stretch_;
};

}  // namespace binbus::store
