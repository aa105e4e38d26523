#include "chains/internal/bodies.h"

#include <set>
#include <utility>

#include "platform/expr/schema.h"
#include "platform/json/member.h"

namespace fairlead::chains::internal {
namespace {

namespace bj = boost::json;

const bj::object& object_or_none(const bj::value* value) {
  static const bj::object kNone;
  return value != nullptr && value->is_object() ? value->get_object() : kNone;
}

const bj::array& array_or_none(const bj::value* value) {
  static const bj::array kNone;
  return value != nullptr && value->is_array() ? value->get_array() : kNone;
}

void add_all(const bj::array& list, const std::string& pointer, std::vector<BodySource>& out) {
  std::size_t place = 0;
  for (const bj::value& one : list) out.push_back({&object_or_none(&one), pointer + "/" + std::to_string(place++)});
}

// Fields with a schema each, as one schema of an object.
void read_arguments(const bj::object& fields, const std::string& pointer, Tool& tool, Faults& faults) {
  bj::array required;
  std::vector<std::pair<std::string, expr::Type>> types;
  for (const auto& [name, schema] : fields) {
    types.emplace_back(name, expr::type_of_schema(schema));
    const bj::value* const otherwise = schema.is_object() ? schema.get_object().if_contains("default") : nullptr;
    if (otherwise != nullptr)
      tool.defaults.emplace_back(name, *otherwise);
    else
      required.emplace_back(name);
  }
  bj::object whole{{"type", "object"}, {"properties", fields}, {"additionalProperties", false}};
  if (!required.empty()) whole["required"] = std::move(required);
  tool.parameters = std::move(whole);
  tool.arguments = types.empty() ? expr::Type::map(expr::Kind::kString, {}) : expr::Type::object(std::move(types));
  tool.schema = compile_schema(tool.parameters, pointer, faults);
}

}  // namespace

std::vector<BodySource> bodies_of(Does does, const bj::object& step, const std::string& pointer) {
  std::vector<BodySource> out;
  if (does == Does::kSwitch) add_all(array_or_none(step.if_contains("switch")), pointer + "/switch", out);
  if (does == Does::kAgent) {
    const bj::object& agent = object_or_none(step.if_contains("agent"));
    out.push_back({&agent, pointer + "/agent"});
    add_all(array_or_none(agent.if_contains("tools")), pointer + "/agent/tools", out);
  }
  return out;
}

void check_cases(const bj::object& step, const std::string& pointer, Faults& faults) {
  const auto cases = bodies_of(Does::kSwitch, step, pointer);
  for (std::size_t i = 0; i + 1 < cases.size(); ++i)
    if (!cases[i].spec->contains("when"))
      faults.push_back({cases[i].pointer, "has no `when`, so those behind it are never done: put it last."});
}

std::vector<Tool> read_tools(const bj::object& step, const std::string& pointer, Faults& faults) {
  std::vector<Tool> tools;
  std::set<std::string> names;
  const auto sources = bodies_of(Does::kAgent, step, pointer);
  for (std::size_t i = 1; i < sources.size(); ++i) {
    const auto& [spec, at] = sources[i];
    Tool tool;
    tool.name = json::text_member(*spec, "name");
    tool.description = json::text_member(*spec, "description");
    tool.fails = json::text_member(*spec, "on_failure") == "fail";
    if (!names.insert(tool.name).second)
      faults.push_back({at + "/name", "there is a tool `" + tool.name + "` already."});
    read_arguments(object_or_none(spec->if_contains("arguments")), at + "/arguments", tool, faults);
    tools.push_back(std::move(tool));
  }
  return tools;
}

std::shared_ptr<const json::Schema> compile_schema(const bj::value& schema, const std::string& pointer,
                                                   Faults& faults) {
  auto compiled = json::Schema::compile(schema);
  if (compiled) return std::make_shared<const json::Schema>(std::move(*compiled));
  constexpr std::string_view kProperties = "/properties";  // of fields that were put together here
  std::string place = compiled.error().param;
  if (pointer.ends_with("/arguments") && place.starts_with(kProperties)) place.erase(0, kProperties.size());
  faults.push_back({pointer + place, compiled.error().message});
  return nullptr;
}

}  // namespace fairlead::chains::internal
