#include "safety/policy/rules.h"

#include <algorithm>
#include <optional>

#include "safety/pii/entities.h"

namespace fairlead::policy {
namespace {

// The stricter of two, with all that either asks for besides.
Rule stricter(const Rule& a, const Rule& b) {
  Rule out = a.what >= b.what ? a : b;
  out.threshold = std::min(a.threshold, b.threshold);
  out.input = (a.input && a.what == out.what) || (b.input && b.what == out.what);
  out.output = (a.output && a.what == out.what) || (b.output && b.what == out.what);
  if (a.what != Operator::kPass && b.what != Operator::kPass) {
    out.input = a.input || b.input;
    out.output = a.output || b.output;
  }
  for (const Rule* one : {&a, &b})
    for (const std::string& provider : one->not_to)
      if (std::ranges::find(out.not_to, provider) == out.not_to.end()) out.not_to.push_back(provider);
  return out;
}

const Rule& rule_in(const Definition& policy, std::string_view entity) {
  const auto found = policy.entities.find(entity);
  return found == policy.entities.end() ? policy.otherwise : found->second;
}

bool wanted(const Rule& rule) {
  return rule.what != Operator::kPass || !rule.not_to.empty();
}

// Each once, though several policies may name it; none that finds nothing that matters.
Result<void> add_detectors(Rules& out, const std::vector<const Definition*>& policies, const MakeDetector& make) {
  std::vector<const DetectorSpec*> made;
  for (const Definition* const policy : policies) {
    for (const DetectorSpec& spec : policy->detectors) {
      const auto matters = [&out](const std::string& entity) { return out.rule(entity).does_something(Side::kInput); };
      if (std::ranges::none_of(spec.entities, matters)) continue;
      if (std::ranges::any_of(made, [&spec](const DetectorSpec* one) { return *one == spec; })) continue;
      FAIRLEAD_TRY(auto detector, make(policy->name, spec));
      out.detectors.push_back(std::move(detector));
      made.push_back(&spec);
    }
  }
  return {};
}

// Of those that are written.
template <class T>
void take_shorter(std::optional<T>& shortest, const std::optional<T>& written) {
  if (written) shortest = std::min(shortest.value_or(*written), *written);
}

Result<std::shared_ptr<Rules>> merged(const std::vector<const Definition*>& policies, const MakeDetector& make) {
  auto out = std::make_shared<Rules>();
  out->passes_media = out->is_open = true;
  std::optional<Millis> time_limit;
  std::optional<std::chrono::seconds> ttl;
  out->otherwise = policies.front()->otherwise;
  pii::ScannerOptions options;
  std::vector<std::string> regions;
  for (const Definition* const policy : policies) {
    out->policies.push_back(policy->title());
    out->otherwise = stricter(out->otherwise, policy->otherwise);
    out->passes_media = out->passes_media && policy->passes_media;
    out->is_open = out->is_open && policy->is_open;
    take_shorter(time_limit, policy->time_limit);
    take_shorter(ttl, policy->ttl);
    for (const auto& [entity, rule] : policy->entities) {
      if (out->entities.contains(entity)) continue;
      Rule all = rule_in(*policies.front(), entity);
      for (const Definition* const other : policies) all = stricter(all, rule_in(*other, entity));
      out->entities.emplace(entity, std::move(all));
    }
    regions.insert(regions.end(), policy->regions.begin(), policy->regions.end());
    for (const pii::CustomEntity& one : policy->custom) {
      const auto same = [&one](const pii::CustomEntity& other) { return other.name == one.name; };
      const auto there = std::ranges::find_if(options.custom, same);
      if (there == options.custom.end()) {
        options.custom.push_back(one);
        continue;
      }
      there->patterns.insert(there->patterns.end(), one.patterns.begin(), one.patterns.end());
      there->words.insert(there->words.end(), one.words.begin(), one.words.end());
    }
  }
  out->time_limit = time_limit.value_or(out->time_limit);
  out->ttl = ttl.value_or(out->ttl);
  if (!regions.empty()) {
    std::ranges::sort(regions);
    regions.erase(std::unique(regions.begin(), regions.end()), regions.end());
    options.phone_regions = std::move(regions);
  }
  const auto note = [&](const Rule& rule) {
    out->pseudonymises |= rule.what == Operator::kPseudonymise && rule.input;
    out->watches |= rule.output && rule.what != Operator::kPass;
  };
  const auto is_scanned_for = [&options](const std::string& entity) {
    return pii::is_entity(entity) ||
           std::ranges::find(options.custom, entity, &pii::CustomEntity::name) != options.custom.end();
  };
  note(out->otherwise);
  bool any = wanted(out->otherwise);
  options.threshold = out->otherwise.threshold;
  for (const auto& [entity, rule] : out->entities) {
    note(rule);
    if (!is_scanned_for(entity)) continue;  // by detectors that are plugged in
    options.thresholds[entity] = rule.threshold;
    if (!wanted(rule)) continue;
    any = true;
    if (!wanted(out->otherwise)) options.entities.push_back(entity);
  }
  if (make) FAIRLEAD_CHECK(add_detectors(*out, policies, make));
  if (!any) return out;
  FAIRLEAD_TRY(out->scanner, pii::Scanner::create(std::move(options)));
  return out;
}

}  // namespace

const Rule& Rules::rule(std::string_view entity) const {
  const auto found = entities.find(entity);
  return found == entities.end() ? otherwise : found->second;
}

Result<std::shared_ptr<const Rules>> Rules::create(std::span<const Definition* const> policies,
                                                   const MakeDetector& make) {
  std::vector<const Definition*> in_force, tried;
  for (const Definition* const one : policies) (one->is_shadow ? tried : in_force).push_back(one);
  auto out = std::make_shared<Rules>();
  out->passes_media = true;
  if (!in_force.empty()) {
    FAIRLEAD_TRY(out, merged(in_force, make));
  }
  if (!tried.empty()) {
    FAIRLEAD_TRY(out->shadow, merged(tried, make));
  }
  return out;
}

}  // namespace fairlead::policy
