#include "serve/dump_errors.h"

#include <algorithm>

#include "mysql/server_replies.h"
#include "serve/server_version.h"

namespace binbus::serve {
namespace {

using mysql::kMessageBytesMax;

constexpr std::string_view kFirst = "{first}";
constexpr std::string_view kSecond = "{second}";
constexpr std::string_view kDots = "...";

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
}

// Puts the set where `place` stands, so that a message without `spare` of its bytes is not too long.
void fill_in(std::string& message, std::string_view place, const std::string& set, size_t spare) {
  const size_t taken = std::min(message.size() - place.size() - spare, kMessageBytesMax);
  replace_all(message, place, fitted(set, kMessageBytesMax - taken));
}

}  // namespace

Wording::Wording(std::string_view server_version) {
  const ServerVersion version = ServerVersion::parse(server_version);
  renamed_ = version.flavor == mysql::Flavor::kMysql && version.number >= 80026;
}

std::string Wording::worded(std::string_view text) const {
  std::string message(text);
  replace_all(message, "{source}", renamed_ ? "source" : "master");
  replace_all(message, "{Replica}", renamed_ ? "Replica" : "Slave");
  replace_all(message, "{replica}", renamed_ ? "replica" : "slave");
  return message;
}

tl::unexpected<Error> Wording::fatal(Code code, std::string_view text) const {
  return fail(code, worded(text), mysql::kErrorReadingBinlog);
}

tl::unexpected<Error> Wording::fatal(Code code, std::string_view text, const std::string& first,
                                     const std::string& second) const {
  std::string message = worded(text);
  const bool two = message.find(kSecond) != std::string::npos;
  const size_t reserved = two ? kSecond.size() - kDots.size() : 0;
  fill_in(message, kFirst, first, reserved);
  if (two) fill_in(message, kSecond, second, 0);
  return fail(code, std::move(message), mysql::kErrorReadingBinlog);
}

std::string fitted(const std::string& set, size_t bytes_max) {
  if (set.size() <= bytes_max) return set;
  const size_t room = bytes_max - std::min(bytes_max, kDots.size());
  const size_t end = set.find_last_of(",:", room);
  return set.substr(0, end == std::string::npos ? 0 : end).append(kDots);
}

}  // namespace binbus::serve
