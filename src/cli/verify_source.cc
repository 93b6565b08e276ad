#include "cli/verify_source.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/admin_client.h"
#include "cli/json_text.h"
#include "cli/tail.h"
#include "cli/units.h"

namespace binbus::cli {
namespace {

std::string progress_text(const Json& at) {
  std::string out;
  if (at.at("table").is_string()) {
    const uint64_t rows = number(at, "rows"), expected = number(at, "rows_expected");
    const bool extras = at.at("stage").is_string() && text(at, "stage") == "extras";
    out = fmt::format("{}  {} rows", text(at, "table"), count_text(rows));
    if (extras) {
      out += ", looking for those that the source has not";
    } else if (expected > 0) {
      out += fmt::format(", {}%", std::min<uint64_t>(99, rows * 100 / expected));
    }
    out += "  ";
  }
  out += fmt::format("{} of {} tables", number(at, "tables_done"), number(at, "tables"));
  if (const uint64_t differences = number(at, "differences"); differences > 0)
    out += fmt::format(", {} rows differ", count_text(differences));
  if (const std::string waits = text(at, "waits"); !waits.empty())
    out += fmt::format(", waits: {}", waits);
  return out;
}

uint64_t differences_of(const Json& table) {
  return number(table, "differ") + number(table, "missing") + number(table, "extra");
}

std::string difference_text(const Json& table, const Json& difference) {
  std::string key, columns;
  for (const auto& [column, value] : difference.at("key").items())
    key += fmt::format("{}{}={}", key.empty() ? "" : ", ", column, value.get<std::string>());
  const std::string kind = text(difference, "kind");
  if (kind == "differs") {
    columns = ": ";
    for (const Json& column : difference.at("columns"))
      columns += (columns.size() > 2 ? ", " : "") + column.get<std::string>();
  }
  return fmt::format("{} {}  {}{}\n", kind, text(table, "table"), key, columns);
}

std::string summary(uint64_t rows, uint64_t differences, uint64_t repaired, size_t left_out) {
  std::string out = differences == 0 ? fmt::format("{} rows compared, all equal", count_text(rows))
                                     : fmt::format("{} rows compared, {} differ", count_text(rows),
                                                   count_text(differences));
  if (repaired > 0) out += fmt::format(", {} repaired", count_text(repaired));
  if (left_out > 0)
    out += fmt::format("; {} {} not compared", left_out, left_out == 1 ? "table" : "tables");
  return out + "\n";
}

std::string result_text(const Json& result) {
  std::vector<std::vector<std::string>> rows = {
      {"TABLE", "ROWS", "DIFFER", "MISSING", "EXTRA", "REPAIRED", "NOT COMPARABLE"}};
  std::string differences;
  uint64_t compared = 0, differ = 0, repaired = 0;
  size_t left_out = 0;
  for (const Json& table : result.at("tables")) {
    const bool comparable = table.at("not_comparable").is_null();
    rows.push_back({text(table, "table"), count_text(number(table, "rows")),
                    count_text(number(table, "differ")), count_text(number(table, "missing")),
                    count_text(number(table, "extra")), count_text(number(table, "repaired")),
                    comparable ? "" : text(table, "not_comparable")});
    compared += number(table, "rows");
    differ += differences_of(table);
    repaired += number(table, "repaired");
    left_out += comparable ? 0 : 1;
    for (const Json& difference : table.at("first"))
      differences += difference_text(table, difference);
    if (const uint64_t more = differences_of(table), told = table.at("first").size(); more > told)
      differences +=
          fmt::format("and {} rows more of {}\n", count_text(more - told), text(table, "table"));
  }
  if (!differences.empty()) differences += "\n";
  return cli::table(rows, "") + "\n" + differences + summary(compared, differ, repaired, left_out);
}

bool all_equal(const Json& result) {
  return result.at("error").is_null() &&
         std::ranges::all_of(result.at("tables"), [](const Json& table) {
           return table.at("not_comparable").is_null() && differences_of(table) == 0;
         });
}

// Draws over the progress that was drawn before.
void show(const std::string& progress) {
  if (::isatty(STDERR_FILENO) == 1) fmt::print(stderr, "\r{}\x1b[K", progress.substr(0, 160));
}

int failed(const Error& error) {
  fmt::print(stderr, "binbus: {}\n", error.message);
  return error.code == Code::kNetwork ? kNotRunning : kFailed;
}

}  // namespace

Result<VerifyLine> read_verify_line(std::string_view line, bool json) {
  return reading<VerifyLine>(line, [&](const Json& document) {
    VerifyLine out;
    if (document.contains("progress")) {
      out.progress = progress_text(document.at("progress"));
      return out;
    }
    const Json& result = document.at("result");
    out.result = json ? result.dump(1) + "\n" : result_text(result);
    if (!result.at("error").is_null()) out.error = text(result, "error");
    out.all_equal = all_equal(result);
    return out;
  });
}

int verify_source(const VerifySource& command, const std::string& address) {
  const auto stream = ask_stream(address, command.stream);
  if (!stream) return failed(stream.error());
  Parameters parameters = {{"repair", command.repair ? "1" : "0"}};
  for (const std::string& pattern : command.tables) parameters.emplace_back("table", pattern);
  std::optional<VerifyLine> last;
  Status understood = ok();
  const auto take_lines = [&](std::string_view lines) {
    for (size_t end = 0; (end = lines.find('\n')) != std::string_view::npos;
         lines.remove_prefix(end + 1)) {
      auto read = read_verify_line(lines.substr(0, end), command.json);
      if (!read) {
        understood = fail(read.error());
        return false;
      }
      last = std::move(*read);
      show(last->progress);
    }
    return true;
  };
  TailPrinter lines(false, take_lines);
  const Status followed =
      admin_follow(address, "POST", "/streams/" + *stream + "/verify", parameters,
                   [&](std::string_view piece) { return lines.take(piece); });
  show("");
  if (!followed) return failed(followed.error());
  if (!understood) return failed(understood.error());
  if (!lines.error().empty()) return failed(Error{Code::kRemote, lines.error()});
  if (!last || !last->progress.empty())
    return failed(Error{Code::kNetwork, address + ": binbus has ended the connection"});
  fmt::print("{}", last->result);
  if (!last->error.empty()) return failed(Error{Code::kRemote, last->error});
  return last->all_equal ? kOk : kFound;
}

}  // namespace binbus::cli
