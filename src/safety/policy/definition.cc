#include "safety/policy/definition.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "safety/pii/json.h"

namespace fairlead::policy {
namespace {

namespace bj = boost::json;

constexpr std::string_view kOperators[] = {"pass", "pseudonymise", "generalise", "mask", "encrypt",
                                           "hash", "replace",      "redact",     "block"};

std::vector<std::string> texts(const bj::object& from, std::string_view name) {
  std::vector<std::string> out;
  const bj::value* const list = from.if_contains(name);
  if (list == nullptr || !list->is_array()) return out;
  for (const bj::value& one : list->get_array())
    if (one.is_string()) out.emplace_back(one.get_string());
  return out;
}

std::string_view text(const bj::object& from, std::string_view name) {
  const bj::value* const value = from.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

Rule rule_of(const bj::value& value, double threshold) {
  Rule out;
  out.threshold = threshold;
  if (value.is_string()) {
    out.what = operator_of(value.get_string()).value_or(Operator::kPass);
    return out;
  }
  const bj::object* const object = value.if_object();
  if (object == nullptr) return out;
  out.what = operator_of(text(*object, "do")).value_or(Operator::kPass);
  if (const bj::value* const one = object->if_contains("threshold"); one != nullptr && one->is_number())
    out.threshold = one->to_number<double>();
  const std::string_view direction = text(*object, "direction");
  out.input = direction != "output";
  out.output = direction == "output" || direction == "both";
  if (object->contains("with")) out.with = std::string(text(*object, "with"));
  if (const bj::value* const keep = object->if_contains("keep"); keep != nullptr && keep->is_int64())
    out.keep = static_cast<std::size_t>(keep->get_int64());
  out.year_alone = text(*object, "to") == "year";
  out.not_to = texts(*object, "not_to");
  return out;
}

DetectorSpec detector_of(const bj::object& object) {
  DetectorSpec out;
  out.url = text(object, "url");
  out.model = text(object, "model");
  out.entities = texts(object, "entities");
  if (const bj::value* const headers = object.if_contains("headers"); headers != nullptr && headers->is_object())
    out.headers = headers->get_object();
  if (object.contains("language")) out.language = text(object, "language");
  out.providers = texts(object, "providers");
  return out;
}

}  // namespace

std::string DetectorSpec::title() const {
  if (url.empty()) return model;
  std::string_view rest = url;
  if (const std::size_t scheme = rest.find("://"); scheme != std::string_view::npos) rest.remove_prefix(scheme + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  return std::string(rest.substr(rest.rfind('@') + 1));
}

std::string_view name_of(Operator what) {
  return kOperators[static_cast<std::size_t>(what)];
}

std::optional<Operator> operator_of(std::string_view name) {
  const auto* const found = std::ranges::find(kOperators, name);
  if (found == std::end(kOperators)) return std::nullopt;
  return static_cast<Operator>(found - std::begin(kOperators));
}

std::optional<Millis> time_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 1 || number > 1'000'000'000) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  for (const auto& [name, millis] : kUnits)
    if (unit == name && number <= 3'650LL * 86'400'000 / millis) return Millis(number * millis);
  return std::nullopt;
}

Result<Definition> Definition::of(std::string name, int version, const bj::object& spec) {
  Definition out;
  out.name = std::move(name);
  out.version = version;
  if (const bj::value* const applies = spec.if_contains("applies"); applies != nullptr && applies->is_object()) {
    out.prompts = texts(applies->get_object(), "prompts");
    out.models = texts(applies->get_object(), "models");
    out.providers = texts(applies->get_object(), "providers");
  }
  const bj::value* const given = spec.if_contains("privacy");
  if (given == nullptr || !given->is_object()) return out;
  const bj::object& privacy = given->get_object();
  double threshold = 0.5;
  if (const bj::value* const one = privacy.if_contains("threshold"); one != nullptr && one->is_number())
    threshold = one->to_number<double>();
  if (const bj::value* const entities = privacy.if_contains("entities"); entities != nullptr && entities->is_object())
    for (const auto& [entity, rule] : entities->get_object()) out.entities.emplace(entity, rule_of(rule, threshold));
  out.otherwise.threshold = threshold;
  if (const bj::value* const one = privacy.if_contains("default")) out.otherwise = rule_of(*one, threshold);
  out.regions = texts(privacy, "regions");
  if (const bj::value* const custom = privacy.if_contains("custom")) {
    auto options = pii::options_of({{"custom", *custom}});
    if (!options) return fail(std::move(options).error());
    out.custom = std::move(options->custom);
  }
  if (const bj::value* const list = privacy.if_contains("detectors"); list != nullptr && list->is_array())
    for (const bj::value& one : list->get_array())
      if (one.is_object()) out.detectors.push_back(detector_of(one.get_object()));
  out.passes_media = text(privacy, "media") == "pass";
  out.is_open = text(privacy, "failure") == "open";
  if (const bj::value* const shadow = privacy.if_contains("shadow"))
    out.is_shadow = shadow->is_bool() && shadow->get_bool();
  if (const auto limit = time_of(text(privacy, "time_limit"))) out.time_limit = std::min(*limit, kLongestTimeLimit);
  if (const auto ttl = time_of(text(privacy, "ttl"))) out.ttl = std::chrono::duration_cast<std::chrono::seconds>(*ttl);
  return out;
}

}  // namespace fairlead::policy
