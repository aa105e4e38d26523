#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <vector>

#include "platform/json/text.h"

namespace fairlead::json {
namespace {

namespace bj = boost::json;

// Builds the value as Boost's own handler does, and besides: refuses an object that has a member twice, and reads
// numbers with std::from_chars, which is exact (Boost 1.81 may be off by one in the last place).
struct Handler {
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);

  bj::value_stack stack;
  std::vector<std::string> keys;     // of every object that is open
  std::vector<std::size_t> objects;  // where in `keys` each open object begins
  std::string key_part;
  std::string number_part;
  std::string repeated;  // the member that is there twice

  bool on_document_begin(bj::error_code&) { return true; }
  bool on_document_end(bj::error_code&) { return true; }
  bool on_array_begin(bj::error_code&) { return true; }
  bool on_array_end(std::size_t n, bj::error_code&) {
    stack.push_array(n);
    return true;
  }
  bool on_object_begin(bj::error_code&) {
    objects.push_back(keys.size());
    return true;
  }
  bool on_object_end(std::size_t n, bj::error_code& ec) {
    const auto first = keys.begin() + static_cast<std::ptrdiff_t>(objects.back());
    std::sort(first, keys.end());
    if (const auto twin = std::adjacent_find(first, keys.end()); twin != keys.end()) {
      repeated = *twin;
      ec = bj::error::syntax;
      return false;
    }
    keys.erase(first, keys.end());
    objects.pop_back();
    stack.push_object(n);
    return true;
  }
  bool on_string_part(bj::string_view s, std::size_t, bj::error_code&) {
    stack.push_chars(s);
    return true;
  }
  bool on_string(bj::string_view s, std::size_t, bj::error_code&) {
    stack.push_string(s);
    return true;
  }
  bool on_key_part(bj::string_view s, std::size_t, bj::error_code&) {
    key_part.append(s.data(), s.size());
    stack.push_chars(s);
    return true;
  }
  bool on_key(bj::string_view s, std::size_t, bj::error_code&) {
    key_part.append(s.data(), s.size());
    keys.push_back(std::move(key_part));
    key_part.clear();
    stack.push_key(s);
    return true;
  }
  bool on_number_part(bj::string_view s, bj::error_code&) {
    number_part.append(s.data(), s.size());
    return true;
  }
  bool on_int64(std::int64_t i, bj::string_view, bj::error_code&) {
    number_part.clear();
    stack.push_int64(i);
    return true;
  }
  bool on_uint64(std::uint64_t u, bj::string_view, bj::error_code&) {
    number_part.clear();
    stack.push_uint64(u);
    return true;
  }
  bool on_double(double approximate, bj::string_view s, bj::error_code& ec) {
    number_part.append(s.data(), s.size());
    double exact = approximate;
    const auto end = number_part.data() + number_part.size();
    const auto read = std::from_chars(number_part.data(), end, exact);
    if (read.ec == std::errc::result_out_of_range) exact = std::isinf(approximate) ? approximate : 0.0;
    number_part.clear();
    if (std::isinf(exact)) {
      ec = bj::error::exponent_overflow;
      return false;
    }
    stack.push_double(exact);
    return true;
  }
  bool on_bool(bool b, bj::error_code&) {
    stack.push_bool(b);
    return true;
  }
  bool on_null(bj::error_code&) {
    stack.push_null();
    return true;
  }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }
};

std::string position(std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  std::size_t line = 1, column = 1;
  for (std::size_t i = 0; i < offset; ++i) {
    if (text[i] == '\n') {
      ++line;
      column = 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++column;
    }
  }
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

std::string explain(const bj::error_code& ec, const std::string& repeated, std::size_t max_depth) {
  if (!repeated.empty())
    return "the object that ends there has the member " + quoted(repeated.substr(0, 100)) + " twice";
  if (ec == bj::error::incomplete) return "the text ends before the value does";
  if (ec == bj::error::extra_data) return "there is more text after the value";
  if (ec == bj::error::too_deep) return "nested more than " + std::to_string(max_depth) + " deep";
  if (ec == bj::error::exponent_overflow) return "the number is too large";
  return ec.message();
}

}  // namespace

Result<bj::value> parse(std::string_view text, std::size_t max_depth) {
  bj::parse_options options;
  options.max_depth = max_depth;
  bj::error_code ec;
  std::size_t consumed = 0;
  try {
    bj::basic_parser<Handler> parser(options);
    parser.handler().stack.reset();
    consumed = parser.write_some(false, text.data(), text.size(), ec);
    if (!ec && consumed < text.size()) ec = bj::error::extra_data;
    if (!ec) return parser.handler().stack.release();
    return fail(
        ErrorKind::kInvalid, "invalid_json",
        "Invalid JSON at " + position(text, consumed) + ": " + explain(ec, parser.handler().repeated, max_depth) + ".");
  } catch (const std::exception& thrown) {  // lengths that Boost.JSON cannot hold
    return fail(ErrorKind::kTooLarge, "invalid_json", std::string("Invalid JSON: ") + thrown.what() + ".");
  }
}

}  // namespace fairlead::json
