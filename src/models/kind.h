// The kind `model`: what an application may ask for, and where it is answered.
#pragma once
#include <boost/json/object.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "llm/provider.h"
#include "resources/kind.h"

namespace fairlead::models {

// See docs/reference/models.md. Immutable, thread-safe. The check wants every provider to exist, `file` where it is of
// type llama.cpp and `model` elsewhere, one digest for one file, and fallbacks that exist and lead nowhere back.
resources::Kind model_kind();

// The provider of that name, or null.
using ProviderLookup = std::function<std::shared_ptr<llm::Provider>(std::string_view name)>;

// The model that a bare name of the same project stands for, compiled, or null.
using ModelLookup = std::function<std::shared_ptr<const llm::Model>(std::string_view name)>;

// A version that the check has passed, ready to be called once the router has given it its state. Errors:
// provider_not_found, model_not_found (a fallback), if what it names has changed since.
Result<std::shared_ptr<llm::Model>> compile_model(const resources::Version& version, const ProviderLookup& providers,
                                                  const ModelLookup& models = {});

// A file that a model's routes want of the local workers.
struct LocalFile {
  std::string file;
  std::string sha256;  // hex, or empty
};
std::vector<LocalFile> local_files(const boost::json::object& spec);

}  // namespace fairlead::models
