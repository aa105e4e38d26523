#include "safety/pii/json.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/suggest.h"

namespace fairlead::pii {
namespace {

namespace bj = boost::json;

std::unexpected<Error> refuse(std::string code, std::string message, std::string param) {
  return fail(ErrorKind::kInvalid, std::move(code), std::move(message), std::move(param));
}

// Reads the members of one object, and remembers which there may be.
class Members {
 public:
  Members(const bj::object& object, std::string prefix) : object_(object), prefix_(std::move(prefix)) {}

  Result<void> only(std::vector<std::string> known) const {
    for (const auto& [name, value] : object_)
      if (std::ranges::find(known, std::string_view(name)) == known.end())
        return refuse("unknown_parameter", "There is no member `" + param(name) + "`." + did_you_mean(name, known),
                      param(name));
    return {};
  }
  Result<void> number(std::string_view name, double& out) const {
    const bj::value* const value = member(name);
    if (value == nullptr) return {};
    if (!value->is_number()) return refuse("invalid_type", "`" + param(name) + "` must be a number.", param(name));
    out = value->to_number<double>();
    return {};
  }
  Result<void> string(std::string_view name, std::string& out) const {
    const bj::value* const value = member(name);
    if (value == nullptr) return {};
    if (!value->is_string()) return refuse("invalid_type", "`" + param(name) + "` must be a string.", param(name));
    out = value->get_string();
    return {};
  }
  Result<void> strings(std::string_view name, std::vector<std::string>& out) const {
    const bj::value* const value = member(name);
    if (value == nullptr) return {};
    const bj::array* const array = value->if_array();
    if (array == nullptr || !std::ranges::all_of(*array, [](const bj::value& one) { return one.is_string(); }))
      return refuse("invalid_type", "`" + param(name) + "` must be a list of strings.", param(name));
    out.clear();
    for (const bj::value& one : *array) out.emplace_back(one.get_string());
    return {};
  }
  const bj::value* member(std::string_view name) const {
    const bj::value* const value = object_.if_contains(name);
    return value != nullptr && !value->is_null() ? value : nullptr;
  }
  std::string param(std::string_view name) const { return prefix_ + std::string(name); }

 private:
  const bj::object& object_;
  const std::string prefix_;
};

Result<Checksum> checksum_of(const std::string& name, std::string param) {
  if (name.empty() || name == "none") return Checksum::kNone;
  if (name == "luhn") return Checksum::kLuhn;
  if (name == "mod97") return Checksum::kMod97;
  return refuse("invalid_value", "`" + param + "` is `luhn`, `mod97` or `none`.", param);
}

Result<CustomEntity> custom_of(const bj::object& object, const std::string& prefix) {
  const Members members(object, prefix + ".");
  FAIRLEAD_CHECK(members.only({"name", "patterns", "words", "checksum", "context", "score", "score_near"}));
  CustomEntity out;
  std::string checksum;
  FAIRLEAD_CHECK(members.string("name", out.name));
  FAIRLEAD_CHECK(members.strings("patterns", out.patterns));
  FAIRLEAD_CHECK(members.strings("words", out.words));
  FAIRLEAD_CHECK(members.string("checksum", checksum));
  FAIRLEAD_TRY(out.checksum, checksum_of(checksum, prefix + ".checksum"));
  FAIRLEAD_CHECK(members.strings("context", out.context));
  FAIRLEAD_CHECK(members.number("score", out.score));
  FAIRLEAD_CHECK(members.number("score_near", out.score_near));
  return out;
}

}  // namespace

bj::array to_json(const std::vector<Span>& spans) {
  bj::array out;
  for (const Span& one : spans)
    out.push_back(bj::object{{"start", one.start_character},
                             {"end", one.end_character},
                             {"entity", one.entity},
                             {"score", std::round(one.score * 1000) / 1000},
                             {"why", one.why}});
  return out;
}

Result<ScannerOptions> options_of(const bj::object& object) {
  const Members members(object, "");
  FAIRLEAD_CHECK(members.only({"threshold", "thresholds", "entities", "regions", "custom"}));
  ScannerOptions out;
  FAIRLEAD_CHECK(members.number("threshold", out.threshold));
  FAIRLEAD_CHECK(members.strings("entities", out.entities));
  FAIRLEAD_CHECK(members.strings("regions", out.phone_regions));
  if (const bj::value* const thresholds = members.member("thresholds")) {
    if (!thresholds->is_object())
      return refuse("invalid_type", "`thresholds` must be an object of numbers.", "thresholds");
    const Members own(thresholds->get_object(), "thresholds.");
    for (const auto& [name, value] : thresholds->get_object())
      FAIRLEAD_CHECK(own.number(name, out.thresholds[std::string(name)]));
  }
  if (const bj::value* const custom = members.member("custom")) {
    const bj::array* const list = custom->if_array();
    if (list == nullptr) return refuse("invalid_type", "`custom` must be a list of objects.", "custom");
    for (std::size_t i = 0; i < list->size(); ++i) {
      const std::string prefix = "custom[" + std::to_string(i) + "]";
      if (!(*list)[i].is_object()) return refuse("invalid_type", "`" + prefix + "` must be an object.", prefix);
      FAIRLEAD_TRY(CustomEntity entity, custom_of((*list)[i].get_object(), prefix));
      out.custom.push_back(std::move(entity));
    }
  }
  return out;
}

}  // namespace fairlead::pii
