#include "ingest/preflight.h"

#include <algorithm>
#include <charconv>

#include "ingest/dump_plan.h"
#include "ingest/source_errors.h"

namespace binbus::ingest {
namespace {

constexpr uint64_t kRetentionSecondsMin = 86'400;
constexpr uint64_t kSemiSyncTimeoutMsMin = 3'600'000;
constexpr char kGtidSteps[] =  // each can be taken while the server works
    "SET GLOBAL enforce_gtid_consistency = ON; SET GLOBAL gtid_mode = OFF_PERMISSIVE; "
    "SET GLOBAL gtid_mode = ON_PERMISSIVE; SET GLOBAL gtid_mode = ON; each on all servers before "
    "the next";
constexpr char kGtidRestart[] =  // MySQL 5.6
    "restart it with gtid_mode = ON, enforce_gtid_consistency and log_slave_updates under [mysqld] "
    "in my.cnf";

// 80026 for "8.0.26-log".
unsigned version_number(const std::string& text) {
  unsigned number = 0;
  const char* at = text.data();
  for (int part = 0; part < 3; ++part) {
    unsigned value = 0;
    at = std::from_chars(at, text.data() + text.size(), value).ptr;
    if (at < text.data() + text.size() && *at == '.') ++at;
    number = number * 100 + value;
  }
  return number;
}

// A variable that should have a certain value, on the servers that have it.
struct Wanted {
  const char* variable;
  const char* value;
  Severity severity;
  const char* why;
};
constexpr Wanted kWanted[] = {
    {"binlog_format", "ROW", Severity::kWarning,
     "statements are stored and served, but their rows cannot be decoded"},
    {"binlog_row_image", "FULL", Severity::kWarning,
     "rows come without the columns that did not change"},
    {"binlog_row_metadata", "FULL", Severity::kAdvice,
     "column names and keys are not in the binlog"},
    {"binlog_checksum", "CRC32", Severity::kAdvice,
     "damage between the source's disk and ours goes unnoticed"},
    {"sync_binlog", "1", Severity::kWarning,
     "a crash can take from the source what it has already sent"},
    {"innodb_flush_log_at_trx_commit", "1", Severity::kWarning,
     "a crash can take from the source what it has already sent"},
};

// What one connection finds out.
class Check {
 public:
  Check(const IngestOptions& options, SourceReport& report, mysql::Client& client)
      : options_(options), report_(report), client_(client) {}

  Status run() {
    BINBUS_TRY(account, client_.value("SELECT CURRENT_USER()"));
    account_ = quoted_account(account.value_or(options_.connect.user));
    mariadb_ = client_.server_version().find("MariaDB") != std::string::npos;
    new_words_ = !mariadb_ && version_number(client_.server_version()) >= 80'026;
    BINBUS_TRY(granted, check_privileges());
    if (granted) BINBUS_RETURN_IF_ERROR(check_facts());
    BINBUS_RETURN_IF_ERROR(check_variables());
    BINBUS_RETURN_IF_ERROR(check_takeover());
    BINBUS_RETURN_IF_ERROR(check_retention());
    if (granted) BINBUS_RETURN_IF_ERROR(check_identity());
    if (options_.connect.tls == mysql::TlsMode::kPreferred && report_.tls.empty()) {
      add(Severity::kAdvice, "the connection is not encrypted: the server offers no TLS",
          "configure ssl_cert and ssl_key on the source, or set tls = \"disabled\" to say that "
          "this is meant");
    }
    return ok();
  }

 private:
  void add(Severity severity, std::string what, std::string mend) {
    report_.findings.push_back({severity, std::move(what), std::move(mend)});
  }

  // 'user'@'host', of user@host as CURRENT_USER() has it.
  static std::string quoted_account(const std::string& account) {
    const size_t at = account.rfind('@');
    if (at == std::string::npos) return "'" + account + "'";
    return "'" + account.substr(0, at) + "'@'" + account.substr(at + 1) + "'";
  }

