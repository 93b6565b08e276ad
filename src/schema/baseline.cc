#include "schema/baseline.h"

#include <zstd.h>

#include "base/check.h"

// A baseline as bytes: a layout's number, the length of what follows, and that as a zstd frame: the source, its defaults, the
// places, the catalog. docs/formats/schema.md

namespace binbus::schema {
namespace {

constexpr uint8_t kLayout = 1;
constexpr int kLevel = 3;

Result<std::string> read_text(ByteReader& in) {
  BINBUS_TRY(bytes, in.lenenc_bytes("schema baseline"));
  return std::string(as_text(bytes));
}

void store(ByteWriter& out, const SourcePlace& place) {
  out.lenenc_text(place.file).u64(place.offset).lenenc_text(place.executed);
}

Result<SourcePlace> read_place(ByteReader& in) {
  SourcePlace place;
  BINBUS_TRY(file, read_text(in));
  BINBUS_TRY(offset, in.u64("schema baseline"));
  BINBUS_TRY(executed, read_text(in));
  return SourcePlace{std::move(file), offset, std::move(executed)};
}

}  // namespace

void store_defaults(ByteWriter& out, const SourceDefaults& defaults) {
  out.u8(defaults.lower_case_table_names);
  out.u8(defaults.explicit_defaults_for_timestamp ? 1 : 0);
  out.u8(defaults.utf8_is_utf8mb3 ? 1 : 0);
  out.lenenc_text(defaults.collation_server);
}

Result<SourceDefaults> read_defaults(ByteReader& in) {
  SourceDefaults defaults;
  BINBUS_TRY(lower_case, in.u8("source's defaults"));
  BINBUS_TRY(timestamps, in.u8("source's defaults"));
  BINBUS_TRY(utf8, in.u8("source's defaults"));
  BINBUS_TRY(collation, in.lenenc_bytes("source's defaults"));
  return SourceDefaults{lower_case, timestamps != 0, utf8 != 0, std::string(as_text(collation))};
}

StatementContext SourceDefaults::context() const {
  StatementContext context;
  context.collation_server = collation_server;
  context.explicit_defaults_for_timestamp = explicit_defaults_for_timestamp;
  context.utf8_is_utf8mb3 = utf8_is_utf8mb3;
  return context;
}

ByteVector compress(Bytes plain) {
  ByteWriter out;
  out.u8(kLayout).u64(plain.size());
  ByteVector frame(ZSTD_compressBound(plain.size()));
  const size_t size = ZSTD_compress(frame.data(), frame.size(), plain.data(), plain.size(), kLevel);
  BINBUS_CHECK(ZSTD_isError(size) == 0);
  out.bytes(Bytes(frame).first(size));
  return out.take();
}

Result<ByteVector> uncompress(Bytes bytes) {
  ByteReader in(bytes);
  BINBUS_TRY(layout, in.u8("schema file"));
  if (layout != kLayout) {
    return fail(Code::kUnsupported,
                "schema of layout " + std::to_string(layout) + "; this binbus reads layout 1");
  }
  BINBUS_TRY(size, in.u64("schema file"));
  if (size > kBaselineBytesMax) return fail(Code::kLimit, "schema of more than 1 GiB");
  // A zstd frame of that many bytes cannot be much shorter than this.
  if (size / 100'000 > bytes.size()) return fail(Code::kCorrupt, "schema of impossible length");
  ByteVector plain(static_cast<size_t>(size));
  const size_t got =
      ZSTD_decompress(plain.data(), plain.size(), in.rest().data(), in.rest().size());
  if (ZSTD_isError(got) != 0 || got != plain.size()) {
    return fail(Code::kCorrupt,
                std::string("schema: ") +
                    (ZSTD_isError(got) != 0 ? ZSTD_getErrorName(got) : "shorter than it says"));
  }
  return plain;
}

ByteVector Baseline::encode() const {
  ByteWriter out;
  out.lenenc_text(server_uuid).u32(server_id).lenenc_text(server_version);
  store_defaults(out, defaults);
  store(out, before);
  store(out, after);
  out.bytes(catalog.encode());
  return compress(out.view());
}

Result<Baseline> Baseline::decode(Bytes bytes) {
  BINBUS_TRY(plain, uncompress(bytes));
  ByteReader in(plain);
  Baseline baseline;
  BINBUS_TRY(uuid, read_text(in));
  BINBUS_TRY(id, in.u32("schema baseline"));
  BINBUS_TRY(version, read_text(in));
  BINBUS_TRY(defaults, read_defaults(in));
  BINBUS_TRY(before, read_place(in));
  BINBUS_TRY(after, read_place(in));
  BINBUS_TRY(catalog, Catalog::decode(in.rest()));
  return Baseline{std::move(uuid),    id,
                  std::move(version), std::move(defaults),
                  std::move(before),  std::move(after),
                  std::move(catalog)};
}

}  // namespace binbus::schema
