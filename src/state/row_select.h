// A table's rows as SELECT gives them by the binary protocol, in the form of the binary log's row images: who keeps rows (row_codec.h,
// row_key.h) has the same bytes whichever way a row came.
//
//   BINBUS_RETURN_IF_ERROR(client.query(session_statement()));
//   BINBUS_TRY(select, RowSelect::make(table, server));
//   BINBUS_TRY(rows, mysql::BinaryRows::open(client, "SELECT " + select.list() + " FROM ..."));
//   BINBUS_RETURN_IF_ERROR(select.open(rows->columns()));
//   ... select.read(packet) for each of rows->next() ...
//
// Where a value has another form than in the log, its text is the same: MariaDB's COMPRESSED columns are plain here; times of tables
// made in old formats (temporal.h) have today's; JSON that the server made of SQL values has the types that its text has
// (json_encoder.h); YEAR(2) has 2000 for its zero.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "mysql/binary_rows.h"
#include "schema/field.h"
#include "schema/json_encoder.h"
#include "schema/server.h"

namespace binbus::state {

// What the session must have: UTC, text in its columns' own charsets, CHAR without padding, no limit of a statement's time. One
// statement, for MySQL 5.5 and MariaDB 10.0 and all later.
std::string_view session_statement();

// Thread: one. Memory: some bytes per column, and the longest JSON document of each; nothing is allocated per row.
class RowSelect {
 public:
  // kUnsupported, naming the column, when there is one whose form in the log is not known.
  static Result<RowSelect> make(schema::TablePtr table, const schema::ServerVersion& server);
  RowSelect(RowSelect&&) = default;

  // What to select, in the columns' order, but for hidden columns, which are absent from rows.
  const std::string& list() const { return list_; }

  // kDiverged, naming the column, when a result with these columns is not of this version of the table. Of ENUM and SET, which
  // come as numbers, that they are some still is all that is seen.
  Status open(std::span<const mysql::ResultColumn> columns);

  // After open(). A row's packet: one field per column of the table, in order; good until the next call, as long as the packet
  // is. kTruncated and kCorrupt, naming the column, where it contradicts its type.
  Result<std::span<const schema::Field>> read(Bytes packet);

 private:
  struct Document {
    schema::JsonEncoder encoder;
    ByteVector bytes;
  };
  struct Step;
  using Take = Status (*)(ByteReader& in, Step& step, schema::Field& field);
  // How a column's value is taken from the packet.
  struct Step {
    Take take = nullptr;
    uint32_t column = 0;
    uint8_t packet_bytes = 0;  // of a number
    uint8_t bytes = 0;         // of it in the log
    // A value of another form, until the next row.
    std::array<uint8_t, 32> value = {};
    std::unique_ptr<Document> document = nullptr;  // of JSON
  };
  struct Takes;

  explicit RowSelect(schema::TablePtr table) : table_(std::move(table)) {}
  tl::unexpected<Error> failed(const Step& step, Error error) const;

  schema::TablePtr table_;
  std::string list_;
  std::vector<Step> steps_;
  std::vector<schema::Field> fields_;
  bool opened_ = false;
};

}  // namespace binbus::state
