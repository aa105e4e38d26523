// Policies at work on calls: llm::Privacy (docs/reference/policies.md).
#pragma once
#include <boost/json/object.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "access/keys.h"
#include "base/clock.h"
#include "llm/privacy.h"
#include "platform/async/cancellation.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"
#include "safety/policy/detectors.h"
#include "safety/policy/rules.h"
#include "safety/policy/vault.h"

namespace fairlead::policy {

// What calls need besides their rules. Outlives every call.
struct GuardParts {
  Vault& vault;
  async::BlockingPool& pool;  // long texts are scanned on it
  const Clock& clock;
  const DetectorParts* detectors = nullptr;  // null: none are plugged in
};

// Immutable, shared by all loops.
class Guard final : public llm::Privacy {
 public:
  Guard(std::string project, std::shared_ptr<const Rules> rules, GuardParts parts)
      : project_(std::move(project)), rules_(std::move(rules)), parts_(parts) {}
  std::unique_ptr<llm::PrivacyCall> begin() const override;
  bool watches_answers() const override { return rules_->watches; }
  bool rewrites_answers() const override { return rules_->watches || rules_->pseudonymises; }
  const Rules& rules() const { return *rules_; }
  // What becomes of a text, and why: the answer of POST /api/v1/privacy/explain. On the thread of `loop`; all that is
  // given outlives the task.
  async::Task<boost::json::object> explain(const std::string& text, const access::Principal& caller, async::Loop& loop,
                                           async::Cancellation& cancellation) const;

 private:
  const std::string project_;
  const std::shared_ptr<const Rules> rules_;
  const GuardParts parts_;
};

// What rules make of a text that is a message: for explaining, and for tests within a spec. `key` and `project` decide
// what hashes and pseudonyms come out.
struct Explained {
  struct Span {
    std::size_t start = 0, end = 0;  // characters
    std::string entity, why, with;
    double score = 0;
    Operator what = Operator::kPass;
  };
  std::string text, blocked;
  std::vector<Span> spans;
  std::vector<std::string> not_to;
};
// `plugged`: what detectors that are plugged in have found there.
struct Found;
Explained explain(const Rules& rules, std::string_view text, std::string_view project, std::shared_ptr<const Keys> key,
                  const Clock& clock, std::span<const Found> plugged = {});

}  // namespace fairlead::policy
