#include "store/schema_records.h"

#include <algorithm>

#include "binlog/event.h"

namespace binbus::store {
namespace {

constexpr std::string_view kMend = "; `binbus schema rebuild` reads the source's tables again";

}  // namespace

void add_schema(std::vector<SchemaRecord>& records, SchemaRecord record) {
  const auto place = std::ranges::lower_bound(records, record.at, {}, &SchemaRecord::at);
  if (place != records.end() && place->at == record.at) {
    *place = std::move(record);
  } else {
    records.insert(place, std::move(record));
  }
}

void prune(std::vector<SchemaRecord>& records, uint64_t first_segment) {
  const Position first{first_segment, 0};
  while (records.size() > 1 && records[1].at <= first) records.erase(records.begin());
}

Result<SchemaRecord> write_schema(io::FileSystem& files, const std::string& directory,
                                  const std::string& file, Position at, Bytes bytes) {
  const std::string path = directory + "/" + file;
  const bool there = files.exists(path);
  BINBUS_TRY(out, files.open(path, there ? io::OpenMode::kWrite : io::OpenMode::kCreateNew));
  BINBUS_TRY(size, out->size());  // what a crash left behind of another stays there, unnamed
  BINBUS_RETURN_IF_ERROR(out->write_at(size, bytes));
  BINBUS_RETURN_IF_ERROR(out->sync());
  if (!there) BINBUS_RETURN_IF_ERROR(files.sync_directory(directory));
  return SchemaRecord{at, file, size, bytes.size(), binlog::crc32(0, bytes)};
}

Result<ByteVector> read_schema(io::FileSystem& files, const std::string& directory,
                               const SchemaRecord& record) {
  const std::string path = directory + "/" + record.file;
  BINBUS_TRY(in, files.open(path, io::OpenMode::kRead));
  BINBUS_TRY(size, in->size());
  const bool inside = record.offset <= size && record.bytes <= size - record.offset;
  ByteVector bytes(inside ? static_cast<size_t>(record.bytes) : 0);
  BINBUS_TRY(count, in->read_at(record.offset, bytes));
  if (!inside || count < bytes.size() || binlog::crc32(0, bytes) != record.crc) {
    return fail(Code::kCorrupt, path + ": the schema baseline at byte " +
                                    std::to_string(record.offset) + " is damaged" +
                                    std::string(kMend));
  }
  return bytes;
}

Status remove_unused_schemas(io::FileSystem& files, const std::string& directory,
                             const std::vector<SchemaRecord>& records) {
  BINBUS_TRY(entries, files.list(directory));
  for (const io::DirectoryEntry& entry : entries) {
    if (entry.is_directory || !entry.name.ends_with(kSchemaSuffix)) continue;
    const std::string segment = entry.name.substr(0, entry.name.size() - kSchemaSuffix.size());
    const bool named = std::ranges::find(records, entry.name, &SchemaRecord::file) != records.end();
    if (named || !binlog::SegmentName::parse(segment) || files.exists(directory + "/" + segment))
      continue;
    BINBUS_RETURN_IF_ERROR(files.remove(directory + "/" + entry.name));
  }
  return ok();
}

}  // namespace binbus::store
