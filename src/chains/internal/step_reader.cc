#include "chains/internal/step_reader.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "chains/internal/bodies.h"
#include "platform/config/settings.h"
#include "platform/json/member.h"

namespace fairlead::chains::internal {
namespace {

namespace bj = boost::json;

constexpr double kNanos = 1e9;
constexpr Micros kLongestReuse = std::chrono::hours(24 * 30);

class StepReader {
 public:
  explicit StepReader(Faults& faults) : faults_(faults) {}

  StepPlan read(const bj::object& from, const std::string& pointer) {
    StepPlan step;
    step.name = json::text_member(from, "name");
    step.at_once = static_cast<std::size_t>(whole(from, "at_once", 8));
    step.reuse = duration_or(from, "reuse", pointer, Micros(0));
    if (step.reuse > kLongestReuse) fault(pointer + "/reuse", "is 30 days at most.");
    read_failures(from, step);
    read_body(from, pointer, step);
    return step;
  }

  StepPlan read_undo(const std::string& name, const bj::object& from, const std::string& pointer) {
    StepPlan undo;
    undo.name = name;
    read_what(from, pointer, undo);
    constexpr std::array kMay{Does::kPrompt, Does::kModel, Does::kTransform, Does::kChain, Does::kHttp};
    if (!std::ranges::count(kMay, undo.does))
      fault(pointer, "a compensation is one of prompt, model, transform, chain, http.");
    undo.timeout = std::chrono::duration_cast<Millis>(duration_or(from, "timeout", pointer, Micros(0)));
    undo.cost = dollars(from, "cost");
    read_retry(from, pointer, undo);
    undo.uncertain = uncertain_of(from);
    check_pairs(from, pointer, undo);
    return undo;
  }

  Micros duration(const bj::object& from, const char* name, const std::string& pointer) {
    const auto read = config::parse_duration(json::text_member(from, name));
    if (read && read->count() > 0) return *read;
    fault(pointer + "/" + name, read ? "must be longer than nothing" : read.error().message);
    return Micros(0);
  }

 private:
  Micros duration_or(const bj::object& from, const char* name, const std::string& pointer, Micros otherwise) {
    return from.contains(name) ? duration(from, name, pointer) : otherwise;
  }
  static std::int64_t whole(const bj::object& from, const char* name, std::int64_t otherwise) {
    const bj::value* const value = from.if_contains(name);
    return value != nullptr && value->is_int64() ? value->get_int64() : otherwise;
  }
  static std::int64_t dollars(const bj::object& from, const char* name) {
    const bj::value* const value = from.if_contains(name);
    return value != nullptr && value->is_number() ? std::llround(value->to_number<double>() * kNanos) : 0;
  }
  void fault(std::string pointer, std::string message) { faults_.push_back({std::move(pointer), std::move(message)}); }

  static journal::Uncertain uncertain_of(const bj::object& from) {
    const std::string word = json::text_member(from, "uncertain");
    return word == "fail"  ? journal::Uncertain::kFail
           : word == "ask" ? journal::Uncertain::kAsk
                           : journal::Uncertain::kRetry;
  }

  // What a step says of one thing that it does; also of a case of a switch, and of a tool.
  void read_body(const bj::object& from, const std::string& pointer, StepPlan& step) {
    read_what(from, pointer, step);
    step.at_most = whole(from, "at_most", 1);
    step.within = duration_or(from, "within", pointer, Micros(0));
    step.timeout = std::chrono::duration_cast<Millis>(duration_or(from, "timeout", pointer, Micros(0)));
    step.cost = dollars(from, "cost");
    read_retry(from, pointer, step);
    step.uncertain = uncertain_of(from);
    step.lease = duration_or(from, "lease", pointer, std::chrono::seconds(60));
    if (const bj::value* const schema = from.if_contains("output")) {
      step.output_schema = *schema;
      step.output_rule = compile_schema(*schema, pointer + "/output", faults_);
    }
    check_pairs(from, pointer, step);
    read_bodies(from, pointer, step);
  }

  void read_bodies(const bj::object& from, const std::string& pointer, StepPlan& step) {
    for (const BodySource& one : bodies_of(step.does, from, pointer)) {
      StepPlan body;
      body.name = step.name;
      read_body(*one.spec, one.pointer, body);
      if (body.cost == 0) body.cost = step.cost;
      step.bodies.push_back(std::move(body));
    }
    if (step.does == Does::kSwitch) check_cases(from, pointer, faults_);
    if (step.does == Does::kAgent) step.tools = read_tools(from, pointer, faults_);
  }

