// A prompt's spec, read once: used by the check of a spec and by the stage.
#pragma once
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "llm/fit_rule.h"
#include "llm/output_rule.h"
#include "platform/json/schema.h"
#include "prompts/template.h"
#include "resources/kind.h"

namespace fairlead::prompts::internal {

struct Input {
  std::string name;
  json::Schema schema;
  std::optional<boost::json::value> fallback;  // absent: the variable is required
};

// Part of the text of a messages array: JSON as it is, or a template whose text becomes a JSON string.
struct Segment {
  std::string json;
  std::optional<Template> text;
  std::string place;  // of the template, for messages: "messages[0].system"
};

// A member of the chat request that the prompt gives, as JSON.
struct Parameter {
  std::string name;
  std::string json;
};

struct Specification {
  std::string model;
  std::vector<Input> inputs;
  std::vector<Segment> messages;  // the elements of the array, without its brackets
  std::size_t message_count = 0;
  std::vector<std::string> parts;                 // for each message, the part of `fit` that it is of; empty: none
  std::vector<Parameter> parameters;              // with tools and response_format
  std::shared_ptr<const llm::OutputRule> output;  // null: the answer is not checked
  std::shared_ptr<const llm::FitRule> fit;        // null: nothing is left out
};

// Faults are added to `faults`, with pointers into the spec; if there are any, the result is of no use.
Specification read_specification(std::string_view name, const boost::json::object& spec,
                                 std::vector<resources::SpecError>& faults);

// "question, locale, tier"
std::string declared(const std::vector<Input>& inputs);

// The parameters that are known by name, for suggestions and for the spec's schema.
const std::vector<std::string>& known_parameters();

}  // namespace fairlead::prompts::internal
