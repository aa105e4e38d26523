#include "chains/kind.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <set>

#include "base/suggest.h"
#include "chains/internal/bodies.h"
#include "chains/internal/plan.h"
#include "llm/reference.h"
#include "platform/expr/schema.h"

namespace fairlead::chains {
namespace {

namespace bj = boost::json;
using internal::Does;
using internal::Faults;
using internal::Plan;
using internal::StepPlan;

// Members of whatever does one thing: a step, a case of a switch, a tool.
constexpr const char* kDoesSchema = R"json(
    "prompt": {"type": "string", "minLength": 1},
    "model": {"type": "string", "minLength": 1},
    "transform": true,
    "chain": {"type": "string", "minLength": 1},
    "http": {
      "type": "object",
      "required": ["url"],
      "additionalProperties": false,
      "properties": {
        "method": {"enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]},
        "url": {"type": "string", "minLength": 1},
        "headers": {"type": "object", "maxProperties": 64},
        "json": true,
        "text": {"type": "string"}
      }
    },
    "approve": {"type": "string", "minLength": 1},
    "task": {"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$"},
    "wait": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$"},
    "variables": {"type": ["object", "string"]},
    "messages": {"type": ["array", "string"]},
    "parameters": {"type": ["object", "string"]},
    "input": {"type": ["object", "string"]},
  "within": {"$ref": "#/$defs/duration"},
  "lease": {"$ref": "#/$defs/duration"},
    "timeout": {"$ref": "#/$defs/duration"},
    "retry": {
      "type": "object",
      "required": ["attempts"],
      "additionalProperties": false,
      "properties": {
        "attempts": {"type": "integer", "minimum": 1, "maximum": 100},
        "first": {"$ref": "#/$defs/duration"},
        "most": {"$ref": "#/$defs/duration"},
        "within": {"$ref": "#/$defs/duration"},
        "cost": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000000},
        "on": {
          "type": "array",
          "minItems": 1,
          "items": {"enum": ["transient", "rate_limit", "timeout", "bad_output", "permanent"]}
        }
      }
    },
    "uncertain": {"enum": ["retry", "fail", "ask"]},
    "cost": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000000}
)json";

constexpr const char* kChainSchema = R"json({
  "type": "object",
  "required": ["steps"],
  "additionalProperties": false,
  "properties": {
    "description": {"type": "string"},
    "input": {"$ref": "#/$defs/fields"},
    "deadline": {"$ref": "#/$defs/duration"},
    "limits": {
      "type": "array",
      "minItems": 1,
      "maxItems": 8,
      "items": {
        "type": "object",
        "additionalProperties": false,
        "properties": {
          "concurrency": {"type": "integer", "minimum": 1, "maximum": 1000000},
          "rate": {"type": "string"},
          "per": {"enum": ["user", "key"]}
        }
      }
    },
    "output": true,
    "steps": {
      "type": "array",
      "minItems": 1,
      "maxItems": 200,
      "items": {
        "type": "object",
        "required": ["name"],
        "additionalProperties": false,
        "properties": {
          "name": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,62}$"},
          "when": {"type": "string", "minLength": 1},
          "after": {"type": "array", "items": {"type": "string"}},
          "map": {"type": ["array", "string"]},
          "at_once": {"type": "integer", "minimum": 1, "maximum": 256},
          "failures": {
            "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^(100|[0-9]{1,2}(\\.[0-9]+)?)%$"}]
          },
          "until": {"type": "string", "minLength": 1},
          "reuse": {"$ref": "#/$defs/duration"},
          "at_most": {"type": "integer", "minimum": 1, "maximum": 1000},
          "otherwise": true,
          "output": {"type": ["object", "boolean"]},
          "agent": {"$ref": "#/$defs/agent"},
          "switch": {
            "type": "array",
            "minItems": 1,
            "maxItems": 100,
            "items": {
              "type": "object",
              "additionalProperties": false,
              "properties": {
                "when": {"type": "string", "minLength": 1},
                "agent": {"$ref": "#/$defs/agent"},
                "at_most": {"type": "integer", "minimum": 1, "maximum": 1000},
                "output": {"type": ["object", "boolean"]},
                @does
              }
            }
          },
          "compensate": {
            "type": "object",
            "additionalProperties": false,
            "properties": {
              "prompt": {"$ref": "#/properties/steps/items/properties/prompt"},
              "model": {"$ref": "#/properties/steps/items/properties/model"},
              "transform": true,
              "chain": {"$ref": "#/properties/steps/items/properties/chain"},
              "http": {"$ref": "#/properties/steps/items/properties/http"},
              "variables": {"$ref": "#/properties/steps/items/properties/variables"},
              "messages": {"$ref": "#/properties/steps/items/properties/messages"},
              "parameters": {"$ref": "#/properties/steps/items/properties/parameters"},
              "input": {"$ref": "#/properties/steps/items/properties/input"},
              "timeout": {"$ref": "#/$defs/duration"},
              "retry": {"$ref": "#/properties/steps/items/properties/retry"},
              "uncertain": {"$ref": "#/properties/steps/items/properties/uncertain"},
              "cost": {"$ref": "#/properties/steps/items/properties/cost"}
            }
          },
          @does
        }
      }
    }
  },
  "$defs": {
    "duration": {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$"},
    "fields": {
      "type": "object",
      "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "maxLength": 64},
      "additionalProperties": {"type": ["object", "boolean"]}
    },
    "agent": {
      "type": "object",
      "required": ["tools"],
      "additionalProperties": false,
      "properties": {
        "prompt": {"type": "string", "minLength": 1},
        "model": {"type": "string", "minLength": 1},
        "variables": {"type": ["object", "string"]},
        "messages": {"type": ["array", "string"]},
        "parameters": {"type": ["object", "string"]},
        "tools": {
          "type": "array",
          "minItems": 1,
          "maxItems": 64,
          "items": {
            "type": "object",
            "required": ["name", "description"],
            "additionalProperties": false,
            "properties": {
              "name": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,63}$"},
              "description": {"type": "string", "minLength": 1},
              "arguments": {"$ref": "#/$defs/fields"},
              "on_failure": {"enum": ["tell", "fail"]},
              "output": {"type": ["object", "boolean"]},
              @does
            }
          }
        }
      }
    }
  }
})json";

