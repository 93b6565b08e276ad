// The rows of a SELECT by the binary protocol, each as the server's packet, as they come: nothing is kept of those that were read.
//
//   BINBUS_TRY(rows, BinaryRows::open(client, "SELECT ..."));
//   while (true) {
//     BINBUS_TRY(row, rows->next());
//     if (!row) break;
//     ...
//   }
//
// Owner:  borrows the client, which must outlive it and may not be used for anything else meanwhile. Who stops before the end leaves the
//         client without a connection: all that it is asked then fails with kNetwork.
// Thread: one, the client's.
// Errors: as the client's: kRemote with the server's number, also in the midst of the rows (the client can be used on then); kNetwork
//         and kTimeout (the server said nothing for as long as the client waits for an answer); kCorrupt where a packet
//         contradicts the protocol. There is no next row after an error.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "mysql/client.h"

namespace binbus::mysql {

// What the server says of a column of a result. Layout: docs/formats/protocol.md.
struct ResultColumn {
  std::string name;  // in the table; "" for an expression
  uint8_t type = 0;  // as Table_map events number them, MariaDB's own aside
  uint16_t collation = 0;
  uint32_t length = 0;  // bytes at most, as the server prints it
  uint16_t flags = 0;
  uint8_t decimals = 0;
  bool is_unsigned() const { return (flags & 32) != 0; }
};
// `packet` is a column definition's. kCorrupt, kTruncated.
Result<ResultColumn> parse_result_column(Bytes packet);

class BinaryRows {
 public:
  // Returns when the server has begun to answer. kInvalid when the statement has no rows to give, or asks for parameters.
  static Result<std::unique_ptr<BinaryRows>> open(Client& client, std::string sql);
  ~BinaryRows();
  BinaryRows(const BinaryRows&) = delete;
  BinaryRows& operator=(const BinaryRows&) = delete;

  const std::vector<ResultColumn>& columns() const { return columns_; }
  // The next row: zero, null bits, values; a view until the next call. None: there are no more.
  Result<std::optional<Bytes>> next();

 private:
  BinaryRows(Client& client, std::string sql) : client_(client), sql_(std::move(sql)) {}
  Status prepare();
  Status execute();
  Result<Bytes> read_packet();
  Status read_columns(uint64_t count);
  Status end_of_columns();
  tl::unexpected<Error> unexpected_packet(const char* what);

  Client& client_;
  const std::string sql_;
  std::vector<ResultColumn> columns_;
  uint32_t statement_ = 0;  // its number at the server; 0: not prepared
  bool under_way_ = false;  // the server is answering
};

}  // namespace binbus::mysql
