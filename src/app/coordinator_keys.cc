// The rows of the configuration table for [node] and [coordinator].
#include "app/config_keys.h"
#include "io/address.h"

namespace binbus::app {
namespace {

using Kind = KeyKind;

constexpr std::string_view kTypes[] = {"etcd", "zookeeper"};

Status check_name(std::string_view name) {
  const bool plain =
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") ==
      std::string_view::npos;
  if (plain && !name.empty() && name.size() <= 64 && name.front() != '.') return ok();
  return fail(Code::kInvalid,
              "must be 1 to 64 letters, digits, \"_\", \"-\" or \".\", and not begin with a \".\"");
}

Status check_endpoint(std::string_view text) {
  BINBUS_TRY(address, io::HostPort::parse(std::string(text)));
  if (!address.host.empty()) return ok();
  return fail(Code::kInvalid, "must be HOST:PORT");
}

Status check_peer(std::string_view text) {
  const size_t at = text.find('@');
  if (at == std::string_view::npos || !check_name(text.substr(0, at)) ||
      !check_endpoint(text.substr(at + 1)))
    return fail(Code::kInvalid, "must be NAME@HOST:PORT");
  return ok();
}

const Key<NodeConfig> kNodeKeys[] = {
    {.name = "name",
     .kind = Kind::kText,
     .member = &NodeConfig::name,
     .fallback = "",
     .help = "What the node is called among others; each has its own. Default: the host's name.",
     .check = check_name},
    {.name = "listen",
     .kind = Kind::kAddress,
     .member = &NodeConfig::listen,
     .fallback = "",
     .help =
         "Where the cluster's other nodes reach this one. Default: no cluster, the streams' logs "
         "are this node's alone."},
    {.name = "peers",
     .kind = Kind::kTexts,
     .member = &NodeConfig::peers,
     .fallback = "",
     .help = "For the first start, as `NAME@HOST:PORT`: the nodes that begin the cluster, this one "
             "among them, which waits until all have met. A node that is not among them is to join "
             "their cluster: `binbus cluster join`. Afterwards `binbus cluster` says who belongs "
             "to it.",
     .check = check_peer},
    {.name = "votes",
     .kind = Kind::kBool,
     .member = &NodeConfig::votes,
     .fallback = "true",
     .help = "`false`: the node keeps the logs and serves readers, but no commit waits for it, and "
             "it never leads (a learner)."},
    {.name = "site",
     .kind = Kind::kText,
     .member = &NodeConfig::site,
     .fallback = "",
     .help = "Where it stands. A stream's copies are put at different sites first."},
    {.name = "lead_priority",
     .kind = Kind::kInteger,
     .member = &NodeConfig::lead_priority,
     .fallback = "1",
     .help = "Streams are led by the nodes with the highest number that are there: give the "
             "site that is near the source a higher one.",
     .max = 1000},
    {.name = "bytes_per_second",
     .kind = Kind::kBytes,
     .member = &NodeConfig::bytes_per_second,
     .fallback = "0",
     .help = "How much the others send it of their logs, at most; for a site behind a slow link. "
             "0: no limit."},
    {.name = "tls_cert",
     .kind = Kind::kPath,
     .member = &NodeConfig::tls_cert,
     .fallback = "",
     .help =
         "PEM file of this node's certificate towards the others, which they ask for. Default: no "
         "TLS, and the port is as safe as the network."},
    {.name = "tls_key",
     .kind = Kind::kPath,
     .member = &NodeConfig::tls_key,
     .fallback = "",
     .help = "PEM file of that certificate's key."},
    {.name = "tls_ca",
     .kind = Kind::kPath,
     .member = &NodeConfig::tls_ca,
     .fallback = "",
     .help = "PEM file of the authority that signs the nodes' certificates."},
};

const Key<CoordinatorConfig> kCoordinatorKeys[] = {
    {.name = "type",
     .kind = Kind::kChoice,
     .member = &CoordinatorConfig::type,
     .fallback = "",
     .help = "What it is: an etcd (v3, from 3.4 on) or a ZooKeeper (from 3.5 on).",
     .required = true,
     .choices = kTypes},
    {.name = "endpoints",
     .kind = Kind::kAddresses,
     .member = &CoordinatorConfig::endpoints,
     .fallback = "",
     .help = "Its servers.",
     .required = true,
     .check = check_endpoint},
    {.name = "group",
     .kind = Kind::kText,
     .member = &CoordinatorConfig::group,
     .fallback = "",
     .help = "Nodes of one group share their streams. All that is kept is below `/binbus/GROUP`.",
     .required = true,
     .check = check_name},
    {.name = "ttl",
     .kind = Kind::kDuration,
     .member = &CoordinatorConfig::ttl_ms,
     .fallback = "10s",
     .help = "After how long without a sign of life a node's streams are given to others. It stops "
             "working on them after two thirds of that, so that two never do.",
     .min = 2000,
     .max = 10 * 60 * 1000},
    {.name = "user",
     .kind = Kind::kText,
     .member = &CoordinatorConfig::user,
     .fallback = "",
     .help =
         "etcd: the user. ZooKeeper: of the digest scheme; the group is then this user's alone. "
         "Default: none."},
    {.name = "password",
     .kind = Kind::kText,
     .member = &CoordinatorConfig::password,
     .fallback = "",
     .help = "Its password. With `user`, one of `password`, `password_file`, `password_env` is "
             "needed."},
    {.name = "password_file",
     .kind = Kind::kPath,
     .member = &CoordinatorConfig::password_file,
     .fallback = "",
     .help = "File whose first line is the password."},
    {.name = "password_env",
     .kind = Kind::kText,
     .member = &CoordinatorConfig::password_env,
     .fallback = "",
     .help = "Environment variable that holds the password."},
    {.name = "tls",
     .kind = Kind::kBool,
     .member = &CoordinatorConfig::tls,
     .fallback = "false",
     .help = "TLS to etcd, whose certificate is verified. ZooKeeper's client library has none."},
    {.name = "tls_ca",
     .kind = Kind::kPath,
     .member = &CoordinatorConfig::tls_ca,
     .fallback = "",
     .help = "PEM file of the authorities that may sign its certificate. Default: the system's."},
    {.name = "tls_cert",
     .kind = Kind::kPath,
     .member = &CoordinatorConfig::tls_cert,
     .fallback = "",
     .help = "PEM file of binbus's own certificate towards etcd."},
    {.name = "tls_key",
     .kind = Kind::kPath,
     .member = &CoordinatorConfig::tls_key,
     .fallback = "",
     .help = "PEM file of that certificate's key."},
};

}  // namespace

std::span<const Key<NodeConfig>> node_keys() { return kNodeKeys; }
std::span<const Key<CoordinatorConfig>> coordinator_keys() { return kCoordinatorKeys; }

}  // namespace binbus::app
