#include "state/table_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/utilities/write_batch_with_index.h>

#include <algorithm>
#include <atomic>

namespace binbus::state {
namespace {

// Where a file is worth its making.
constexpr size_t kSortedFileBytes = 512 << 10;

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }

Status from(const rocksdb::Status& status, const char* doing) {
  if (status.ok()) return ok();
  const Code code = status.IsNoSpace()           ? Code::kDiskFull
                    : status.IsCorruption()      ? Code::kCorrupt
                    : status.IsInvalidArgument() ? Code::kCorrupt
                                                 : Code::kIo;
  return fail(code, std::string(doing) + ": " + status.ToString());
}

// Of who may not write in the database's folder.
class NoLog final : public rocksdb::Logger {
 public:
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::Options database_options(const StoreOptions& options) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.cache_bytes);
  table.cache_index_and_filter_blocks = true;  // so that they count
  table.block_size = 16 << 10;                 // tables are read as a whole as well as by key
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  rocksdb::Options out;
  out.create_if_missing = true;
  out.write_buffer_size = options.write_buffer_bytes;
  out.max_background_jobs = 2;
  out.max_open_files = 256;
  out.keep_log_file_num = 2;
  out.compression = rocksdb::kLZ4Compression;  // also of the last level: rows change often
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return out;
}

}  // namespace

struct TableStore::Impl {
  // Remembers damage.
  Status check(const rocksdb::Status& status, const char* doing) {
    if (status.IsCorruption()) damaged = true;
    return from(status, doing);
  }

  std::unique_ptr<rocksdb::DB> db;
  std::atomic<bool> damaged = false;
  std::atomic<uint64_t> next_file = 0;
  rocksdb::WriteBatchWithIndex batch{rocksdb::BytewiseComparator(), 0, /*overwrite_key=*/true};
};

class TableStore::Iterator final : public StoreView::Iterator {
 public:
  Iterator(Impl& impl, rocksdb::ReadOptions options, std::string_view from, std::string_view to)
      : impl_(impl), to_(to), to_slice_(slice(to_)) {
    options.iterate_upper_bound = &to_slice_;
    options.readahead_size = 1 << 20;
    options.fill_cache = false;  // who reads a table must not drive out what is changed often
    iterator_.reset(impl.db->NewIterator(options));
    iterator_->Seek(slice(from));
  }
  bool valid() const override { return iterator_->Valid(); }
  void next() override { iterator_->Next(); }
  std::string_view key() const override { return iterator_->key().ToStringView(); }
  std::string_view value() const override { return iterator_->value().ToStringView(); }
  Status status() const override { return impl_.check(iterator_->status(), "read of rows"); }

 private:
  Impl& impl_;
  const std::string to_;
  const rocksdb::Slice to_slice_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

class TableStore::View final : public StoreView {
 public:
  explicit View(std::shared_ptr<Impl> impl)
      : impl_(std::move(impl)), snapshot_(impl_->db->GetSnapshot()) {}
  ~View() override { impl_->db->ReleaseSnapshot(snapshot_); }

  Result<std::optional<std::string>> get(std::string_view key) const override {
    std::string value;
    const rocksdb::Status found = impl_->db->Get(options(), slice(key), &value);
    if (found.IsNotFound()) return std::optional<std::string>();
    BINBUS_RETURN_IF_ERROR(impl_->check(found, "read of a row"));
    return value;
  }
  std::unique_ptr<StoreView::Iterator> iterate(std::string_view from,
                                               std::string_view to) const override {
    return std::make_unique<TableStore::Iterator>(*impl_, options(), from, to);
  }
  uint64_t bytes_between(std::string_view from, std::string_view to) const override {
    const rocksdb::Range range(slice(from), slice(to));
    uint64_t bytes = 0;
    static_cast<void>(
        impl_->db->GetApproximateSizes({}, impl_->db->DefaultColumnFamily(), &range, 1, &bytes));
    return bytes;
  }

