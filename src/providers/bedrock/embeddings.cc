#include "providers/bedrock/embeddings.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "providers/internal/answer_body.h"
#include "providers/internal/json_writer.h"

namespace fairlead::providers::bedrock {
namespace {

namespace dom = simdjson::dom;
using internal::invalid_answer;
using internal::JsonArray;
using internal::JsonObject;

constexpr std::size_t kCohereTexts = 96;

Result<std::vector<float>> vector_of(dom::array numbers) {
  std::vector<float> out;
  for (const dom::element one : numbers) {
    double number = 0;
    if (one.get_double().get(number)) return invalid_answer("an embedding holds what is no number");
    out.push_back(static_cast<float>(number));
  }
  return out;
}

std::string titan_body(const internal::EmbeddingsAsk& ask, const std::string& text) {
  JsonObject body;
  body.text("inputText", text);
  if (ask.dimensions) body.raw("dimensions", std::to_string(*ask.dimensions));
  for (const llm::Member& other : ask.others) body.raw(other.name, other.json);
  return std::move(body).finish();
}

std::string cohere_body(const internal::EmbeddingsAsk& ask, std::size_t from) {
  JsonObject body;
  JsonArray texts;
  for (std::size_t i = from; i < std::min(ask.input.size(), from + kCohereTexts); ++i) texts.text(ask.input[i]);
  body.raw("texts", std::move(texts).finish());
  bool has_type = false;
  for (const llm::Member& other : ask.others) {
    has_type |= other.name == "input_type";
    body.raw(other.name, other.json);
  }
  if (!has_type) body.text("input_type", "search_document");
  if (ask.dimensions) body.raw("output_dimension", std::to_string(*ask.dimensions));
  return std::move(body).finish();
}

}  // namespace

Result<std::vector<std::string>> embeddings_bodies(const internal::EmbeddingsAsk& ask, std::string_view model,
                                                   const internal::Language& language) {
  std::vector<std::string> bodies;
  if (model.contains("titan-embed")) {
    for (const std::string& text : ask.input) bodies.push_back(titan_body(ask, text));
  } else if (model.contains("cohere.embed")) {
    for (std::size_t from = 0; from < ask.input.size(); from += kCohereTexts) bodies.push_back(cohere_body(ask, from));
  } else {
    return language.unsupported("model",
                                fmt::format("embeddings come from Titan's and Cohere's models, not {}", model));
  }
  return bodies;
}

Result<void> read_embeddings(std::string_view body, std::vector<std::vector<float>>& vectors, llm::Usage& usage) {
  dom::parser parser;
  dom::object object;
  dom::array one, many;
  if (parser.parse(body.data(), body.size()).get_object().get(object)) return invalid_answer("it is not a JSON object");
  if (!object.at_key("embedding").get_array().get(one)) {
    FAIRLEAD_TRY(std::vector<float> vector, vector_of(one));
    vectors.push_back(std::move(vector));
    std::int64_t tokens = 0;
    if (!object.at_key("inputTextTokenCount").get_int64().get(tokens) && tokens >= 0 && tokens < 1'000'000'000) {
      usage.input += tokens;
      usage.reported = true;
    }
    return {};
  }
  // Cohere: a list, or one by its type.
  if (object.at_key("embeddings").get_array().get(many) &&
      object.at_key("embeddings").at_key("float").get_array().get(many))
    return invalid_answer("it holds no embeddings");
  for (const dom::element element : many) {
    if (element.get_array().get(one)) return invalid_answer("an embedding is no list");
    FAIRLEAD_TRY(std::vector<float> vector, vector_of(one));
    vectors.push_back(std::move(vector));
  }
  return {};
}

}  // namespace fairlead::providers::bedrock
