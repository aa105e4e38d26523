// Chains in force, and the runs of them.
#pragma once
#include <boost/json/object.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "chains/http_calls.h"
#include "chains/results.h"
#include "llm/client.h"
#include "llm/privacy.h"
#include "platform/journal/definition.h"
#include "platform/journal/run.h"
#include "resources/project.h"

namespace fairlead::chains {

namespace internal {
struct Plan;
struct StepOutline;
class Durations;
}  // namespace internal

// What a run is asked for with, beside its chain.
struct StartRequest {
  std::string project;
  std::string chain;  // "digest", "digest@staging", "digest@3", with `chain:` in front or not
  boost::json::object input;
  std::string key_id, key_name;  // on whose account
  std::string session{}, user{};
  std::string key{}, queue{};  // see journal::RunRequest
  std::int64_t priority = 0, deadline = 0, due = 0;
};

// The definition of all runs of kind "chain". Thread-safe.
class Chains final : public journal::Definition {
 public:
  static constexpr const char* kKind = "chain";

  Chains();
  ~Chains() override;
  // The models that steps call; before the first advance(). It outlives the runs.
  void set_client(llm::Client& client) { client_ = &client; }
  // What steps with `http` may reach; before the first advance(). Without it: nothing.
  void set_http(HttpCalls calls) { http_ = std::move(calls); }

  // Privacy policies, before the first run; it outlives the runs. Without it: there are none.
  void set_hiding(const llm::Hiding& hiding) { hiding_ = &hiding; }
  const llm::Hiding* hiding() const { return hiding_; }

  // What steps gave before; before the first advance(). It outlives the runs.
  void set_results(Results& results) { results_ = &results; }

  // Compiles what is new of the project; runs that are started after it returns see it.
  void update(const resources::Project& project);

  // A run's request, its chain found and its input checked. Errors: kNotFound, code model_not_found, param `chain`;
  // version_not_found, label_not_found; those of the input, with param `input.NAME`.
  Result<journal::RunRequest> request(StartRequest start) const;
  // A chain's plan, by a reference as of StartRequest. Errors: as request().
  Result<std::shared_ptr<const internal::Plan>> plan(const std::string& project, const std::string& reference) const;
  // The inputs that have no default and are not given, and whether there is one named `messages`. Nothing of a chain
  // that is not there.
  struct MissingInputs {
    std::vector<std::string> names;
    bool takes_messages = false;
  };
  MissingInputs missing_inputs(const std::string& project, const std::string& reference,
                               const boost::json::object& given) const;
  // The version of a run's chain; 0 if it is not known here.
  int version_of(const journal::Run& run) const;
  // Its steps, in the order of the file; how many elements a map has is read from what the history says was done.
  std::vector<internal::StepOutline> steps_of(const journal::Run& run, std::span<const journal::Event> history) const;

  // The digest of the version of the run's own chain that a reference names: "digest@5", "@5". Errors: kInvalid
  // another_chain; those of request().
  Result<std::string> digest_of(const journal::Run& run, const std::string& reference) const;

  // What a fork is asked for with.
  struct ForkRequest {
    journal::Run run;             // that is forked
    std::string from;             // a step
    std::string chain{};          // another version; empty: the run's own
    boost::json::object input{};  // fields that replace the run's
    std::string key_id, key_name, key{};
    std::int64_t deadline = 0;
  };
  struct Fork {
    journal::RunRequest request;
    std::vector<journal::Event> history;  // the results that it takes over
    std::vector<std::string> steps;       // of these steps
  };
  // Errors: those of request(); step_not_found; kConflict fork_disagrees, chain_unknown.
  Result<Fork> fork(ForkRequest request, std::span<const journal::Event> history) const;

  // What steps took in runs of before: deadlines that are going to be missed are seen by it.
  void learn(std::span<const journal::StepSpan> spans);
  struct Late {
    std::string project, chain;
    std::int64_t runs = 0;  // that this node saw were going to miss their deadline
  };
  std::vector<Late> late() const;

  async::Task<journal::Outcome> advance(journal::Execution& execution) override;
  std::vector<journal::Limit> limits(const journal::Run& run) const override;  // those of the version in force
  std::string user_of(const journal::Run& run) const override;
  std::vector<std::string> failed(const journal::Run& run, std::span<const journal::Event> history) override;
  Result<void> agrees(const journal::Run& run, std::span<const journal::Event> history,
                      const std::string& digest) override;

 private:
  struct Version {
    int number = 0;
    std::shared_ptr<const internal::Plan> plan;
  };
  struct Chain {
    std::map<std::string, Version> by_digest;
    std::map<int, std::string> digests;
    std::map<std::string, int, std::less<>> labels;
    int in_force = 0;
  };
  // What may be called by a step: the digest of what each reference to it means ("" is the version in force).
  struct Callable {
    std::map<std::string, std::string, std::less<>> digests;
    std::string model;  // of a prompt in force
  };
  struct Project {
    std::map<std::string, Chain, std::less<>> chains;
    std::map<std::string, Callable, std::less<>> callables;  // by "prompt:NAME"
  };
  std::shared_ptr<const Project> project(const std::string& name) const;
  struct Found {
    std::string name, digest;
    std::shared_ptr<const internal::Plan> plan;
  };
  static Result<int> number_of(const Chain& chain, const std::string& name, std::string_view version);
  Result<Found> find(const std::string& project, const std::string& reference) const;
  std::string version_of_called(const std::string& project, std::string_view kind, const std::string& reference) const;
  std::shared_ptr<const internal::Plan> plan_of(const journal::Run& run) const;
  std::shared_ptr<const internal::Plan> plan_of(const journal::Run& run, const std::string& digest) const;

  llm::Client* client_ = nullptr;
  const llm::Hiding* hiding_ = nullptr;
  Results* results_ = nullptr;
  HttpCalls http_;
  std::unique_ptr<internal::Durations> durations_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Project>> projects_;
};

}  // namespace fairlead::chains
