// What the room knows of a type of provider; each vendor's folder describes its own.
#pragma once
#include <boost/json/object.hpp>
#include <memory>
#include <string_view>
#include <vector>

#include "llm/provider.h"
#include "providers/factory.h"
#include "providers/internal/spec.h"
#include "resources/kind.h"

namespace fairlead::providers::internal {

// A field of the spec beside those of all types: description, base_url, headers, timeout.
struct Field {
  std::string_view name;
  bool is_reference = false;  // to a credential (is_reference), and nothing else
  bool required = false;
};
inline constexpr Field kApiKey{"api_key", true};

// What a provider is made of. The views last for the call.
struct Making {
  Endpoint endpoint;
  const boost::json::object& spec;
  const Dependencies& dependencies;
};

struct Vendor {
  std::string_view type;
  // Where it is found if the spec does not say; `{field}` stands for that field's value. Empty: the spec must say.
  std::string_view base_url;
  std::vector<Field> fields;
  // What the schema and the fields' list do not say; may be null.
  void (*check)(const boost::json::object& spec, std::vector<resources::SpecError>& errors) = nullptr;
  Result<std::shared_ptr<llm::Provider>> (*make)(Making making) = nullptr;
};

// All of them, in the order in which people read about them. Made once, immutable.
const std::vector<Vendor>& vendors();
const Vendor* find_vendor(std::string_view type);

}  // namespace fairlead::providers::internal
