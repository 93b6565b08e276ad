#include "store/schema_records.h"

#include <algorithm>

#include "binlog/event.h"
#include "io/durable_file.h"

namespace binbus::store {
namespace {

constexpr std::string_view kMend = "; `binbus schema rebuild` reads the source's tables again";
constexpr std::string_view kSuffix = ".schema";
constexpr std::string_view kNewSuffix = ".schema.new";

// Whether it is the name of such a file, under way or done.
bool is_schema_file(std::string_view name) {
  for (const std::string_view suffix : {kSuffix, kNewSuffix}) {
    if (!name.ends_with(suffix)) continue;
    const std::string_view stem = name.substr(0, name.size() - suffix.size());
    return binlog::SegmentName::parse(stem.substr(0, stem.rfind('.'))).has_value();
  }
  return false;
}

}  // namespace

void add_schema(std::vector<SchemaRecord>& records, SchemaRecord record) {
  const auto at = [](const SchemaRecord& known) { return known.place.at; };
  const auto found = std::ranges::lower_bound(records, record.place.at, {}, at);
  if (found != records.end() && at(*found) == record.place.at) {
    *found = std::move(record);
  } else {
    records.insert(found, std::move(record));
  }
}

const SchemaRecord* find_schema(const std::vector<SchemaRecord>& records, Position position) {
  const SchemaRecord* best = nullptr;
  for (const SchemaRecord& record : records) {
    if (record.place.at > position) break;
    if (best == nullptr || record.place.origin >= best->place.origin) best = &record;
  }
  return best;
}

void prune(std::vector<SchemaRecord>& records, uint64_t first_segment) {
  const Position first{first_segment, 0};
  const SchemaRecord* const needed = find_schema(records, first);
  if (needed == nullptr) return;
  const Position kept = needed->place.at;
  std::erase_if(records, [&](const SchemaRecord& record) {
    return record.place.at <= first && record.place.at != kept;
  });
}

std::string schema_file(const std::string& segment, uint64_t index) {
  return segment + "." + std::to_string(index) + std::string(kSuffix);
}

bool has_schema(io::FileSystem& files, const std::string& directory, const SchemaRecord& record) {
  const auto file = files.open(directory + "/" + record.file, io::OpenMode::kRead);
  if (!file) return false;
  const auto size = (*file)->size();
  return size && *size == record.bytes;
}

// Under another name until it is durable.
Status write_schema(io::FileSystem& files, const std::string& directory, const SchemaRecord& record,
                    Bytes bytes) {
  if (bytes.size() != record.bytes || binlog::crc32(0, bytes) != record.crc)
    return fail(Code::kCorrupt, "a schema baseline is not what its record tells");
  return io::write_durably(files, directory + "/" + record.file, as_text(bytes));
}

Result<ByteVector> read_schema(io::FileSystem& files, const std::string& directory,
                               const SchemaRecord& record) {
  const std::string path = directory + "/" + record.file;
  BINBUS_TRY(in, files.open(path, io::OpenMode::kRead));
  BINBUS_TRY(size, in->size());
  ByteVector bytes(size == record.bytes ? static_cast<size_t>(size) : 0);
  BINBUS_TRY(count, in->read_at(0, bytes));
  if (size != record.bytes || count < bytes.size() || binlog::crc32(0, bytes) != record.crc)
    return fail(Code::kCorrupt, path + ": this schema baseline is damaged" + std::string(kMend));
  return bytes;
}

Status remove_unused_schemas(io::FileSystem& files, const std::string& directory,
                             const std::vector<SchemaRecord>& records) {
  BINBUS_TRY(entries, files.list(directory));
  for (const io::DirectoryEntry& entry : entries) {
    if (entry.is_directory || !is_schema_file(entry.name)) continue;
    if (std::ranges::find(records, entry.name, &SchemaRecord::file) != records.end()) continue;
    BINBUS_RETURN_IF_ERROR(files.remove(directory + "/" + entry.name));
  }
  return ok();
}

}  // namespace binbus::store
