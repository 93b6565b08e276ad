// How a connection between nodes begins: TLS where it is configured, then a hello each way, docs/formats/node-protocol.md.
//
// Errors: what does not fit (TLS, protocol version, cluster, identity) is said by both sides, each with the mend; kTimeout,
//         kNetwork, kTls.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "io/tls.h"
#include "raft/node_identity.h"

namespace binbus::raft {

// Of the nodes' protocol: those that a binbus speaks. Nodes go together when they share one, and speak the newest that they share.
struct Versions {
  uint16_t oldest = 0;
  uint16_t newest = 0;
};
inline constexpr Versions kVersions = {1, 1};
// kUnsupported names both.
Result<uint16_t> shared_version(Versions self, Versions other);

inline constexpr size_t kHelloHeaderBytes = 16;
inline constexpr size_t kHelloBytesMax = 4096;

// Certificates for both roles, each verified by the other side. Read again for every connection dialed.
struct NodeTls {
  std::string certificate_file;  // PEM, with the chain
  std::string key_file;          // PEM
  std::string ca_file;           // of the cluster's nodes
  bool verify_host = true;       // a node's certificate must name the host that it is dialed at
};

enum class Purpose : uint8_t { kUrgent = 1, kBulk = 2, kCalls = 3 };

struct Hello {
  Purpose purpose = Purpose::kUrgent;
  NodeIdentity from;
  std::string refusal = {};  // why the one who answers does not want the other; "": welcome
  Versions versions = kVersions;
};

ByteVector encode_hello(const Hello& hello);
// kUnsupported: of a node that shares no version with this one.
Result<Hello> decode_hello(Bytes bytes);

// The dialer's side. What was dialed is `stream`, without timeouts. `stop` cuts it short, but for the connecting itself.
struct Dialed {
  std::unique_ptr<io::Stream> stream;
  NodeIdentity peer;
};
Result<Dialed> dial(const std::string& address, Purpose purpose, const NodeIdentity& self,
                    const std::optional<NodeTls>& tls, int timeout_ms, const std::stop_token& stop);

// The side that was dialed, over a stream just accepted. `tls`: null for none. On failure only to be closed.
Result<Hello> welcome(std::unique_ptr<io::Stream>& stream, const NodeIdentity& self,
                      io::TlsServer* tls, int timeout_ms);

// For a stop callback, and valid only while the stream is: makes every blocked and later call on its socket fail.
void cut(int descriptor);

}  // namespace binbus::raft
