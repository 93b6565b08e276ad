// A RocksDB database: values under keys that compare as bytes, written in batches that are there as a whole or not at all.
//
// Owner:  owns the database, in a folder of its own.
// Thread: batch calls (get() to write()) from one; view(), sync() and a bulk's write() from any.
// Errors: kCorrupt: the database is damaged; kDiskFull, kIo: what was in the batch is not written, and still there.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace binbus::state {

struct StoreOptions {
  std::string folder;  // made when it is not there
  // Of blocks that were read, and of what is not yet sorted into files.
  uint64_t cache_bytes = 64 << 20;
  uint64_t write_buffer_bytes = 64 << 20;
};

// The database as it was at one time; good for as long as somebody has it.
//
// Thread: any; an Iterator's: one.
class StoreView {
 public:
  class Iterator {
   public:
    virtual ~Iterator() = default;
    // False: there is none, or an error (see status()).
    virtual bool valid() const = 0;
    virtual void next() = 0;
    virtual std::string_view key() const = 0;    // good until next()
    virtual std::string_view value() const = 0;  // the same
    virtual Status status() const = 0;
  };
  virtual ~StoreView() = default;
  virtual Result<std::optional<std::string>> get(std::string_view key) const = 0;
  // From `from` on, up to and without `to`.
  virtual std::unique_ptr<Iterator> iterate(std::string_view from, std::string_view to) const = 0;
  // About how much of the disk that takes.
  virtual uint64_t bytes_between(std::string_view from, std::string_view to) const = 0;
};

class TableStore {
 public:
  // Many values that nobody reads before they are written, also by no view that there is: it may or may not show them. Made by any
  // thread. Written as a sorted file of their own when they are enough for one, so that they go into no log and no buffer, and need
  // no sorting in among others later.
  class Bulk {
   public:
    Bulk();
    ~Bulk();
    // The value is what is written there until the next call.
    ByteWriter& put(std::string_view key);
    // These are done behind the values that were put: when they are there, so are those.
    void put_last(std::string_view key, std::string_view value);
    void erase(std::string_view key);
    uint64_t bytes() const;
    void clear();  // the memory stays

   private:
    friend class TableStore;
    struct Impl;
    const std::unique_ptr<Impl> impl_;
  };

  // kCorrupt: remove() it and begin anew.
  static Result<std::unique_ptr<TableStore>> open(const StoreOptions& options);
  // Writes nothing, and others may read it, too: of a folder that nobody writes.
  static Result<std::unique_ptr<TableStore>> open_read_only(const StoreOptions& options);
  static Status remove(const std::string& folder);
  ~TableStore();

  // As the batch under way will leave it.
  Result<std::optional<std::string>> get(std::string_view key);
  void put(std::string_view key, std::string_view value);
  void erase(std::string_view key);
  bool batch_is_empty() const;
  uint64_t batch_bytes() const;
  void clear();  // the batch
  // Outlives a killed process on return, and a power failure after sync().
  Status write();
  // The same of a bulk, whatever is in the batch. After an error some of its values may be there, but not what is done behind them.
  Status write(Bulk& bulk);

  // Removes what lies from `from` up to and without `to`, at once; in the batch may be none of it.
  Status erase_range(std::string_view from, std::string_view to);
  Status sync();
  std::shared_ptr<const StoreView> view() const;
  // All that was written, as a store of its own in a folder that is not there yet, durable on return; the files are shared.
  Status checkpoint(const std::string& folder);
  uint64_t disk_bytes() const;
  // Whether something of it, also of its views, could not be read.
  bool damaged() const;

 private:
  struct Impl;
  class Iterator;
  class SortedFile;
  class View;
  explicit TableStore(std::shared_ptr<Impl> impl);
  const std::shared_ptr<Impl> impl_;  // shared with views
};

}  // namespace binbus::state
