#include "mysql/client.h"

#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>
// What the next header wants to find: its layout with TLS, as the library is built, and a type of the library's own.
#define HAVE_TLS 1
using uchar = unsigned char;
#include <ma_pvio.h>
#include <netinet/in.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <map>
#include <mutex>

#include "mysql/client_stream.h"
#include "mysql/password_guard.h"

namespace binbus::mysql {
namespace {

// Everything that libmariadb can do without giving the password away; mysql_clear_password and dialog stay out.
constexpr char kAuthPlugins[] =
    "mysql_native_password,caching_sha2_password,sha256_password,client_ed25519,mysql_old_password";

struct Closer {
  void operator()(MYSQL* handle) const { mysql_close(handle); }
};
using Handle = std::unique_ptr<MYSQL, Closer>;

Code code_of(unsigned number) {
  switch (number) {
    case ER_ACCESS_DENIED_ERROR:
    case ER_ACCESS_DENIED_NO_PASSWORD_ERROR:
    case ER_DBACCESS_DENIED_ERROR:
    case ER_HOST_NOT_PRIVILEGED:
    case ER_NOT_SUPPORTED_AUTH_MODE:
    case CR_AUTH_PLUGIN_CANNOT_LOAD:
    case CR_AUTH_PLUGIN_ERR:
    case CR_PLUGIN_NOT_ALLOWED:
    case 1862:  // ER_MUST_CHANGE_PASSWORD_LOGIN
    case 3118:  // ER_ACCOUNT_HAS_BEEN_LOCKED
      return Code::kAuth;
    case CR_SSL_CONNECTION_ERROR:
    case 3159:  // ER_SECURE_TRANSPORT_REQUIRED
      return Code::kTls;
    case CR_UNKNOWN_ERROR:
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_UNKNOWN_HOST:
    case CR_SERVER_GONE_ERROR:
    case CR_SERVER_HANDSHAKE_ERR:
    case CR_SERVER_LOST:
    case CR_SERVER_LOST_EXTENDED:
      return Code::kNetwork;
    default:
      return Code::kRemote;
  }
}

// The library tells of a lost connection, through TLS or not, and of a timeout in the same numbers: its words differ.
Code code_of(unsigned number, std::string_view text) {
  const Code code = code_of(number);
  if (code != Code::kNetwork && code != Code::kTls) return code;
  const auto says = [&](const std::string& word) {
    return text.find(word) != std::string_view::npos;
  };
  if (says("(" + std::to_string(ETIMEDOUT) + ")")) return Code::kTimeout;
  const bool lost = says("(" + std::to_string(ECONNRESET) + ")") ||
                    says("(" + std::to_string(EPIPE) + ")") || says("unexpected eof") ||
                    says("Success (0)");
  return lost ? Code::kNetwork : code;
}

Error error_of(MYSQL* handle, const std::string& doing) {
  const std::string text = mysql_error(handle);
  const Code code = code_of(mysql_errno(handle), text);
  const bool lost = code == Code::kNetwork || code == Code::kTimeout;
  const unsigned number =
      lost && mysql_errno(handle) == CR_SSL_CONNECTION_ERROR ? CR_SERVER_LOST : mysql_errno(handle);
  return Error{code, doing + ": " + text + " (error " + std::to_string(number) + ")",
               static_cast<uint16_t>(number)};
}

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

// Who names authorities or certificates means TLS: somebody in between must not be able to talk us
// out of it.
bool may_be_plain(const ConnectOptions& options) {
  return options.tls == TlsMode::kPreferred && options.ca.empty() && options.certificate.empty() &&
         options.key.empty();
}

tl::unexpected<Error> no_tls(const ConnectOptions& options) {
  const char* otherwise = options.tls == TlsMode::kPreferred
                              ? ", or leave out tls_ca, tls_cert and tls_key"
                              : ", or set tls = \"preferred\"";
  return fail(Code::kTls,
              options.address + " offers no TLS: configure a certificate there" + otherwise);
}

Result<Handle> connect_once(const ConnectOptions& options, const Endpoint& endpoint, bool tls) {
  Handle handle(mysql_init(nullptr));
  if (!handle) return fail(Code::kLimit, "no memory for a connection");

  const unsigned seconds = std::max(1U, (options.timeout_ms + 999) / 1000);
  mysql_options(handle.get(), MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
  mysql_options(handle.get(), MYSQL_OPT_READ_TIMEOUT, &seconds);
  mysql_options(handle.get(), MYSQL_OPT_WRITE_TIMEOUT, &seconds);
  mysql_options(handle.get(), MARIADB_OPT_RESTRICTED_AUTH, kAuthPlugins);
  mysql_options(handle.get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
  const unsigned no_local_infile = 0;
  mysql_options(handle.get(), MYSQL_OPT_LOCAL_INFILE, &no_local_infile);
  mysql_options4(handle.get(), MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "binbus");

  if (tls) {
    const my_bool yes = 1;
    mysql_options(handle.get(), MYSQL_OPT_SSL_ENFORCE, &yes);
    // With an authority given the library checks the chain; the name only when told to.
    const bool system_ca = options.tls >= TlsMode::kVerifyCa && options.ca.empty();
    mysql_ssl_set(handle.get(), or_null(options.key), or_null(options.certificate),
                  or_null(options.ca), system_ca ? X509_get_default_cert_dir() : nullptr, nullptr);
    const my_bool verify = options.tls == TlsMode::kVerifyIdentity;
    mysql_options(handle.get(), MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
  }
  const char* socket = or_null(endpoint.unix_socket);
  if (!mysql_real_connect(handle.get(), socket ? nullptr : endpoint.host.c_str(),
                          options.user.c_str(), options.password.c_str(), nullptr, endpoint.port,
                          socket, 0)) {
    if (lacked_tls_for_password(handle.get())) return no_tls(options);
    return fail(error_of(handle.get(), "connect to " + options.address + " as " + options.user));
  }
  // The library goes on without TLS when the server has none.
  if (tls && !may_be_plain(options) && mysql_get_ssl_cipher(handle.get()) == nullptr)
    return no_tls(options);
  return handle;
}

}  // namespace

Result<Endpoint> Endpoint::parse(const std::string& text) {
  Endpoint endpoint;
  if (text.starts_with('/')) {
    endpoint.unix_socket = text;
    return endpoint;
  }
  const bool bracketed = text.starts_with('[');
  const size_t host_end = bracketed ? text.find(']') : std::min(text.rfind(':'), text.size());
  const std::string bad =
      "address \"" + text + "\": want HOST:PORT, [V6]:PORT or /path/of/mysql.sock";
  if (host_end == std::string::npos || host_end == 0) return fail(Code::kInvalid, bad);
  endpoint.host = bracketed ? text.substr(1, host_end - 1) : text.substr(0, host_end);
  if (!bracketed && endpoint.host.find(':') != std::string::npos) return fail(Code::kInvalid, bad);
  const std::string_view rest = std::string_view(text).substr(host_end + (bracketed ? 1 : 0));
  if (rest.empty()) return endpoint;
  const auto [end, error] =
      std::from_chars(rest.data() + 1, rest.data() + rest.size(), endpoint.port);
  if (rest.front() != ':' || error != std::errc() || end != rest.data() + rest.size() ||
      endpoint.port == 0) {
    return fail(Code::kInvalid, bad);
  }
  return endpoint;
}

Result<TlsMode> parse_tls_mode(std::string_view name) {
  static const std::map<std::string_view, TlsMode> kModes = {
      {"disabled", TlsMode::kDisabled},
      {"preferred", TlsMode::kPreferred},
      {"required", TlsMode::kRequired},
      {"verify_ca", TlsMode::kVerifyCa},
      {"verify_identity", TlsMode::kVerifyIdentity}};
  const auto found = kModes.find(name);
  if (found == kModes.end()) {
    return fail(Code::kInvalid,
                "TLS mode \"" + std::string(name) +
                    "\": want disabled, preferred, required, verify_ca or verify_identity");
  }
  return found->second;
}

std::string_view default_tls_mode(bool with_ca) {
  return with_ca ? "verify_identity" : "preferred";
}

Result<std::unique_ptr<Client>> Client::connect(const ConnectOptions& options) {
  static std::once_flag once;
  std::call_once(once, [] {
    mysql_server_init(0, nullptr, nullptr);
    guard_passwords();
  });
  BINBUS_TRY(endpoint, Endpoint::parse(options.address));

  const bool tls = options.tls != TlsMode::kDisabled && endpoint.unix_socket.empty();
  auto handle = connect_once(options, endpoint, tls);
  if (!handle && tls && may_be_plain(options) && handle.error().code == Code::kTls) {
    handle = connect_once(options, endpoint, false);
  }
  if (!handle) return fail(std::move(handle).error());
  return std::unique_ptr<Client>(new Client(handle->release(), options.address));
}

Client::~Client() {
  if (handle_ != nullptr) mysql_close(handle_);
}

Error Client::last_error(const std::string& doing) const {
  return error_of(handle_, server_ + ": " + doing);
}

namespace {

using Answer = std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)>;

// False at the end, or on an error.
bool fetch(MYSQL_RES* answer, Row& row) {
  const MYSQL_ROW cells = mysql_fetch_row(answer);
  if (cells == nullptr) return false;
  const unsigned long* lengths = mysql_fetch_lengths(answer);
  row.resize(mysql_num_fields(answer));
  for (size_t i = 0; i < row.size(); ++i) {
    row[i].reset();
    if (cells[i] != nullptr) row[i].emplace(cells[i], lengths[i]);
  }
  return true;
}

}  // namespace

Result<Table> Client::query(const std::string& sql) {
  if (mysql_real_query(handle_, sql.data(), sql.size()) != 0) return fail(last_error(sql));
  Table table;
  const Answer answer(mysql_store_result(handle_), &mysql_free_result);
  if (!answer) {
    if (mysql_errno(handle_) != 0) return fail(last_error(sql));
    return table;
  }
  const MYSQL_FIELD* fields = mysql_fetch_fields(answer.get());
  for (unsigned i = 0; i < mysql_num_fields(answer.get()); ++i)
    table.columns.emplace_back(fields[i].name);
  for (Row row; fetch(answer.get(), row);) table.rows.push_back(std::move(row));
  return table;
}

Status Client::for_each_row(const std::string& sql, const std::function<void(Row& row)>& take) {
  if (mysql_real_query(handle_, sql.data(), sql.size()) != 0) return fail(last_error(sql));
  const Answer answer(mysql_use_result(handle_), &mysql_free_result);
  for (Row row; answer && fetch(answer.get(), row);) take(row);
  if (mysql_errno(handle_) != 0) return fail(last_error(sql));
  return ok();
}

Result<std::optional<std::string>> Client::value(const std::string& sql) {
  BINBUS_TRY(table, query(sql));
  if (table.rows.empty() || table.rows[0].empty()) return std::optional<std::string>();
  return std::move(table.rows[0][0]);
}

Status Client::command(uint8_t command, Bytes body) {
  if (handle_->methods->db_command(handle_, static_cast<enum_server_command>(command),
                                   as_text(body).data(), body.size(), 0, nullptr) != 0) {
    return fail(last_error("command " + std::to_string(command)));
  }
  return ok();
}

void Client::interrupt() const {
  ::shutdown(static_cast<int>(mysql_get_socket(handle_)), SHUT_RDWR);
}

std::string Client::quoted(std::string_view text) const {
  std::string out(2 * text.size() + 1, '\0');
  out.resize(mysql_real_escape_string(handle_, out.data(), text.data(), text.size()));
  return "'" + out + "'";
}

std::string Client::server_version() const { return mysql_get_server_info(handle_); }
uint64_t Client::connection_id() const { return mysql_thread_id(handle_); }

uint16_t Client::local_port() const {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  const int descriptor = static_cast<int>(mysql_get_socket(handle_));
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
  if (address.ss_family == AF_INET)
    return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6)
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return 0;
}

std::string Client::tls_version() const {
  const char* version = nullptr;
  const bool known = mariadb_get_infov(handle_, MARIADB_CONNECTION_TLS_VERSION, &version) == 0;
  return known && version != nullptr ? version : "";
}

Result<std::unique_ptr<io::Stream>> Client::hand_over(std::unique_ptr<Client> client,
                                                      uint8_t command, Bytes body) {
  MYSQL* handle = client->handle_;
  if (handle->methods->db_command(handle, static_cast<enum_server_command>(command),
                                  as_text(body).data(), body.size(), 1, nullptr) != 0) {
    return fail(client->last_error("command " + std::to_string(command)));
  }
  // The library's read-ahead is empty: the server had answered everything, and speaks again only from here on.
  const MARIADB_TLS* tls = handle->net.pvio->ctls;
  return make_client_stream(std::move(client), static_cast<int>(mysql_get_socket(handle)),
                            tls != nullptr ? static_cast<ssl_st*>(tls->ssl) : nullptr);
}

}  // namespace binbus::mysql
