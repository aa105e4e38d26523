#include "llm/internal/openai_errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>

#include "llm/internal/retry_after.h"

namespace fairlead::llm {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kMessageLimit = 2048;
constexpr std::size_t kCodeLimit = 64;
constexpr std::string_view kRedacted = "[redacted]";

struct Said {
  std::string message, code, type, param;
  int status = 0;  // a code that is a number
  std::int64_t retry_after_ms = 0;
  bool refuses_key = false;  // whatever the status
};

std::string text_member(dom::object object, std::string_view name) {
  std::string_view value;
  if (object.at_key(name).get_string().get(value)) return {};
  return std::string(value);
}

void cut(std::string& text, std::size_t limit) {
  if (text.size() <= limit) return;
  std::size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not inside a UTF-8 sequence
  text.resize(end);
  text += "…";
}

// Among the details of an error of Google's: RetryInfo, {"retryDelay": "34s"}, and ErrorInfo, {"reason": …}.
void read_details(dom::object object, Said& said) {
  dom::array details;
  if (object.at_key("details").get_array().get(details)) return;
  for (const dom::element one : details) {
    std::string_view text;
    if (!one.at_key("retryDelay").get_string().get(text))
      said.retry_after_ms = std::clamp<std::int64_t>(internal::parse_delay_ms(text).value_or(0), 0, 86'400'000);
    if (!one.at_key("reason").get_string().get(text)) said.refuses_key |= text == "API_KEY_INVALID";
  }
}

Said read_object(dom::object object) {
  Said said;
  said.message = text_member(object, "message");
  said.code = text_member(object, "code");
  said.type = text_member(object, "type");
  if (said.type.empty()) said.type = text_member(object, "status");
  said.param = text_member(object, "param");
  for (const std::string_view name : {"code", "httpCode", "status"}) {
    std::int64_t number = 0;
    if (said.status == 0 && !object.at_key(name).get_int64().get(number) && number >= 400 && number < 600)
      said.status = static_cast<int>(number);
  }
  read_details(object, said);
  return said;
}

Said read_error(dom::element error) {
  if (error.is_object()) return read_object(error.get_object().value_unsafe());
  Said said;
  if (error.is_string()) said.message = std::string(error.get_string().value_unsafe());
  return said;
}

// FastAPI's {"detail": "…"} or {"detail": [{"loc": […], "msg": "…"}]}.
std::string detail_of(dom::object object) {
  std::string text = text_member(object, "detail");
  if (!text.empty()) return text;
  dom::array list;
  if (object.at_key("detail").get_array().get(list)) return {};
  for (const dom::element one : list) {
    std::string_view message;
    if (one.at_key("msg").get_string().get(message)) continue;
    if (!text.empty()) text += "; ";
    text += message;
  }
  return text;
}

Said read_body(std::string_view body) {
  dom::parser parser;
  dom::element root;
  if (!body.empty() && !parser.parse(body.data(), body.size()).get(root) && root.is_object()) {
    const dom::object object = root.get_object().value_unsafe();
    dom::element error;
    if (!object.at_key("error").get(error) && !error.is_null()) return read_error(error);
    Said said = read_object(object);
    if (said.message.empty()) said.message = detail_of(object);
    return said;
  }
  Said said;
  // A page of a proxy in between says nothing to a program's user.
  if (!body.empty() && body.find('<') == std::string_view::npos && simdjson::validate_utf8(body.data(), body.size())) {
    said.message = std::string(body.substr(0, kMessageLimit + 8));  // cut() ends it
  }
  return said;
}

bool is_code(std::string_view text) {
  return !text.empty() && text.size() <= kCodeLimit && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  });
}

// Whether another try may help.
bool may_pass(int status) {
  return status == 408 || status == 429 || status >= 500;
}

