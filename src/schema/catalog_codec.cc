#include "schema/catalog.h"
#include "schema/table_codec.h"

// The catalog as bytes: a layout's number, lower_case_table_names, the databases with their tables, the sessions with their
// temporary tables.

namespace binbus::schema {
namespace {

constexpr uint8_t kLayout = 1;

Result<std::string> read_text(ByteReader& in, const char* what) {
  BINBUS_TRY(bytes, in.lenenc_bytes(what));
  return std::string(as_text(bytes));
}

}  // namespace

ByteVector Catalog::encode() const {
  ByteWriter out;
  out.u8(kLayout).u8(lower_case_).lenenc(databases_.size());
  for (const auto& [key, database] : databases_) {
    out.lenenc_text(database.name).u8(database.known ? 1 : 0);
    out.lenenc_text(database.charset.charset).lenenc_text(database.charset.collation);
    out.lenenc(database.tables.size());
    for (const auto& [name, stored] : database.tables) {
      out.lenenc_text(stored.reread).lenenc(stored.encoded.size()).bytes(stored.encoded);
    }
  }
  out.lenenc(temporary_.size());
  for (const auto& [session, tables] : temporary_) {
    out.u64(session).lenenc(tables.size());
    for (const auto& [database, table] : tables) out.lenenc_text(database).lenenc_text(table);
  }
  return out.take();
}

Result<Catalog> Catalog::decode(Bytes bytes) {
  ByteReader in(bytes);
  BINBUS_TRY(layout, in.u8("catalog: layout"));
  if (layout != kLayout)
    return fail(Code::kUnsupported, "catalog: layout " + std::to_string(layout));
  BINBUS_TRY(lower_case, in.u8("catalog: lower_case_table_names"));
  if (lower_case > 2) return fail(Code::kCorrupt, "catalog: lower_case_table_names");
  Catalog catalog(lower_case);
  BINBUS_TRY(database_count, in.lenenc("catalog: databases"));
  for (uint64_t i = 0; i < database_count; ++i) {
    BINBUS_TRY(name, read_text(in, "catalog: database"));
    Database& database = catalog.databases_[catalog.key_of(name)];
    database.name = std::move(name);
    BINBUS_TRY(known, in.u8("catalog: database"));
    database.known = known != 0;
    BINBUS_TRY(charset, read_text(in, "catalog: charset"));
    BINBUS_TRY(collation, read_text(in, "catalog: collation"));
    database.charset = {std::move(charset), std::move(collation)};
    BINBUS_TRY(table_count, in.lenenc("catalog: tables"));
    for (uint64_t t = 0; t < table_count; ++t) {
      BINBUS_TRY(reread, read_text(in, "catalog: table"));
      BINBUS_TRY(encoded, in.lenenc_bytes("catalog: table"));
      BINBUS_TRY(definition, decode_table(encoded));
      Stored& stored = database.tables[catalog.key_of(definition.version.table)];
      stored.encoded = to_owned(encoded);
      stored.reread = std::move(reread);
    }
  }
  BINBUS_TRY(session_count, in.lenenc("catalog: sessions"));
  for (uint64_t i = 0; i < session_count; ++i) {
    BINBUS_TRY(session, in.u64("catalog: session"));
    BINBUS_TRY(table_count, in.lenenc("catalog: temporary tables"));
    for (uint64_t t = 0; t < table_count; ++t) {
      BINBUS_TRY(database, read_text(in, "catalog: temporary table"));
      BINBUS_TRY(table, read_text(in, "catalog: temporary table"));
      catalog.temporary_[session].insert({std::move(database), std::move(table)});
    }
  }
  if (in.remaining() > 0) return fail(Code::kCorrupt, "catalog: bytes after its end");
  return catalog;
}

}  // namespace binbus::schema
