// Numbers of the client/server protocol that both roles use. Layouts: docs/formats/protocol.md.
#pragma once

#include <cstddef>
#include <cstdint>

namespace binbus::mysql {

enum Capability : uint32_t {
  kClientLongPassword = 1u << 0,  // MariaDB clears it to say that it has capabilities of its own
  kClientLongFlag = 1u << 2,
  kClientConnectWithDb = 1u << 3,
  kClientProtocol41 = 1u << 9,
  kClientSsl = 1u << 11,
  kClientTransactions = 1u << 13,
  kClientSecureConnection = 1u << 15,
  kClientMultiResults = 1u << 17,
  kClientPluginAuth = 1u << 19,
  kClientConnectAttributes = 1u << 20,
  kClientPluginAuthLenenc = 1u << 21,
};

enum class Command : uint8_t {
  kQuit = 0x01,
  kInitDb = 0x02,
  kQuery = 0x03,
  kFieldList = 0x04,
  kStatistics = 0x09,
  kPing = 0x0e,
  kBinlogDump = 0x12,
  kRegisterSlave = 0x15,
  kStatementPrepare = 0x16,
  kStatementExecute = 0x17,
  kStatementClose = 0x19,
  kSetOption = 0x1b,
  kBinlogDumpGtid = 0x1e,
  kResetConnection = 0x1f,
};

// A payload of this many bytes or more goes on in the next packet.
inline constexpr size_t kPacketPayloadMax = 0xffffff;
inline constexpr size_t kPacketHeaderBytes = 4;

inline constexpr size_t kNonceBytes = 20;  // the random bytes that a password's proof is made with

inline constexpr char kNativePassword[] = "mysql_native_password";
inline constexpr char kCachingSha2Password[] = "caching_sha2_password";

}  // namespace binbus::mysql