  // The one member that says what the step does.
  void read_what(const bj::object& from, const std::string& pointer, StepPlan& step) {
    static const std::vector<std::string> kWhat{"prompt",  "model", "transform", "chain", "http",
                                                "approve", "wait",  "task",      "agent", "switch"};
    std::vector<std::string> found;
    for (const std::string& one : kWhat)
      if (from.contains(one)) found.push_back(one);
    if (found.size() != 1) {
      std::string list;
      for (const std::string& one : kWhat) (list += list.empty() ? "" : ", ") += one;
      fault(pointer, found.empty() ? "says not what it does: one of " + list + "."
                                   : "says two things that it does: " + found[0] + " and " + found[1] + ".");
      return;
    }
    step.target = json::text_member(from, found[0]);
    if (found[0] == "prompt") step.does = Does::kPrompt;
    if (found[0] == "model") step.does = Does::kModel;
    if (found[0] == "transform") step.does = Does::kTransform;
    if (found[0] == "chain") step.does = Does::kChain;
    if (found[0] == "http") step.does = Does::kHttp;
    if (found[0] == "approve") step.does = Does::kApprove;
    if (found[0] == "task") step.does = Does::kTask;
    if (found[0] == "agent") step.does = Does::kAgent;
    if (found[0] == "switch") step.does = Does::kSwitch;
    if (found[0] != "wait") return;
    const bool is_time = !step.target.empty() && std::isdigit(static_cast<unsigned char>(step.target[0]));
    step.does = is_time ? Does::kSleep : Does::kReceive;
    if (is_time) step.length = duration(from, "wait", pointer);
  }

  static void read_failures(const bj::object& from, StepPlan& step) {
    step.failures = whole(from, "failures", 0);
    const std::string share = json::text_member(from, "failures");
    if (!share.empty()) step.failures_share = std::strtod(share.c_str(), nullptr) / 100;
  }

  void read_retry(const bj::object& step_spec, const std::string& pointer, StepPlan& step) {
    const bj::value* const value = step_spec.if_contains("retry");
    if (value == nullptr || !value->is_object()) return;
    const bj::object& from = value->get_object();
    const std::string at = pointer + "/retry";
    const auto millis = [&](const char* name, Millis otherwise) {
      return std::chrono::duration_cast<Millis>(duration_or(from, name, at, otherwise));
    };
    step.retry.attempts = whole(from, "attempts", 1);
    step.retry.first = millis("first", step.retry.first);
    step.retry.most = millis("most", step.retry.most);
    step.retry.within = millis("within", step.retry.within);
    step.retry.cost = dollars(from, "cost");
    const bj::value* const on = from.if_contains("on");
    if (on == nullptr || !on->is_array()) return;
    step.retry.on.fill(false);
    for (const bj::value& word : on->get_array()) {
      const auto failure = word.is_string() ? journal::failure_class(word.get_string()) : std::nullopt;
      if (failure) step.retry.on[static_cast<std::size_t>(*failure)] = true;
    }
  }

  // Members that go with some steps alone.
  void check_pairs(const bj::object& from, const std::string& pointer, const StepPlan& step) {
    const auto only = [&](const char* member, std::initializer_list<Does> with, const char* what) {
      if (from.contains(member) && !std::ranges::count(with, step.does))
        fault(pointer + "/" + member, std::string("is for steps with ") + what + ".");
    };
    only("variables", {Does::kPrompt}, "`prompt`");
    only("messages", {Does::kPrompt, Does::kModel}, "`prompt` or `model`");
    only("parameters", {Does::kPrompt, Does::kModel}, "`prompt` or `model`");
    only("input", {Does::kChain, Does::kTask}, "`chain` or `task`");
    only("within", {Does::kApprove, Does::kReceive, Does::kTask, Does::kAgent},
         "`approve`, `task`, `agent`, or `wait` for a signal");
    for (const char* const member : {"timeout", "uncertain"})
      only(member, {Does::kPrompt, Does::kModel, Does::kHttp, Does::kAgent},
           "an effect of their own: `prompt`, `model`, `http` or `agent`");
    only("retry", {Does::kPrompt, Does::kModel, Does::kHttp, Does::kAgent, Does::kTask},
         "an effect of their own: `prompt`, `model`, `http`, `agent` or `task`");
    only("lease", {Does::kTask}, "`task`");
    only("reuse", {Does::kPrompt, Does::kModel, Does::kHttp, Does::kChain, Does::kTask},
         "`prompt`, `model`, `http`, `chain` or `task`");
    only("output", {Does::kTask, Does::kAgent}, "`task` or `agent`");
    if (step.does == Does::kAgent && !from.contains("at_most"))
      fault(pointer, "an agent needs `at_most`: without a bound it might go on for ever.");
    if (step.does == Does::kAgent && from.contains("until"))
      fault(pointer + "/until", "an agent ends by itself, or after `at_most` turns.");
    if (step.does == Does::kModel && !from.contains("messages"))
      fault(pointer, "a step with `model` needs `messages`.");
    if (step.does != Does::kAgent && from.contains("until") != from.contains("at_most"))
      fault(pointer, "`until` and `at_most` go together: without a bound a step might be done for ever.");
    if (from.contains("until") && from.contains("map")) fault(pointer, "`until` and `map` do not go together.");
    if (from.contains("at_once") && !from.contains("map")) fault(pointer + "/at_once", "is for steps with `map`.");
    if (from.contains("failures") && !from.contains("map")) fault(pointer + "/failures", "is for steps with `map`.");
  }

  Faults& faults_;
};

}  // namespace

StepPlan read_step(const bj::object& from, const std::string& pointer, Faults& faults) {
  return StepReader(faults).read(from, pointer);
}

StepPlan read_undo(const std::string& name, const bj::object& from, const std::string& pointer, Faults& faults) {
  return StepReader(faults).read_undo(name, from, pointer);
}

Micros read_duration(const bj::object& from, const char* name, const std::string& pointer, Faults& faults) {
  return StepReader(faults).duration(from, name, pointer);
}

}  // namespace fairlead::chains::internal
