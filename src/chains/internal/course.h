// One advance of a run through its chain.
#pragma once
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "chains/http_calls.h"
#include "chains/internal/durations.h"
#include "chains/internal/plan.h"
#include "chains/internal/scope.h"
#include "chains/results.h"
#include "llm/client.h"
#include "platform/async/bell.h"
#include "platform/async/task_group.h"
#include "platform/journal/definition.h"
#include "platform/journal/execution.h"

namespace fairlead::chains::internal {

struct HttpRequest;

// What a run was started with beside its input: kept in the run's own input, so that it survives with it.
struct Account {
  std::string key_id, key_name, session, user;
};

// Finds the version of a chain that a step names; a sub-chain's run is pinned to it.
using PinChain = std::function<Result<journal::RunRequest>(const std::string& project, const std::string& reference,
                                                           boost::json::object input, const Account& account)>;

// The digest of the version that a reference means now; empty where it is not known.
using VersionOf = std::function<std::string(const std::string& project, Does does, const std::string& reference)>;
// The model of a prompt that is in force; empty where it is not known.
using ModelOf = std::function<std::string(const std::string& project, const std::string& prompt)>;

// What may be kept of a text, or of a value as JSON, that somebody else gave.
struct Keeping {
  std::function<bool()> is_needed;  // whether that may be less than all
  std::function<async::Task<Result<std::string>>(std::string text, bool is_json)> keep;
};

// Lives on the frame of advance(). Belongs to the execution's loop.
class Course {
 public:
  Course(journal::Execution& execution, std::shared_ptr<const Plan> plan, Account account, boost::json::value input,
         llm::Client& client, const HttpCalls& http, const PinChain& pin, const VersionOf& version_of,
         const ModelOf& model_of, Results* results, Durations& durations, const Keeping& keeping);
  async::Task<journal::Outcome> run();

 private:
  enum class State : std::uint8_t { kPending, kRunning, kDone };
  class Variables;
  struct Mapping;
  struct Uses;

  void begin_ready();
  async::Task<void> do_step(std::size_t place);
  async::Task<journal::StepResult> give_output(const StepPlan& step);
  async::Task<journal::StepResult> do_map(const StepPlan& step, boost::json::array items);
  async::Task<void> do_elements(const StepPlan& step, Mapping& mapping);
  async::Task<journal::StepResult> do_until(const StepPlan& step);
  async::Task<journal::StepResult> do_anew(const StepPlan& step, std::string name, Scope scope);
  async::Task<journal::StepResult> reuse_or_do(const StepPlan& step, std::string name, Scope scope);
  Result<std::string> digest_of(const StepPlan& step, const std::string& name, const Scope& scope);
  async::Task<journal::StepResult> do_once(const StepPlan& step, std::string name, Scope scope);
  async::Task<journal::StepResult> call_model(const StepPlan& step, std::string name, Scope scope);
  using Read = std::function<std::expected<journal::Effect, journal::EffectFailed>(llm::ClientAnswer answer)>;
  async::Task<std::expected<journal::Effect, journal::EffectFailed>> send(HttpRequest request,
                                                                          journal::Attempt attempt);
  async::Task<std::expected<journal::Effect, journal::EffectFailed>> ask(llm::ClientCall call, journal::Attempt attempt,
                                                                         Read read);
  async::Task<journal::StepResult> request(const StepPlan& step, std::string name, Scope scope);
  std::vector<std::string> calls_of(const std::string& reference) const;  // as queues of steps are named
  void set_bounds(journal::Step& asked, const StepPlan& step, const Scope& scope) const;
  async::Task<journal::StepResult> do_case(const StepPlan& step, std::string name, Scope scope);
  async::Task<journal::StepResult> put_task(const StepPlan& step, std::string name, Scope scope);
  async::Task<journal::StepResult> do_agent(const StepPlan& step, std::string name, Scope scope);
  Result<llm::ClientCall> make_agent_call(const StepPlan& step, const Scope& scope);
  async::Task<journal::StepResult> ask_agent(const StepPlan& step, llm::ClientCall call, std::string name, Scope scope);
  async::Task<void> use_tools(const StepPlan& step, const boost::json::array& calls, std::string name, Scope scope,
                              Uses& uses);
  async::Task<void> use_tool(const StepPlan& step, const boost::json::value& call, std::string name, Scope scope,
                             std::size_t at, Uses& uses);
  async::Task<journal::StepResult> start_chain(const StepPlan& step, std::string name, Scope scope);
  async::Task<journal::StepResult> transform(const StepPlan& step, std::string name, Scope scope);
  async::Task<journal::StepResult> approve(const StepPlan& step, std::string name, Scope scope);
  Result<llm::ClientCall> make_call(const StepPlan& step, const Scope& scope);
  Result<boost::json::value> make_value(const Template& from, const Scope& scope);
  Result<std::string> make(const Template& from, const Scope& scope);  // as JSON
  Result<bool> holds(const Condition& condition, const Scope& scope);
  bool late() const;
  std::int64_t latest(const Scope& scope) const;         // by when it has to have ended; 0: it need not
  Micros left(Micros within, const Scope& scope) const;  // of that, and until then; 0: for ever
  journal::StepResult failed(Error error) const;
  journal::StepResult end_badly(std::string name, Error error);  // which a retry makes begin anew
  journal::Outcome end();
  // Of internal/forecast.cc:
  struct Forecast {
    std::int64_t end = 0;
    boost::json::array missing;
  };
  Forecast forecast() const;
  Micros watch_deadline();
  void learn_durations() const;
  // Of internal/compensation.cc: what undoes the steps of a run that comes to no good end.
  boost::json::array parts_to_undo() const;
  async::Task<journal::Outcome> undo();

  journal::Execution& execution_;
  const std::shared_ptr<const Plan> plan_;
  const Account account_;
  const boost::json::value input_;
  llm::Client& client_;
  const HttpCalls& http_;
  const PinChain& pin_;
  const VersionOf& version_of_;
  const ModelOf& model_of_;
  Results* results_;  // may be null
  Durations& durations_;
  const Keeping& keeping_;
  std::vector<State> states_;
  std::vector<boost::json::value> outputs_;
  std::map<std::string, std::size_t, std::less<>> places_;  // by "steps.NAME.output"
  expr::Evaluation memory_;
  async::TaskGroup tasks_;
  async::Bell bell_;
  std::size_t running_ = 0;
  bool unloaded_ = false, cancelled_ = false;
  std::optional<journal::StepError> error_;
  std::string failed_step_;
};

}  // namespace fairlead::chains::internal