  // Whether the privileges are there that everything else rests on.
  Result<bool> check_privileges() {
    BINBUS_TRY(table, client_.query("SHOW GRANTS"));
    std::string grants;
    for (const mysql::Row& row : table.rows) {
      const std::string grant = row.empty() ? "" : row[0].value_or("");
      if (grant.find(" ON *.* ") != std::string::npos) grants += grant + "\n";
    }
    const auto has = [&](std::string_view privilege) {
      return grants.find(privilege) != std::string::npos;
    };
    const bool all = has("ALL PRIVILEGES");
    const bool follow =
        all || has("REPLICATION SLAVE,") || has("REPLICATION SLAVE ON") || may(show_replicas());
    const bool look = all || has(" SUPER") || has("REPLICATION CLIENT") || has("BINLOG MONITOR") ||
                      may("SHOW BINARY LOGS");
    if (follow && look) return true;
    const std::string missing = std::string(follow ? "" : "REPLICATION SLAVE") +
                                (follow || look ? "" : ", ") + (look ? "" : "REPLICATION CLIENT");
    add(Severity::kError, account_ + " lacks " + missing,
        "GRANT " + missing + " ON *.* TO " + account_);
    return false;
  }

  // For privileges that came by a role.
  bool may(const char* statement) { return !mariadb_ && client_.query(statement).has_value(); }

  Status check_facts() {
    BINBUS_TRY(facts, learn_source(client_, options_.flavor));
    report_.facts = facts;
    if (!facts.log_bin) {
      add(Severity::kError, "it writes no binlog",
          "restart it with log_bin = binlog under [mysqld] in my.cnf");
      return ok();
    }
    // With nothing held: what a log that goes on needs of the source is told by its own session.
    if (auto plan = plan_dump(Held{}, facts, options_.start, options_.on_source_loss,
                              {.may_fail_over = true});
        !plan) {
      add(Severity::kError, plan.error().message, "change start in the configuration");
    }
    if (facts.server_id == 0) {
      add(Severity::kError, "its server_id is 0: it refuses replicas",
          "SET GLOBAL server_id = 1; and the same in my.cnf");
    } else if (facts.server_id == options_.server_id) {
      add(Severity::kError, "its server_id is ours, " + std::to_string(facts.server_id),
          "change or leave out server_id in the configuration");
    }
    if (facts.flavor == mysql::Flavor::kMysql && facts.gtid_mode != "ON") {
      add(Severity::kAdvice,
          "gtid_mode is " + (facts.gtid_mode.empty() ? "not known to it" : facts.gtid_mode) +
              ": without GTIDs nobody can fail over to another server",
          version_number(facts.version) >= 50'700 ? kGtidSteps : kGtidRestart);
    }
    return check_semi_sync();
  }

  Status check_semi_sync() {
    const auto old_plugin = global("rpl_semi_sync_master_enabled");
    const auto new_plugin = global("rpl_semi_sync_source_enabled");
    const std::string role = new_plugin || (new_words_ && !old_plugin) ? "source" : "master";
    if (is_on(old_plugin) || is_on(new_plugin)) return check_semi_sync_timeout(role);
    const std::string install =
        "INSTALL PLUGIN rpl_semi_sync_" + role + " SONAME 'semisync_" + role + ".so'; ";
    add(Severity::kAdvice,
        "semi-sync is off: the loss of the source's machine can lose what clients were told is "
        "committed",
        (report_.facts.semi_sync ? "" : install) + "SET GLOBAL rpl_semi_sync_" + role +
            "_enabled = ON; " + wait_longer(role) +
            "; a binbus that is connected takes part from its next connection on: restart it");
    return ok();
  }

  static std::string wait_longer(const std::string& role) {
    return "SET GLOBAL rpl_semi_sync_" + role +
           "_timeout = " + std::to_string(kSemiSyncTimeoutMsMin) +
           "; or how long clients may wait for us, in ms; and the same in my.cnf";
  }

  // Then it goes on without us, and what it commits meanwhile is on its own disk alone.
  Status check_semi_sync_timeout(const std::string& role) {
    const std::string variable = "rpl_semi_sync_" + role + "_timeout";
    const std::string text = global(variable).value_or("");
    uint64_t timeout_ms = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), timeout_ms);
    if (error != std::errc() || timeout_ms >= kSemiSyncTimeoutMsMin) return ok();
    add(Severity::kAdvice,
        variable + " is " + text +
            " ms: after that it commits without waiting for binbus, and its loss can lose what "
            "clients were told is committed",
        wait_longer(role));
    return ok();
  }

