#include "mysql/password_guard.h"

#include <errmsg.h>
#include <mysql.h>
#include <mysql/plugin_auth.h>

#include <string_view>

namespace binbus::mysql {
namespace {

using Method = int (*)(MYSQL_PLUGIN_VIO* channel, MYSQL* handle);

// st_mysql_client_plugin_AUTHENTICATION, whose header Debian's package leaves incomplete.
struct MethodPlugin {
  MYSQL_CLIENT_PLUGIN_HEADER
  Method authenticate;
};
constexpr int kMethodPlugin = 2;  // MYSQL_CLIENT_AUTHENTICATION_PLUGIN
constexpr char kNoTls[] = "no TLS, and the password would be sent as it is";

enum Which { kCachingSha2, kSha256 };
template <Which kWhich>
Method library_method = nullptr;

template <Which kWhich>
int only_with_tls(MYSQL_PLUGIN_VIO* channel, MYSQL* handle) {
  // What the greeting offers is what there is going to be: the library makes TLS of it before the first packet, or fails.
  if (!handle->options.use_ssl || (handle->server_capabilities & CLIENT_SSL) != 0)
    return library_method<kWhich>(channel, handle);
  handle->methods->set_error(handle, CR_SSL_CONNECTION_ERROR, "HY000", kNoTls);
  return CR_ERROR;
}

template <Which kWhich>
void guard(MYSQL* handle, const char* name) {
  st_mysql_client_plugin* found = mysql_client_find_plugin(handle, name, kMethodPlugin);
  if (found == nullptr) return;  // nor will a connection find it
  auto* plugin = reinterpret_cast<MethodPlugin*>(found);
  library_method<kWhich> = plugin->authenticate;
  plugin->authenticate = only_with_tls<kWhich>;
}

}  // namespace

void guard_passwords() {
  MYSQL* handle = mysql_init(nullptr);
  guard<kCachingSha2>(handle, "caching_sha2_password");
  guard<kSha256>(handle, "sha256_password");
  mysql_close(handle);
}

bool lacked_tls_for_password(st_mysql* handle) {
  return std::string_view(mysql_error(handle)) == kNoTls;
}

}  // namespace binbus::mysql
