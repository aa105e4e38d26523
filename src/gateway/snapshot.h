// What calls are served from: everything that a configuration decides, compiled, immutable.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "access/keys.h"
#include "base/result.h"
#include "budgets/budget.h"
#include "gateway/routing/shadow_state.h"
#include "llm/call.h"
#include "llm/memory.h"
#include "llm/privacy.h"
#include "llm/provider.h"
#include "platform/async/runtime.h"

namespace fairlead::gateway {

// One version of something that the `model` field can address.
struct Target {
  std::string kind;  // "prompt", "model"
  std::string name;
  int version = 0;
  std::int64_t created_at_s = 0;                    // unix time
  std::vector<std::shared_ptr<llm::Stage>> stages;  // run in order; a prompt's renders and sets the model
  std::shared_ptr<const llm::Model> model;          // of kind "model"; a prompt's stage sets it
  std::optional<routing::Shadow> shadow;            // of a prompt's own; a model's is with the model
  std::optional<llm::CachePolicy> cache;            // of a prompt's own, else its model's
  std::optional<llm::MemoryPolicy> memory;          // of a prompt's own
  std::shared_ptr<const llm::Model> embedding;      // of cache.semantic, if it names one
  std::string answers_as;  // the same text, the same answers: digest of the model, its providers and its fallbacks
  std::shared_ptr<const llm::Privacy> privacy;  // null: no policy applies to its calls
  std::string fault;  // not empty: this version cannot be served, and why (a provider's credentials are missing, …)
};

// All versions of one name.
struct Addressable {
  std::map<int, std::shared_ptr<const Target>> versions;
  std::map<std::string, int, std::less<>> labels;  // `latest` among them
  // What a bare name means: `production` if that label exists, else `latest`. Null if there is no version.
  const Target* in_force() const;
};

struct Resolved {
  const Target* target;
  std::string label;  // the label it was found by; empty for a number
};

class Project {
 public:
  explicit Project(std::string name) : name_(std::move(name)) {}
  Addressable& add(std::string_view kind, std::string_view name);
  // `name`, `name@label`, `name@7`, each with `kind:` in front or not (docs/reference/calling.md). Errors: kNotFound
  // with code model_not_found and param `model`; kUnavailable with the target's fault. A text that may be a secret is
  // not repeated.
  Result<Resolved> resolve(std::string_view reference) const;
  // The same, whether it can be served or not.
  Result<Resolved> find(std::string_view reference) const;
  const std::map<std::string, Addressable, std::less<>>& addressables() const { return by_kind_and_name_; }
  const budgets::Book* budgets() const { return budgets_.get(); }  // null: it has none
  const std::shared_ptr<const budgets::Book>& book() const { return budgets_; }
  void set_budgets(std::shared_ptr<const budgets::Book> budgets) { budgets_ = std::move(budgets); }
  // Whether some of its calls fall under a privacy policy.
  bool has_privacy() const { return has_privacy_; }
  void set_has_privacy(bool has) { has_privacy_ = has; }
  // All its policies as one, for what comes in beside calls. Null, although it has some: they cannot be used.
  const std::shared_ptr<const llm::Privacy>& all_policies() const { return all_policies_; }
  void set_all_policies(std::shared_ptr<const llm::Privacy> all) { all_policies_ = std::move(all); }

 private:
  std::unexpected<Error> not_found(std::string_view reference) const;
  std::string name_;
  std::map<std::string, Addressable, std::less<>> by_kind_and_name_;  // "prompt:support-reply"
  std::map<std::string, std::string, std::less<>> kind_of_name_;      // bare names are unique among kinds
  std::shared_ptr<const budgets::Book> budgets_;
  bool has_privacy_ = false;
  std::shared_ptr<const llm::Privacy> all_policies_;
};

struct Snapshot {
  std::shared_ptr<const access::KeyTable> keys;
  std::unordered_map<std::string, Project> projects;
  const Project* project(const std::string& name) const;
};

// `reference` if it is a plausible name, else a note that it is not shown: clients paste keys into the wrong field.
std::string shown_reference(std::string_view reference);

// Hands each loop the newest snapshot. A call takes one pointer at its start and keeps it to its end. All loops go over
// to the next one at one instant: no call sees the one before once any has seen it.
class SnapshotHolder {
 public:
  explicit SnapshotHolder(async::Runtime& runtime, std::shared_ptr<const Snapshot> first);
  // From that loop's thread.
  const std::shared_ptr<const Snapshot>& current(const async::Loop& loop) const;
  // Returns when calls that start from now on, on every loop, see `next`. From outside the loops, which must be
  // running.
  void publish_and_wait(std::shared_ptr<const Snapshot> next);
  async::Runtime& runtime() const { return runtime_; }

 private:
  struct alignas(64) OfLoop {
    std::shared_ptr<const Snapshot> now, other;  // other: the next one until its turn has come, then the one before
    std::uint64_t from = 0;                      // the turn from which the next one counts
    bool waits = false;                          // for that turn
  };
  async::Runtime& runtime_;
  mutable std::vector<OfLoop> of_loop_;  // element i is touched by loop i alone
  std::atomic<std::uint64_t> turn_{0};
};

}  // namespace fairlead::gateway
