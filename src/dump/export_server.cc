#include "dump/export_server.h"

#include <fmt/format.h>

#include <set>

#include "base/name_list.h"
#include "format/json_output.h"
#include "schema/identifier.h"

namespace binbus::dump {
namespace {

constexpr size_t kPieceBytes = 256 << 10;  // of the plan: in hex it fits into what any server takes
constexpr size_t kNamedMax = 5;            // tables, in a message

// Every statement of sql_text.cc ends so, and its literals have no line ends.
constexpr std::string_view kStatementEnd = ";\n";

std::string quoted_table(const std::string& full_name) {
  const size_t dot = full_name.find('.');
  return schema::quoted_identifier(full_name.substr(0, dot)) + '.' +
         schema::quoted_identifier(full_name.substr(dot + 1));
}

std::string hex_literal(std::string_view bytes) {
  std::string out = "X'";
  format::append_hex(out, as_bytes(bytes));
  return out + "'";
}

}  // namespace

// Transaction after transaction, each of one part.
class ExportServer::ServerPart final : public PartSink {
 public:
  ServerPart(ExportServer& server, const Part& part, std::unique_ptr<mysql::Client> client)
      : server_(server), part_(part), client_(std::move(client)) {}

  Status write(std::string_view text) override {
    text_ += text;
    size_t begin = 0;
    for (size_t end = 0; (end = text_.find(kStatementEnd, begin)) != std::string::npos;
         begin = end + kStatementEnd.size()) {
      BINBUS_RETURN_IF_ERROR(client_->query(text_.substr(begin, end - begin)));
      BINBUS_RETURN_IF_ERROR(server_.look_for_warnings(*client_, part_));
      bytes_ += end + kStatementEnd.size() - begin;
    }
    text_.erase(0, begin);
    return ok();
  }

  Status done(uint64_t rows) override {
    const PartDone done{.file = part_.file, .rows = rows, .bytes = bytes_, .sha256 = ""};
    const auto number = &part_ - server_.plan_->parts.data();
    BINBUS_RETURN_IF_ERROR(
        client_->query(fmt::format("INSERT INTO binbus_export.done VALUES ({}, {})", number,
                                   hex_literal(to_line(part_.file, done)))));
    BINBUS_RETURN_IF_ERROR(client_->query("COMMIT"));
    const std::lock_guard lock(server_.mutex_);
    server_.done_[part_.file] = done;
    return ok();
  }

