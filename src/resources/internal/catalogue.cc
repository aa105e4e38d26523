#include "resources/internal/catalogue.h"

namespace fairlead::resources {

const boost::json::object* ProjectCatalogue::find(std::string_view kind, std::string_view name) const {
  const Resource* resource = project_.find(kind, name);
  if (resource == nullptr) return nullptr;
  return &resource->versions.at(resource->labels.find(kLatest)->second)->spec;
}

std::vector<std::string> ProjectCatalogue::names(std::string_view kind) const {
  std::vector<std::string> found;
  for (const auto& [key, resource] : project_.resources) {
    if (key.first == kind) found.push_back(key.second);
  }
  return found;
}

Result<const Version*> ProjectCatalogue::at(std::string_view kind, std::string_view name, std::string_view ref) const {
  return project_.at(kind, name, ref);
}

}  // namespace fairlead::resources
