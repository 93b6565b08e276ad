#include "app/account.h"

#include <fmt/format.h>

#include <fstream>

namespace binbus::app {
namespace {

Result<std::string> password_of(const cli::Account& account) {
  if (account.password_file.empty()) return account.password;
  std::string line;
  std::ifstream in(account.password_file);
  if (std::getline(in, line)) return line;
  return fail(Code::kInvalid, fmt::format("cannot read a line from {}", account.password_file));
}

}  // namespace

Result<mysql::ConnectOptions> connect_options(const std::string& address,
                                              const cli::Account& account) {
  BINBUS_RETURN_IF_ERROR(mysql::Endpoint::parse(address));
  BINBUS_TRY(password, password_of(account));
  BINBUS_TRY(tls, mysql::parse_tls_mode(account.tls.empty()
                                            ? mysql::default_tls_mode(!account.tls_ca.empty())
                                            : account.tls));
  mysql::ConnectOptions options;
  options.address = address;
  options.user = account.user;
  options.password = password;
  options.tls = tls;
  options.ca = account.tls_ca;
  return options;
}

}  // namespace binbus::app