std::string schema_of_chains() {
  constexpr std::string_view kPlace = "@does";
  std::string out = kChainSchema;
  for (std::size_t at = out.find(kPlace); at != out.npos; at = out.find(kPlace, at))
    out.replace(at, kPlace.size(), kDoesSchema);
  return out;
}

const bj::object* member_object(const bj::object& from, std::string_view name) {
  const bj::value* const value = from.if_contains(name);
  return value != nullptr && value->is_object() ? &value->get_object() : nullptr;
}

// The spec that a step's `NAME[@REF]` stands for, or null.
const bj::object* spec_of(Does does, std::string_view target, const resources::Catalogue& others) {
  const llm::Reference reference = llm::Reference::parse(target);
  if (reference.version.empty()) return others.find(internal::kind_called(does), reference.name);
  const auto found = others.at(internal::kind_called(does), reference.name, reference.version);
  return found ? &(*found)->spec : nullptr;
}

expr::Type type_of_target(Does does, std::string_view target, const resources::Catalogue& others) {
  if (does != Does::kPrompt) return {};
  const bj::object* const spec = spec_of(does, target, others);
  if (spec == nullptr) return {};
  const bj::object* const output = member_object(*spec, "output");
  if (output == nullptr) return expr::Kind::kString;
  const bj::value* const schema = output->if_contains("schema");
  return schema != nullptr ? expr::type_of_schema(*schema) : expr::Type();
}

// Fields given to a prompt or a chain, where they are written out.
void check_given(const bj::object& step, const char* member, const std::string& pointer, const bj::object& called,
                 const std::string& what, Faults& faults) {
  static const bj::object kNone;
  const bj::value* const written = step.if_contains(member);
  if (written != nullptr && !written->is_object()) return;
  const bj::object& given = written != nullptr ? written->get_object() : kNone;
  const bj::object* const declared = member_object(called, "input");
  std::vector<std::string> names;
  if (declared != nullptr)
    for (const auto& [name, schema] : *declared) names.emplace_back(name);
  for (const auto& [name, value] : given) {
    if (declared == nullptr || !declared->contains(name))
      faults.push_back({pointer + "/" + member + "/" + std::string(name),
                        what + " has no input `" + std::string(name) + "`." + did_you_mean(name, names)});
  }
  if (declared == nullptr) return;
  for (const auto& [name, schema] : *declared) {
    const bool needed = !schema.is_object() || !schema.get_object().contains("default");
    if (needed && !given.contains(name))
      faults.push_back({written != nullptr ? pointer + "/" + member : pointer,
                        what + " needs the input `" + std::string(name) + "`: give it in `" + member + "`."});
  }
}

