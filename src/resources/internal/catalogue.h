// A project at its newest versions, as a kind's functions see it.
#pragma once
#include "resources/project.h"

namespace fairlead::resources {

// The project outlives it.
class ProjectCatalogue final : public Catalogue {
 public:
  explicit ProjectCatalogue(const Project& project) : project_(project) {}
  const boost::json::object* find(std::string_view kind, std::string_view name) const override;
  std::vector<std::string> names(std::string_view kind) const override;
  Result<const Version*> at(std::string_view kind, std::string_view name, std::string_view ref) const override;

 private:
  const Project& project_;
};

}  // namespace fairlead::resources
