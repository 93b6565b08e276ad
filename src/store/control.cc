#include "store/control.h"

#include <nlohmann/json.hpp>

#include "binlog/event.h"

namespace binbus::store {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kMagic = "binbusST";
constexpr uint32_t kVersion = 2;
constexpr size_t kHeaderBytes = 64;

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
          {"bytes", record.bytes},
          {"crc", record.crc}};
}

SchemaRecord schema_of(const Json& json) {
  const Json& at = json.at("at");
  const Json& origin = json.at("origin");
  return {{{at.at(0), at.at(1)}, {origin.at(0), origin.at(1)}},
          json.at("file"),
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

std::vector<NodeId> nodes_of(const Json& json, const char* name) {
  return json.value(name, std::vector<NodeId>());
}

Json to_json(const Members& members) {
  Json json = {{"voters", members.voters}};
  if (!members.learners.empty()) json["learners"] = members.learners;
  if (!members.outgoing.empty()) json["outgoing"] = members.outgoing;
  if (!members.learners_next.empty()) json["learners_next"] = members.learners_next;
  if (members.auto_leave) json["auto_leave"] = true;
  return json;
}

Members members_of(const Json& json) {
  return {nodes_of(json, "voters"), nodes_of(json, "outgoing"), nodes_of(json, "learners"),
          nodes_of(json, "learners_next"), json.value("auto_leave", false)};
}

struct RawState {
  std::vector<SourceSpan> sources;
  std::vector<SchemaRecord> schemas;
  std::map<std::string, std::string> cursors;
  Members members;
  std::string flavor;
  std::string executed;
};

Result<StateHeader> parse_header(Bytes file) {
  if (file.size() < kHeaderBytes) return fail(Code::kTruncated, "state file cut short");
  const uint8_t* at = file.data();
  if (as_text(file.first(8)) != kMagic || load_u32(at + 60) != binlog::crc32(0, file.first(60))) {
    return fail(Code::kCorrupt, "not a header of a state file");
  }
  if (load_u32(at + 8) != kVersion) {
    return fail(Code::kUnsupported,
                "state file of version " + std::to_string(load_u32(at + 8)) +
                    "; this binbus reads version 2. Move the folder away and `binbus import` its "
                    "binlog files");
  }
  return StateHeader{load_u64(at + 16), load_u64(at + 24), load_u64(at + 32), load_u64(at + 40),
                     load_u64(at + 48)};
}

Result<ControlState> parse_document(Bytes document) {
  BINBUS_TRY(raw, from_json(document, [](const Json& json) {
               RawState state;
               for (const Json& source : json.at("sources")) {
                 const Json& from = source.at("from");
                 state.sources.push_back(span_of(source, Position{from.at(0), from.at(1)}));
               }
               for (const Json& schema : json.value("schemas", Json::array())) {
                 if (schema.at("kind") == "catalog") state.schemas.push_back(schema_of(schema));
               }
               state.cursors = json.value("cursors", state.cursors);
               state.members = members_of(json.value("members", Json::object()));
               state.flavor = json.at("executed").at("flavor");
               state.executed = json.at("executed").at("set");
               return state;
             }));
  const auto flavor = raw.flavor == mysql::flavor_name(mysql::Flavor::kMariadb)
                          ? mysql::Flavor::kMariadb
                          : mysql::Flavor::kMysql;
  BINBUS_TRY(executed, mysql::Executed::parse(flavor, raw.executed));
  return ControlState{std::move(raw.sources), std::move(executed), std::move(raw.schemas),
                      std::move(raw.cursors), std::move(raw.members)};
}

Result<ByteVector> read_whole(io::FileSystem& files, const std::string& path, size_t bytes_max) {
  BINBUS_TRY(file, files.open(path, io::OpenMode::kRead));
  BINBUS_TRY(size, file->size());
  ByteVector bytes(static_cast<size_t>(std::min<uint64_t>(size, bytes_max)));
  BINBUS_TRY(count, file->read_at(0, bytes));
  bytes.resize(count);
  return bytes;
}

}  // namespace

ByteVector encode_source(const SourceSpan& span) {
  return to_owned(as_bytes(to_text(Json{{"source", to_json(span)}})));
}

ByteVector encode_schema(const SchemaRecord& record, std::optional<Position> same) {
  Json schema = to_json(record);
  schema.erase("file");
  if (same) schema["same"] = {same->segment, same->offset};
  return to_owned(as_bytes(to_text(Json{{"schema", std::move(schema)}})));
}

ByteVector encode_cursor(const Cursor& cursor) {
  Json json = {{"name", cursor.name}};
  if (cursor.value) json["value"] = *cursor.value;
  return to_owned(as_bytes(to_text(Json{{"cursor", std::move(json)}})));
}

ByteVector encode_begin(const std::string& name, const std::optional<SourceSpan>& source) {
  Json begin = {{"name", name}};
  if (source) begin["source"] = to_json(*source);
  return to_owned(as_bytes(to_text(Json{{"begin", std::move(begin)}})));
}

Result<ControlRecord> decode_control(Bytes document, Position end) {
  return from_json(document, [end](const Json& json) {
    ControlRecord record;
    if (json.contains("source")) record.source = span_of(json.at("source"), end);
    if (json.contains("schema") && json.at("schema").at("kind") == "catalog") {
      Json schema = json.at("schema");
      if (schema.contains("same"))
        record.same = Position{schema.at("same").at(0), schema.at("same").at(1)};
      schema["file"] = "";
      record.schema = schema_of(schema);
    }
    if (json.contains("cursor")) {
      const Json& cursor = json.at("cursor");
      record.cursor = {cursor.at("name"), std::nullopt};
      if (cursor.contains("value")) record.cursor->value = cursor.at("value");
    }
    if (json.contains("begin")) {
      const Json& begin = json.at("begin");
      record.begin = begin.at("name");
      const auto number = binlog::SegmentName::parse(record.begin);
      if (!number) throw Json::other_error::create(501, number.error().message, &json);
      if (begin.contains("source"))
        record.source = span_of(begin.at("source"), Position{number->number, 0});
    }
    return record;
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
  if (!state.cursors.empty()) document["cursors"] = state.cursors;
  if (!state.members.empty()) document["members"] = to_json(state.members);
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

Result<StateFile> decode_state(Bytes file) {
  BINBUS_TRY(header, parse_header(file));
  const uint32_t length = load_u32(file.data() + 56);
  const Bytes document = file.subspan(kHeaderBytes);
  if (document.size() < length) return fail(Code::kTruncated, "state file cut short");
  if (load_u32(file.data() + 12) != binlog::crc32(0, document.first(length))) {
    return fail(Code::kCorrupt, "document does not match its checksum");
  }
  BINBUS_TRY(control, parse_document(document.first(length)));
  return StateFile{header, std::move(control)};
}

Result<StateHeader> read_state_header(io::FileSystem& files, const std::string& path) {
  BINBUS_TRY(bytes, read_whole(files, path, kHeaderBytes));
  auto header = parse_header(bytes);
  if (!header) return fail_in(path, std::move(header).error());
  return header;
}

Result<ControlState> read_state_document(io::FileSystem& files, const std::string& path) {
  BINBUS_TRY(bytes, read_whole(files, path, SIZE_MAX));
  auto state = decode_state(bytes);
  if (!state) return fail_in(path, std::move(state).error());
  return std::move(state->control);
}

}  // namespace binbus::store
