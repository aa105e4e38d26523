#include "safety/policy/kind.h"

#include <algorithm>

#include "base/clock.h"
#include "base/suggest.h"
#include "safety/pii/entities.h"
#include "safety/policy/guard.h"

namespace fairlead::policy {
namespace {

namespace bj = boost::json;
using resources::Catalogue;
using resources::SpecError;

constexpr std::string_view kSchema = R"({
    "type": "object",
    "required": ["privacy"],
    "additionalProperties": false,
    "$defs": {
      "names": {"type": "array", "minItems": 1, "maxItems": 200, "items": {"type": "string", "minLength": 1, "maxLength": 200}},
      "score": {"type": "number", "minimum": 0, "maximum": 1},
      "time": {"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$"},
      "operator": {"type": "string", "enum": ["block", "redact", "replace", "hash", "encrypt", "mask", "generalise", "pseudonymise", "pass"]},
      "rule": {
        "anyOf": [
          {"$ref": "#/$defs/operator"},
          {
            "type": "object",
            "required": ["do"],
            "additionalProperties": false,
            "properties": {
              "do": {"$ref": "#/$defs/operator"},
              "threshold": {"$ref": "#/$defs/score"},
              "direction": {"enum": ["input", "output", "both"]},
              "with": {"type": "string", "maxLength": 100},
              "keep": {"type": "integer", "minimum": 0, "maximum": 100},
              "to": {"enum": ["month", "year"]},
              "not_to": {"$ref": "#/$defs/names"}
            }
          }
        ]
      }
    },
    "properties": {
      "description": {"type": "string", "maxLength": 2000},
      "applies": {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": false,
        "properties": {
          "prompts": {"$ref": "#/$defs/names"},
          "models": {"$ref": "#/$defs/names"},
          "providers": {"$ref": "#/$defs/names"}
        }
      },
      "privacy": {
        "type": "object",
        "additionalProperties": false,
        "properties": {
          "entities": {"type": "object", "additionalProperties": {"$ref": "#/$defs/rule"}},
          "default": {"$ref": "#/$defs/rule"},
          "threshold": {"$ref": "#/$defs/score"},
          "regions": {"$ref": "#/$defs/names"},
          "custom": {"type": "array", "items": {"type": "object"}},
          "media": {"enum": ["refuse", "pass"]},
          "failure": {"enum": ["closed", "open"]},
          "time_limit": {"$ref": "#/$defs/time"},
          "ttl": {"$ref": "#/$defs/time"},
          "shadow": {"type": "boolean"}
        }
      },
      "tests": {
        "type": "array",
        "maxItems": 200,
        "items": {
          "type": "object",
          "required": ["given", "expect"],
          "additionalProperties": false,
          "properties": {
            "given": {"type": "string", "maxLength": 20000},
            "expect": {
              "anyOf": [
                {"type": "string"},
                {
                  "type": "object",
                  "minProperties": 1,
                  "additionalProperties": false,
                  "properties": {
                    "blocked": {"type": "string"},
                    "contains": {"$ref": "#/$defs/names"},
                    "lacks": {"$ref": "#/$defs/names"}
                  }
                }
              ]
            }
          }
        }
      }
    }
  })";

const bj::object* object_at(const bj::object& from, std::string_view name) {
  const bj::value* const value = from.if_contains(name);
  return value != nullptr ? value->if_object() : nullptr;
}

const bj::array* array_at(const bj::object& from, std::string_view name) {
  const bj::value* const value = from.if_contains(name);
  return value != nullptr ? value->if_array() : nullptr;
}

void check_names(const bj::object& from, std::string_view member, const std::string& at, std::string_view kind,
                 const Catalogue& others, std::vector<SpecError>& out) {
  const bj::array* const list = array_at(from, member);
  if (list == nullptr) return;
  for (std::size_t i = 0; i < list->size(); ++i) {
    if (!(*list)[i].is_string()) continue;
    const std::string name((*list)[i].get_string());
    if (others.find(kind, name) == nullptr)
      out.push_back({at + "/" + std::string(member) + "/" + std::to_string(i),
                     std::string(kind) + " `" + name + "` does not exist." + did_you_mean(name, others.names(kind))});
  }
}

