#include "prompts/kind.h"

#include <boost/json/object.hpp>

#include "base/suggest.h"
#include "llm/cache.h"
#include "llm/memory.h"
#include "llm/reference.h"
#include "llm/shadow.h"
#include "prompts/internal/preview.h"
#include "prompts/internal/renderer.h"
#include "prompts/internal/tests.h"

namespace fairlead::prompts {

namespace {

// Messages are looked at by check(), which can say more than a schema can.
constexpr const char* kSchema = R"json({
  "type": "object",
  "required": ["model", "messages"],
  "additionalProperties": false,
  "properties": {
    "description": {"type": "string"},
    "model": {"type": "string", "minLength": 1},
    "input": {
      "type": "object",
      "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "maxLength": 64},
      "additionalProperties": {"type": ["object", "boolean"]}
    },
    "parameters": {"$ref": "#/$defs/parameters"},
    "messages": {"type": "array"},
    "examples": {"$ref": "#/$defs/examples"},
    "tools": {"$ref": "#/$defs/tools"},
    "shadow": @SHADOW@,
    "cache": @CACHE@,
    "memory": @MEMORY@,
    "fit": {
      "type": "array",
      "maxItems": 16,
      "uniqueItems": true,
      "items": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_-]*$", "maxLength": 64}
    },
    "tests": @TESTS@,
    "output": {"$ref": "#/$defs/output"},
    "variants": {
      "type": "array",
      "maxItems": 32,
      "items": {
        "type": "object",
        "required": ["name", "when"],
        "additionalProperties": false,
        "properties": {
          "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,62}$"},
          "when": {"type": "string", "minLength": 1},
          "model": {"type": "string", "minLength": 1},
          "messages": {"type": "array"},
          "examples": {"$ref": "#/$defs/examples"},
          "parameters": {"$ref": "#/$defs/parameters"},
          "tools": {"$ref": "#/$defs/tools"},
          "output": {"$ref": "#/$defs/output"}
        }
      }
    }
  },
  "$defs": {
    "examples": {
      "type": ["array", "string", "object"],
      "additionalProperties": false,
      "required": ["from"],
      "properties": {
        "from": {"type": ["array", "string"]},
        "nearest": {"type": "integer", "minimum": 1, "maximum": 32}
      }
    },
    "parameters": {
      "type": "object",
      "properties": {
        "temperature": {"type": "number", "minimum": 0, "maximum": 2},
        "top_p": {"type": "number", "minimum": 0, "maximum": 1},
        "min_p": {"type": "number", "minimum": 0, "maximum": 1},
        "top_k": {"type": "integer", "minimum": 0},
        "max_tokens": {"type": "integer", "minimum": 1},
        "max_completion_tokens": {"type": "integer", "minimum": 1},
        "stop": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 4}]},
        "seed": {"type": "integer"},
        "presence_penalty": {"type": "number", "minimum": -2, "maximum": 2},
        "frequency_penalty": {"type": "number", "minimum": -2, "maximum": 2},
        "repeat_penalty": {"type": "number", "minimum": 0},
        "logit_bias": {"type": "object", "additionalProperties": {"type": "number", "minimum": -100, "maximum": 100}},
        "logprobs": {"type": "boolean"},
        "top_logprobs": {"type": "integer", "minimum": 0, "maximum": 20},
        "n": {"type": "integer", "minimum": 1, "maximum": 128},
        "parallel_tool_calls": {"type": "boolean"},
        "response_format": {"type": "object", "required": ["type"]}
      }
    },
    "tools": {
      "type": "array",
      "maxItems": 128,
      "items": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}
    },
    "output": {
      "type": "object",
      "required": ["schema"],
      "additionalProperties": false,
      "properties": {"schema": {"type": "object"}, "repair": {"type": "integer", "minimum": 0, "maximum": 5}}
    }
  }
})json";

