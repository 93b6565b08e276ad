#include "serve/dump_errors.h"

#include "mysql/server_replies.h"
#include "serve/server_version.h"

namespace binbus::serve {
namespace {

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

Wording::Wording(std::string_view server_version) {
  const ServerVersion version = ServerVersion::parse(server_version);
  renamed_ = version.flavor == mysql::Flavor::kMysql && version.number >= 80026;
}

tl::unexpected<Error> Wording::fatal(Code code, std::string_view text) const {
  std::string message(text);
  replace_all(message, "{source}", renamed_ ? "source" : "master");
  replace_all(message, "{Replica}", renamed_ ? "Replica" : "Slave");
  replace_all(message, "{replica}", renamed_ ? "replica" : "slave");
  return fail(code, std::move(message), mysql::kErrorReadingBinlog);
}

}  // namespace binbus::serve
