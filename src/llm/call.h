// A call on its way through the stages.
#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "llm/cache.h"
#include "llm/chat.h"
#include "llm/provider.h"
#include "platform/async/cancellation.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"

namespace fairlead::llm {

struct OutputRule;  // llm/output_rule.h
struct FitRule;     // llm/fit_rule.h

// Fairlead's own fields of a request: the `fairlead` object (docs/reference/calling.md). Unknown ones are refused, so
// that a slip is seen.
struct CallOptions {
  std::string variables;  // raw JSON object, or empty
  std::string session, user;
  std::vector<std::string> tags;
  std::string idempotency_key;
  std::string prompt;  // the version that rendered the messages elsewhere: "support-reply@4"
  std::optional<CacheMode> cache;
  std::optional<int> repair;
  bool progress = false;  // what the steps of a chain do is to be told
  static Result<CallOptions> parse(std::string_view fairlead_json);
};

// What a stage may read and change. Loop-affine; lives until the call is recorded.
struct Call {
  std::string id;
  std::string project;
  std::string_view key_id, key_name;  // of the key that called
  ChatRequest request;
  CallOptions options;
  std::shared_ptr<const Model> model;  // set by the resolved target or by a stage
  // Attribution for the record.
  std::string target_kind, target_name, label, variant;
  std::vector<std::string> includes;  // "house-style@5": what a prompt was made of beside itself
  std::string variant_error;          // of conditions that could not be evaluated
  int target_version = 0;
  std::shared_ptr<const OutputRule> output;  // what the answer is checked for; null: nothing
  std::shared_ptr<const FitRule> fit;        // how the messages are fitted to the window; null: they are not
  // Text made by stages that `request` views; grows, never moves its elements.
  std::vector<std::unique_ptr<std::string>> owned;
  async::Loop* loop = nullptr;
  async::Cancellation* cancellation = nullptr;

  std::string_view own(std::string text) {
    owned.push_back(std::make_unique<std::string>(std::move(text)));
    return *owned.back();
  }
};

// One step of a call before it is routed. Made per configuration snapshot, shared by all loops, immutable.
class Stage {
 public:
  virtual ~Stage() = default;
  virtual std::string_view name() const = 0;
  // On the call's loop; must not block. An error ends the call with it.
  virtual async::Task<Result<void>> run(Call& call) = 0;
};

}  // namespace fairlead::llm