// A prompt that sums up has the one input `conversation`.
void check_memory(const boost::json::object& spec, const resources::Catalogue& others,
                  std::vector<resources::SpecError>& faults) {
  const auto memory = llm::memory_of(spec);
  if (!memory || memory->summary.empty()) return;
  const boost::json::object* const prompt = others.find("prompt", memory->summary);
  if (prompt == nullptr) {
    const auto names = others.names("prompt");
    faults.push_back(
        {"/memory/summary", "unknown prompt `" + memory->summary + "`." + did_you_mean(memory->summary, names)});
    return;
  }
  const auto* const input = prompt->if_contains("input");
  if (!input || !input->is_object() || !input->get_object().contains(llm::kSummaryVariable))
    faults.push_back({"/memory/summary", "prompt `" + memory->summary + "` has no input `" +
                                             std::string(llm::kSummaryVariable) +
                                             "`, in which it is given what was said."});
}

void check_model(const boost::json::object& spec, const std::string& at, const resources::Catalogue& others,
                 std::vector<resources::SpecError>& faults) {
  const boost::json::value* const model = spec.if_contains("model");
  if (model == nullptr || !model->is_string() || others.find("model", model->get_string())) return;
  const std::string name(model->get_string());
  faults.push_back({at + "/model", "unknown model `" + name + "`." + did_you_mean(name, others.names("model"))});
}

void check_models(const boost::json::object& spec, const resources::Catalogue& others,
                  std::vector<resources::SpecError>& faults) {
  check_model(spec, "", others, faults);
  const boost::json::value* const variants = spec.if_contains("variants");
  if (variants == nullptr || !variants->is_array()) return;
  std::size_t place = 0;
  for (const boost::json::value& one : variants->get_array()) {
    const std::string at = "/variants/" + std::to_string(place++);
    if (one.is_object()) check_model(one.get_object(), at, others, faults);
  }
}

std::vector<resources::SpecError> check(std::string_view name, const boost::json::object& spec,
                                        const resources::Catalogue& others) {
  std::vector<resources::SpecError> faults;
  const FindVersion find = [&others](std::string_view prompt, std::string_view ref) {
    return others.at("prompt", prompt, ref);
  };
  internal::Specification read = internal::read_specification(name, spec, find, faults);
  check_models(spec, others, faults);
  if (const auto cache = llm::cache_of(spec); cache && cache->semantic && !cache->semantic->embedding.empty()) {
    const std::string& embedding = cache->semantic->embedding;
    if (!others.find("model", embedding)) {
      const auto names = others.names("model");
      faults.push_back(
          {"/cache/semantic/embedding", "unknown model `" + embedding + "`." + did_you_mean(embedding, names)});
    }
  }
  check_memory(spec, others, faults);
  if (const auto shadow = llm::shadow_of(spec)) {
    const llm::Reference to = llm::Reference::parse(shadow->to);
    if (to.name == name && to.kind != "model") {
      if (to.version.empty())
        faults.push_back({"/shadow/to", "is the prompt itself; name a label or a version of it, or another prompt"});
    } else if ((to.kind == "model" || !others.find("prompt", to.name)) &&
               (to.kind == "prompt" || !others.find("model", to.name))) {
      auto names = others.names("prompt");
      for (std::string& one : others.names("model")) names.push_back(std::move(one));
      faults.push_back(
          {"/shadow/to", "there is no prompt or model `" + std::string(to.name) + "`." + did_you_mean(to.name, names)});
    }
  }
  if (const auto* tests = spec.if_contains("tests"); tests != nullptr && faults.empty())
    internal::run_tests({std::string(name), std::move(read)}, tests->as_array(), faults);
  return faults;
}

std::string schema() {
  std::string out = kSchema;
  const auto fill = [&out](std::string_view place, std::string_view schema) {
    out.replace(out.find(place), place.size(), schema);
  };
  fill("@SHADOW@", llm::kShadowSchema);
  fill("@CACHE@", llm::kCacheSchema);
  fill("@MEMORY@", llm::kMemorySchema);
  fill("@TESTS@", internal::kTestsSchema);
  return out;
}

}  // namespace

resources::Kind prompt_kind() {
  return {.name = "prompt",
          .schema = schema(),
          .normalise = {},
          .check = check,
          .addressable = true,
          .examples = internal::examples,
          .render = internal::preview};
}

}  // namespace fairlead::prompts
