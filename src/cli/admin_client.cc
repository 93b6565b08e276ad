#include "cli/admin_client.h"

#include <fmt/format.h>
#include <httplib.h>

#include <nlohmann/json.hpp>

#include "io/address.h"

namespace binbus::cli {

Result<std::string> admin_get(const std::string& address, const std::string& path,
                              const Parameters& parameters) {
  BINBUS_TRY(parts, io::HostPort::parse(address));
  const std::string host = parts.host.empty() ? "127.0.0.1" : parts.host;
  httplib::Client client(host, std::stoi(parts.port));
  client.set_connection_timeout(3);
  client.set_read_timeout(10);
  const httplib::Params params(parameters.begin(), parameters.end());
  const httplib::Result answer = client.Get(path, params, httplib::Headers{});
  if (!answer) {
    return fail(Code::kNetwork,
                fmt::format("no binbus answers at {} ({}); start one with `binbus serve -c "
                            "binbus.toml`, or name its [admin] listen address with --admin",
                            address, httplib::to_string(answer.error())));
  }
  if (answer->status == 200) return answer->body;
  const auto json = nlohmann::json::parse(answer->body, nullptr, false);
  const bool ours = json.is_object() && json.contains("message") && json["message"].is_string();
  return fail(Code::kRemote, ours ? json["message"].get<std::string>()
                                  : fmt::format("{}{} answers HTTP {}; is it binbus?", address,
                                                path, answer->status));
}

}  // namespace binbus::cli
