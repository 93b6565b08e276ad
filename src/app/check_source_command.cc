#include "app/check_source_command.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/account.h"
#include "app/config.h"
#include "app/ingest_options.h"
#include "ingest/preflight.h"

namespace binbus::app {
namespace {

struct Target {
  std::string stream;  // "": given on the command line
  ingest::IngestOptions options;
};

Result<std::vector<Target>> named_target(const cli::CheckSource& command) {
  if (command.account.user.empty()) return fail(Code::kInvalid, "--source needs --user");
  ingest::IngestOptions options;
  BINBUS_TRY(connect, connect_options(command.source, command.account));
  options.sources = {command.source};
  options.connect = connect;
  return std::vector<Target>{{"", std::move(options)}};
}

Result<std::vector<Target>> targets(const cli::CheckSource& command) {
  if (!command.source.empty()) return named_target(command);
  BINBUS_TRY(config, load_config(command.config, Secrets::kRead));
  std::vector<Target> found;
  for (const StreamConfig& stream : config.streams) {
    if (!command.stream.empty() && stream.name != command.stream) continue;
    found.push_back({stream.name, ingest_options(stream, stream.server_uuid)});
  }
  if (!found.empty()) return found;
  return fail(Code::kInvalid,
              fmt::format("{} has no stream \"{}\"", command.config, command.stream));
}

std::string indented(std::string text) {
  for (size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1))
    text.insert(at + 1, 10, ' ');
  return text;
}

void print(const Target& target, const ingest::SourceReport& report) {
  fmt::print("{}{}{}", target.stream, target.stream.empty() ? "" : ": ", report.address);
  if (report.connected) {
    fmt::print(": {} {}, server_id {}{}{}, {}", mysql::flavor_name(report.facts.flavor),
               report.facts.version, report.facts.server_id,
               report.facts.server_uuid.empty() ? "" : ", ", report.facts.server_uuid,
               report.tls.empty() ? "without TLS" : report.tls);
  }
  fmt::print("\n");
  for (const ingest::Finding& finding : report.findings) {
    fmt::print("  {:<7} {}\n", ingest::severity_name(finding.severity), indented(finding.what));
    if (!finding.mend.empty()) fmt::print("          {}\n", indented(finding.mend));
  }
  if (report.usable()) fmt::print("  fits\n");
}

}  // namespace

int check_source(const cli::CheckSource& command) {
  const auto checked = targets(command);
  if (!checked) {
    fmt::print(stderr, "binbus: {}\n", checked.error().message);
    return cli::ExitCode::kUsage;
  }
  bool all_usable = true;
  for (const Target& target : *checked) {
    for (const std::string& address : target.options.sources) {
      const ingest::SourceReport report = ingest::check_source(target.options, address);
      print(target, report);
      all_usable = all_usable && report.usable();
    }
  }
  return all_usable ? cli::ExitCode::kOk : cli::ExitCode::kFound;
}

}  // namespace binbus::app
