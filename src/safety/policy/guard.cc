#include "safety/policy/guard.h"

#include <boost/json/value_from.hpp>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "platform/async/task_group.h"
#include "platform/json/text.h"
#include "safety/policy/internal/chat_rewriter.h"
#include "safety/policy/internal/filters.h"
#include "safety/policy/internal/plugged.h"
#include "safety/policy/internal/session.h"
#include "safety/policy/internal/treatment.h"
#include "safety/policy/internal/trial.h"

namespace fairlead::policy {
namespace {

// What comes in beside calls, a step's output for one, may be long and keeps nobody waiting: it may take so much
// longer.
constexpr int kPatience = 100;

class GuardedCall final : public llm::PrivacyCall {
 public:
  GuardedCall(const std::string& project, std::shared_ptr<const Rules> rules, GuardParts parts)
      : project_(project), rules_(std::move(rules)), parts_(parts), key_(parts.vault.keys()) {}

  async::Task<Result<void>> hide(llm::Call& call, std::span<llm::Member> members) override {
    hide_names(call.options);
    auto texts = std::make_shared<CallTexts>();
    auto read = texts->read(call, members, *rules_);
    if (!read) {
      if (read.error().code == "privacy_blocked") blocked_ = "media";
      co_return fail(std::move(read).error());
    }
    if (rules_->pseudonymises && call.options.session.empty()) {
      for (const llm::Member& one : members)
        if (one.name == "previous_response_id" && one.json != "null")
          co_return fail(ErrorKind::kInvalid, "missing_required_parameter",
                         "This conversation is kept with pseudonyms in it: name its session, so that they can be given "
                         "back in the answer.",
                         "fairlead.session");
    }
    const int patience = members.empty() ? kPatience : 1;  // a call has a body
    const SteadyTime deadline = deadline_of(*rules_, parts_.clock, patience);
    const auto look = [texts, rules = rules_, &clock = parts_.clock, deadline] {
      texts->look(*rules, clock, deadline);
      if (rules->pseudonymises && texts->bytes > kOnTheLoop) texts->haystack.read();
      return true;
    };
    if (texts->bytes <= kOnTheLoop) {
      look();
    } else {
      auto looking = parts_.pool.run(look);
      (void)co_await std::move(looking);
    }
    if (!rules_->detectors.empty() && texts->all_seen) co_await ask_detectors(call, *texts, deadline);
    auto treated = all_was_seen(*texts, patience);
    // On the loop of the session, which others wait for.
    if (treated) treated = co_await treat(call, texts, patience > 1 ? deadline_of(*rules_, parts_.clock) : deadline);
    if (rules_->shadow && !members.empty()) begin_trial(call, texts);
    if (!treated) co_return fail(std::move(treated).error());
    input_ = texts->outcome.done;
    not_to_.assign(texts->outcome.not_to.begin(), texts->outcome.not_to.end());
    if (blocked_.empty()) blocked_ = texts->outcome.blocked;
    if (!blocked_.empty())
      co_return fail(
          ErrorKind::kPermissionDenied, "privacy_blocked",
          "This call holds something of the class " + blocked_ + ", which the privacy policy lets nobody send.");
    texts->write(call, members);
    co_return Result<void>{};
  }

  std::span<const std::string> not_to() const override { return not_to_; }

  std::unique_ptr<llm::AnswerRewriter> watcher(const llm::Call& call) override {
    if (!rules_->watches) return nullptr;
    treater_.emplace(Treater{.rules = *rules_, .side = Side::kOutput, .project = project_, .key = *key_});
    return std::make_unique<ChatRewriter>(
        [this](ChatRewriter::Kind) -> std::unique_ptr<TextFilter> {
          return std::make_unique<Watcher>(*treater_, output_, pseudonyms_, parts_.clock);
        },
        call.request.stream);
  }

  std::unique_ptr<llm::AnswerRewriter> restorer(const llm::Call& call) override {
    if (!pseudonyms_ || pseudonyms_->empty()) return nullptr;
    const llm::Member* const format = call.request.member("response_format");
    const bool is_json = format != nullptr && format->json.find("json") != std::string_view::npos;
    const auto make = [this, is_json](ChatRewriter::Kind kind) -> std::unique_ptr<TextFilter> {
      const bool in_json = kind == ChatRewriter::Kind::kArguments || (is_json && kind == ChatRewriter::Kind::kContent);
      if (in_json && !escaped_) escaped_ = with_escapes(*pseudonyms_);
      return std::make_unique<Restorer>(in_json ? escaped_ : pseudonyms_, in_json);
    };
    return std::make_unique<ChatRewriter>(make, call.request.stream);
  }

  bool wants_keeping() const override { return must_keep_; }

  async::Task<Result<void>> keep() override {
    auto kept = co_await parts_.vault.keep(*loop_, project_, session_, entries_);
    if (kept) must_keep_ = false;
    co_return kept;
  }

  async::Task<void> end() override {
    if (!trial_) co_return;
    trial_->ends.request();
    co_await beside_->join();
  }

  std::string record() const override {
    std::string out = R"({"policies":)" + json::to_text(boost::json::value_from(rules_->policies));
    if (!input_.empty()) out += R"(,"input":)" + input_.json();
    if (!output_.done.empty()) out += R"(,"output":)" + output_.done.json();
    const std::string& blocked = blocked_.empty() ? output_.blocked : blocked_;
    if (!blocked.empty()) out += R"(,"blocked":)" + json::quoted(blocked);
    if (incomplete_) out += R"(,"incomplete":true)";
    if (!unanswered_.empty()) out += R"(,"unanswered":)" + json::to_text(boost::json::value_from(unanswered_));
    if (rules_->shadow) {
      out += R"(,"shadow":{"policies":)" + json::to_text(boost::json::value_from(rules_->shadow->policies));
      out += (trial_ ? trial_->record() : std::string()) + "}";
    }
    return out + "}";
  }

