#include "store/control.h"

#include <nlohmann/json.hpp>

#include "binlog/event.h"

namespace binbus::store {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kMagic = "binbusST";
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderBytes = 64;
constexpr uint32_t kDocumentBytesMax = 1U << 30;

Json to_json(const SourceSpan& span) {
  Json json = {{"server_uuid", span.server_uuid},
               {"server_id", span.server_id},
               {"server_version", span.server_version},
               {"file", span.file},
               {"offset", span.offset}};
  if (!span.lacks.empty()) json["lacks"] = span.lacks;
  if (!span.seeded.empty()) json["seeded"] = span.seeded.to_string();
  return json;
}

Json to_json(const SchemaRecord& record) {
  const auto& [at, origin] = record.place;
  return {{"kind", "catalog"},
          {"at", {at.segment, at.offset}},
          {"origin", {origin.segment, origin.offset}},
          {"file", record.file},
          {"offset", record.offset},
          {"bytes", record.bytes},
          {"crc", record.crc}};
}

SchemaRecord schema_of(const Json& json) {
  const Json& at = json.at("at");
  const Json& origin = json.at("origin");
  return {{{at.at(0), at.at(1)}, {origin.at(0), origin.at(1)}},
          json.at("file"),
          json.at("offset"),
          json.at("bytes"),
          json.at("crc")};
}

// The library's exceptions end here.
template <class Build>
auto from_json(Bytes document, Build build) -> Result<decltype(build(Json()))> {
  try {
    return build(Json::parse(document.begin(), document.end()));
  } catch (const Json::exception& error) {
    return fail(Code::kCorrupt, std::string("control document: ") + error.what());
  }
}

SourceSpan span_of(const Json& json, Position from) {
  auto seeded = mysql::Executed::parse(mysql::Flavor::kMysql, json.value("seeded", ""));
  if (!seeded) throw Json::other_error::create(501, seeded.error().message, &json);
  return {from,
          json.at("server_uuid"),
          json.at("server_id"),
          json.at("server_version"),
          json.at("file"),
          json.at("offset"),
          json.value("lacks", ""),
          std::move(*seeded)};
}

// Names come from servers: bytes that are no UTF-8 are replaced rather than thrown at us.
std::string to_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string set_text(const mysql::Executed& executed) {
  return executed.mariadb() != nullptr ? executed.mariadb()->state_string() : executed.to_string();
}

struct RawState {
  std::vector<SourceSpan> sources;
  std::vector<SchemaRecord> schemas;
  std::string flavor;
  std::string executed;
};

Result<ByteVector> read_range(const io::File& file, uint64_t offset, size_t length) {
  ByteVector bytes(length);
  BINBUS_TRY(count, file.read_at(offset, bytes));
  if (count < length) return fail(Code::kTruncated, "file cut short");
  return bytes;
}

Result<ByteVector> read_header(const io::File& file) {
  BINBUS_TRY(header, read_range(file, 0, kHeaderBytes));
  if (as_text(Bytes(header).first(8)) != kMagic ||
      load_u32(&header[60]) != binlog::crc32(0, Bytes(header).first(60))) {
    return fail(Code::kCorrupt, "not a header of a state file");
  }
  if (load_u32(&header[8]) != kVersion) {
    return fail(Code::kUnsupported, "state file of version " +
                                        std::to_string(load_u32(&header[8])) +
                                        "; this binbus reads version 1");
  }
  return header;
}

Result<ControlState> read_document(const io::File& file) {
  BINBUS_TRY(header, read_header(file));
  const uint32_t length = load_u32(&header[56]);
  if (length > kDocumentBytesMax) return fail(Code::kCorrupt, "document of impossible length");
  BINBUS_TRY(document, read_range(file, kHeaderBytes, length));
  if (load_u32(&header[12]) != binlog::crc32(0, document)) {
    return fail(Code::kCorrupt, "document does not match its checksum");
  }
  BINBUS_TRY(raw, from_json(document, [](const Json& json) {
               RawState state;
               for (const Json& source : json.at("sources")) {
                 const Json& from = source.at("from");
                 state.sources.push_back(span_of(source, Position{from.at(0), from.at(1)}));
               }
               for (const Json& schema : json.value("schemas", Json::array())) {
                 if (schema.at("kind") == "catalog") state.schemas.push_back(schema_of(schema));
               }
               state.flavor = json.at("executed").at("flavor");
               state.executed = json.at("executed").at("set");
               return state;
             }));
  const auto flavor = raw.flavor == mysql::flavor_name(mysql::Flavor::kMariadb)
                          ? mysql::Flavor::kMariadb
                          : mysql::Flavor::kMysql;
  BINBUS_TRY(executed, mysql::Executed::parse(flavor, raw.executed));
  return ControlState{std::move(raw.sources), std::move(executed), std::move(raw.schemas)};
}

}  // namespace

ByteVector encode_source(const SourceSpan& span) {
  return to_owned(as_bytes(to_text(Json{{"source", to_json(span)}})));
}

Result<std::optional<SourceSpan>> decode_source(Bytes document, Position from) {
  return from_json(document, [from](const Json& json) -> std::optional<SourceSpan> {
    if (!json.contains("source")) return std::nullopt;
    return span_of(json.at("source"), from);
  });
}

ByteVector encode_schema(const SchemaRecord& record) {
  return to_owned(as_bytes(to_text(Json{{"schema", to_json(record)}})));
}

Result<std::optional<SchemaRecord>> decode_schema(Bytes document) {
  return from_json(document, [](const Json& json) -> std::optional<SchemaRecord> {
    if (!json.contains("schema") || json.at("schema").at("kind") != "catalog") return std::nullopt;
    return schema_of(json.at("schema"));
  });
}

ByteVector encode_state(const StateHeader& header, const ControlState& state) {
  Json sources = Json::array();
  for (const SourceSpan& span : state.sources) {
    Json source = to_json(span);
    source["from"] = {span.from.segment, span.from.offset};
    sources.push_back(std::move(source));
  }
  Json document = {{"sources", std::move(sources)},
                   {"executed",
                    {{"flavor", mysql::flavor_name(state.executed.flavor())},
                     {"set", set_text(state.executed)}}}};
  for (const SchemaRecord& record : state.schemas) document["schemas"].push_back(to_json(record));
  const std::string text = to_text(document);
  ByteWriter out;
  out.text(kMagic).u32(kVersion).u32(binlog::crc32(0, as_bytes(text)));
  out.u64(header.first_index).u64(header.term);
  out.u64(header.previous_number).u64(header.previous_bytes).u64(header.previous_newest_commit_us);
  out.u32(text.size());
  out.u32(binlog::crc32(0, out.view()));
  out.text(text);
  return out.take();
}

Result<StateHeader> read_state_header(io::FileSystem& files, const std::string& path) {
  BINBUS_TRY(file, files.open(path, io::OpenMode::kRead));
  auto header = read_header(*file);
  if (!header) return fail_in(path, std::move(header).error());
  const uint8_t* at = header->data();
  return StateHeader{load_u64(at + 16), load_u64(at + 24), load_u64(at + 32), load_u64(at + 40),
                     load_u64(at + 48)};
}

Result<ControlState> read_state_document(io::FileSystem& files, const std::string& path) {
  BINBUS_TRY(file, files.open(path, io::OpenMode::kRead));
  auto state = read_document(*file);
  if (!state) return fail_in(path, std::move(state).error());
  return state;
}

}  // namespace binbus::store
