#include "safety/policy/kind.h"

#include <algorithm>

#include "access/references.h"
#include "base/clock.h"
#include "base/suggest.h"
#include "platform/http/client.h"
#include "platform/json/member.h"
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
      "texts": {"type": ["string", "array"], "minItems": 1, "maxItems": 200, "items": {"type": "string", "minLength": 1}, "minLength": 1},
      "score": {"type": "number", "minimum": 0, "maximum": 1},
      "time": {"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$"},
      "detector": {
        "type": "object",
        "required": ["entities"],
        "additionalProperties": false,
        "properties": {
          "url": {"type": "string", "minLength": 1, "maxLength": 2048},
          "model": {"type": "string", "minLength": 1, "maxLength": 200},
          "entities": {"type": "array", "minItems": 1, "maxItems": 50, "items": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]{0,59}$"}},
          "headers": {"type": "object", "maxProperties": 50, "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 4096}},
          "language": {"type": "string", "maxLength": 20},
          "providers": {"$ref": "#/$defs/names"}
        }
      },
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
          "detectors": {"type": "array", "maxItems": 20, "items": {"$ref": "#/$defs/detector"}},
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
                    "contains": {"$ref": "#/$defs/texts"},
                    "lacks": {"$ref": "#/$defs/texts"}
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

// Routes of a model that lead where originals may not go, those of its fallbacks too.
void check_routes(const std::string& model, const bj::object& detector, const std::string& at, const Catalogue& others,
                  std::vector<std::string>& seen, std::vector<SpecError>& out) {
  if (std::ranges::find(seen, model) != seen.end()) return;
  seen.push_back(model);
  const bj::object* const spec = others.find("model", model);
  if (spec == nullptr) return;
  const bj::array* const allowed = array_at(detector, "providers");
  if (const bj::array* const routes = array_at(*spec, "routes")) {
    for (const bj::value& route : *routes) {
      const bj::value* const name = route.is_object() ? route.get_object().if_contains("provider") : nullptr;
      if (name == nullptr || !name->is_string()) continue;
      const bj::object* const provider = others.find("provider", name->get_string());
      const bj::value* const type = provider != nullptr ? provider->if_contains("type") : nullptr;
      if (type != nullptr && *type == "llama.cpp") continue;
      if (allowed != nullptr && std::ranges::find(*allowed, *name) != allowed->end()) continue;
      out.push_back({at, "model `" + model + "` has a route to provider `" + std::string(name->get_string()) +
                             "`, which would see what the policy hides. Write `providers: [" +
                             std::string(name->get_string()) + "]` beside it if that may be"});
    }
  }
  const bj::array* const fallbacks = array_at(*spec, "fallbacks");
  if (fallbacks == nullptr) return;
  for (const bj::value& one : *fallbacks)
    if (one.is_string()) check_routes(std::string(one.get_string()), detector, at, others, seen, out);
}

void check_service(const bj::object& detector, const std::string& at, std::vector<SpecError>& out) {
  if (const bj::value* const url = detector.if_contains("url"); url != nullptr && url->is_string()) {
    const std::string_view text = url->get_string();
    if (!text.starts_with("https://") && !text.starts_with("http://"))
      out.push_back({at + "/url", "must begin with https:// or http://"});
    else if (const auto origin = http::Origin::parse(text); !origin)
      out.push_back({at + "/url", origin.error().message});
  }
  if (const bj::object* const headers = object_at(detector, "headers"))
    for (auto& [name, fault] : access::header_faults(*headers))
      out.push_back({at + "/headers/" + json::pointer_token(name), std::move(fault)});
}

void check_detectors(const bj::object& privacy, const Catalogue& others, std::vector<SpecError>& out) {
  const bj::array* const list = array_at(privacy, "detectors");
  if (list == nullptr) return;
  for (std::size_t i = 0; i < list->size(); ++i) {
    if (!(*list)[i].is_object()) continue;
    const bj::object& detector = (*list)[i].get_object();
    const std::string at = "/privacy/detectors/" + std::to_string(i);
    const bool is_service = detector.contains("url");
    if (is_service == detector.contains("model")) {
      out.push_back({at, "must have either `url`, of a service, or `model`, of the project"});
      continue;
    }
    for (const std::string_view member : {"headers", "language", "providers"})
      if (detector.contains(member) && (member == "providers") == is_service)
        out.push_back({at + "/" + std::string(member),
                       std::string("has no meaning beside `") + (is_service ? "url" : "model") + "`"});
    check_names(detector, "providers", at, "provider", others, out);
    check_service(detector, at, out);
    const bj::value* const model = detector.if_contains("model");
    if (model == nullptr || !model->is_string()) continue;
    const std::string name(model->get_string());
    if (others.find("model", name) == nullptr)
      out.push_back(
          {at + "/model", "model `" + name + "` does not exist." + did_you_mean(name, others.names("model"))});
    std::vector<std::string> seen;
    check_routes(name, detector, at + "/model", others, seen, out);
    if (!privacy.contains("time_limit"))
      out.push_back({at + "/model",
                     "takes longer than the 50ms that a call waits without `time_limit`: write one beside `detectors`, "
                     "such as `time_limit: 10s`"});
  }
}

// Names of entities that only detectors find which are plugged in.
std::vector<std::string> plugged_alone(const bj::object& privacy, const std::vector<std::string>& known) {
  std::vector<std::string> out;
  const bj::array* const list = array_at(privacy, "detectors");
  if (list == nullptr) return out;
  for (const bj::value& one : *list) {
    const bj::array* const entities = one.is_object() ? array_at(one.get_object(), "entities") : nullptr;
    if (entities == nullptr) continue;
    for (const bj::value& entity : *entities)
      if (entity.is_string() && std::ranges::find(known, std::string_view(entity.get_string())) == known.end())
        out.emplace_back(entity.get_string());
  }
  return out;
}

void check_entities(const bj::object& privacy, const Catalogue& others, std::vector<SpecError>& out) {
  std::vector<std::string> known;
  for (const pii::EntityInfo& one : pii::entities()) known.emplace_back(one.name);
  if (const bj::array* const custom = array_at(privacy, "custom"))
    for (const bj::value& one : *custom)
      if (const bj::value* const name = one.is_object() ? one.get_object().if_contains("name") : nullptr;
          name != nullptr && name->is_string())
        known.emplace_back(name->get_string());
  const std::vector<std::string> plugged = plugged_alone(privacy, known);
  known.insert(known.end(), plugged.begin(), plugged.end());
  if (const bj::object* const entities = object_at(privacy, "entities")) {
    for (const auto& [entity, rule] : *entities) {
      const std::string name(entity), at = "/privacy/entities/" + name;
      if (std::ranges::find(known, name) == known.end())
        out.push_back({at, "there is no entity `" + name + "`." + did_you_mean(name, known)});
      check_rule(rule, at, others, out);
      const bj::object* const detailed = rule.if_object();
      const bj::value* const direction = detailed != nullptr ? detailed->if_contains("direction") : nullptr;
      if (direction != nullptr && *direction != "input" && std::ranges::find(plugged, name) != plugged.end())
        out.push_back({at + "/direction",
                       "has no meaning for what only `detectors` find: they are asked about what callers say"});
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
    const bj::value* const texts = wanted.if_contains(member);
    if (texts == nullptr) return;
    const auto look = [&](const bj::value& text, const std::string& where) {
      if ((made.text.find(std::string_view(text.get_string())) != std::string::npos) != should_hold)
        wrong("/expect/" + std::string(member) + where, "the test does not pass");
    };
    if (texts->is_string()) return look(*texts, "");
    for (std::size_t i = 0; i < texts->get_array().size(); ++i) look(texts->get_array()[i], "/" + std::to_string(i));
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
  check_detectors(*privacy, others, out);
  for (const std::string_view member : {"time_limit", "ttl"}) {
    const bj::value* const value = privacy->if_contains(member);
    if (value != nullptr && value->is_string() && !time_of(value->get_string()))
      out.push_back({"/privacy/" + std::string(member),
                     "must be a time of at least 1ms and at most ten years, such as 50ms or 30d"});
    if (member == "time_limit" && value != nullptr && value->is_string() &&
        time_of(value->get_string()) > kLongestTimeLimit)
      out.push_back({"/privacy/time_limit", "must be at most 10m: a call waits for it"});
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

std::vector<resources::SecretReference> secret_references(const bj::object& spec) {
  std::vector<resources::SecretReference> out;
  const bj::object* const privacy = object_at(spec, "privacy");
  const bj::array* const list = privacy != nullptr ? array_at(*privacy, "detectors") : nullptr;
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const bj::object* const headers = (*list)[i].is_object() ? object_at((*list)[i].get_object(), "headers") : nullptr;
    if (headers == nullptr) continue;
    for (const auto& [name, value] : *headers)
      if (value.is_string())
        if (const std::string_view secret = access::secret_of(value.get_string()); !secret.empty())
          out.push_back({"/privacy/detectors/" + std::to_string(i) + "/headers/" + json::pointer_token(name),
                         std::string(secret)});
  }
  return out;
}

resources::Kind policy_kind() {
  resources::Kind kind;
  kind.name = "policy";
  kind.schema = kSchema;
  kind.plural = "policies";
  kind.check = check;
  kind.secrets = secret_references;
  return kind;
}

}  // namespace fairlead::policy
