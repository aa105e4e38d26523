#include "schedules/kind.h"

#include "base/suggest.h"
#include "llm/reference.h"
#include "schedules/schedule.h"

namespace fairlead::schedules {
namespace {

namespace bj = boost::json;
using Faults = std::vector<resources::SpecError>;

constexpr const char* kSchema = R"json({
  "type": "object",
  "required": ["chain"],
  "additionalProperties": false,
  "properties": {
    "description": {"type": "string", "maxLength": 2000},
    "chain": {"type": "string", "minLength": 1},
    "input": {"type": "object"},
    "cron": {"type": "string", "maxLength": 1000},
    "zone": {"type": "string", "minLength": 1, "maxLength": 100},
    "every": {"$ref": "#/$defs/duration"},
    "catch_up": {"enum": ["skip", "latest", "all"]},
    "queue": {"type": "string", "minLength": 1, "maxLength": 63},
    "deadline": {"$ref": "#/$defs/duration"},
    "paused": {"type": "boolean"}
  },
  "$defs": {"duration": {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$"}}
})json";

const bj::object* member_object(const bj::object& from, std::string_view name) {
  const bj::value* const value = from.if_contains(name);
  return value != nullptr && value->is_object() ? &value->get_object() : nullptr;
}

// The chain is there, and is given the input that it declares.
void check_chain(const bj::object& spec, const resources::Catalogue& others, Faults& faults) {
  const std::string text(spec.at("chain").as_string());
  const llm::Reference reference = llm::Reference::parse(text);
  const std::string name(reference.name);
  const bj::object* chain = reference.kind.empty() || reference.kind == "chain" ? others.find("chain", name) : nullptr;
  if (chain == nullptr) {
    faults.push_back({"/chain", "unknown chain `" + name + "`." + did_you_mean(name, others.names("chain"))});
    return;
  }
  if (!reference.version.empty()) {
    const auto version = others.at("chain", name, reference.version);
    if (!version) {
      faults.push_back(
          {"/chain", "chain `" + name + "` has no version or label `" + std::string(reference.version) + "`."});
      return;
    }
    chain = &(*version)->spec;
  }
  static const bj::object kNone;
  const bj::object* const declared = member_object(*chain, "input");
  const bj::object* const input = member_object(spec, "input");
  const bj::object& given = input != nullptr ? *input : kNone;
  const bj::object& fields = declared != nullptr ? *declared : kNone;
  std::vector<std::string> names;
  for (const auto& [field, schema] : fields) names.emplace_back(field);
  for (const auto& [field, value] : given)
    if (!fields.contains(field))
      faults.push_back({"/input/" + std::string(field), "chain `" + name + "` has no input `" + std::string(field) +
                                                            "`." + did_you_mean(field, names)});
  for (const auto& [field, schema] : fields) {
    const bool needed = !schema.is_object() || !schema.get_object().contains("default");
    if (needed && !given.contains(field))
      faults.push_back({input != nullptr ? "/input" : "",
                        "chain `" + name + "` needs the input `" + std::string(field) + "`: give it in `input`."});
  }
}

Faults check(std::string_view name, const bj::object& spec, const resources::Catalogue& others) {
  Faults faults;
  Schedule::of({}, std::string(name), 0, 0, spec, faults);
  check_chain(spec, others, faults);
  return faults;
}

}  // namespace

resources::Kind schedule_kind() {
  resources::Kind kind;
  kind.name = "schedule";
  kind.schema = kSchema;
  kind.check = check;
  return kind;
}

}  // namespace fairlead::schedules
