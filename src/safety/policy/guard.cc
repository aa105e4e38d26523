#include "safety/policy/guard.h"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/json/array.hpp>
#include <boost/json/value_from.hpp>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "platform/async/task_group.h"
#include "platform/json/text.h"
#include "safety/policy/internal/chat_rewriter.h"
#include "safety/policy/internal/json_document.h"
#include "safety/policy/internal/plugged.h"
#include "safety/policy/internal/session.h"
#include "safety/policy/internal/treatment.h"

namespace fairlead::policy {
namespace {

constexpr std::size_t kOnTheLoop = 4 * 1024;  // bytes of text that a loop scans itself: some tenths of a millisecond

// Members of a body that hold nobody's text: what developers write, and what is no text.
constexpr std::string_view kNoTexts[] = {"model",
                                         "stream",
                                         "stream_options",
                                         "tools",
                                         "tool_choice",
                                         "functions",
                                         "function_call",
                                         "response_format",
                                         "text",
                                         "n",
                                         "temperature",
                                         "top_p",
                                         "top_k",
                                         "min_p",
                                         "max_tokens",
                                         "max_completion_tokens",
                                         "max_output_tokens",
                                         "stop",
                                         "stop_sequences",
                                         "seed",
                                         "logit_bias",
                                         "logprobs",
                                         "top_logprobs",
                                         "modalities",
                                         "audio",
                                         "encoding_format",
                                         "dimensions",
                                         "service_tier",
                                         "reasoning",
                                         "reasoning_effort",
                                         "include",
                                         "store",
                                         "truncation",
                                         "previous_response_id",
                                         "conversation",
                                         "parallel_tool_calls",
                                         "presence_penalty",
                                         "frequency_penalty",
                                         "thinking",
                                         "background",
                                         "echo",
                                         "best_of",
                                         "repeat_penalty",
                                         "verbosity",
                                         "prompt_cache_retention",
                                         "max_tool_calls",
                                         "output_config",
                                         "fairlead",
                                         "anthropic_version",
                                         "anthropic_beta",
                                         "betas",
                                         "container",
                                         "context_management"};
constexpr std::string_view kNamesOfPeople[] = {"user", "safety_identifier", "prompt_cache_key"};

template <class List>
bool is_among(const List& list, std::string_view word) {
  return std::ranges::find(list, word) != std::end(list);
}

JsonDocument::Kind kind_of(std::string_view member) {
  if (is_among(kNamesOfPeople, member)) return JsonDocument::Kind::kName;
  if (member == "metadata") return JsonDocument::Kind::kData;
  return JsonDocument::Kind::kConversation;
}

// What comes in beside calls, a step's output for one, may be long and keeps nobody waiting: it may take so much
// longer.
constexpr int kPatience = 100;

SteadyTime deadline_of(const Rules& rules, const Clock& clock, int patience = 1) {
  return clock.steady() + rules.time_limit * patience;
}

// A prompt as numbers of tokens, which nobody can read.
bool holds_tokens(const llm::Member& member) {
  if ((member.name != "input" && member.name != "prompt") || !member.json.starts_with('[')) return false;
  const std::size_t first = member.json.find_first_not_of("[ \t\r\n");
  return first != std::string_view::npos && member.json[first] >= '0' && member.json[first] <= '9';
}

// Whether it asks for what the answer is made of, token by token.
bool asks_for_tokens(const llm::Member& member) {
  if (member.name == "logprobs") return member.json != "false" && member.json != "null" && member.json != "0";
  return member.name == "include" && member.json.find("logprobs") != std::string_view::npos;
}

// Everything of a call that is looked at. Owns its texts, since other threads look at them.
struct Texts {
  struct Part {
    std::string source;
    std::unique_ptr<JsonDocument> document;
    std::size_t member = 0;
  };
  std::deque<Part> parts;
  std::vector<TextJob*> jobs;
  std::size_t bytes = 0;
  bool all_seen = true;
  Outcome outcome;
  Haystack haystack;

  Result<void> add(std::string_view json, JsonDocument::Kind kind, bool passes_media, std::size_t member) {
    Part& part = parts.emplace_back();
    part.source = json;
    part.member = member;
    FAIRLEAD_TRY(part.document, JsonDocument::read(part.source, kind, passes_media));
    return {};
  }
  void collect() {
    for (Part& part : parts) part.document->jobs(jobs);
    for (const TextJob* const job : jobs) {
      bytes += job->text.size();
      haystack.add(job->text);
    }
  }
  void look(const Rules& rules, const Clock& clock, SteadyTime deadline) {
    for (TextJob* const job : jobs) {
      if (find(rules, *job, clock, deadline)) continue;
      all_seen = false;
      return;
    }
  }
};

// What policies would do that are tried out. Looks at the texts of a call beside it, and writes nothing there.
struct Trial {
  std::shared_ptr<const Rules> rules;
  std::shared_ptr<const Texts> texts;  // they stay as they are
  SteadyTime deadline;
  async::Cancellation ends;
  std::deque<TextJob> jobs;
  Answers answers;
  Outcome outcome;
  bool all_seen = true;