 private:
  void hide_name(std::string& name) {
    if (name.empty()) return;
    TextJob job{.text = name, .is_name = true};
    (void)find(*rules_, job, parts_.clock, SteadyTime::max());
    Outcome outcome;
    Treater{.rules = *rules_, .side = Side::kInput, .project = project_, .key = *key_}.treat(job, outcome);
    if (!outcome.blocked.empty() && blocked_.empty()) blocked_ = outcome.blocked;
    not_to_before_.insert(outcome.not_to.begin(), outcome.not_to.end());
    if (job.changed) name = std::move(job.instead);
  }

  void hide_names(llm::CallOptions& options) {
    hide_name(options.session);
    hide_name(options.user);
    hide_name(options.idempotency_key);
    for (std::string& tag : options.tags) hide_name(tag);
  }

  async::Task<void> ask_detectors(const llm::Call& call, CallTexts& texts, SteadyTime deadline) {
    const Asking asking{*call.loop, *call.cancellation, deadline, call.key_id, call.key_name};
    Answers answers = co_await ask_all(rules_->detectors, texts.jobs, asking);
    for (std::size_t i = 0; i < texts.jobs.size(); ++i) add_found(*rules_, *texts.jobs[i], std::move(answers.found[i]));
    unanswered_ = std::move(answers.unanswered);
  }

  void begin_trial(const llm::Call& call, std::shared_ptr<const CallTexts> texts) {
    trial_.reset(new Trial{.rules = rules_->shadow,
                           .texts = std::move(texts),
                           .project = project_,
                           .key = key_,
                           .clock = parts_.clock,
                           .pool = parts_.pool,
                           .deadline = deadline_of(*rules_->shadow, parts_.clock)});
    beside_.emplace(call.loop->executor());
    beside_->spawn(try_out(trial_, *call.loop, std::string(call.key_id), std::string(call.key_name)));
  }

  Result<void> all_was_seen(const CallTexts& texts, int patience) {
    incomplete_ = !texts.all_seen || !unanswered_.empty();
    if (!incomplete_ || rules_->is_open) return {};
    const bool late = !texts.all_seen || unanswered_.begin()->second == "time_limit";
    return fail(ErrorKind::kUnavailable, "privacy_unavailable",
                late ? "The texts of this call could not be searched for personal data within " +
                           std::to_string(rules_->time_limit.count() * patience) +
                           " ms (`time_limit`), and the privacy policy lets nothing through unseen."
                     : "The texts of this call could not be searched for all personal data, since a detector that is "
                       "plugged in gave no answer (" +
                           unanswered_.begin()->second + "), and the privacy policy lets nothing through unseen.");
  }

  // With the session, wherever it is.
  async::Task<Result<void>> treat(const llm::Call& call, std::shared_ptr<CallTexts> texts, SteadyTime deadline) {
    texts->outcome.not_to = not_to_before_;
    if (!rules_->pseudonymises) {
      const Treater treater{.rules = *rules_, .side = Side::kInput, .project = project_, .key = *key_};
      treater.treat_all(texts->jobs, texts->outcome);
      co_return Result<void>{};
    }
    const auto work = [texts, rules = rules_, project = project_, key = key_, &clock = parts_.clock,
                       deadline](Session& session) {
      const Treater treater{.rules = *rules,
                            .side = Side::kInput,
                            .project = project,
                            .key = *key,
                            .session = &session,
                            .haystack = &texts->haystack,
                            .clock = &clock,
                            .deadline = deadline};
      treater.treat_all(texts->jobs, texts->outcome);
    };
    if (call.options.session.empty()) {
      const std::unique_ptr<Session> session = parts_.vault.temporary(project_);
      work(*session);
      pseudonyms_ = session->pseudonyms();
      co_return Result<void>{};
    }
    loop_ = call.loop;
    session_ = call.options.session;
    std::function<void(Session&)> owned = work;
    auto seen = co_await parts_.vault.with(*loop_, project_, session_, rules_->ttl, std::move(owned));
    if (!seen)
      co_return fail(ErrorKind::kUnavailable, "privacy_unavailable",
                     "What stands behind this session's pseudonyms cannot be read: " + seen.error().message);
    pseudonyms_ = std::move(seen->pseudonyms);
    entries_ = seen->entries;
    must_keep_ = !seen->is_kept;
    co_return Result<void>{};
  }

  const std::string project_;
  const std::shared_ptr<const Rules> rules_;
  const GuardParts parts_;
  const std::shared_ptr<const Keys> key_;
  async::Loop* loop_ = nullptr;
  std::string session_, blocked_;
  std::size_t entries_ = 0;
  bool must_keep_ = false, incomplete_ = false;
  std::map<std::string, std::string> unanswered_;  // detectors, and why
  std::set<std::string> not_to_before_;
  std::vector<std::string> not_to_;
  Tally input_;
  Outcome output_;
  std::shared_ptr<Trial> trial_;  // null: it has not begun
  std::optional<async::TaskGroup> beside_;
  std::shared_ptr<const Matcher> pseudonyms_, escaped_;
  std::optional<Treater> treater_;
};

}  // namespace

std::unique_ptr<llm::PrivacyCall> Guard::begin() const {
  return std::make_unique<GuardedCall>(project_, rules_, parts_);
}

}  // namespace fairlead::policy
