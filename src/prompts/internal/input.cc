#include "prompts/internal/input.h"

namespace fairlead::prompts::internal {

std::optional<json::Schema> compile_schema(const boost::json::value& schema, const std::string& pointer,
                                           std::vector<resources::SpecError>& faults) {
  auto compiled = json::Schema::compile(schema);
  if (compiled) return std::move(*compiled);
  faults.push_back({pointer + compiled.error().param, compiled.error().message});
  return std::nullopt;
}

std::optional<Input> read_input(const std::string& name, const boost::json::value& schema, const std::string& pointer,
                                std::vector<resources::SpecError>& faults) {
  auto compiled = compile_schema(schema, pointer, faults);
  if (!compiled) return std::nullopt;
  Input out{name, std::move(*compiled), std::nullopt, schema};
  if (const auto* given = schema.is_object() ? schema.get_object().if_contains("default") : nullptr) {
    out.fallback = *given;
    for (const json::SchemaError& error : out.schema.validate(*given, 1))
      faults.push_back(
          {pointer + "/default", "the default of `" + name + "` does not fit its own schema: " + error.message});
  }
  return out;
}

}  // namespace fairlead::prompts::internal
