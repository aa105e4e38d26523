#include "platform/http/internal/head_parser.h"

#include <array>
#include <cstring>
#include <limits>

namespace fairlead::http {
namespace {

enum : std::uint8_t { kToken = 1, kValue = 2, kTarget = 4, kHost = 8 };

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  const auto mark = [&](std::string_view bytes, std::uint8_t bit) {
    for (const char c : bytes) classes[static_cast<unsigned char>(c)] |= bit;
  };
  constexpr std::string_view kAlphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  mark(kAlphanumeric, kToken | kHost);
  mark("!#$%&'*+-.^_`|~", kToken);
  // RFC 3986 reg-name without the comma, which would make a list of hosts look like one, and IP literals.
  mark("-._~%!$&'()*+;=:[]", kHost);
  for (int c = 0x21; c < 0x7f; ++c) classes[static_cast<std::size_t>(c)] |= kValue | kTarget;
  for (int c = 0x80; c < 0x100; ++c) classes[static_cast<std::size_t>(c)] |= kValue;
  classes[' '] |= kValue;
  classes['\t'] |= kValue;
  classes['#'] &= static_cast<std::uint8_t>(~kTarget);  // a fragment is never sent
  return classes;
}
constexpr auto kClasses = make_classes();

bool all(std::string_view text, std::uint8_t bit) {
  std::uint8_t common = bit;
  for (const char c : text) common &= kClasses[static_cast<unsigned char>(c)];
  return common != 0;
}

// all(text, kValue), eight bytes at a time where none is a control character. Bytes below n, and bytes that are zero:
// https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord
bool all_of_value(std::string_view text) {
  constexpr std::uint64_t kEach = 0x0101010101010101, kHigh = 0x80 * kEach;
  for (std::uint64_t word = 0; text.size() >= sizeof word; text.remove_prefix(sizeof word)) {
    std::memcpy(&word, text.data(), sizeof word);
    const std::uint64_t deleted = word ^ (0x7f * kEach);
    const std::uint64_t odd = ((word - 0x20 * kEach) & ~word) | ((deleted - kEach) & ~deleted);
    if ((odd & kHigh) != 0 && !all(text.substr(0, sizeof word), kValue)) return false;
  }
  return all(text, kValue);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_space(char c) {
  return c == ' ' || c == '\t';
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// host [ ":" port ], RFC 9110 section 7.2; an empty host is no host of an http URI (section 4.2.1).
bool valid_host(std::string_view text) {
  if (text.empty() || !all(text, kHost)) return false;
  std::string_view port;
  if (text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    for (const char c : text.substr(1, close - 1))
      if (!(is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.')) return false;
    port = text.substr(close + 1);
    if (!port.empty() && port.front() != ':') return false;
  } else {
    if (text.find('[') != std::string_view::npos || text.find(']') != std::string_view::npos) return false;
    const std::size_t colon = text.find(':');
    if (colon == 0) return false;
    if (colon != std::string_view::npos) port = text.substr(colon);
  }
  if (port.empty()) return true;
  port.remove_prefix(1);
  unsigned number = 0;
  for (const char c : port) {
    if (!is_digit(c)) return false;
    number = number * 10 + static_cast<unsigned>(c - '0');
    if (number > 65535) return false;
  }
  return true;
}

Method method_of(std::string_view text) {
  switch (text.size()) {
    case 3:
      if (text == "GET") return Method::kGet;
      if (text == "PUT") return Method::kPut;
      break;
    case 4:
      if (text == "POST") return Method::kPost;
      if (text == "HEAD") return Method::kHead;
      break;
    case 5:
      if (text == "PATCH") return Method::kPatch;
      break;
    case 6:
      if (text == "DELETE") return Method::kDelete;
      break;
    case 7:
      if (text == "OPTIONS") return Method::kOptions;
      break;
    default:
      break;
  }
  return Method::kOther;
}

// Calls `each` with the elements of a comma-separated list that are not empty.
template <class Each>
void for_each_element(std::string_view list, Each each) {
  while (true) {
    const std::size_t comma = list.find(',');
    if (const std::string_view element = trim(list.substr(0, comma)); !element.empty()) each(element);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace

// What the header lines say about where the body ends and the connection goes on.
struct HeadParser::Framing {
  std::optional<std::uint64_t> content_length;
  std::size_t hosts = 0;
  std::string_view host;
  std::size_t codings = 0;
  std::size_t chunked = 0;
  bool transfer_encoding = false;
  bool last_is_chunked = false;
  bool close = false;
  bool keep_alive = false;
  bool odd_options = false;  // an element of Connection is no token
  bool encoded = false;      // Content-Encoding names a coding
  std::string_view expect;
};

void HeadParser::reset() {
  next_ = scanned_ = lines_ = 0;
  minor_version_ = 1;
  absolute_host_ = {};
  headers_.clear();
  request_ = {};
  response_ = {};
  fault_ = {};
}

bool HeadParser::refuse(int status, std::string_view code, std::string_view message) {
  fault_ = {status, code, message};
  return false;
}

HeadParser::Status HeadParser::parse_request(std::string_view text) {
  return parse(text, &HeadParser::request_line, true);
}
HeadParser::Status HeadParser::parse_response(std::string_view text) {
  return parse(text, &HeadParser::status_line, false);
}

HeadParser::Status HeadParser::parse(std::string_view text, FirstLine first_line, bool request) {
  while (true) {
    const void* found =
        scanned_ < text.size() ? std::memchr(text.data() + scanned_, '\n', text.size() - scanned_) : nullptr;
    const std::size_t end =
        found ? static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) : text.size();
    if (end >= limits_.head_bytes ||
        (!found && end > next_ && lines_ == 0 && end - next_ > limits_.target_bytes + 64)) {
      const bool in_target = request && lines_ == 0;
      in_target ? refuse(414, "target_too_long", "The request's target is too long.")
                : refuse(431, "head_too_large", "The head of the request is too large.");
      return Status::kFault;
    }
    if (!found) {
      scanned_ = text.size();
      // TLS or other noise is refused at once: it may hold no line end, or a late one.
      if (request && lines_ == 0 && end > next_ && text[next_] != '\r' && !all(text.substr(next_, 1), kToken)) {
        refuse(400, "invalid_request", "The method is not a token.");
        return Status::kFault;
      }
      return Status::kNeedMore;
    }
    if (end == next_ || text[end - 1] != '\r') {
      refuse(400, "invalid_request", "A line of the head does not end with CR LF.");
      return Status::kFault;
    }
    const std::string_view line = text.substr(next_, end - 1 - next_);
    next_ = scanned_ = end + 1;
    bool good = true;
    if (lines_ == 0) {
      // One empty line before a request is forgiven (RFC 9112 section 2.2).
      if (line.empty() && request && end == 1) continue;
      good = (this->*first_line)(line);
    } else if (line.empty()) {
      good = request ? finish_request() : finish_response();
      return good ? Status::kDone : Status::kFault;
    } else {
      good = field_line(line);
    }
    if (!good) return Status::kFault;
    ++lines_;
  }
}

bool HeadParser::version(std::string_view text) {
  if (text.size() != 8 || !text.starts_with("HTTP/") || !is_digit(text[5]) || text[6] != '.' || !is_digit(text[7]))
    return refuse(400, "invalid_request", "The first line has no HTTP version.");
  if (text[5] != '1') return refuse(505, "unsupported_version", "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
  // A higher minor version is read as the highest known (RFC 9110 section 6.2).
  minor_version_ = text[7] == '0' ? 0 : 1;
  return true;
}

bool HeadParser::request_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last)
    return refuse(400, "invalid_request", "The first line is not `METHOD target HTTP/1.1`.");
  request_.method_text = line.substr(0, first);
  if (request_.method_text.empty() || !all(request_.method_text, kToken))
    return refuse(400, "invalid_request", "The method is not a token.");
  if (!version(line.substr(last + 1))) return false;
  request_.method = method_of(request_.method_text);
  return target(line.substr(first + 1, last - first - 1));
}

bool HeadParser::target(std::string_view text) {
  if (text.size() > limits_.target_bytes) return refuse(414, "target_too_long", "The request's target is too long.");
  if (text.empty() || !all(text, kTarget))
    return refuse(400, "invalid_request", "The request's target holds a character that it may not.");
  if (request_.method_text == "CONNECT") return refuse(501, "unsupported_method", "This server is no proxy.");
  if (text.front() != '/') {
    if (text != "*") return absolute_target(text);
    if (request_.method != Method::kOptions) return refuse(400, "invalid_request", "Only OPTIONS may ask for `*`.");
  }
  request_.target = text;
  const std::size_t question = text.find('?');
  request_.path = text.substr(0, question);
  if (question != std::string_view::npos) request_.query = text.substr(question + 1);
  return true;
}

// RFC 9112 section 3.2.2: its host takes the place of the Host header's.
bool HeadParser::absolute_target(std::string_view text) {
  std::string_view rest = text;
  const auto skip = [&](std::string_view scheme) {
    if (!equal_ignoring_case(rest.substr(0, scheme.size()), scheme)) return false;
    rest.remove_prefix(scheme.size());
    return true;
  };
  if (!skip("http://") && !skip("https://"))
    return refuse(400, "invalid_request", "The request's target is neither a path nor an http URL.");
  const std::size_t end = rest.find_first_of("/?");
  absolute_host_ = rest.substr(0, end);
  if (!valid_host(absolute_host_)) return refuse(400, "invalid_host", "The request's target has no valid host.");
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  const std::size_t question = rest.find('?');
  request_.path = rest.substr(0, question);
  if (question != std::string_view::npos) request_.query = rest.substr(question + 1);
  request_.target = rest;
  if (request_.path.empty()) request_.path = "/";
  if (request_.target.empty()) request_.target = "/";
  return true;
}

bool HeadParser::status_line(std::string_view line) {
  if (!version(line.substr(0, line.find(' ')))) return false;
  if (line.size() < 12 || line[8] != ' ' || !is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11]) ||
      (line.size() > 12 && line[12] != ' '))
    return refuse(400, "invalid_response", "The first line is not `HTTP/1.1 200 …`.");
  response_.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  if (response_.status < 100 || response_.status > 599 || !all_of_value(line.substr(12)))
    return refuse(400, "invalid_response", "The status line is not valid.");
  return true;
}

bool parse_field_line(std::string_view line, Header& out) {
  const std::size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos) return false;
  out.name = line.substr(0, colon);
  out.value = trim(line.substr(colon + 1));
  return all(out.name, kToken) && all_of_value(out.value);
}

bool HeadParser::field_line(std::string_view line) {
  if (is_space(line.front())) return refuse(400, "invalid_header", "A header line is folded over two lines.");
  if (headers_.size() >= limits_.header_lines)
    return refuse(431, "too_many_headers", "There are too many header lines.");
  Header header;
  if (!parse_field_line(line, header))
    return refuse(400, "invalid_header", "A header line is not `name: value`, or holds a control character.");
  headers_.push_back(header);
  return true;
}

bool HeadParser::read_framing(Framing& framing) {
  bool authorization = false, api_key = false, content_type = false;
  const auto once = [this](bool& seen) {
    if (seen) return refuse(400, "duplicate_header", "A header that may stand once stands twice.");
    return seen = true;
  };
  for (const Header& header : headers_) {
    const std::string_view name = header.name;
    switch (name.size()) {
      case 4:
        if (equal_ignoring_case(name, "host")) {
          ++framing.hosts;
          framing.host = header.value;
        }
        break;
      case 6:
        if (equal_ignoring_case(name, "expect")) framing.expect = header.value;
        break;
      case 9:
        if (equal_ignoring_case(name, "x-api-key") && !once(api_key)) return false;
        break;
      case 10:
        if (equal_ignoring_case(name, "connection"))
          for_each_element(header.value, [&](std::string_view option) {
            framing.close |= equal_ignoring_case(option, "close");
            framing.keep_alive |= equal_ignoring_case(option, "keep-alive");
            framing.odd_options |= !all(option, kToken);
          });
        break;
      case 12:
        if (equal_ignoring_case(name, "content-type") && !once(content_type)) return false;
        break;
      case 13:
        if (equal_ignoring_case(name, "authorization") && !once(authorization)) return false;
        break;
      case 14:
        if (equal_ignoring_case(name, "content-length")) {
          if (framing.content_length) return refuse(400, "duplicate_header", "There are two Content-Length headers.");
          if (header.value.empty()) return refuse(400, "invalid_header", "Content-Length is not a number.");
          std::uint64_t length = 0;
          constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
          for (const char c : header.value) {
            if (!is_digit(c)) return refuse(400, "invalid_header", "Content-Length is not a number.");
            const auto digit = static_cast<std::uint64_t>(c - '0');
            // What does not fit is over every limit all the same.
            length = length > (kMost - digit) / 10 ? kMost : length * 10 + digit;
          }
          framing.content_length = length;
        }
        break;
      case 16:
        if (equal_ignoring_case(name, "content-encoding"))
          for_each_element(header.value, [&](std::string_view coding) {
            framing.encoded |= !equal_ignoring_case(coding, "identity");
          });
        break;
      case 17:
        if (equal_ignoring_case(name, "transfer-encoding")) {
          framing.transfer_encoding = true;
          if (header.value.empty()) return refuse(400, "invalid_framing", "Transfer-Encoding is empty.");
          for_each_element(header.value, [&](std::string_view coding) {
            ++framing.codings;
            framing.last_is_chunked = equal_ignoring_case(coding, "chunked");
            framing.chunked += framing.last_is_chunked;
          });
        }
        break;
      default:
        break;
    }
  }
  if (!framing.transfer_encoding) return true;
  if (framing.content_length)
    return refuse(400, "invalid_framing", "Content-Length and Transfer-Encoding must not stand together.");
  if (minor_version_ == 0) return refuse(400, "invalid_framing", "HTTP/1.0 knows no Transfer-Encoding.");
  if (framing.codings == 0 || framing.chunked > 1 || (framing.chunked == 1 && !framing.last_is_chunked))
    return refuse(400, "invalid_framing", "Transfer-Encoding does not end with one `chunked`.");
  if (framing.codings > 1 || framing.chunked == 0)
    return refuse(501, "unsupported_transfer_encoding", "No transfer coding but `chunked` is known here.");
  return true;
}

bool HeadParser::finish_request() {
  Framing framing;
  if (!read_framing(framing)) return false;
  if (framing.odd_options) return refuse(400, "invalid_header", "The Connection header is not a list of tokens.");
  if (framing.hosts > 1) return refuse(400, "duplicate_header", "There are two Host headers.");
  if (framing.hosts == 0 && minor_version_ == 1) return refuse(400, "invalid_host", "The Host header is missing.");
  if (framing.hosts == 1 && !valid_host(framing.host))
    return refuse(400, "invalid_host", "The Host header is not valid.");
  if (!absolute_host_.empty())
    for (Header& header : headers_)
      if (equal_ignoring_case(header.name, "host")) header.value = absolute_host_;
  if (!framing.expect.empty() && minor_version_ == 1) {
    if (!equal_ignoring_case(framing.expect, "100-continue"))
      return refuse(417, "unsupported_expectation", "No expectation but `100-continue` is known here.");
    request_.expect_continue = true;
  }
  if (framing.encoded && (framing.transfer_encoding || framing.content_length.value_or(0) > 0))
    return refuse(415, "unsupported_content_encoding", "No content coding is known here: send the body as it is.");
  request_.headers = headers_;
  request_.content_length = framing.content_length;
  request_.chunked = framing.transfer_encoding;
  request_.keep_alive = minor_version_ == 1 && !framing.close;
  return true;
}

bool HeadParser::finish_response() {
  Framing framing;
  if (!read_framing(framing)) return false;
  response_.headers = headers_;
  response_.content_length = framing.content_length;
  response_.chunked = framing.transfer_encoding;
  response_.keep_alive = !framing.close && !framing.odd_options && (minor_version_ == 1 || framing.keep_alive);
  return true;
}

}  // namespace fairlead::http
