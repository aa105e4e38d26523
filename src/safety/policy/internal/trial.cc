#include "safety/policy/internal/trial.h"

#include <boost/asio/post.hpp>
#include <boost/json/value_from.hpp>
#include <utility>

#include "platform/json/text.h"

namespace fairlead::policy {
namespace {

// Or here, if it is too little work for that.
template <class Work>
async::Task<void> on_a_thread(Trial& trial, Work work) {
  if (trial.texts->bytes <= kOnTheLoop) {
    work();
    co_return;
  }
  auto working = trial.pool.run(std::move(work));
  (void)co_await std::move(working);
}

}  // namespace

void Trial::look() {
  for (const TextJob* const job : texts->jobs) {
    TextJob& mine = jobs.emplace_back();
    mine.text = job->text;
    mine.context = job->context;
    mine.is_name = job->is_name;
    all_seen = all_seen && find(*rules, mine, clock, deadline);
  }
}

void Trial::treat() {
  const Treater treater{.rules = *rules, .side = Side::kInput, .project = project, .key = *key};
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (!answers.found.empty()) add_found(*rules, jobs[i], std::move(answers.found[i]));
    treater.treat(jobs[i], outcome);
    jobs[i].instead = {};
  }
}

std::string Trial::record() const {
  std::string out = R"(,"input":)" + outcome.done.json();
  if (!outcome.blocked.empty()) out += R"(,"blocked":)" + json::quoted(outcome.blocked);
  if (!all_seen || !answers.unanswered.empty()) out += R"(,"incomplete":true)";
  if (!answers.unanswered.empty())
    out += R"(,"unanswered":)" + json::to_text(boost::json::value_from(answers.unanswered));
  return out;
}

async::Task<void> try_out(std::shared_ptr<Trial> trial, async::Loop& loop, std::string key_id, std::string key_name) {
  co_await boost::asio::post(loop.executor(), async::use_task);
  const auto look = [trial] {
    trial->look();
    return true;
  };
  co_await on_a_thread(*trial, look);
  if (!trial->rules->detectors.empty()) {
    std::vector<TextJob*> jobs;
    for (TextJob& job : trial->jobs) jobs.push_back(&job);
    const Asking asking{loop, trial->ends, trial->deadline, key_id, key_name};
    trial->answers = co_await ask_all(trial->rules->detectors, jobs, asking);
  }
  const auto treat = [trial] {
    trial->treat();
    return true;
  };
  co_await on_a_thread(*trial, treat);
}

}  // namespace fairlead::policy
