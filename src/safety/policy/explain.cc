// What policies would do with a text, and why.
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/value_from.hpp>
#include <utility>

#include "platform/json/text.h"
#include "safety/policy/guard.h"
#include "safety/policy/internal/plugged.h"
#include "safety/policy/internal/session.h"
#include "safety/policy/internal/treatment.h"

namespace fairlead::policy {

Explained explain(const Rules& rules, std::string_view text, std::string_view project, std::shared_ptr<const Keys> key,
                  const Clock& clock, std::span<const Found> plugged) {
  Explained out;
  TextJob job{.text = text};
  (void)find(rules, job, clock, SteadyTime::max());
  add_found(rules, job, {plugged.begin(), plugged.end()});
  Session session(key->digest(), std::string(project));
  Haystack haystack;
  haystack.add(text);
  Outcome outcome;
  Treater treater{.rules = rules,
                  .side = Side::kInput,
                  .project = project,
                  .key = *key,
                  .session = &session,
                  .haystack = &haystack};
  std::size_t bytes = 0, characters = 0;  // counted so far; what is told comes in order
  const auto count_to = [&](std::size_t end) {
    characters += json::count_characters(text.substr(bytes, end - bytes));
    bytes = end;
    return characters;
  };
  treater.told = [&](const Found& one, Operator what, std::string_view with) {
    const std::size_t start = count_to(one.start), end = count_to(one.end);
    out.spans.push_back({start, end, std::string(one.entity), one.why, std::string(with), one.score, what});
  };
  TextJob* const jobs[] = {&job};
  treater.treat_all(jobs, outcome);
  out.text = job.changed ? std::move(job.instead) : std::string(text);
  out.blocked = std::move(outcome.blocked);
  out.not_to.assign(outcome.not_to.begin(), outcome.not_to.end());
  return out;
}

namespace {

boost::json::object shown(const Rules& rules, const Explained& made, const Answers& plugged) {
  namespace bj = boost::json;
  bj::object out;
  out["policies"] = bj::array(rules.policies.begin(), rules.policies.end());
  out["text"] = made.blocked.empty() ? bj::value(made.text) : bj::value(nullptr);
  bj::array spans;
  for (const Explained::Span& one : made.spans)
    spans.push_back(bj::object{{"start", one.start},
                               {"end", one.end},
                               {"entity", one.entity},
                               {"score", one.score},
                               {"why", one.why},
                               {"do", policy::name_of(one.what)},
                               {"with", one.with}});
  out["spans"] = std::move(spans);
  if (!made.blocked.empty()) out["blocked"] = made.blocked;
  if (!made.not_to.empty()) out["not_to"] = bj::array(made.not_to.begin(), made.not_to.end());
  if (!plugged.unanswered.empty()) out["unanswered"] = bj::value_from(plugged.unanswered);
  return out;
}

}  // namespace

async::Task<boost::json::object> Guard::explain(const std::string& text, const access::Principal& caller,
                                                async::Loop& loop, async::Cancellation& cancellation) const {
  boost::json::object out;
  const std::array all{rules_, rules_->shadow};
  for (const std::shared_ptr<const Rules>& rules : all) {
    if (!rules) continue;
    TextJob job{.text = text};
    TextJob* const jobs[] = {&job};
    const Asking asking{loop, cancellation, deadline_of(*rules, parts_.clock), caller.key_id, caller.name};
    Answers plugged = co_await ask_all(rules->detectors, jobs, asking);
    auto explaining = parts_.pool.run([rules, text, project = project_, key = parts_.vault.keys(),
                                       &clock = parts_.clock, found = std::move(plugged.found.front())] {
      return policy::explain(*rules, text, project, key, clock, found);
    });
    const Explained made = co_await std::move(explaining);
    boost::json::object one = shown(*rules, made, plugged);
    if (rules == rules_)
      out = std::move(one);
    else
      out["shadow"] = std::move(one);
  }
  co_return out;
}

}  // namespace fairlead::policy
