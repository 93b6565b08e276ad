#include "state/row_difference.h"

#include <algorithm>

#include "base/hex.h"
#include "schema/column_type.h"

namespace binbus::state {
namespace {

using schema::Field;

constexpr size_t kValueBytes = 200;  // of a key that is told

Result<bool> same(const Field& kept, const Field& source) {
  if (kept.state == Field::State::kAbsent || source.state == Field::State::kAbsent) return true;
  if (kept.state == Field::State::kNull && kept.column->generated) return true;
  if (kept.state != source.state) return false;
  if (kept.state == Field::State::kNull) return true;
  if (kept.wire.type == source.wire.type && kept.wire.metadata == source.wire.metadata &&
      std::ranges::equal(kept.bytes, source.bytes)) {
    return true;
  }
  std::string here, there;
  BINBUS_RETURN_IF_ERROR(append_text(here, kept));
  BINBUS_RETURN_IF_ERROR(append_text(there, source));
  return here == there;
}

Result<std::string> shown(const Field& field) {
  if (field.state != Field::State::kValue) return std::string("NULL");
  std::string text;
  BINBUS_RETURN_IF_ERROR(append_text(text, field));
  if (schema::is_binary_type(field.column->type)) {
    std::string digits = "0x";
    append_hex(digits, std::string_view(text).substr(0, kValueBytes / 2));
    return digits;
  }
  return text.substr(0, kValueBytes);
}

}  // namespace

Result<std::vector<uint32_t>> differing_columns(std::span<const Field> kept,
                                                std::span<const Field> source) {
  std::vector<uint32_t> out;
  for (size_t i = 0; i < std::min(kept.size(), source.size()); ++i) {
    BINBUS_TRY(equal, same(kept[i], source[i]));
    if (!equal) out.push_back(static_cast<uint32_t>(i));
  }
  return out;
}

Result<RowDifference> row_difference(RowDifference::Kind kind, std::span<const uint32_t> key,
                                     std::span<const Field> row) {
  RowDifference out;
  out.kind = kind;
  for (uint32_t i = 0; i < row.size(); ++i) {
    const bool told = key.empty() ? row[i].state != Field::State::kAbsent
                                  : std::ranges::find(key, i) != key.end();
    if (!told) continue;
    BINBUS_TRY(value, shown(row[i]));
    out.key.emplace_back(row[i].column->name, std::move(value));
  }
  return out;
}

}  // namespace binbus::state
