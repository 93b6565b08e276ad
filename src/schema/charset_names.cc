#include "schema/charset_names.h"

#include "schema/charset.h"

namespace binbus::schema {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return out;
}

// Since when utf8 is shown as what it is.
bool shows_utf8mb3(const ServerVersion& server) {
  return server.mariadb_from(100601) || server.mysql_from(80030);
}

std::string collation_name(std::string name, const StatementContext& context) {
  const bool mb3 = shows_utf8mb3(context.server);
  if (name.starts_with("utf8_")) {
    const bool mb4 = !context.utf8_is_utf8mb3;
    if (mb3 || mb4) name.replace(0, 4, mb4 ? "utf8mb4" : "utf8mb3");
  } else if (name.starts_with("utf8mb3_") && !mb3) {
    name.replace(0, 7, "utf8");
  }
  return name;
}

const Charset* charset_of(const std::string& collation) {
  if (const Charset* charset = Charset::find_by_collation(collation)) return charset;
  if (collation.starts_with("utf8_"))
    return Charset::find_by_collation("utf8mb3" + collation.substr(4));
  if (collation.starts_with("utf8mb3_"))
    return Charset::find_by_collation("utf8" + collation.substr(7));
  return nullptr;
}

bool is_utf8mb3(std::string_view name) { return name == "utf8" || name == "utf8mb3"; }

}  // namespace

std::string charset_name(std::string_view name, const StatementContext& context) {
  std::string charset = lower(name);
  if (charset == "utf8" && !context.utf8_is_utf8mb3) return "utf8mb4";
  if (is_utf8mb3(charset)) return shows_utf8mb3(context.server) ? "utf8mb3" : "utf8";
  return charset;
}

std::string default_collation(std::string_view charset, const StatementContext& context) {
  for (const auto& [of, collation] : context.default_collations) {
    if (of == charset || (is_utf8mb3(of) && is_utf8mb3(charset)))
      return collation_name(collation, context);
  }
  if (charset == "utf8mb4") {
    return context.server.mysql_from(80000) ? "utf8mb4_0900_ai_ci" : "utf8mb4_general_ci";
  }
  if (is_utf8mb3(charset)) return collation_name("utf8mb3_general_ci", context);
  const Charset* found = Charset::find(charset);
  return found != nullptr ? std::string(found->default_collation()) : std::string();
}

Result<CharsetPair> pair_of_collation(std::string_view collation, std::string_view charset,
                                      const StatementContext& context) {
  std::string name = collation_name(lower(collation), context);
  const Charset* found = charset_of(name);
  if (found == nullptr && name.starts_with("uca1400_")) {  // MariaDB's, of the charset around
    name = std::string(charset) + "_" + name;
    found = charset_of(name);
  }
  if (found == nullptr) {
    return fail(Code::kUnsupported,
                "collation " + std::string(collation.substr(0, 64)) + " is not known");
  }
  return CharsetPair{charset_name(found->name(), context), std::move(name)};
}

Result<CharsetPair> resolve(const CharsetSpec& spec, const CharsetPair& around,
                            const StatementContext& context) {
  CharsetPair pair = around;
  if (spec.charset && !spec.charset->empty()) {
    pair.charset = charset_name(*spec.charset, context);
    pair.collation = default_collation(pair.charset, context);
    if (pair.collation.empty() && !spec.collation) {
      return fail(Code::kUnsupported,
                  "character set " + pair.charset.substr(0, 64) + " is not known");
    }
  }
  if (spec.charset && spec.charset->empty() &&
      context.server.mariadb) {  // DEFAULT is the charset alone
    pair.collation = default_collation(pair.charset, context);
  }
  if (!spec.collation) return pair;
  return pair_of_collation(*spec.collation, pair.charset, context);
}

uint32_t bytes_per_character(std::string_view charset) {
  const Charset* found = Charset::find(charset);
  if (found == nullptr && charset == "utf8mb3") found = Charset::find("utf8");
  return found != nullptr ? found->bytes_per_character_max() : 1;
}

}  // namespace binbus::schema
