#include "platform/http/tests/fuzz/beast_oracle.h"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "platform/http/internal/head_parser.h"

namespace fairlead::http {
namespace beast = boost::beast::http;
namespace {

constexpr HeadLimits kLimits{64 * 1024, 100, 8 * 1024};

std::string quoted(std::string_view text) {
  return "`" + std::string(text) + "`";
}

// Every header line that ours read, in order, beside Beast's.
template <class Fields>
std::string compare_fields(std::span<const Header> ours, const Fields& theirs, bool host_replaced) {
  std::size_t count = 0;
  for (const auto& field : theirs) {
    // Beast groups fields of one name; so look for each in ours.
    ++count;
    bool found = false;
    for (const Header& header : ours)
      found |= header.name == field.name_string() &&
               (header.value == field.value() || (host_replaced && equal_ignoring_case(header.name, "host")));
    if (!found) return "Beast has a header of its own: " + quoted(field.name_string()) + ": " + quoted(field.value());
  }
  if (count != ours.size()) return "the number of headers differs";
  return {};
}

// Beast stops behind the head; `put` must have had all of it.
template <class Parser>
std::string feed(Parser& parser, std::string_view text, std::size_t head_size) {
  parser.header_limit(1 << 20);
  parser.body_limit(boost::none);
  boost::beast::error_code error;
  std::size_t used = 0;
  while (!parser.is_header_done() && used < text.size()) {
    const std::size_t step = parser.put(boost::asio::buffer(text.data() + used, text.size() - used), error);
    used += step;
    if (error) return "Beast refuses it: " + error.message();
    if (step == 0) break;
  }
  if (!parser.is_header_done()) return "Beast sees no end of the head";
  if (used != head_size)
    return "Beast's head has " + std::to_string(used) + " bytes, ours " + std::to_string(head_size);
  return {};
}

template <class Parser, class Head>
std::string compare_framing(Parser& parser, const Head& ours) {
  if (parser.chunked() != ours.chunked) return "`chunked` differs";
  const auto length = parser.content_length();
  // A number that does not fit is refused by Beast, and by us later: see the callers.
  if (length.has_value() != ours.content_length.has_value() || (length && *length != *ours.content_length))
    return "Content-Length differs";
  return {};
}

bool overflows(const std::optional<std::uint64_t>& length) {
  return length && *length == UINT64_MAX;
}

}  // namespace

std::string compare_request(std::string_view text) {
  HeadParser parser(kLimits);
  if (parser.parse_request(text) != HeadParser::Status::kDone) return {};
  if (text[text.find("\r\n", 2) - 1] > '1') return {};  // a later minor version, which Beast refuses
  const RequestHead& ours = parser.request();
  if (overflows(ours.content_length)) return {};
  const std::size_t skipped = text.starts_with("\r\n") ? 2 : 0;
  beast::request_parser<beast::empty_body> theirs;
  if (std::string fault =
          feed(theirs, text.substr(skipped, parser.head_size() - skipped), parser.head_size() - skipped);
      !fault.empty())
    return fault;
  const auto& head = theirs.get();
  if (head.method_string() != ours.method_text) return "the method differs";
  const bool absolute = !head.target().starts_with('/') && head.target() != "*";
  if (!absolute && head.target() != ours.target) return "the target differs";
  if (absolute && !head.target().ends_with(ours.target) && ours.target != "/") return "the absolute target differs";
  if (head.version() != 10u + static_cast<unsigned>(parser.minor_version())) return "the version differs";
  if (std::string fault = compare_fields(ours.headers, head, absolute); !fault.empty()) return fault;
  // We never keep 1.0; where we keep, Beast must.
  if (ours.keep_alive && !theirs.keep_alive()) return "keep-alive differs";
  return compare_framing(theirs, ours);
}

std::string compare_response(std::string_view text) {
  HeadParser parser(kLimits);
  if (parser.parse_response(text) != HeadParser::Status::kDone || text[7] > '1') return {};
  const ResponseHead& ours = parser.response();
  if (overflows(ours.content_length)) return {};
  std::string given(text.substr(0, parser.head_size()));
  if (given.size() > 12 && given[12] == '\r') given.insert(12, " ");
  beast::response_parser<beast::empty_body> theirs;
  theirs.skip(true);
  if (std::string fault = feed(theirs, given, given.size()); !fault.empty())
    return fault == "Beast refuses it: bad value" && !ours.keep_alive ? std::string() : fault;
  const auto& head = theirs.get();
  if (static_cast<int>(head.result_int()) != ours.status) return "the status differs";
  if (std::string fault = compare_fields(ours.headers, head, false); !fault.empty()) return fault;
  if (theirs.chunked() != ours.chunked) return "`chunked` differs";
  return {};
}

std::string compare_splits(std::string_view text, bool request) {
  const auto parse = [request](HeadParser& parser, std::string_view bytes) {
    return request ? parser.parse_request(bytes) : parser.parse_response(bytes);
  };
  HeadParser whole(kLimits), pieces(kLimits);
  const auto expected = parse(whole, text);
  auto status = HeadParser::Status::kNeedMore;
  for (std::size_t size = 0; size <= text.size() && status == HeadParser::Status::kNeedMore; size += 1 + size / 3)
    status = parse(pieces, text.substr(0, size));
  if (status == HeadParser::Status::kNeedMore) status = parse(pieces, text);
  if (status != expected) return "split, it ends otherwise";
  if (status == HeadParser::Status::kFault && whole.fault().status != pieces.fault().status)
    return "split, the fault differs";
  if (status != HeadParser::Status::kDone) return {};
  if (whole.head_size() != pieces.head_size()) return "split, the size differs";
  const auto ours = request ? whole.request().headers : whole.response().headers;
  const auto theirs = request ? pieces.request().headers : pieces.response().headers;
  if (ours.size() != theirs.size()) return "split, the headers differ";
  for (std::size_t i = 0; i < ours.size(); ++i)
    if (ours[i].name != theirs[i].name || ours[i].value != theirs[i].value) return "split, a header differs";
  return {};
}

}  // namespace fairlead::http