Error classify(int status, Said said, const Secrets& secrets) {
  Error error;
  error.message = without_secrets(std::move(said.message), secrets);
  cut(error.message, kMessageLimit);
  if (may_pass(status)) error.retry_after_ms = said.retry_after_ms;
  if (error.message.empty()) error.message = fmt::format("The upstream answered with status {}.", status);
  const std::string_view code = is_code(said.code) ? said.code : said.type;
  switch (status) {
    case 401:
    case 403:
    case 407:
      error.kind = ErrorKind::kUpstream;
      error.code = "upstream_auth";
      error.message =
          fmt::format("The provider did not accept Fairlead's credentials (status {}): {}", status, error.message);
      return error;
    case 402:
      error.kind = ErrorKind::kExhausted;
      error.code = "insufficient_quota";
      return error;
    case 408:
    case 504:
      error.kind = ErrorKind::kTimeout;
      error.code = "upstream_timeout";
      return error;
    case 424:  // AWS: the model behind it failed
      error.kind = ErrorKind::kUpstream;
      error.code = "upstream_error";
      return error;
    case 429:
      error.kind = ErrorKind::kExhausted;
      error.code = said.code == "insufficient_quota" || said.type == "insufficient_quota" ? "insufficient_quota"
                                                                                          : "rate_limit_exceeded";
      return error;
    case 503:
    case 529:
      error.kind = ErrorKind::kUnavailable;
      error.code = "upstream_unavailable";
      return error;
    default:
      break;
  }
  if (status >= 400 && status < 500) {
    error.kind = ErrorKind::kInvalid;
    error.code = is_code(code) ? std::string(code) : "upstream_rejected";
    error.param = without_secrets(std::move(said.param), secrets);
    cut(error.param, kCodeLimit * 4);
    return error;
  }
  error.kind = ErrorKind::kUpstream;
  error.code = status >= 500 ? "upstream_error" : "upstream_invalid";
  if (status < 400)
    error.message = fmt::format("The upstream answered with status {}, which is not an answer.", status);
  return error;
}

bool ends_word(char c) {
  return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '\'' || c == '`' || c == ',' || c == ';';
}

// A word that shows a part of a secret: its beginning, or a mask made of stars.
bool shows_part(std::string_view word, const std::vector<std::string>& secrets) {
  if (word.find("**") != std::string_view::npos) return true;
  return std::ranges::any_of(secrets, [word](const std::string& secret) {
    return secret.size() >= 12 && word.find(std::string_view(secret).substr(0, 8)) != std::string_view::npos;
  });
}

}  // namespace

std::string without_secrets(std::string text, const Secrets& secrets) {
  if (!secrets || secrets->empty()) return text;
  for (const std::string& secret : *secrets) {
    if (secret.empty()) continue;
    for (std::size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + kRedacted.size()))
      text.replace(at, secret.size(), kRedacted);
  }
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && !ends_word(text[end])) ++end;
    const std::string_view word = std::string_view(text).substr(at, end - at);
    out += shows_part(word, *secrets) ? kRedacted : word;
    if (end < text.size()) out += text[end++];
    at = end;
  }
  return out;
}

Error upstream_error(int status, std::string_view body, std::span<const http::Header> headers, const Secrets& secrets) {
  Said said = read_body(body);
  if (said.code.empty() && said.type.empty()) {
    // Where AWS says what kind of error it is: "ValidationException:http://…".
    const std::string_view type = http::find_header(headers, "x-amzn-errortype").value_or("");
    said.type = type.substr(0, type.find(':'));
  }
  if (said.refuses_key) status = 401;  // Google says 400
  Error error = classify(status, std::move(said), secrets);
  if (!may_pass(status)) return error;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t said_ms =
      internal::retry_after_ms(headers, std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  if (said_ms > 0) error.retry_after_ms = said_ms;
  return error;
}

Error upstream_error_in_answer(std::string_view error_json, const Secrets& secrets) {
  dom::parser parser;
  dom::element error;
  if (parser.parse(error_json.data(), error_json.size()).get(error)) return classify(500, {}, secrets);
  return internal::error_in_answer(error, secrets);
}

namespace internal {

Error error_in_answer(dom::element error, const Secrets& secrets) {
  Said said = read_error(error);
  int status = said.status;
  if (status == 0) {
    const auto says = [&said](std::string_view word) { return said.type == word || said.code == word; };
    if (says("rate_limit_exceeded") || says("rate_limit_error") || says("insufficient_quota")) {
      status = 429;
    } else if (says("overloaded_error") || says("service_unavailable")) {
      status = 503;
    } else if (says("authentication_error") || says("permission_error") || says("invalid_api_key")) {
      status = 401;
    } else if (says("invalid_request_error") || says("not_found_error") || says("request_too_large")) {
      status = 400;
    } else if (says("timeout_error")) {
      status = 504;
    } else {
      status = 500;
    }
  }
  if (said.message.empty()) said.message = "The upstream failed while it answered.";
  return classify(status, std::move(said), secrets);
}

}  // namespace internal
}  // namespace fairlead::llm
