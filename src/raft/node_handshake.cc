#include "raft/node_handshake.h"

#include <sys/socket.h>

#include <algorithm>

#include "binlog/event.h"
#include "io/address.h"

namespace binbus::raft {
namespace {

constexpr std::string_view kMagic = "binbusND";
constexpr uint8_t kTlsRecord = 0x16;  // the first byte of every TLS handshake

// A text with its length before it, in 2 bytes.
void write_text(ByteWriter& out, std::string_view text) { out.u16(text.size()).text(text); }
Result<std::string> read_text(ByteReader& in, const char* what) {
  BINBUS_TRY(bytes, in.u16(what));
  BINBUS_TRY(text, in.bytes(bytes, what));
  return std::string(as_text(text));
}

// The bytes behind a hello's header.
Result<size_t> decode_header(Bytes header) {
  if (as_text(header.first(kMagic.size())) != kMagic)
    return fail(Code::kCorrupt,
                "what is there is no binbus node, or this is not its port for nodes");
  const uint32_t rest = load_u32(header.data() + 12);
  if (rest > kHelloBytesMax - kHelloHeaderBytes)
    return fail(Code::kCorrupt, "a hello of " + std::to_string(rest) + " bytes is too long");
  return rest;
}

Status read_all(io::Stream& stream, std::span<uint8_t> out) {
  while (!out.empty()) {
    BINBUS_TRY(count, stream.read_some(out));
    out = out.subspan(count);
  }
  return ok();
}

Result<Hello> read_hello(io::Stream& stream) {
  ByteVector bytes(kHelloHeaderBytes);
  BINBUS_RETURN_IF_ERROR(read_all(stream, bytes));
  BINBUS_TRY(rest, decode_header(bytes));
  bytes.resize(kHelloHeaderBytes + rest);
  BINBUS_RETURN_IF_ERROR(read_all(stream, std::span(bytes).subspan(kHelloHeaderBytes)));
  return decode_hello(bytes);
}

std::string quoted(const NodeIdentity& node) { return "'" + node.name + "'"; }

// Why these two do not go together, as `self` says it to `other`; "" when they do.
std::string objection(const NodeIdentity& self, const NodeIdentity& other) {
  if (!self.cluster.empty() && !other.cluster.empty() && self.cluster != other.cluster) {
    return "node " + quoted(self) + " is of cluster '" + self.cluster + "', node " + quoted(other) +
           " of '" + other.cluster + "': mend the list of peers, or the cluster's name";
  }
  if (self.id == other.id) {
    return "both nodes have the same id: a node's own address stands in its list of peers, or a "
           "data "
           "folder was copied";
  }
  return "";
}

Result<bool> speaks_tls(io::Stream& stream, int timeout_ms) {
  BINBUS_TRY(readable, stream.wait_readable(timeout_ms));
  if (!readable) return fail(Code::kTimeout, stream.peer() + " connected and said nothing");
  uint8_t first = 0;
  return ::recv(stream.descriptor(), &first, 1, MSG_PEEK) == 1 && first == kTlsRecord;
}

Status start_tls(std::unique_ptr<io::Stream>& stream, const std::string& address,
                 const NodeTls& tls, int timeout_ms) {
  BINBUS_TRY(name, io::HostPort::parse(address));
  Status done = io::tls_connect(stream,
                                {.ca_file = tls.ca_file,
                                 .host = tls.verify_host ? name.host : "",
                                 .certificate_file = tls.certificate_file,
                                 .key_file = tls.key_file},
                                timeout_ms);
  if (!done) done.error().message += "; or has only one of the two nodes TLS configured?";
  return done;
}

std::string text(Versions versions) {
  const std::string newest = std::to_string(versions.newest);
  if (versions.oldest == versions.newest) return "version " + newest;
  return "versions " + std::to_string(versions.oldest) + " to " + newest;
}

}  // namespace

Result<uint16_t> shared_version(Versions self, Versions other) {
  const uint16_t newest = std::min(self.newest, other.newest);
  if (newest >= std::max(self.oldest, other.oldest)) return newest;
  return fail(Code::kUnsupported, "the other node speaks " + text(other) +
                                      " of the nodes' protocol, this one " + text(self) +
                                      ": upgrade the older binbus");
}

ByteVector encode_hello(const Hello& hello) {
  ByteWriter rest;
  rest.u8(static_cast<uint8_t>(hello.purpose)).u64(hello.from.id);
  write_text(rest, hello.from.name);
  write_text(rest, hello.from.cluster);
  write_text(rest, hello.from.address);
  write_text(rest, hello.refusal);
  ByteWriter out;
  out.text(kMagic).u16(hello.versions.newest).u16(hello.versions.oldest);
  out.u32(rest.size() + 4).bytes(rest.view());
  out.u32(binlog::crc32(0, out.view()));
  return out.take();
}

Result<Hello> decode_hello(Bytes bytes) {
  if (bytes.size() < kHelloHeaderBytes) return fail(Code::kTruncated, "a node's hello");
  BINBUS_TRY(rest, decode_header(bytes.first(kHelloHeaderBytes)));
  const Versions versions = {.oldest = load_u16(bytes.data() + 10),
                             .newest = load_u16(bytes.data() + 8)};
  BINBUS_RETURN_IF_ERROR(shared_version(kVersions, versions));
  if (rest < 4 || bytes.size() != kHelloHeaderBytes + rest)
    return fail(Code::kTruncated, "a node's hello");
  const Bytes summed = bytes.first(bytes.size() - 4);
  if (load_u32(summed.data() + summed.size()) != binlog::crc32(0, summed))
    return fail(Code::kCorrupt, "a node's hello does not match its checksum");
  ByteReader in(summed.subspan(kHelloHeaderBytes));
  BINBUS_TRY(purpose, in.u8("purpose"));
  BINBUS_TRY(id, in.u64("node id"));
  BINBUS_TRY(name, read_text(in, "node name"));
  BINBUS_TRY(cluster, read_text(in, "cluster"));
  BINBUS_TRY(address, read_text(in, "node address"));
  BINBUS_TRY(refusal, read_text(in, "refusal"));
  if (purpose < 1 || purpose > 3 || id == 0 || in.remaining() != 0)
    return fail(Code::kCorrupt, "a node's hello makes no sense");
  return Hello{static_cast<Purpose>(purpose), {id, name, cluster, address}, refusal, versions};
}

Result<Dialed> dial(const std::string& address, Purpose purpose, const NodeIdentity& self,
                    const std::optional<NodeTls>& tls, int timeout_ms,
                    const std::stop_token& stop) {
  BINBUS_TRY(stream, io::connect(address, timeout_ms));
  const std::stop_callback cut_short(stop, [socket = stream->descriptor()] { cut(socket); });
  if (tls) BINBUS_RETURN_IF_ERROR(start_tls(stream, address, *tls, timeout_ms));
  stream->set_read_timeout(timeout_ms);
  stream->set_write_timeout(timeout_ms);
  BINBUS_RETURN_IF_ERROR(stream->write_all(encode_hello({purpose, self})));
  auto hello = read_hello(*stream);
  if (!hello) return fail_in("greeting " + address, std::move(hello).error());
  if (!hello->refusal.empty())
    return fail(Code::kRemote, address + " refused this node: " + hello->refusal);
  if (const std::string why = objection(self, hello->from); !why.empty())
    return fail(Code::kInvalid, address + ": " + why);
  stream->set_read_timeout(0);
  stream->set_write_timeout(0);
  return Dialed{std::move(stream), std::move(hello->from)};
}

Result<Hello> welcome(std::unique_ptr<io::Stream>& stream, const NodeIdentity& self,
                      io::TlsServer* tls, int timeout_ms) {
  BINBUS_TRY(encrypted, speaks_tls(*stream, timeout_ms));
  if (encrypted && !tls) {
    return fail(Code::kTls, stream->peer() + " speaks TLS, for which this node is not configured");
  }
  if (encrypted) BINBUS_RETURN_IF_ERROR(tls->accept(stream, timeout_ms));
  stream->set_read_timeout(timeout_ms);
  stream->set_write_timeout(timeout_ms);
  const auto refuse = [&](Purpose purpose, Error why) {
    // It is refused whether it gets to know why or not.
    [[maybe_unused]] const Status told =
        stream->write_all(encode_hello({purpose, self, why.message}));
    return fail_in("refused the node at " + stream->peer(), std::move(why));
  };
  // Read before it is refused: closing a socket with unread bytes would take the reason away from the other side.
  auto hello = read_hello(*stream);
  if (!hello) return refuse(Purpose::kUrgent, std::move(hello).error());
  if (tls && !encrypted) {
    return refuse(hello->purpose,
                  {Code::kTls, "node " + quoted(self) +
                                   " takes TLS only: TLS must be configured on both "
                                   "nodes, or on none"});
  }
  if (std::string why = objection(self, hello->from); !why.empty())
    return refuse(hello->purpose, {Code::kInvalid, std::move(why)});
  BINBUS_RETURN_IF_ERROR(stream->write_all(encode_hello({hello->purpose, self})));
  stream->set_read_timeout(0);
  stream->set_write_timeout(0);
  return hello;
}

void cut(int descriptor) { ::shutdown(descriptor, SHUT_RDWR); }

}  // namespace binbus::raft
