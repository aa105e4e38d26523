// Many patterns looked for in one pass: Vectorscan, which runs automata and so takes a time linear in the text.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct hs_database;

namespace fairlead::pii {

struct Pattern {
  std::string expression;
  bool any_case = false;
  bool starts = false;  // matches say where they start; slower
  bool unicode =
      false;  // a character is one of Unicode's; the text must be well-formed UTF-8. \w, \d and \b are of ASCII
};

// Immutable; any number of threads scan at a time, each with scratch space that the thread keeps.
class PatternDatabase {
 public:
  // Patterns have the ids 0, 1, …. Error: invalid_pattern, with the message of the compiler and the number of the
  // pattern.
  static Result<PatternDatabase> compile(const std::vector<Pattern>& patterns);

  // Calls `hit(id, start, end)` for each end of a match, in the order of ends. `start` is 0 where the pattern does not
  // say it.
  template <class Hit>
  void scan(std::string_view text, const Hit& hit) const {
    const auto call = [](unsigned id, unsigned long long from, unsigned long long to, unsigned, void* context) -> int {
      (*static_cast<const Hit*>(context))(id, static_cast<std::size_t>(from), static_cast<std::size_t>(to));
      return 0;
    };
    scan_with(text, const_cast<Hit*>(&hit), call);
  }

  struct Width {
    unsigned least = 0, most = 0;  // most: UINT_MAX if there is no bound
  };
  static Result<Width> width(const Pattern& pattern);

 private:
  using Callback = int (*)(unsigned, unsigned long long, unsigned long long, unsigned, void*);
  PatternDatabase() = default;
  void scan_with(std::string_view text, void* context, Callback callback) const;

  std::shared_ptr<const hs_database> database_;
  std::uint64_t number_ = 0;  // of the database, in this process
};

}  // namespace fairlead::pii
