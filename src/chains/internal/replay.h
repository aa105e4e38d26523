// A chain read against what has been done, without doing anything: what its steps gave, and what each was given.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "chains/internal/plan.h"
#include "platform/journal/history.h"

namespace fairlead::chains::internal {

// "each[3]" → "each", 3; "check#2" → "check", 2; "a" → "a". Parts below these ("each[3]/x") count as theirs.
struct PartName {
  std::string_view step;
  std::string_view part;  // with its index
  std::size_t index = 0;  // of an element, from 0; of a turn, from 1
};
PartName part_name(std::string_view text);

inline constexpr std::string_view kCompensation = "compensate:";  // before the name of the part that is undone

struct Replayed {
  std::vector<std::optional<boost::json::value>> outputs;  // by the steps' places; of those that are done
  std::vector<bool> skipped;
  std::vector<boost::json::array> items;      // of steps with `map` that could be asked for
  std::map<std::string, std::string> inputs;  // of every part that could be asked for: the digest of what it is given
};

// `input` has its defaults. `story` is of a run of this plan, or of another: what is not asked for is left aside.
Replayed replay(const Plan& plan, const boost::json::value& input, const journal::Story& story,
                const std::string& run_id, std::int64_t started_at);

// How many elements each step's `map` has, by the steps' places: 0 where there is none, or it cannot be asked for yet.
std::vector<std::size_t> elements_of(const Plan& plan, const boost::json::value& input, const journal::Story& story,
                                     const std::string& run_id, std::int64_t started_at);

// Where what is done (the steps among `steps`, or all) would not be the same; empty: it agrees. `theirs` was given by
// the plan with which it was done.
struct Disagreement {
  std::string step, why;
};
std::optional<Disagreement> disagreement(const Plan& done_with, const Plan& plan, const Replayed& theirs,
                                         const Replayed& ours, const journal::Story& story,
                                         const std::set<std::string, std::less<>>* steps);

// Failed parts that the run did not go on without.
std::vector<std::string> failures_that_count(const Plan& plan, const Replayed& replayed, const journal::Story& story);

// The part of the story that those steps have; of steps that are not done, without what failed.
journal::Story part_of(const journal::Story& story, const std::set<std::string, std::less<>>& steps, const Plan& plan,
                       const Replayed& replayed);

}  // namespace fairlead::chains::internal
