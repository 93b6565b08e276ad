// The rows of the configuration table for [feed].
#include "app/config_keys.h"
#include "io/address.h"

namespace binbus::app {
namespace {

using Kind = KeyKind;

Status check_listen(std::string_view text) {
  BINBUS_RETURN_IF_ERROR(io::HostPort::parse(std::string(text)));
  return ok();
}

Status check_address(std::string_view text) {
  BINBUS_TRY(address, io::HostPort::parse(std::string(text)));
  if (!address.host.empty()) return ok();
  return fail(Code::kInvalid, "must be HOST:PORT");
}

const Key<FeedConfig> kFeedKeys[] = {
    {.name = "listen",
     .kind = Kind::kAddress,
     .member = &FeedConfig::listen,
     .fallback = "",
     .help = "Where clients of the feed connect (gRPC); none are served without it.",
     .check = check_listen},
    {.name = "address",
     .kind = Kind::kAddress,
     .member = &FeedConfig::address,
     .fallback = "",
     .help =
         "The same as clients know it, who are told of it by the cluster's other nodes. Default: "
         "`listen`.",
     .check = check_address},
    {.name = "allow_remote",
     .kind = Kind::kBool,
     .member = &FeedConfig::allow_remote,
     .fallback = "false",
     .help =
         "Lets `listen` be another address than loopback. Clients read all row data: give them a "
         "token, and TLS."},
    {.name = "token",
     .kind = Kind::kText,
     .member = &FeedConfig::token,
     .fallback = "",
     .help = "What clients must send, as `authorization: Bearer TOKEN`. Default: nothing."},
    {.name = "token_file",
     .kind = Kind::kPath,
     .member = &FeedConfig::token_file,
     .fallback = "",
     .help = "File whose first line is the token."},
    {.name = "tls_cert",
     .kind = Kind::kPath,
     .member = &FeedConfig::tls_cert,
     .fallback = "",
     .help = "PEM file of the certificate shown to clients. Default: no TLS."},
    {.name = "tls_key",
     .kind = Kind::kPath,
     .member = &FeedConfig::tls_key,
     .fallback = "",
     .help = "PEM file of that certificate's key."},
    {.name = "tls_ca",
     .kind = Kind::kPath,
     .member = &FeedConfig::tls_ca,
     .fallback = "",
     .help =
         "PEM file of the authorities one of which must have signed a client's certificate. Given: "
         "nobody gets in without one."},
};

}  // namespace

std::span<const Key<FeedConfig>> feed_keys() { return kFeedKeys; }

}  // namespace binbus::app