 private:
  rocksdb::ReadOptions options() const {
    rocksdb::ReadOptions out;
    out.snapshot = snapshot_;
    return out;
  }
  const std::shared_ptr<Impl> impl_;
  const rocksdb::Snapshot* const snapshot_;
};

struct TableStore::Bulk::Impl {
  struct Value {
    size_t key = 0, value = 0;  // in `bytes`: where each begins
    size_t end = 0;             // 0: it is being written
  };
  std::string_view key(const Value& at) const {
    return as_text(bytes.view()).substr(at.key, at.value - at.key);
  }
  std::string_view value(const Value& at) const {
    return as_text(bytes.view()).substr(at.value, at.end - at.value);
  }
  void end_value() {
    if (!values.empty() && values.back().end == 0) values.back().end = bytes.size();
  }
  // Each key once, with its newest value.
  void sort() {
    if (ascending) return;
    const auto before = [this](const Value& a, const Value& b) { return key(a) < key(b); };
    const auto same = [this](const Value& a, const Value& b) { return key(a) == key(b); };
    std::stable_sort(values.begin(), values.end(), before);
    values.erase(values.begin(), std::unique(values.rbegin(), values.rend(), same).base());
  }

  ByteWriter bytes;
  std::vector<Value> values;
  bool ascending = true;  // they are sorted, as those of most tables come
  rocksdb::WriteBatch last;
};

TableStore::Bulk::Bulk() : impl_(std::make_unique<Impl>()) {}
TableStore::Bulk::~Bulk() = default;
ByteWriter& TableStore::Bulk::put(std::string_view key) {
  impl_->end_value();
  if (!impl_->values.empty() && impl_->key(impl_->values.back()) >= key) impl_->ascending = false;
  const size_t at = impl_->bytes.size();
  impl_->values.push_back({at, at + key.size(), 0});
  return impl_->bytes.text(key);
}
void TableStore::Bulk::put_last(std::string_view key, std::string_view value) {
  impl_->last.Put(slice(key), slice(value));
}
void TableStore::Bulk::erase(std::string_view key) { impl_->last.Delete(slice(key)); }
uint64_t TableStore::Bulk::bytes() const { return impl_->bytes.size(); }
void TableStore::Bulk::clear() {
  impl_->bytes.clear();
  impl_->values.clear();
  impl_->ascending = true;
  impl_->last.Clear();
}

// A file of sorted values, until the database has taken it over. Several threads may write one each.
class TableStore::SortedFile {
 public:
  explicit SortedFile(Impl& impl)
      : impl_(impl),
        path_(impl.db->GetName() + "/" + kName + std::to_string(impl.next_file++)),
        writer_(rocksdb::EnvOptions(), impl.db->GetOptions()) {}
  ~SortedFile() { static_cast<void>(rocksdb::Env::Default()->DeleteFile(path_)); }

  static void remove_all(rocksdb::DB& db) {
    std::vector<std::string> names;
    static_cast<void>(rocksdb::Env::Default()->GetChildren(db.GetName(), &names));
    for (const std::string& name : names) {
      if (name.starts_with(kName))
        static_cast<void>(rocksdb::Env::Default()->DeleteFile(db.GetName() + "/" + name));
    }
  }

  Status write(Bulk::Impl& bulk) {
    bulk.sort();
    BINBUS_RETURN_IF_ERROR(check(writer_.Open(path_)));
    for (const Bulk::Impl::Value& at : bulk.values)
      BINBUS_RETURN_IF_ERROR(check(writer_.Put(slice(bulk.key(at)), slice(bulk.value(at)))));
    BINBUS_RETURN_IF_ERROR(check(writer_.Finish()));
    rocksdb::IngestExternalFileOptions options;
    options.move_files = true;
    options.write_global_seqno = false;
    // With it the file would be written once more, to forget its number, when the views are gone.
    options.snapshot_consistency = false;
    return check(impl_.db->IngestExternalFile({path_}, options));
  }

 private:
  static constexpr const char* kName = "sorted.new.";
  Status check(const rocksdb::Status& status) const {
    return impl_.check(status, "write of sorted rows");
  }

