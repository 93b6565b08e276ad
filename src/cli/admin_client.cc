#include "cli/admin_client.h"

#include <fmt/format.h>
#include <httplib.h>

#include <nlohmann/json.hpp>

#include "cli/status_view.h"
#include "io/address.h"

namespace binbus::cli {

namespace {

Result<httplib::Client> client_of(const std::string& address) {
  BINBUS_TRY(parts, io::HostPort::parse(address));
  const std::string host = parts.host.empty() ? "127.0.0.1" : parts.host;
  httplib::Client client(host, std::stoi(parts.port));
  client.set_connection_timeout(3);
  return client;
}

Error not_running(const std::string& address, httplib::Error error) {
  return {Code::kNetwork,
          fmt::format("no binbus answers at {} ({}); start one with `binbus serve -c binbus.toml`, "
                      "or name its [admin] listen address with --admin",
                      address, httplib::to_string(error))};
}

Error refused(const std::string& address, const std::string& path, int status,
              const std::string& body) {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  const bool ours = json.is_object() && json.contains("message") && json["message"].is_string();
  return {Code::kRemote,
          ours ? json["message"].get<std::string>()
               : fmt::format("{}{} answers HTTP {}; is it binbus?", address, path, status)};
}

}  // namespace

Result<std::string> admin_change(const std::string& address, const std::string& method,
                                 const std::string& path, const Parameters& parameters,
                                 const std::string& body, const std::string& content_type,
                                 int wait_s) {
  BINBUS_TRY(client, client_of(address));
  client.set_read_timeout(wait_s);
  httplib::Request request;
  request.method = method;
  request.path =
      httplib::append_query_params(path, httplib::Params(parameters.begin(), parameters.end()));
  request.body = body;
  if (!content_type.empty()) request.set_header("Content-Type", content_type);
  const httplib::Result answer = client.send(request);
  if (!answer) return fail(not_running(address, answer.error()));
  if (answer->status == 200) return answer->body;
  return fail(refused(address, path, answer->status, answer->body));
}

Result<std::string> admin_get(const std::string& address, const std::string& path,
                              const Parameters& parameters) {
  return admin_change(address, "GET", path, parameters, "", "");
}

Result<std::string> admin_post(const std::string& address, const std::string& path,
                               const Parameters& parameters, int wait_s) {
  return admin_change(address, "POST", path, parameters, "", "", wait_s);
}

Result<std::string> ask_stream(const std::string& address, const std::string& given) {
  if (!given.empty()) return given;
  BINBUS_TRY(status, admin_get(address, "/status"));
  return the_stream(status, given);
}

Status admin_follow(const std::string& address, const std::string& method, const std::string& path,
                    const Parameters& parameters,
                    const std::function<bool(std::string_view)>& take) {
  BINBUS_TRY(client, client_of(address));
  client.set_read_timeout(std::numeric_limits<time_t>::max() / 2'000'000);
  const httplib::Params params(parameters.begin(), parameters.end());
  int status = 0;
  bool enough = false;
  std::string refusal;
  httplib::Request request;
  request.method = method;
  request.path = httplib::append_query_params(path, params);
  request.response_handler = [&](const httplib::Response& response) {
    status = response.status;
    return true;
  };
  request.content_receiver = [&](const char* data, size_t size, uint64_t, uint64_t) {
    if (status != 200) {
      refusal.append(data, size);
      return true;
    }
    enough = !take({data, size});
    return !enough;
  };
  const httplib::Result answer = client.send(request);
  if (enough) return ok();
  if (!answer && status == 0) return fail(not_running(address, answer.error()));
  if (!answer) return fail(Code::kNetwork, address + ": binbus has ended the connection");
  if (status != 200) return fail(refused(address, path, status, refusal));
  return ok();
}

}  // namespace binbus::cli
