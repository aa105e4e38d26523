// Chains in force, and the runs of them.
#pragma once
#include <boost/json/object.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "chains/http_calls.h"
#include "chains/results.h"
#include "llm/client.h"
#include "platform/journal/definition.h"
#include "platform/journal/run.h"
#include "resources/project.h"

namespace fairlead::chains {

namespace internal {
struct Plan;
}

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
  // The names of its steps, in the order of the file.
  std::vector<std::string> steps_of(const journal::Run& run) const;

  async::Task<journal::Outcome> advance(journal::Execution& execution) override;

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

  llm::Client* client_ = nullptr;
  Results* results_ = nullptr;
  HttpCalls http_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Project>> projects_;
};

}  // namespace fairlead::chains
