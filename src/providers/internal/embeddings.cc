#include "providers/internal/embeddings.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "platform/json/text.h"

namespace fairlead::providers::internal {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kInputsLimit = 2048;  // OpenAI's own

std::string to_base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i)
      bits = bits << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i) out += at + i > bytes.size() ? '=' : kAlphabet[bits >> (18 - 6 * i) & 63];
  }
  return out;
}

std::string vector_json(const std::vector<float>& vector, bool base64) {
  static_assert(std::endian::native == std::endian::little);
  if (base64)
    return '"' + to_base64({reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float)}) + '"';
  std::string out = "[";
  for (const float one : vector) {
    if (out.size() > 1) out += ',';
    out += fmt::format("{}", std::isfinite(one) ? one : 0.0F);
  }
  return out + "]";
}

Result<void> read_input(dom::element value, const Language& language, EmbeddingsAsk& ask) {
  std::string_view text;
  dom::array list;
  if (!value.get_string().get(text)) {
    ask.input.emplace_back(text);
    return {};
  }
  if (value.get_array().get(list)) return invalid_value("input", "it must be a text, or a list of texts");
  for (const dom::element one : list) {
    if (one.get_string().get(text)) return language.unsupported("input", "it takes texts, not the numbers of tokens");
    ask.input.emplace_back(text);
  }
  return {};
}

}  // namespace

Result<EmbeddingsAsk> read_embeddings_ask(std::span<const llm::Member> members, const Language& language) {
  EmbeddingsAsk ask;
  for (const llm::Member& member : members) {
    dom::parser parser;
    dom::element value;
    if (parser.parse(member.json.data(), member.json.size()).get(value) || value.is_null()) continue;
    if (member.name == "input") {
      FAIRLEAD_CHECK(read_input(value, language, ask));
    } else if (member.name == "dimensions") {
      std::int64_t dimensions = 0;
      if (value.get_int64().get(dimensions) || dimensions < 1)
        return invalid_value("dimensions", "it must be a number of at least 1");
      ask.dimensions = dimensions;
    } else if (member.name == "encoding_format") {
      std::string_view format;
      if (value.get_string().get(format) || (format != "float" && format != "base64"))
        return invalid_value("encoding_format", "it must be float or base64");
      ask.base64 = format == "base64";
    } else if (member.name != "model" && member.name != "fairlead" && member.name != "user") {
      ask.others.push_back(member);
    }
  }
  if (ask.input.empty()) return invalid_value("input", "it must hold at least one text");
  if (ask.input.size() > kInputsLimit)
    return invalid_value("input", fmt::format("it must hold {} texts at most", kInputsLimit));
  return ask;
}

std::string embeddings_json(std::span<const std::vector<float>> vectors, bool base64, std::string_view model,
                            const llm::Usage& usage) {
  std::string out = R"({"object":"list","data":[)";
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    if (i > 0) out += ',';
    out += fmt::format(R"({{"object":"embedding","index":{},"embedding":{}}})", i, vector_json(vectors[i], base64));
  }
  out += R"(],"model":)";
  json::append_string(out, model);
  out += fmt::format(R"(,"usage":{{"prompt_tokens":{0},"total_tokens":{0}}}}})", usage.input);
  return out;
}

}  // namespace fairlead::providers::internal
