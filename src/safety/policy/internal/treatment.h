// What rules make of texts.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "safety/policy/internal/finding.h"
#include "safety/policy/internal/session.h"
#include "safety/policy/keys.h"
#include "safety/policy/rules.h"

namespace fairlead::policy {

// How often what was done about which class.
class Tally {
 public:
  void add(std::string_view entity, Operator what) {
    ++counts_[std::string(entity)][std::string(policy::name_of(what))];
  }
  bool empty() const { return counts_.empty(); }
  std::string json() const;

 private:
  std::map<std::string, std::map<std::string, int>> counts_;
};

// Of one call, or one direction of it.
struct Outcome {
  Tally done;
  std::string blocked;           // the class that refuses it; empty: none
  std::set<std::string> not_to;  // providers that it may not go to
};

// What stands in `job.text`. False: there was not time enough to see all of it, until `deadline`.
bool find(const Rules& rules, TextJob& job, const Clock& clock, SteadyTime deadline);
// By when what begins now is to be seen; `patience`: so many times as long as the rules say.
inline SteadyTime deadline_of(const Rules& rules, const Clock& clock, int patience = 1) {
  return clock.steady() + rules.time_limit * patience;
}

// Adds what detectors that are plugged in have found in it, by the same thresholds.
void add_found(const Rules& rules, TextJob& job, std::vector<Found> plugged);

// What one operator writes for a text of that class. Not for those that need a session.
std::string written_for(const Rule& rule, std::string_view entity, std::string_view text, std::string_view project,
                        const Keys& key);

struct Treater {
  const Rules& rules;
  Side side = Side::kInput;
  std::string_view project;
  const Keys& key;
  Session* session = nullptr;    // null: nothing is pseudonymised
  Haystack* haystack = nullptr;  // beside a session
  // From when pseudonyms are no longer looked for.
  const Clock* clock = nullptr;
  SteadyTime deadline = SteadyTime::max();
  // Told of each span that something is done about, if there is one: what is written for it.
  std::function<void(const Found&, Operator, std::string_view)> told{};

  // Of one call: whoever is found somewhere in it is found in all of it.
  void treat_all(std::span<TextJob* const> jobs, Outcome& outcome) const;
  // Adds what the session knows to what was found, and fills `job.instead`.
  void treat(TextJob& job, Outcome& outcome) const;
};

}  // namespace fairlead::policy
