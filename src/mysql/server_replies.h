// What a server answers: OK, ERR, EOF and text result sets. Functions buffer packets on a channel; none flushes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mysql/packet.h"

namespace binbus::mysql {

// An answer to the client that is not a failure of ours.
struct ServerError {
  uint16_t number;
  std::string state;  // five characters
  std::string message;
};

// Values travel as text, and a column tells drivers what to make of them.
struct Column {
  std::string name;
  bool integer = false;

  Column(std::string text_name) : name(std::move(text_name)) {}
  Column(const char* text_name) : name(text_name) {}
  Column(std::string any_name, bool is_integer) : name(std::move(any_name)), integer(is_integer) {}
};
inline Column integer_column(const char* name) { return {name, true}; }

struct ResultSet {
  using Row = std::vector<std::optional<std::string>>;
  std::vector<Column> columns;
  std::vector<Row> rows;
};

Status write_ok(PacketChannel& channel, std::string_view info = "");
// `status`: the server's, of which clients of a dump get 0.
inline constexpr uint16_t kStatusAutocommit = 2;
Status write_eof(PacketChannel& channel, uint16_t status = kStatusAutocommit);
// What clients have room for of a message (MYSQL_ERRMSG_SIZE less its end): the rest is cut off.
inline constexpr size_t kMessageBytesMax = 511;
Status write_error(PacketChannel& channel, const ServerError& error);
Status write_result(PacketChannel& channel, const ResultSet& result);

// Well-known errors.
inline constexpr uint16_t kErrorAccessDenied = 1045;
inline constexpr uint16_t kErrorHandshake = 1043;
inline constexpr uint16_t kErrorUnknownCommand = 1047;
inline constexpr uint16_t kErrorTooManyConnections = 1040;
inline constexpr uint16_t kErrorServerShutdown = 1053;
inline constexpr uint16_t kErrorSyntax = 1064;
inline constexpr uint16_t kErrorUnknownThread = 1094;
inline constexpr uint16_t kErrorDatabaseName = 1102;
inline constexpr uint16_t kErrorPacketTooLarge = 1153;
inline constexpr uint16_t kErrorMalformedPacket = 1835;
inline constexpr uint16_t kErrorUnknownVariable = 1193;
inline constexpr uint16_t kErrorUserLimit = 1226;
inline constexpr uint16_t kErrorReadingBinlog = 1236;
inline constexpr uint16_t kErrorParameterCount = 1582;
inline constexpr uint16_t kErrorSecureTransport = 3159;

}  // namespace binbus::mysql
