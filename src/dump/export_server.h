// A server that an export's rows are inserted into. The tables are there and empty when it begins.
//
// A part is a transaction, which says itself that the part is done. What is to be written and what was is in the
// server's database `binbus_export` until all is, in InnoDB:
//
//   plan (number INT, piece LONGBLOB)   the plan's JSON
//   done (part INT, line TEXT)          a part of the plan, by its number from 0
//
// Owner:  its connections: one, which holds the lock `binbus_export`, and one for each part under way.
// Errors: kExists: a table has rows, or another export is at work there; kNotFound: a table is not there; the client's.
#pragma once

#include "dump/export_target.h"
#include "mysql/client.h"

namespace binbus::dump {

class ExportServer final : public ExportTarget {
 public:
  static Result<std::unique_ptr<ExportServer>> open(const mysql::ConnectOptions& options);

  Status begin(Plan plan) override;  // SQL, without compression
  Result<std::unique_ptr<PartSink>> open_part(const Part& part) override;
  Status finish(const std::string& manifest) override;

  // What the server made other values of: how often it said so, and what it said first; "": never.
  std::string warnings() const;

 private:
  class ServerPart;
  ExportServer(const mysql::ConnectOptions& options, std::unique_ptr<mysql::Client> client);
  Status load();
  Status check_tables(const Plan& plan);
  Status look_for_warnings(mysql::Client& client, const Part& part);

  const mysql::ConnectOptions options_;
  const std::unique_ptr<mysql::Client> client_;
  uint64_t warned_ = 0;        // guarded by mutex_
  std::string first_warning_;  // the same
};

}  // namespace binbus::dump