  Status check_variables() {
    for (const Wanted& wanted : kWanted) {
      const auto value = global(wanted.variable);
      if (!value || *value == wanted.value) continue;
      add(wanted.severity, std::string(wanted.variable) + " is " + *value + ": " + wanted.why,
          std::string("SET GLOBAL ") + wanted.variable + " = " + wanted.value +
              "; and the same in my.cnf");
    }
    return ok();
  }

  // Whether it, once it is no longer the source, could take over again.
  Status check_takeover() {
    if (options_.sources.size() < 2) return ok();
    for (const char* variable : {"log_replica_updates", "log_slave_updates"}) {
      const auto value = global(variable);
      if (!value) continue;
      if (is_on(value)) break;
      add(Severity::kWarning,
          std::string(variable) +
              " is OFF: what it replicates is not in its binlog, so it cannot take over from "
              "another source",
          "restart it with " + std::string(variable) + " under [mysqld] in my.cnf");
      break;
    }
    return ok();
  }

  Status check_retention() {
    const auto seconds_of = [&](const char* variable, double unit_s) {
      const std::string text = global(variable).value_or("0");
      double value = 0;
      std::from_chars(text.data(), text.data() + text.size(), value);
      return static_cast<uint64_t>(value * unit_s);
    };
    const uint64_t seconds = std::max(seconds_of("binlog_expire_logs_seconds", 1),
                                      seconds_of("expire_logs_days", 86'400));
    if (seconds == 0 || seconds >= kRetentionSecondsMin) return ok();
    add(Severity::kWarning,
        "it keeps its binlog for " + std::to_string(seconds) +
            " s: a longer break of ours would leave a hole",
        "SET GLOBAL binlog_expire_logs_seconds = 604800; and the same in my.cnf");
    return ok();
  }

  // Another replica with our identity, and filters on what is logged.
  Status check_identity() {
    if (auto hosts = client_.query(show_replicas()); hosts && options_.server_id != 0) {
      for (const mysql::Row& row : hosts->rows) {
        if (row.empty() || row[0] != std::to_string(options_.server_id)) continue;
        add(Severity::kWarning,
            "a replica with our server_id " + *row[0] +
                " is connected; unless that is us, they will end "
                "each other's connections",
            "change or leave out server_id in the configuration");
      }
    }
    auto status = client_.query("SHOW BINARY LOG STATUS");
    if (!status) status = client_.query("SHOW MASTER STATUS");
    if (!status || status->rows.empty() || status->rows[0].size() < 4) return ok();
    const mysql::Row& row = status->rows[0];
    const std::string filters = row[2].value_or("") + row[3].value_or("");
    if (!filters.empty()) {
      add(Severity::kWarning,
          "its binlog leaves out databases (binlog_do_db, binlog_ignore_db: " + filters + ")",
          "remove these options from my.cnf and restart it, if all changes are wanted");
    }
    return ok();
  }

  const char* show_replicas() const { return new_words_ ? "SHOW REPLICAS" : "SHOW SLAVE HOSTS"; }

  // nullopt when it has no such variable, or does not tell.
  std::optional<std::string> global(const std::string& variable) {
    return global_variable(client_, variable).value_or(std::nullopt);
  }

  const IngestOptions& options_;
  SourceReport& report_;
  mysql::Client& client_;
  std::string account_;
  bool mariadb_ = false;
  bool new_words_ = false;  // MySQL 8.0.26 and later say source and replica
};

}  // namespace

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::kError:
      return "error";
    case Severity::kWarning:
      return "warning";
    case Severity::kAdvice:
      return "advice";
  }
  return "error";
}

bool SourceReport::usable() const {
  return std::ranges::none_of(findings,
                              [](const Finding& f) { return f.severity == Severity::kError; });
}

SourceReport check_source(const IngestOptions& options, const std::string& address) {
  SourceReport report;
  report.address = address;
  const ErrorContext context{address, options.connect.user, options.connect.ca, options.server_id};
  const auto give_up = [&](Error error) {
    report.findings.push_back({Severity::kError, explain(std::move(error), context).message, ""});
    return report;
  };
  mysql::ConnectOptions connect = options.connect;
  connect.address = address;
  auto client = mysql::Client::connect(connect);
  if (!client) return give_up(std::move(client).error());
  report.connected = true;
  report.facts.version = (*client)->server_version();
  report.tls = (*client)->tls_version();
  if (Status done = Check(options, report, **client).run(); !done)
    return give_up(std::move(done).error());
  return report;
}

}  // namespace binbus::ingest
