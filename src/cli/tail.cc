#include "cli/tail.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/admin_client.h"

namespace binbus::cli {
namespace {

constexpr std::string_view kErrorLine = "{\"binbus_error\":";
constexpr std::string_view kPlain = "\x1b[0m";

std::string message_of(std::string_view line) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object() || !json["binbus_error"].is_object()) return std::string(line);
  return json["binbus_error"].value("message", std::string(line));
}

// The words that the formats have for operations; the first that a line has tells.
struct Word {
  std::string_view text;
  std::string_view color;
};
constexpr std::string_view kGreen = "\x1b[32m", kYellow = "\x1b[33m", kRed = "\x1b[31m",
                           kMagenta = "\x1b[35m";
constexpr Word kWords[] = {
    {R"("op":"insert")", kGreen},     {R"("op":"update")", kYellow},
    {R"("op":"delete")", kRed},       {R"("op":"ddl")", kMagenta},
    {R"("op":"truncate")", kMagenta}, {R"("type":"insert")", kGreen},
    {R"("type":"update")", kYellow},  {R"("type":"delete")", kRed},
    {R"("type":"table-)", kMagenta},  {R"("type":"database-)", kMagenta},
    {R"("type":"INSERT")", kGreen},   {R"("type":"UPDATE")", kYellow},
    {R"("type":"DELETE")", kRed},     {R"("isDdl":true)", kMagenta},
    {R"("op":"c")", kGreen},          {R"("op":"r")", kGreen},
    {R"("op":"u")", kYellow},         {R"("op":"d")", kRed},
    {R"("op":"t")", kMagenta},        {R"("ddl":")", kMagenta},
    {" */ INSERT INTO ", kGreen},     {" */ UPDATE ", kYellow},
    {" */ DELETE FROM ", kRed},       {" */ USE ", kMagenta},
    {" */ TRUNCATE ", kMagenta},
};

std::string_view color_of(std::string_view line) {
  std::string_view color;
  size_t first = std::string_view::npos;
  for (const Word& word : kWords) {
    const size_t at = line.substr(0, first).find(word.text);
    if (at == std::string_view::npos) continue;
    first = at + word.text.size() - 1;  // another must begin before
    color = word.color;
  }
  return color;
}

bool write_out(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
         std::fflush(stdout) == 0;
}

}  // namespace

bool TailPrinter::take(std::string_view piece) {
  size_t searched = rest_.size();  // a long line comes in many pieces
  rest_ += piece;
  std::string out;
  size_t begin = 0;
  for (size_t end = 0; (end = rest_.find('\n', searched)) != std::string::npos;
       searched = begin = end + 1) {
    const std::string_view line = std::string_view(rest_).substr(begin, end - begin);
    if (line.starts_with(kErrorLine)) {
      error_ = message_of(line);
      break;
    }
    print(out, line);
  }
  rest_.erase(0, begin);
  return write_(out) && error_.empty();
}

void TailPrinter::print(std::string& out, std::string_view line) const {
  const std::string_view color = color_ ? color_of(line) : "";
  out += color;
  out += line;
  if (!color.empty()) out += kPlain;
  out += '\n';
}

namespace {

// Prints what comes, line by line, until its end.
int print_lines(const std::string& address, const std::string& path, const Parameters& parameters,
                bool color) {
  TailPrinter printer(color, write_out);
  const Status followed = admin_follow(address, "GET", path, parameters,
                                       [&](std::string_view piece) { return printer.take(piece); });
  if (followed && printer.error().empty()) return kOk;
  fmt::print(stderr, "binbus: {}\n",
             printer.error().empty() ? followed.error().message : printer.error());
  return !followed && followed.error().code == Code::kNetwork ? kNotRunning : kFailed;
}

int no_stream(const Error& error) {
  fmt::print(stderr, "binbus: {}\n", error.message);
  return error.code == Code::kNetwork ? kNotRunning : kFailed;
}

}  // namespace

int tail(const Tail& command, const std::string& address) {
  const auto flag = [](bool set) { return set ? "1" : "0"; };
  const auto stream = ask_stream(address, command.stream);
  if (!stream) return no_stream(stream.error());
  Parameters parameters = {
      {"format", command.format},           {"from", command.from},
      {"ddl", flag(!command.no_ddl)},       {"transactions", flag(command.transactions)},
      {"sql_text", flag(command.sql_text)}, {"schemas", flag(command.schemas)},
      {"follow", flag(!command.to_end)}};
  for (const std::string& table : command.tables) parameters.emplace_back("table", table);
  const bool color =
      command.color == "always" || (command.color == "auto" && ::isatty(STDOUT_FILENO) == 1);
  return print_lines(address, "/streams/" + *stream + "/changes", parameters, color);
}

int get_rows(const GetRows& command, const std::string& address) {
  const auto stream = ask_stream(address, command.stream);
  if (!stream) return no_stream(stream.error());
  Parameters parameters = {{"table", command.table}, {"format", command.format}};
  if (!command.at.empty()) parameters.emplace_back("at", command.at);
  for (const std::string& value : command.key) parameters.emplace_back("key", value);
  return print_lines(address, "/streams/" + *stream + "/rows", parameters, false);
}

}  // namespace binbus::cli
