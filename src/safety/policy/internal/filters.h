// What happens to the text of an answer on its way, piece by piece.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "safety/policy/internal/matcher.h"
#include "safety/policy/internal/treatment.h"

namespace fairlead::policy {

// Of one text, in its order.
class TextFilter {
 public:
  virtual ~TextFilter() = default;
  // Appends what may go out now; with `final`, all of it. Pieces may end anywhere, within a character too.
  virtual Result<void> push(std::string_view text, bool final, std::string& out) = 0;
  virtual bool holds() const = 0;  // something back
};

// The same forms, with those in which JSON text has them: \u0418 for И.
std::shared_ptr<const Matcher> with_escapes(const Matcher& forms);

// Gives originals back. In JSON text what is put there is escaped. Holds back the beginning of what may be a pseudonym,
// and nothing else.
class Restorer final : public TextFilter {
 public:
  Restorer(std::shared_ptr<const Matcher> pseudonyms, bool is_json)
      : pseudonyms_(std::move(pseudonyms)), is_json_(is_json) {}
  Result<void> push(std::string_view text, bool final, std::string& out) override;
  bool holds() const override { return !held_.empty(); }

 private:
  std::shared_ptr<const Matcher> pseudonyms_;
  const bool is_json_;
  std::string held_;
  bool after_word_ = false;  // what went out ended with a word
};

// Looks for what a model says of itself. Holds back kWindow bytes and the word that they begin in.
class Watcher final : public TextFilter {
 public:
  static constexpr std::size_t kWindow = 256;
  // All of it outlives this. `pseudonyms` are nothing of the model's; may be null.
  Watcher(const Treater& treater, Outcome& outcome, std::shared_ptr<const Matcher> pseudonyms, const Clock& clock)
      : treater_(treater), outcome_(outcome), pseudonyms_(std::move(pseudonyms)), clock_(clock) {}
  Result<void> push(std::string_view text, bool final, std::string& out) override;
  bool holds() const override { return !held_.empty(); }

 private:
  std::size_t safe_end(bool final) const;

  const Treater& treater_;
  Outcome& outcome_;
  std::shared_ptr<const Matcher> pseudonyms_;
  const Clock& clock_;
  std::string held_, context_;
};

}  // namespace fairlead::policy
