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
#include "prompts/includes.h"
#include "prompts/internal/conditions.h"
#include "prompts/internal/examples.h"
#include "prompts/internal/segments.h"
#include "resources/kind.h"

namespace fairlead::prompts::internal {

// A member of the chat request that the prompt gives, as JSON.
struct Parameter {
  std::string name;
  std::string json;
};

// What a call becomes: the prompt's own, or a variant of it.
struct Form {
  std::string variant;  // "default", or the variant's name; empty where a prompt has no variants
  std::string model;
  std::shared_ptr<const MessageList> messages;
  std::shared_ptr<const Examples> examples;       // null: there are none
  std::vector<Parameter> parameters;              // with tools and response_format
  std::shared_ptr<const llm::OutputRule> output;  // null: the answer is not checked
  std::shared_ptr<const llm::FitRule> fit;        // null: nothing is left out
};

struct Specification {
  std::vector<Input> inputs;
  std::vector<Form> forms;  // the prompt's own, then its variants
  Conditions conditions;    // of forms[1], forms[2], …
};

// Faults are added to `faults`, with pointers into the spec; if there are any, the result is of no use.
Specification read_specification(std::string_view name, const boost::json::object& spec, const FindVersion& find,
                                 std::vector<resources::SpecError>& faults);

// "question, locale, tier"
std::string declared(const std::vector<Input>& inputs);

// "/messages/0/user" as people write it: ".messages[0].user".
std::string path_of(std::string_view pointer);

// The parameters that are known by name, for suggestions and for the spec's schema.
const std::vector<std::string>& known_parameters();

}  // namespace fairlead::prompts::internal
