#include "cli/internal/context.h"

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "cli/cli.h"
#include "platform/async/runtime.h"
#include "platform/http/client.h"
#include "platform/json/text.h"

namespace fairlead::cli {
namespace {

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

std::string server_url() {
  const std::string url = environment("FAIRLEAD_URL");
  return url.empty() ? "http://127.0.0.1:8484" : url;
}

bool terminal(int descriptor) {
  return isatty(descriptor) && environment("NO_COLOR").empty();
}

struct Exchanged {
  Result<Reply> reply;
};

async::Task<void> talk(http::Client& client, const http::Origin& origin, const http::ClientRequest request,
                       const std::function<void(std::string_view)>& on_bytes, Exchanged& out) {
  async::Cancellation cancellation;
  auto response = co_await client.send(origin, request, cancellation);
  if (!response) {
    out.reply = fail(std::move(response).error());
    co_return;
  }
  Reply reply;
  reply.status = (*response)->status();
  for (const http::Header& one : (*response)->headers()) reply.headers.emplace_back(one.name, one.value);
  for (;;) {
    auto bytes = co_await (*response)->read();
    if (!bytes) {
      out.reply = fail(std::move(bytes).error());
      co_return;
    }
    if (bytes->empty()) break;
    if (on_bytes && reply.status < 400)
      on_bytes(*bytes);
    else
      reply.text += *bytes;
  }
  out.reply = std::move(reply);
}

Result<Reply> exchange(http::Method method, std::string_view target, std::string_view body,
                       std::string_view header_lines, const std::function<void(std::string_view)>& on_bytes) {
  const std::string url = server_url();
  FAIRLEAD_TRY(const http::Origin origin, http::Origin::parse(url));
  async::Loop loop(0);
  async::BlockingPool resolver(1);
  FAIRLEAD_TRY(const std::unique_ptr<http::Client> client, http::Client::create(loop, resolver, {}));
  http::ClientRequest request;
  request.method = method;
  request.target = target;
  request.header_lines = header_lines;
  request.body = body;
  if (!body.empty()) request.content_type = "application/json";
  Exchanged out{Reply{}};
  boost::asio::co_spawn(loop.context(), talk(*client, origin, request, on_bytes, out),
                        [&loop](const std::exception_ptr&) { loop.context().stop(); });
  loop.context().run();
  if (!out.reply && out.reply.error().code == "upstream_unreachable")
    return fail(
        ErrorKind::kUnavailable, "unreachable",
        "No server answers at " + url + ". Start one with `fairlead serve`, or set FAIRLEAD_URL to where it is.");
  return std::move(out.reply);
}

void print_faults(const boost::json::value& answer) {
  const boost::json::object* const error =
      answer.is_object()
          ? answer.get_object().if_contains("error") != nullptr ? answer.get_object().at("error").if_object() : nullptr
          : nullptr;
  if (!error || !error->contains("faults") || !error->at("faults").is_array()) return;
  for (const boost::json::value& fault : error->at("faults").get_array()) {
    std::string line = text_of(fault, "file");
    if (const std::int64_t number = integer_of(fault, "line")) {
      line += ":" + std::to_string(number);
      if (const std::int64_t column = integer_of(fault, "column")) line += ":" + std::to_string(column);
    }
    std::fprintf(stderr, "%s: %s\n", line.c_str(), text_of(fault, "message").c_str());
    if (const std::string hint = text_of(fault, "hint"); !hint.empty()) std::fprintf(stderr, "  %s\n", hint.c_str());
  }
}

ErrorKind kind_of_status(int status) {
  if (status == 401) return ErrorKind::kUnauthenticated;
  if (status == 403) return ErrorKind::kPermissionDenied;
  if (status == 404) return ErrorKind::kNotFound;
  if (status == 409) return ErrorKind::kConflict;
  if (status < 500) return ErrorKind::kInvalid;
  return ErrorKind::kUpstream;
}

}  // namespace

std::string Reply::header(std::string_view name) const {
  for (const auto& [own, value] : headers)
    if (http::equal_ignoring_case(own, name)) return value;
  return "";
}

bool Context::colours() const {
  return terminal(STDOUT_FILENO);
}
bool Context::error_colours() const {
  return terminal(STDERR_FILENO);
}

bool Context::goes_on(const std::string& question) {
  if (yes || ::isatty(STDIN_FILENO) == 0) return true;
  std::fprintf(stderr, "%s [y/N] ", question.c_str());
  std::string line;
  std::getline(std::cin, line);
  if (line == "y" || line == "Y" || line == "yes") return true;
  std::fputs("Nothing has changed.\n", stderr);
  exit_status = 1;
  return false;
}

Result<std::string> Context::key() const {
  const std::string path = key_file.empty() ? environment("FAIRLEAD_KEY_FILE") : key_file;
  if (key_file.empty()) {
    if (std::string key = environment("FAIRLEAD_KEY"); !key.empty()) return key;
  }
  if (path.empty())
    return fail(ErrorKind::kInvalid, "no_key",
                "No key: set FAIRLEAD_KEY, or pass --key-file PATH. The first start of a server wrote an admin key to "
                "admin.key in its data folder.");
  std::ifstream file(path);
  std::string key;
  if (!std::getline(file, key) || key.empty())
    return fail(ErrorKind::kInvalid, "no_key", "There is no key in " + path + ", or it cannot be read.");
  return key;
}

Result<Reply> Context::fetch(http::Method method, std::string_view target, std::string_view body, bool with_key) {
  std::string lines;
  if (with_key) {
    FAIRLEAD_TRY(const std::string secret, key());
    lines = "authorization: Bearer " + secret + "\r\n";
  }
  FAIRLEAD_TRY(Reply reply, exchange(method, target, body, lines, nullptr));
  if (auto parsed = json::parse(reply.text)) reply.json = std::move(*parsed);
  return reply;
}

Result<Reply> Context::stream(http::Method method, std::string_view target, std::string_view body,
                              const std::function<void(std::string_view)>& on_bytes) {
  FAIRLEAD_TRY(const std::string secret, key());
  const std::string lines = "authorization: Bearer " + secret + "\r\naccept: text/event-stream\r\n";
  FAIRLEAD_TRY(Reply reply, exchange(method, target, body, lines, on_bytes));
  if (auto parsed = json::parse(reply.text)) reply.json = std::move(*parsed);
  return reply;
}

Result<boost::json::value> Context::call(http::Method method, std::string_view target, const boost::json::value* body) {
  const std::string text = body ? json::to_text(*body) : "";
  FAIRLEAD_TRY(Reply reply, fetch(method, target, text));
  if (reply.status < 400) return std::move(reply.json);
  print_faults(reply.json);
  Error error{kind_of_status(reply.status), "server_error",
              "The server answered " + std::to_string(reply.status) + "."};
  if (const boost::json::object* object = reply.json.if_object(); object && object->contains("error")) {
    const boost::json::value& told = object->at("error");
    if (std::string message = text_of(told, "message"); !message.empty()) error.message = std::move(message);
    if (std::string code = text_of(told, "code"); !code.empty()) error.code = std::move(code);
  }
  return fail(std::move(error));
}

void Context::fail_with(const Error& error) {
  const bool red = error_colours();
  std::fprintf(stderr, "%s%s%s\n", red ? "\x1b[31m" : "", error.message.c_str(), red ? "\x1b[0m" : "");
  exit_status = error.code == "checks_not_passed" ? kGateNotMet : error.kind == ErrorKind::kInvalid ? kUsage : kFailed;
}

std::string query_string(const std::map<std::string, std::string>& parameters) {
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (value.empty()) continue;
    out += out.empty() ? "?" : "&";
    out += name + "=" + http::percent_encode(value);
  }
  return out;
}

std::string text_of(const boost::json::value& object, std::string_view member) {
  const boost::json::object* const members = object.if_object();
  const boost::json::value* const value = members ? members->if_contains(member) : nullptr;
  if (!value || value->is_null()) return "";
  if (value->is_string()) return std::string(value->get_string());
  return json::to_text(*value);
}

std::int64_t integer_of(const boost::json::value& object, std::string_view member, std::int64_t otherwise) {
  const boost::json::object* const members = object.if_object();
  const boost::json::value* const value = members ? members->if_contains(member) : nullptr;
  if (!value) return otherwise;
  if (value->is_int64()) return value->get_int64();
  if (value->is_uint64()) return static_cast<std::int64_t>(value->get_uint64());
  if (value->is_double()) return static_cast<std::int64_t>(value->get_double());
  return otherwise;
}

double number_of(const boost::json::value& object, std::string_view member) {
  const boost::json::object* const members = object.if_object();
  const boost::json::value* const value = members ? members->if_contains(member) : nullptr;
  return value && value->is_number() ? value->to_number<double>() : 0;
}

}  // namespace fairlead::cli