void check_target(const StepPlan& step, const bj::object& from, const std::string& pointer,
                  const resources::Catalogue& others, Faults& faults) {
  const auto bodies = internal::bodies_of(step.does, from, pointer);
  for (std::size_t i = 0; i < std::min(bodies.size(), step.bodies.size()); ++i)
    check_target(step.bodies[i], *bodies[i].spec, bodies[i].pointer, others, faults);
  const std::string kind(internal::kind_called(step.does));
  if (kind.empty()) return;
  const llm::Reference reference = llm::Reference::parse(step.target);
  const std::string name(reference.name);
  const bj::object* const spec = spec_of(step.does, step.target, others);
  if (spec == nullptr) {
    std::string message = "unknown " + kind + " `" + name + "`." + did_you_mean(name, others.names(kind));
    if (others.find(kind, name) != nullptr)
      message = kind + " `" + name + "` has no version or label `" + std::string(reference.version) + "`.";
    faults.push_back({pointer + "/" + kind, std::move(message)});
    return;
  }
  if (step.does == Does::kPrompt) check_given(from, "variables", pointer, *spec, "prompt `" + name + "`", faults);
  if (step.does == Does::kChain) check_given(from, "input", pointer, *spec, "chain `" + name + "`", faults);
}

void check_step(const StepPlan& step, const bj::object& from, const std::string& pointer,
                const resources::Catalogue& others, Faults& faults) {
  check_target(step, from, pointer, others, faults);
  if (step.compensate)
    check_target(*step.compensate, from.at("compensate").as_object(), pointer + "/compensate", others, faults);
}

// Whatever in a chain says of one thing that it does: its steps, what stands within them, and what undoes them.
std::vector<internal::BodySource> all_bodies(const bj::object& spec) {
  std::vector<internal::BodySource> out;
  const bj::value* const steps = spec.if_contains("steps");
  if (steps == nullptr || !steps->is_array()) return out;
  std::size_t place = 0;
  for (const bj::value& step : steps->get_array()) {
    const std::string at = "/steps/" + std::to_string(place++);
    if (!step.is_object()) continue;
    out.push_back({&step.get_object(), at});
    if (const bj::object* const undo = member_object(step.get_object(), "compensate"))
      out.push_back({undo, at + "/compensate"});
  }
  for (std::size_t i = 0; i < out.size(); ++i) {  // it grows
    const internal::BodySource one = out[i];
    for (const Does does : {Does::kSwitch, Does::kAgent}) {
      if (!one.spec->contains(does == Does::kSwitch ? "switch" : "agent")) continue;
      const auto within = internal::bodies_of(does, *one.spec, one.pointer);
      out.insert(out.end(), within.begin(), within.end());
    }
  }
  return out;
}

// Whether a chain starts itself, by whatever way: "a → b → a".
bool starts(const bj::object& spec, std::string_view name, const resources::Catalogue& others, std::string& way,
            std::set<std::string>& seen) {
  for (const internal::BodySource& body : all_bodies(spec)) {
    const bj::value* const chain = body.spec->if_contains("chain");
    if (chain == nullptr || !chain->is_string()) continue;
    const std::string other(llm::Reference::parse(chain->get_string()).name);
    const std::string before = way;
    way += " → " + other;
    if (other == name) return true;
    const bj::object* const next = others.find("chain", other);
    if (next != nullptr && seen.insert(other).second && starts(*next, name, others, way, seen)) return true;
    way = before;
  }
  return false;
}

std::vector<resources::SpecError> check(std::string_view name, const bj::object& spec,
                                        const resources::Catalogue& others) {
  Faults faults;
  const Plan plan = internal::read_plan(
      spec, [&](Does does, std::string_view target) { return type_of_target(does, target, others); }, faults);
  const bj::array& steps = spec.at("steps").as_array();
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    check_step(plan.steps[i], steps[i].as_object(), "/steps/" + std::to_string(i), others, faults);
  std::string way(name);
  std::set<std::string> seen;
  if (starts(spec, name, others, way, seen)) faults.push_back({"/steps", "the chain starts itself: " + way + "."});
  return faults;
}

void add_secrets(const bj::object& body, const std::string& at, std::vector<resources::SecretReference>& out) {
  constexpr std::string_view kSecret = "secret:";
  const bj::object* const request = member_object(body, "http");
  const bj::object* const headers = request != nullptr ? member_object(*request, "headers") : nullptr;
  if (headers == nullptr) return;
  for (const auto& [name, value] : *headers) {
    const std::string_view text = value.is_string() ? std::string_view(value.get_string()) : std::string_view();
    if (text.starts_with(kSecret)) out.push_back({at + std::string(name), std::string(text.substr(kSecret.size()))});
  }
}

// The secrets that headers of requests name.
std::vector<resources::SecretReference> secrets_of(const bj::object& spec) {
  std::vector<resources::SecretReference> out;
  for (const internal::BodySource& body : all_bodies(spec))
    add_secrets(*body.spec, body.pointer + "/http/headers/", out);
  return out;
}

}  // namespace

resources::Kind chain_kind() {
  resources::Kind kind;
  kind.name = "chain";
  kind.schema = schema_of_chains();
  kind.check = check;
  kind.addressable = true;
  kind.secrets = secrets_of;
  return kind;
}

}  // namespace fairlead::chains
