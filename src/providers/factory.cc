#include "providers/factory.h"

#include <fmt/format.h>

#include <boost/json/value.hpp>

#include "providers/anthropic/provider.h"
#include "providers/internal/spec.h"
#include "providers/openai/provider.h"

namespace fairlead::providers {

Result<std::shared_ptr<llm::Provider>> make_provider(std::string_view name, const boost::json::object& spec,
                                                     const Dependencies& dependencies) {
  const std::string_view type = internal::text_or(spec, "type", "");
  if (type != "openai" && type != "anthropic")
    return fail(ErrorKind::kInvalid, "provider_type_unknown",
                fmt::format("Provider `{}` is of type `{}`, which is not an upstream's.", name, type));
  FAIRLEAD_TRY(internal::Endpoint endpoint, internal::resolve_endpoint(name, spec, dependencies.environment));
  if (type == "anthropic") {
    return anthropic::make_provider(
        {.endpoint = std::move(endpoint), .client = dependencies.client, .clock = dependencies.clock});
  }
  return openai::make_provider({.endpoint = std::move(endpoint),
                                .organization = std::string(internal::text_or(spec, "organization", "")),
                                .project = std::string(internal::text_or(spec, "project", "")),
                                .client = dependencies.client});
}

}  // namespace fairlead::providers