  Impl& impl_;
  const std::string path_;
  rocksdb::SstFileWriter writer_;
};

TableStore::TableStore(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
TableStore::~TableStore() = default;

Result<std::unique_ptr<TableStore>> TableStore::open(const StoreOptions& options) {
  auto impl = std::make_shared<Impl>();
  rocksdb::DB* db = nullptr;
  BINBUS_RETURN_IF_ERROR(from(rocksdb::DB::Open(database_options(options), options.folder, &db),
                              ("open " + options.folder).c_str()));
  impl->db.reset(db);
  SortedFile::remove_all(*impl->db);
  return std::unique_ptr<TableStore>(new TableStore(std::move(impl)));
}

Result<std::unique_ptr<TableStore>> TableStore::open_read_only(const StoreOptions& options) {
  auto impl = std::make_shared<Impl>();
  rocksdb::DB* db = nullptr;
  rocksdb::Options reading = database_options(options);
  reading.create_if_missing = false;
  reading.info_log = std::make_shared<NoLog>();
  BINBUS_RETURN_IF_ERROR(from(rocksdb::DB::OpenForReadOnly(reading, options.folder, &db),
                              ("open " + options.folder).c_str()));
  impl->db.reset(db);
  return std::unique_ptr<TableStore>(new TableStore(std::move(impl)));
}

Status TableStore::remove(const std::string& folder) {
  return from(rocksdb::DestroyDB(folder, {}), ("remove " + folder).c_str());
}

Result<std::optional<std::string>> TableStore::get(std::string_view key) {
  std::string value;
  const rocksdb::Status found =
      impl_->batch.GetFromBatchAndDB(impl_->db.get(), {}, slice(key), &value);
  if (found.IsNotFound()) return std::optional<std::string>();
  BINBUS_RETURN_IF_ERROR(impl_->check(found, "read of a row"));
  return value;
}

void TableStore::put(std::string_view key, std::string_view value) {
  impl_->batch.Put(slice(key), slice(value));
}

void TableStore::erase(std::string_view key) { impl_->batch.Delete(slice(key)); }

bool TableStore::batch_is_empty() const { return impl_->batch.GetWriteBatch()->Count() == 0; }

uint64_t TableStore::batch_bytes() const { return impl_->batch.GetWriteBatch()->GetDataSize(); }

void TableStore::clear() { impl_->batch.Clear(); }

Status TableStore::write() {
  BINBUS_RETURN_IF_ERROR(
      impl_->check(impl_->db->Write({}, impl_->batch.GetWriteBatch()), "write of rows"));
  impl_->batch.Clear();
  return ok();
}

Status TableStore::erase_range(std::string_view from_key, std::string_view to) {
  return impl_->check(
      impl_->db->DeleteRange({}, impl_->db->DefaultColumnFamily(), slice(from_key), slice(to)),
      "removal of rows");
}

Status TableStore::sync() {
  return impl_->check(impl_->db->FlushWAL(/*sync=*/true), "sync of rows");
}

Status TableStore::write(Bulk& bulk) {
  Bulk::Impl& values = *bulk.impl_;
  values.end_value();
  if (values.bytes.size() >= kSortedFileBytes) {
    BINBUS_RETURN_IF_ERROR(SortedFile(*impl_).write(values));
  } else {
    for (const Bulk::Impl::Value& each : values.values)
      values.last.Put(slice(values.key(each)), slice(values.value(each)));
  }
  return impl_->check(impl_->db->Write({}, &values.last), "write of rows");
}

Status TableStore::checkpoint(const std::string& folder) {
  rocksdb::Checkpoint* made = nullptr;
  BINBUS_RETURN_IF_ERROR(
      impl_->check(rocksdb::Checkpoint::Create(impl_->db.get(), &made), "checkpoint of rows"));
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  return impl_->check(checkpoint->CreateCheckpoint(folder), "checkpoint of rows");
}

bool TableStore::damaged() const { return impl_->damaged; }

std::shared_ptr<const StoreView> TableStore::view() const { return std::make_shared<View>(impl_); }

uint64_t TableStore::disk_bytes() const {
  uint64_t bytes = 0;
  impl_->db->GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &bytes);
  return bytes;
}

}  // namespace binbus::state
