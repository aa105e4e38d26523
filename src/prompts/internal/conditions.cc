#include "prompts/internal/conditions.h"

#include <algorithm>
#include <cmath>

#include "platform/expr/schema.h"
#include "platform/json/text.h"
#include "prompts/internal/language.h"
#include "prompts/internal/last_user.h"

namespace fairlead::prompts::internal {
namespace {

namespace bj = boost::json;
using expr::Kind;
using expr::Value;

constexpr expr::Limits kLimits{.steps = 10'000};
constexpr std::size_t kShown = 120;  // bytes of a condition in a fault

// A text that may be anything, and so is in a language.
bool is_free_text(const bj::value& schema) {
  return expr::type_of_schema(schema).is(Kind::kString) && !schema.get_object().contains("enum") &&
         !schema.get_object().contains("const");
}

std::string place_of(const expr::Fault& fault) {
  return "line " + std::to_string(fault.line) + ", column " + std::to_string(fault.column) + ": ";
}

}  // namespace

class Conditions::Activation final : public expr::Activation {
 public:
  Activation(const Conditions& conditions, const Variables& variables, const Situation& situation)
      : conditions_(conditions), variables_(variables), situation_(situation) {}

  bool variable(std::uint32_t place, std::string_view name, Value& out) const override {
    switch (conditions_.places_[place]) {
      case Place::kInput:
        return input(place, name, out);
      case Place::kTags:
        if (tags_.empty())
          for (const std::string& tag : situation_.tags) tags_.push_back(Value::string(tag));
        out = Value::list(tags_);
        return true;
      case Place::kUser:
        out = Value::string(situation_.user);
        return true;
      case Place::kSession:
        out = Value::string(situation_.session);
        return true;
      case Place::kNow:
        out = Value::timestamp(situation_.now_us / 1'000'000,
                               static_cast<std::uint32_t>(situation_.now_us % 1'000'000 * 1'000));
        return true;
      case Place::kLanguage:
        if (!language_) language_ = conditions_.language(variables_, situation_);
        out = Value::string(*language_);
        return true;
    }
    return false;
  }

 private:
  bool input(std::uint32_t place, std::string_view name, Value& out) const {
    const bj::value* const found = variables_.values.if_contains(name);
    if (found == nullptr) return false;
    const expr::Type& type = conditions_.environment_.variables()[place].type;
    // To JSON Schema, 3.0 is an integer.
    if (type.is(Kind::kInt) && found->is_double() && std::abs(found->get_double()) < 9e18)
      out = Value::integer(static_cast<std::int64_t>(found->get_double()));
    else
      out = Value::json(*found, type.numbers());
    return true;
  }

  const Conditions& conditions_;
  const Variables& variables_;
  const Situation& situation_;
  mutable std::vector<Value> tags_;
  mutable std::optional<std::string> language_;
};

Conditions::Conditions(const std::vector<Input>& inputs) {
  for (const Input& input : inputs) {
    declare(input.name, expr::type_of_schema(input.source), Place::kInput);
    if (is_free_text(input.source)) free_texts_.push_back(input.name);
  }
  const auto hidden = [&](std::string_view name) { return environment_.find(name).has_value(); };
  declare("tags", expr::Type::list(Kind::kString), Place::kTags);
  if (!hidden("user")) declare("user.id", Kind::kString, Place::kUser);
  if (!hidden("session")) declare("session.id", Kind::kString, Place::kSession);
  declare("now", Kind::kTimestamp, Place::kNow);
  declare("language", Kind::kString, Place::kLanguage);
}

void Conditions::declare(std::string name, expr::Type type, Place place) {
  if (environment_.declare(std::move(name), std::move(type))) places_.push_back(place);
}

std::optional<resources::SpecError> Conditions::add(std::string name, std::string_view source,
                                                    const std::string& pointer) {
  auto compiled = expr::Expression::compile(source, environment_);
  if (!compiled) {
    const expr::Fault& fault = compiled.error();
    std::string message = fault.message;
    const std::size_t hint = std::min(message.find(" Did you mean"), message.find(" Declared:"));
    std::string suggestion = hint < message.size() ? message.substr(hint + 1) : "";
    if (suggestion.starts_with('D')) suggestion[0] = 'd';
    message.resize(std::min(hint, message.size()));
    while (message.ends_with('.')) message.pop_back();
    const bool is_short = source.size() <= kShown && source.find('\n') == std::string_view::npos;
    message = is_short ? message + " in `when: " + std::string(source) + "`" : "`when`, " + place_of(fault) + message;
    return resources::SpecError{pointer, std::move(message), std::move(suggestion)};
  }
  if (!compiled->type().dynamic() && !compiled->type().is(Kind::kBool))
    return resources::SpecError{pointer, "`when` has to be true or false; this is of type " + compiled->type().text()};
  conditions_.push_back({std::move(name), *std::move(compiled)});
  return std::nullopt;
}

Choice Conditions::choose(const Variables& variables, const Situation& situation) const {
  Choice out;
  if (conditions_.empty()) return out;
  const Activation activation(*this, variables, situation);
  expr::Evaluation evaluation;
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    const auto value = conditions_[i].when.evaluate(activation, evaluation, kLimits);
    if (value && value->is_true()) {
      out.holds = i;
      return out;
    }
    if (value && value->is_false()) continue;
    const std::string why = value ? "it is neither true nor false." : place_of(value.error()) + value.error().message;
    out.error += (out.error.empty() ? "" : "; ") + conditions_[i].name + ": " + why;
  }
  return out;
}

std::vector<Answer> Conditions::explain(const Variables& variables, const Situation& situation) const {
  const Activation activation(*this, variables, situation);
  expr::Evaluation evaluation;
  std::vector<Answer> out;
  bool chosen = false;
  for (const Condition& condition : conditions_) {
    Answer& answer = out.emplace_back(Answer{.name = condition.name, .source = condition.when.source()});
    if (chosen) continue;
    const auto value = condition.when.explain(activation, evaluation, answer.findings, kLimits);
    chosen = value && value->is_true();
    answer.came = chosen                       ? Answer::Came::kTrue
                  : value && value->is_false() ? Answer::Came::kFalse
                                               : Answer::Came::kError;
    if (answer.came == Answer::Came::kError)
      answer.error = value ? "it is neither true nor false." : place_of(value.error()) + value.error().message;
  }
  return out;
}

std::string Conditions::language(const Variables& variables, const Situation& situation) const {
  std::string text = situation.request != nullptr ? last_user_text(*situation.request) : std::string();
  if (!text.empty()) return language_of(text);
  std::size_t place = 0;
  for (const auto& [name, value] : variables.values) {
    if (place++ == variables.sent) break;
    if (!value.is_string() || std::ranges::find(free_texts_, std::string_view(name)) == free_texts_.end()) continue;
    text += std::string_view(value.get_string());
    text += '\n';
  }
  return language_of(text);
}

}  // namespace fairlead::prompts::internal
