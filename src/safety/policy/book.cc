#include "safety/policy/book.h"

#include <algorithm>
#include <numeric>

namespace fairlead::policy {
namespace {

struct Reached {
  std::set<std::string> models, providers;

  void add(const llm::Model& model) {
    if (!models.insert(model.name).second) return;
    for (const llm::Route& route : model.routes) providers.insert(std::string(route.provider->name()));
    for (const auto& fallback : model.fallbacks) add(*fallback);
  }
};

bool any_of(const std::vector<std::string>& names, const std::set<std::string>& reached) {
  return std::ranges::any_of(names, [&](const std::string& name) { return reached.contains(name); });
}

}  // namespace

Result<std::shared_ptr<const Guard>> Book::guard(const std::string& prompt,
                                                 const std::vector<std::shared_ptr<const llm::Model>>& models) {
  if (definitions_.empty()) return nullptr;
  Reached reached;
  for (const auto& model : models) reached.add(*model);
  std::vector<std::size_t> applying;
  for (std::size_t i = 0; i < definitions_.size(); ++i) {
    const Definition& one = definitions_[i];
    const bool by_prompt = !prompt.empty() && std::ranges::find(one.prompts, prompt) != one.prompts.end();
    if (one.applies_to_all() || by_prompt || any_of(one.models, reached.models) ||
        any_of(one.providers, reached.providers))
      applying.push_back(i);
  }
  return make(std::move(applying));
}

Result<std::shared_ptr<const Guard>> Book::guard_of_all() {
  std::vector<std::size_t> all(definitions_.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return make(std::move(all));
}

Result<std::shared_ptr<const Guard>> Book::make(std::vector<std::size_t> applying) {
  if (applying.empty()) return nullptr;
  if (const auto known = made_.find(applying); known != made_.end()) return known->second;
  std::vector<const Definition*> definitions;
  definitions.reserve(applying.size());
  for (const std::size_t i : applying) definitions.push_back(&definitions_[i]);
  MakeDetector make;
  if (parts_.detectors != nullptr)
    make = [this](const std::string& policy, const DetectorSpec& spec) {
      return make_plugged(project_, policy, spec, *parts_.detectors);
    };
  FAIRLEAD_TRY(auto rules, Rules::create(definitions, make));
  auto made = std::make_shared<const Guard>(project_, std::move(rules), parts_);
  made_.emplace(std::move(applying), made);
  return made;
}

}  // namespace fairlead::policy