 private:
  ExportServer& server_;
  const Part& part_;  // of the server's plan
  const std::unique_ptr<mysql::Client> client_;
  std::string text_;  // without the end of its statement so far
  uint64_t bytes_ = 0;
};

ExportServer::ExportServer(const mysql::ConnectOptions& options,
                           std::unique_ptr<mysql::Client> client)
    : ExportTarget("mysql://" + client->address()), options_(options), client_(std::move(client)) {}

Result<std::unique_ptr<ExportServer>> ExportServer::open(const mysql::ConnectOptions& options) {
  BINBUS_TRY(client, mysql::Client::connect(options));
  std::unique_ptr<ExportServer> server(new ExportServer(options, std::move(client)));
  BINBUS_TRY(locked, server->client_->value("SELECT GET_LOCK('binbus_export', 0)"));
  if (locked != "1")
    return fail(Code::kExists, server->name() + ": another export is at work there; wait for it");
  BINBUS_RETURN_IF_ERROR(server->load());
  return server;
}

Status ExportServer::load() {
  BINBUS_TRY(there,
             client_->value("SELECT COUNT(*) FROM information_schema.tables WHERE "
                            "table_schema = 'binbus_export' AND table_name IN ('plan', 'done')"));
  if (there != "2") return ok();
  std::string text;
  BINBUS_RETURN_IF_ERROR(
      client_->for_each_row("SELECT piece FROM binbus_export.plan ORDER BY number",
                            [&](mysql::Row& row) { text += row[0].value_or(""); }));
  if (text.empty()) return ok();
  auto plan = plan_from_json(text);
  if (!plan) return fail_in(name_ + ", binbus_export.plan", plan.error());
  plan_ = std::move(*plan);
  text.clear();
  BINBUS_RETURN_IF_ERROR(
      client_->for_each_row("SELECT line FROM binbus_export.done",
                            [&](mysql::Row& row) { text += row[0].value_or(""); }));
  size_t read = 0;
  done_ = done_from_lines(text, read);
  return ok();
}

// Rows that are there already would stay, and be taken for the snapshot's.
Status ExportServer::check_tables(const Plan& plan) {
  constexpr uint32_t kNoDatabase = 1049, kNoTable = 1146;
  std::set<std::string> tables;
  for (const Part& part : plan.parts) tables.insert(part.table);
  std::vector<std::string> missing, filled;
  for (const std::string& table : tables) {
    const auto row = client_->query("SELECT 1 FROM " + quoted_table(table) + " LIMIT 1");
    if (row) {
      if (!row->rows.empty()) filled.push_back(table);
    } else if (row.error().mysql_errno == kNoTable || row.error().mysql_errno == kNoDatabase) {
      missing.push_back(table);
    } else {
      return fail_in(name_, row.error());
    }
  }
  if (!missing.empty()) {
    return fail(Code::kNotFound,
                fmt::format("{} has no table {}; make it as it is at the source (mysqldump "
                            "--no-data), and give the same command again",
                            name_, name_list(missing, kNamedMax)));
  }
  if (filled.empty()) return ok();
  return fail(Code::kExists, fmt::format("{} has rows in {}; TRUNCATE what may go, or name other "
                                         "tables",
                                         name_, name_list(filled, kNamedMax)));
}

Status ExportServer::begin(Plan plan) {
  BINBUS_RETURN_IF_ERROR(check_tables(plan));
  for (const char* statement :
       {"CREATE DATABASE IF NOT EXISTS binbus_export",
        "CREATE TABLE IF NOT EXISTS binbus_export.plan (number INT PRIMARY KEY, piece LONGBLOB) "
        "ENGINE=InnoDB",
        "CREATE TABLE IF NOT EXISTS binbus_export.done (part INT PRIMARY KEY, line BLOB) "
        "ENGINE=InnoDB",
        "START TRANSACTION"})
    BINBUS_RETURN_IF_ERROR(client_->query(statement));
  const std::string text = to_json(plan);
  for (size_t at = 0; at < text.size(); at += kPieceBytes) {
    BINBUS_RETURN_IF_ERROR(client_->query(
        fmt::format("INSERT INTO binbus_export.plan VALUES ({}, {})", at / kPieceBytes,
                    hex_literal(std::string_view(text).substr(at, kPieceBytes)))));
  }
  BINBUS_RETURN_IF_ERROR(client_->query("COMMIT"));
  plan_ = std::move(plan);
  return ok();
}

Result<std::unique_ptr<PartSink>> ExportServer::open_part(const Part& part) {
  BINBUS_TRY(client, mysql::Client::connect(options_));
  BINBUS_RETURN_IF_ERROR(client->query("START TRANSACTION"));
  return std::make_unique<ServerPart>(*this, part, std::move(client));
}

// Errors are the statement's already.
Status ExportServer::look_for_warnings(mysql::Client& client, const Part& part) {
  BINBUS_TRY(answer, client.query("SHOW WARNINGS"));
  for (const mysql::Row& row : answer.rows) {
    if (row[0] == "Note") continue;
    const std::lock_guard lock(mutex_);
    if (warned_++ == 0) first_warning_ = part.table + ": " + row[2].value_or("");
  }
  return ok();
}

std::string ExportServer::warnings() const {
  return warned_ == 0
             ? ""
             : fmt::format("{} warned {} times, first of {}", name_, warned_, first_warning_);
}

Status ExportServer::finish(const std::string& /*manifest*/) {
  BINBUS_RETURN_IF_ERROR(client_->query("DROP DATABASE binbus_export"));
  return ok();
}

}  // namespace binbus::dump
