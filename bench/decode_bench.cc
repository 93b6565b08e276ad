// How long it takes to decode every value of a binlog file with FULL row metadata into text, in CPU seconds.
//
//   decode_bench FILE [RUNS]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>

#include "schema/mapped_tables.h"
#include "schema/row_reader.h"

namespace binbus::schema {
namespace {

struct Counts {
  uint64_t rows = 0;
  uint64_t values = 0;
  uint64_t text_bytes = 0;
};

Status append_image(std::span<const Field> fields, std::string& out, Counts& counts) {
  for (const Field& field : fields) {
    if (field.state != Field::State::kValue) continue;
    ++counts.values;
    BINBUS_RETURN_IF_ERROR(append_text(out, field));
  }
  return ok();
}

Status decode(Bytes file, Counts& counts) {
  binlog::FormatDescription format;
  MappedTables tables([](const TableMap& map) -> Result<TablePtr> {
    BINBUS_TRY(version, describe(map));
    return std::make_shared<const TableVersion>(std::move(version));
  });
  RowReader reader;
  std::string out;
  for (size_t at = binlog::kMagic.size(); at + binlog::kHeaderBytes <= file.size();) {
    const binlog::EventHeader header = binlog::parse_header(file.data() + at);
    if (header.size < binlog::kHeaderBytes || header.size > file.size() - at) break;
    const Bytes stored = file.subspan(at, header.size);
    at += header.size;
    if (header.type == binlog::kFormatDescriptionEvent) {
      BINBUS_TRY(read, binlog::parse_format_description(stored));
      format = read;
      continue;
    }
    const bool checksummed = format.checksum == binlog::Checksum::kCrc32;
    const Bytes event = stored.first(stored.size() - (checksummed ? binlog::kChecksumBytes : 0));
    if (header.type == binlog::kTableMapEvent) BINBUS_RETURN_IF_ERROR(tables.take(event, format));
    if (!is_rows_event(header.type)) continue;
    BINBUS_TRY(head, parse_rows_head(event, format));
    const RowLayout* layout = tables.find(head.table_id);
    if (layout == nullptr) return fail(Code::kCorrupt, "rows of a table that no map names");
    BINBUS_RETURN_IF_ERROR(reader.open(*layout, head, event));
    while (true) {
      BINBUS_TRY(more, reader.next());
      if (!more) break;
      out.clear();
      BINBUS_RETURN_IF_ERROR(append_image(reader.before(), out, counts));
      BINBUS_RETURN_IF_ERROR(append_image(reader.after(), out, counts));
      counts.text_bytes += out.size();
      ++counts.rows;
    }
  }
  return ok();
}

int run(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: decode_bench FILE [RUNS]\n"), 2;
  std::ifstream in(argv[1], std::ios::binary | std::ios::ate);
  ByteVector file(static_cast<size_t>(in.tellg()));
  in.seekg(0);
  in.read(reinterpret_cast<char*>(file.data()), static_cast<std::streamsize>(file.size()));
  for (int i = 0; i < (argc > 2 ? std::atoi(argv[2]) : 3); ++i) {
    Counts counts;
    const std::clock_t start = std::clock();
    const Status done = decode(file, counts);
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    if (!done) return std::fprintf(stderr, "%s\n", done.error().message.c_str()), 1;
    std::printf("{\"rows\": %llu, \"values\": %llu, \"text_bytes\": %llu, \"cpu_s\": %.3f}\n",
                static_cast<unsigned long long>(counts.rows),
                static_cast<unsigned long long>(counts.values),
                static_cast<unsigned long long>(counts.text_bytes), seconds);
  }
  return 0;
}

}  // namespace
}  // namespace binbus::schema

int main(int argc, char** argv) { return binbus::schema::run(argc, argv); }
