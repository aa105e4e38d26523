// The port to what keeps personal data from leaving with a call, and gives it back in the answer
// (docs/reference/policies.md).
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "llm/call.h"
#include "llm/chat.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"

namespace fairlead::llm {

// Rewrites one answer in the chat form on its way. Loop-affine.
class AnswerRewriter {
 public:
  virtual ~AnswerRewriter() = default;
  // What goes on instead of this piece (Delta::wire): whole events of a streamed one, which may be none yet; of one
  // that is not streamed, the object. Valid until the next call; may be `wire` itself. Errors: kPermissionDenied with
  // code privacy_blocked.
  virtual Result<std::string_view> take(std::string_view wire, bool end) = 0;
};

// What is done to one call. Loop-affine; on the frame of the call.
class PrivacyCall {
 public:
  virtual ~PrivacyCall() = default;
  // Puts what may leave in the place of what was sent: in the options, which are as safe as that even if there is an
  // error, and in the members of the body, whose new text the call owns. Before anything else is done with them.
  // Without members it is no call, but what comes in beside one, and may take longer. Errors: privacy_blocked,
  // privacy_unavailable; missing_required_parameter.
  virtual async::Task<Result<void>> hide(Call& call, std::span<Member> members) = 0;
  // Providers that this call may not go to. After hide().
  virtual std::span<const std::string> not_to() const = 0;
  // Watches what the model says; null: nobody does.
  virtual std::unique_ptr<AnswerRewriter> watcher(const Call& call) = 0;
  // Gives the caller back what was hidden; null: there is nothing to give back.
  virtual std::unique_ptr<AnswerRewriter> restorer(const Call& call) = 0;
  // Whether keep() must be awaited before the answer ends.
  virtual bool wants_keeping() const = 0;
  virtual async::Task<Result<void>> keep() = 0;
  // Ends what goes on beside the call, such as policies that are tried out. Soon over. Before record(), and before this
  // is destroyed.
  virtual async::Task<void> end() = 0;
  // What was done, for the record: policies, classes and counts, never a value. JSON, or empty.
  virtual std::string record() const = 0;
};

// The policies of one target, compiled. Immutable, shared by all loops.
class Privacy {
 public:
  virtual ~Privacy() = default;
  virtual std::unique_ptr<PrivacyCall> begin() const = 0;
  virtual bool watches_answers() const = 0;
  // Whether answers may be rewritten, so that they have to come in the chat form.
  virtual bool rewrites_answers() const = 0;
};

// What comes in beside calls and is kept: the input of a run, what its steps gave, feedback.
struct Kept {
  std::string project;
  std::string target{};  // whose policies count, as `model` names it; empty, or not there any more: all of the project
  std::string json{};    // a value; the names of its members count as words near
  std::string session{}, user{};     // as those of a call
  std::vector<std::string> names{};  // the others by which a program may know somebody
  // The session to take, if `session` is empty and it is needed. May be empty.
  std::function<async::Task<std::string>()> find_session{};
};

// Policies at work on what comes in beside calls. Thread-safe.
class Hiding {
 public:
  virtual ~Hiding() = default;
  // Whether the project has policies; if not, there is no need to ask.
  virtual bool applies(const async::Loop& loop, const std::string& project) const = 0;
  // What may be kept instead. What stands behind its pseudonyms is durable. Errors: those of PrivacyCall.
  virtual async::Task<Result<Kept>> hide(async::Loop& loop, Kept kept) const = 0;
};

}  // namespace fairlead::llm
