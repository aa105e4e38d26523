#include "serving/internal/embedding_request.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <bit>
#include <charconv>

#include "platform/json/text.h"

namespace fairlead::serving {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kInputs = 2'048;
constexpr std::size_t kFloatText = 32;

std::unexpected<Error> invalid(std::string message, std::string param, std::string code = "invalid_value") {
  return fail(ErrorKind::kInvalid, std::move(code), std::move(message), std::move(param));
}

std::string place(int index) {
  return index < 0 ? "input" : fmt::format("input[{}]", index);
}

Result<void> add_text(dom::element value, int index, EmbeddingRequest& out) {
  const std::string_view text = value.get_string().value_unsafe();
  if (text.empty()) return invalid(fmt::format("'{}' is an empty string.", place(index)), place(index));
  out.texts.emplace_back(text);
  return {};
}

Result<void> add_tokens(dom::array values, int index, int vocabulary, EmbeddingRequest& out) {
  std::vector<Token> tokens;
  for (const dom::element value : values) {
    std::int64_t token = 0;
    if (value.get_int64().get(token) || token < 0 || token >= vocabulary)
      return invalid(fmt::format("'{}' holds something that is not a token of this model: tokens are integers from 0 "
                                 "to {}.",
                                 place(index), vocabulary - 1),
                     place(index));
    tokens.push_back(static_cast<Token>(token));
  }
  if (tokens.empty()) return invalid(fmt::format("'{}' is an empty array.", place(index)), place(index), "empty_array");
  out.tokens.push_back(std::move(tokens));
  return {};
}

Result<void> add_list(dom::array values, int vocabulary, EmbeddingRequest& out) {
  if (values.size() == 0) return invalid("'input' is an empty array.", "input", "empty_array");
  if (values.at(0).is_number()) return add_tokens(values, -1, vocabulary, out);
  if (values.size() > kInputs)
    return invalid(fmt::format("'input' has {} elements; at most {} are taken.", values.size(), kInputs), "input",
                   "array_above_max_length");
  int index = 0;
  for (const dom::element value : values) {
    if (value.is_string() && out.tokens.empty()) {
      FAIRLEAD_CHECK(add_text(value, index, out));
    } else if (value.is_array() && out.texts.empty()) {
      FAIRLEAD_CHECK(add_tokens(value.get_array().value_unsafe(), index, vocabulary, out));
    } else {
      return invalid(fmt::format("'{}' must be {}, as the elements before it.", place(index),
                                 out.tokens.empty() ? "a string" : "an array of tokens"),
                     place(index), "invalid_type");
    }
    ++index;
  }
  return {};
}

void append_number(std::string& out, float value) {
  char text[kFloatText];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  out.append(text, end);
}

// RFC 4648 section 4, with padding.
std::string base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto byte = [&](std::size_t i) {
      return i < bytes.size() ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) : 0U;
    };
    const std::uint32_t group = byte(at) << 16 | byte(at + 1) << 8 | byte(at + 2);
    out += kAlphabet[group >> 18];
    out += kAlphabet[group >> 12 & 63];
    out += at + 1 < bytes.size() ? kAlphabet[group >> 6 & 63] : '=';
    out += at + 2 < bytes.size() ? kAlphabet[group & 63] : '=';
  }
  return out;
}

void append_vector(std::string& out, const std::vector<float>& vector, bool as_base64) {
  static_assert(std::endian::native == std::endian::little);
  if (as_base64) {
    out += '"';
    out += base64({reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float)});
    out += '"';
    return;
  }
  out += '[';
  for (const float value : vector) {
    if (out.back() != '[') out += ',';
    append_number(out, value);
  }
  out += ']';
}

}  // namespace

Result<EmbeddingRequest> EmbeddingRequest::parse(std::span<char> body, int vocabulary) {
  dom::parser parser;
  dom::object object;
  if (parser.parse(body.data(), body.size(), false).get_object().get(object))
    return invalid("The body is not a JSON object.", {}, "invalid_json");
  EmbeddingRequest out;
  dom::element value;
  if (object.at_key("input").get(value))
    return invalid("Missing required parameter: 'input'.", "input", "missing_required_parameter");
  if (value.is_string()) {
    FAIRLEAD_CHECK(add_text(value, -1, out));
  } else if (value.is_array()) {
    FAIRLEAD_CHECK(add_list(value.get_array().value_unsafe(), vocabulary, out));
  } else {
    return invalid("'input' must be a string, an array of strings, or an array of tokens.", "input", "invalid_type");
  }
  if (!object.at_key("encoding_format").get(value) && !value.is_null()) {
    std::string_view format;
    if (value.get_string().get(format) || (format != "float" && format != "base64"))
      return invalid("'encoding_format' must be 'float' or 'base64'.", "encoding_format");
    out.base64 = format == "base64";
  }
  if (!object.at_key("dimensions").get(value) && !value.is_null()) {
    std::int64_t dimensions = 0;
    if (value.get_int64().get(dimensions) || dimensions < 1 || dimensions > 1'000'000)
      return invalid("'dimensions' must be a positive integer.", "dimensions");
    out.dimensions = static_cast<int>(dimensions);
  }
  return out;
}

std::string embeddings_answer(std::string_view model, std::span<const std::vector<float>> vectors, bool base64,
                              std::size_t tokens) {
  std::string out = R"({"object":"list","data":[)";
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    if (i > 0) out += ',';
    fmt::format_to(std::back_inserter(out), R"({{"object":"embedding","index":{},"embedding":)", i);
    append_vector(out, vectors[i], base64);
    out += '}';
  }
  out += R"(],"model":)";
  json::append_string(out, model);
  fmt::format_to(std::back_inserter(out), R"(,"usage":{{"prompt_tokens":{0},"total_tokens":{0}}}}})", tokens);
  return out;
}

}  // namespace fairlead::serving
