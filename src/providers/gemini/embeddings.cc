#include "providers/gemini/embeddings.h"

#include <simdjson.h>

#include "providers/internal/embeddings.h"
#include "providers/internal/json_writer.h"

namespace fairlead::providers::gemini {
namespace {

namespace dom = simdjson::dom;
using internal::invalid_answer;
using internal::JsonArray;
using internal::JsonObject;

constexpr internal::Language kLanguage{.vendor = "a Gemini upstream", .says = {}};

Result<std::string> read_answer(std::string_view body, std::size_t inputs, bool base64, std::string_view model,
                                llm::Outcome& outcome) {
  dom::parser parser;
  dom::object object, usage;
  dom::array list;
  if (parser.parse(body.data(), body.size()).get_object().get(object) ||
      object.at_key("embeddings").get_array().get(list))
    return invalid_answer("it holds no embeddings");
  std::vector<std::vector<float>> vectors;
  for (const dom::element one : list) {
    dom::array values;
    if (one.at_key("values").get_array().get(values)) return invalid_answer("an embedding has no values");
    std::vector<float>& vector = vectors.emplace_back();
    for (const dom::element value : values) {
      double number = 0;
      if (value.get_double().get(number)) return invalid_answer("an embedding holds what is no number");
      vector.push_back(static_cast<float>(number));
    }
  }
  if (vectors.size() != inputs) return invalid_answer("it holds not one embedding for each text");
  outcome.upstream_model = std::string(model);
  outcome.content_started = true;
  if (!object.at_key("usageMetadata").get_object().get(usage) &&
      !usage.at_key("promptTokenCount").get_int64().get(outcome.usage.input))
    outcome.usage.reported = true;
  return internal::embeddings_json(vectors, base64, model, outcome.usage);
}

}  // namespace

Result<EmbeddingsCall> embeddings_call(std::span<const llm::Member> members, std::string_view upstream_model) {
  FAIRLEAD_TRY(const internal::EmbeddingsAsk ask, internal::read_embeddings_ask(members, kLanguage));
  std::string model(upstream_model);
  const std::string resource = model.contains('/') ? model : "models/" + model;
  JsonArray requests;
  for (const std::string& text : ask.input) {
    JsonObject request, part;
    part.text("text", text);
    request.text("model", resource);
    request.raw("content", R"({"parts":[)" + std::move(part).finish() + "]}");
    if (ask.dimensions) request.raw("outputDimensionality", std::to_string(*ask.dimensions));
    for (const llm::Member& other : ask.others) request.raw(other.name, other.json);
    requests.raw(std::move(request).finish());
  }
  JsonObject body;
  body.raw("requests", std::move(requests).finish());
  return EmbeddingsCall{.body = std::move(body).finish(),
                        .reader = [inputs = ask.input.size(), base64 = ask.base64, model = std::move(model)](
                                      std::string_view answer, llm::Outcome& outcome) {
                          return read_answer(answer, inputs, base64, model, outcome);
                        }};
}

}  // namespace fairlead::providers::gemini
