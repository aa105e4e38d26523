// The conditions of a prompt's variants (docs/reference/prompts.md, "Variants"): compiled once, asked at each call.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "llm/chat.h"
#include "platform/expr/expression.h"
#include "prompts/internal/variables.h"
#include "resources/kind.h"

namespace fairlead::prompts::internal {

// What conditions see of a call beside its variables. Views.
struct Situation {
  std::string_view user, session;
  std::span<const std::string> tags;
  std::int64_t now_us = 0;                    // unix time
  const llm::ChatRequest* request = nullptr;  // the caller's, whose last user message tells the language
};

struct Choice {
  std::optional<std::size_t> holds;  // the first that does
  std::string error;                 // of those before it that failed: "NAME: …"
};

// What became of one condition.
struct Answer {
  std::string name, source;
  enum class Came : std::uint8_t { kTrue, kFalse, kError, kNotAsked } came = Came::kNotAsked;
  std::string error;
  std::vector<expr::Finding> findings;
};

// Immutable once all are added; thread-safe.
class Conditions {
 public:
  explicit Conditions(const std::vector<Input>& inputs = {});
  // A fault at `pointer`, or nothing. `name`: of the variant.
  std::optional<resources::SpecError> add(std::string name, std::string_view source, const std::string& pointer);

  bool empty() const { return conditions_.empty(); }
  Choice choose(const Variables& variables, const Situation& situation) const;
  // The same, with what each came to and why. For people.
  std::vector<Answer> explain(const Variables& variables, const Situation& situation) const;
  // What `language` is for them.
  std::string language(const Variables& variables, const Situation& situation) const;

 private:
  class Activation;
  enum class Place : std::uint8_t { kInput, kTags, kUser, kSession, kNow, kLanguage };
  struct Condition {
    std::string name;
    expr::Expression when;
  };
  void declare(std::string name, expr::Type type, Place place);

  expr::Environment environment_;
  std::vector<Place> places_;            // of the environment's variables
  std::vector<std::string> free_texts_;  // names of the inputs whose language may be asked for
  std::vector<Condition> conditions_;
};

}  // namespace fairlead::prompts::internal