  void look(const Clock& clock) {
    for (const TextJob* const job : texts->jobs) {
      TextJob& mine = jobs.emplace_back();
      mine.text = job->text;
      mine.context = job->context;
      mine.is_name = job->is_name;
      all_seen = all_seen && find(*rules, mine, clock, deadline);
    }
  }
  void treat(const std::string& project, const Keys& key) {
    const Treater treater{.rules = *rules, .side = Side::kInput, .project = project, .key = key};
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (!answers.found.empty()) add_found(*rules, jobs[i], std::move(answers.found[i]));
      treater.treat(jobs[i], outcome);
      jobs[i].instead = {};
    }
  }
};

class GuardedCall final : public llm::PrivacyCall {
 public:
  GuardedCall(const std::string& project, std::shared_ptr<const Rules> rules, GuardParts parts)
      : project_(project), rules_(std::move(rules)), parts_(parts), key_(parts.vault.keys()) {}

  async::Task<Result<void>> hide(llm::Call& call, std::span<llm::Member> members) override {
    hide_names(call.options);
    auto texts = std::make_shared<Texts>();
    auto read = read_texts(call, members, *texts);
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
    texts->collect();
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
    write(call, members, *texts);
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
    if (rules_->shadow) out += R"(,"shadow":)" + record_of_trial();
    return out + "}";
  }

 private:
  std::string record_of_trial() const {
    std::string out = R"({"policies":)" + json::to_text(boost::json::value_from(rules_->shadow->policies));
    if (!trial_) return out + "}";
    out += R"(,"input":)" + trial_->outcome.done.json();
    if (!trial_->outcome.blocked.empty()) out += R"(,"blocked":)" + json::quoted(trial_->outcome.blocked);
    const std::map<std::string, std::string>& unanswered = trial_->answers.unanswered;
    if (!trial_->all_seen || !unanswered.empty()) out += R"(,"incomplete":true)";
    if (!unanswered.empty()) out += R"(,"unanswered":)" + json::to_text(boost::json::value_from(unanswered));
    return out + "}";
  }

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

  Result<void> read_texts(const llm::Call& call, std::span<llm::Member> members, Texts& texts) const {
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (rules_->watches && asks_for_tokens(members[i]))
        return fail(ErrorKind::kUnsupported, "unsupported_parameter",
                    "The privacy policy watches answers, and the tokens that they are made of would get around it.",
                    std::string(members[i].name));
      if (is_among(kNoTexts, members[i].name) || members[i].json == "null") continue;
      if (!rules_->passes_media && holds_tokens(members[i]))
        return fail(ErrorKind::kPermissionDenied, "privacy_blocked",
                    "This call holds tokens in place of text, which cannot be searched for personal data, and the "
                    "privacy policy lets none through (`media: pass` does).",
                    std::string(members[i].name));
      FAIRLEAD_CHECK(texts.add(members[i].json, kind_of(members[i].name), rules_->passes_media, i));
    }
    if (!call.options.variables.empty())
      FAIRLEAD_CHECK(texts.add(call.options.variables, JsonDocument::Kind::kData, true, members.size()));
    return {};
  }

  async::Task<void> ask_detectors(const llm::Call& call, Texts& texts, SteadyTime deadline) {
    const Asking asking{*call.loop, *call.cancellation, deadline, call.key_id, call.key_name};
    Answers answers = co_await ask_all(rules_->detectors, texts.jobs, asking);
    for (std::size_t i = 0; i < texts.jobs.size(); ++i) add_found(*rules_, *texts.jobs[i], std::move(answers.found[i]));
    unanswered_ = std::move(answers.unanswered);
  }

  void begin_trial(const llm::Call& call, std::shared_ptr<const Texts> texts) {
    trial_ = std::make_shared<Trial>();
    trial_->rules = rules_->shadow;
    trial_->texts = std::move(texts);
    trial_->deadline = deadline_of(*trial_->rules, parts_.clock);
    beside_.emplace(call.loop->executor());
    beside_->spawn(try_out(trial_, *call.loop, std::string(call.key_id), std::string(call.key_name)));
  }

  // Until end(): who has not answered by then is not waited for.
  async::Task<void> try_out(std::shared_ptr<Trial> trial, async::Loop& loop, std::string key_id, std::string key_name) {
    co_await boost::asio::post(loop.executor(), async::use_task);  // behind what the call does next
    const auto look = [trial, &clock = parts_.clock] {
      trial->look(clock);
      return true;
    };
    co_await on_a_thread(*trial, look);
    if (!trial->rules->detectors.empty()) {
      std::vector<TextJob*> jobs;
      for (TextJob& job : trial->jobs) jobs.push_back(&job);
      const Asking asking{loop, trial->ends, trial->deadline, key_id, key_name};
      trial->answers = co_await ask_all(trial->rules->detectors, jobs, asking);
    }
    const auto treat = [trial, project = project_, key = key_] {
      trial->treat(project, *key);
      return true;
    };
    co_await on_a_thread(*trial, treat);
  }

  // Or here, if it is too little work for that.
  template <class Work>
  async::Task<void> on_a_thread(const Trial& trial, Work work) {
    if (trial.texts->bytes <= kOnTheLoop) {
      work();
      co_return;
    }
    auto working = parts_.pool.run(std::move(work));
    (void)co_await std::move(working);
  }

  Result<void> all_was_seen(const Texts& texts, int patience) {
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
  async::Task<Result<void>> treat(const llm::Call& call, std::shared_ptr<Texts> texts, SteadyTime deadline) {
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

  static void write(llm::Call& call, std::span<llm::Member> members, const Texts& texts) {
    for (const Texts::Part& part : texts.parts) {
      if (!part.document->changed()) continue;
      std::string json = part.document->write();
      if (part.member == members.size())
        call.options.variables = std::move(json);
      else
        members[part.member].json = call.own(std::move(json));
    }
    for (llm::Member& member : members)
      if (member.name == "fairlead") member.json = "{}";  // it has been read
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
