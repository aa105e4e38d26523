#include "providers/factory.h"

#include <fmt/format.h>

#include <boost/json/value.hpp>

#include "providers/internal/spec.h"
#include "providers/internal/vendor.h"

namespace fairlead::providers {

Result<std::shared_ptr<llm::Provider>> make_provider(std::string_view name, const boost::json::object& spec,
                                                     const Dependencies& dependencies) {
  const std::string_view type = internal::text_or(spec, "type", "");
  const internal::Vendor* const vendor = internal::find_vendor(type);
  if (vendor == nullptr)
    return fail(ErrorKind::kInvalid, "provider_type_unknown",
                fmt::format("Provider `{}` is of type `{}`, which is not an upstream's.", name, type));
  std::vector<std::string_view> references;
  for (const internal::Field& field : vendor->fields)
    if (field.is_reference) references.push_back(field.name);
  FAIRLEAD_TRY(internal::Endpoint endpoint,
               internal::resolve_endpoint(name, spec, vendor->base_url, references, dependencies));
  return vendor->make({.endpoint = std::move(endpoint), .spec = spec, .dependencies = dependencies});
}

}  // namespace fairlead::providers