void check_rule(const bj::value& rule, const std::string& at, const Catalogue& others, std::vector<SpecError>& out) {
  const bj::object* const object = rule.if_object();
  if (object == nullptr) return;
  check_names(*object, "not_to", at, "provider", others, out);
  const auto text = [object](std::string_view name) {
    const bj::value* const value = object->if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
  };
  const std::string what = text("do");
  const auto only_of = [&](std::string_view member, std::initializer_list<std::string_view> operators) {
    if (object->contains(member) && std::ranges::find(operators, what) == operators.end())
      out.push_back({at + "/" + std::string(member), "has no meaning beside `do: " + what + "`"});
  };
  only_of("keep", {"mask"});
  only_of("with", {"mask", "replace"});
  only_of("to", {"generalise"});
  if (what == "pseudonymise" && object->contains("direction"))
    out.push_back({at + "/direction",
                   "has no meaning beside `do: pseudonymise`: what is put in on the way to the model is taken out of "
                   "its answer"});
  if (what == "mask" && object->contains("with")) {
    const std::string sign = text("with");
    const auto count =
        std::ranges::count_if(sign, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
    if (count != 1) out.push_back({at + "/with", "must be one character"});
  }
}

void check_entities(const bj::object& privacy, const Catalogue& others, std::vector<SpecError>& out) {
  std::vector<std::string> known;
  for (const pii::EntityInfo& one : pii::entities()) known.emplace_back(one.name);
  if (const bj::array* const custom = array_at(privacy, "custom"))
    for (const bj::value& one : *custom)
      if (const bj::value* const name = one.is_object() ? one.get_object().if_contains("name") : nullptr;
          name != nullptr && name->is_string())
        known.emplace_back(name->get_string());
  if (const bj::object* const entities = object_at(privacy, "entities")) {
    for (const auto& [entity, rule] : *entities) {
      const std::string name(entity), at = "/privacy/entities/" + name;
      if (std::ranges::find(known, name) == known.end())
        out.push_back({at, "there is no entity `" + name + "`." + did_you_mean(name, known)});
      check_rule(rule, at, others, out);
    }
  }
  if (const bj::value* const rule = privacy.if_contains("default")) check_rule(*rule, "/privacy/default", others, out);
}

std::string shown(std::string_view text) {
  constexpr std::size_t kShown = 300;
  if (text.size() <= kShown) return std::string(text);
  std::size_t cut = kShown;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;
  return std::string(text.substr(0, cut)) + "…";
}

void run_test(const Rules& rules, const bj::object& test, const std::string& at, std::vector<SpecError>& out) {
  static const SystemClock clock;
  static const auto key = [] {
    access::KeyRing ring;
    ring.push_back(access::MasterKey::random());
    return std::make_shared<const Keys>(std::move(ring));
  }();
  const std::string given(test.at("given").get_string());
  const Rules& tried = rules.scanner || !rules.shadow ? rules : *rules.shadow;
  const Explained made = explain(tried, given, "tests", key, clock);
  const bj::value& expect = test.at("expect");
  const auto wrong = [&](const std::string& where, const std::string& what) {
    const std::string came =
        made.blocked.empty() ? "it came out as `" + shown(made.text) + "`" : "it was blocked for " + made.blocked;
    out.push_back({at + where, what + ": " + came});
  };
  if (expect.is_string()) {
    if (!made.blocked.empty() || made.text != std::string_view(expect.get_string()))
      wrong("/expect", "the test does not pass");
    return;
  }
  const bj::object& wanted = expect.get_object();
  if (const bj::value* const blocked = wanted.if_contains("blocked")) {
    if (made.blocked != std::string_view(blocked->get_string())) wrong("/expect/blocked", "the test does not pass");
  } else if (!made.blocked.empty()) {
    wrong("/expect", "the test does not pass");
    return;
  }
  const auto check = [&](std::string_view member, bool should_hold) {
    const bj::array* const list = array_at(wanted, member);
    if (list == nullptr) return;
    for (std::size_t i = 0; i < list->size(); ++i)
      if ((made.text.find(std::string_view((*list)[i].get_string())) != std::string::npos) != should_hold)
        wrong("/expect/" + std::string(member) + "/" + std::to_string(i), "the test does not pass");
  };
  check("contains", true);
  check("lacks", false);
}

std::vector<SpecError> check(std::string_view name, const bj::object& spec, const Catalogue& others) {
  std::vector<SpecError> out;
  if (const bj::object* const applies = object_at(spec, "applies")) {
    check_names(*applies, "prompts", "/applies", "prompt", others, out);
    check_names(*applies, "models", "/applies", "model", others, out);
    check_names(*applies, "providers", "/applies", "provider", others, out);
  }
  const bj::object* const privacy = object_at(spec, "privacy");
  if (privacy == nullptr) return out;
  check_entities(*privacy, others, out);
  for (const std::string_view member : {"time_limit", "ttl"}) {
    const bj::value* const value = privacy->if_contains(member);
    if (value != nullptr && value->is_string() && !time_of(value->get_string()))
      out.push_back({"/privacy/" + std::string(member),
                     "must be a time of at least 1ms and at most ten years, such as 50ms or 30d"});
  }
  const auto definition = Definition::of(std::string(name), 1, spec);
  if (!definition) {
    out.push_back({"/privacy/custom", definition.error().message});
    return out;
  }
  const Definition* const one[] = {&*definition};
  const auto rules = Rules::create(one);
  if (!rules) {
    out.push_back({"/privacy", rules.error().message});
    return out;
  }
  if (!out.empty()) return out;
  if (const bj::array* const tests = array_at(spec, "tests"))
    for (std::size_t i = 0; i < tests->size(); ++i)
      run_test(**rules, (*tests)[i].get_object(), "/tests/" + std::to_string(i), out);
  return out;
}

}  // namespace

resources::Kind policy_kind() {
  resources::Kind kind;
  kind.name = "policy";
  kind.schema = kSchema;
  kind.plural = "policies";
  kind.check = check;
  return kind;
}

}  // namespace fairlead::policy
