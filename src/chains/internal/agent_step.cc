// A model with tools, in turns.
#include <algorithm>
#include <utility>

#include "chains/internal/course.h"
#include "platform/json/member.h"
#include "platform/json/text.h"

namespace fairlead::chains::internal {

namespace bj = boost::json;
using journal::Effect;
using journal::EffectFailed;
using journal::StepError;
using journal::StepResult;
using AgentWhy = journal::StepError::Why;

namespace {

// As a model is told it.
bj::array shown_tools(const StepPlan& step) {
  bj::array out;
  for (const Tool& tool : step.tools)
    out.push_back(bj::object{
        {"type", "function"},
        {"function",
         bj::object{{"name", tool.name}, {"description", tool.description}, {"parameters", tool.parameters}}}});
  return out;
}

std::string text_for_model(const std::string& output) {
  auto value = json::parse(output);
  return value && value->is_string() ? std::string(value->get_string()) : output;
}

// The turn's output: {"text", "tool_calls", "structured"}. A last answer that has to be JSON is looked at here, so that
// another attempt may do better.
std::expected<Effect, EffectFailed> read_turn(llm::ClientAnswer answer,
                                              const std::shared_ptr<const json::Schema>& rule) {
  const auto bad = [&](std::string message) {
    return std::unexpected(EffectFailed{
        journal::FailureClass::kBadOutput, {ErrorKind::kUpstream, "invalid_output", std::move(message)}, answer.cost});
  };
  bj::object out{{"text", answer.text}};
  if (!answer.tool_calls.empty()) {
    auto calls = json::parse(answer.tool_calls);
    if (!calls || !calls->is_array()) return bad("The model's use of its tools makes no sense.");
    out["tool_calls"] = std::move(*calls);
    return Effect{json::to_text(out), answer.cost};
  }
  if (rule || answer.structured) {
    const auto value = json::parse(answer.text);
    if (!value) return bad("The answer is not JSON.");
    if (rule) {
      if (const auto faults = rule->validate(*value, 1); !faults.empty())
        return bad("The answer does not fit `output`: " + faults[0].pointer + " " + faults[0].message + ".");
    }
    out["structured"] = true;
  }
  return Effect{json::to_text(out), answer.cost};
}

struct AskedTool {
  std::size_t place = 0;
  bj::value arguments;
};

// Error: what the model is told of it.
std::expected<AskedTool, std::string> asked_tool(const StepPlan& step, const std::string& name,
                                                 const std::string& arguments) {
  AskedTool out;
  while (out.place < step.tools.size() && step.tools[out.place].name != name) ++out.place;
  if (out.place == step.tools.size()) {
    std::string names;
    for (const Tool& tool : step.tools) (names += names.empty() ? "" : ", ") += tool.name;
    return std::unexpected("There is no such tool. There are: " + names + ".");
  }
  auto parsed = json::parse(arguments.empty() ? "{}" : arguments);
  if (!parsed || !parsed->is_object()) return std::unexpected("The arguments are no JSON object.");
  out.arguments = std::move(*parsed);
  const Tool& tool = step.tools[out.place];
  bj::object& fields = out.arguments.get_object();
  for (const auto& [field, value] : tool.defaults)
    if (!fields.contains(field)) fields.emplace(field, value);
  if (const auto faults = tool.schema->validate(out.arguments, 1); !faults.empty())
    return std::unexpected(
        "The arguments do not fit: " + (faults[0].pointer.empty() ? std::string() : "`" + faults[0].pointer + "` ") +
        faults[0].message + ".");
  return out;
}

}  // namespace

// What the tools of one turn gave, in the order in which the model asked.
struct Course::Uses {
  std::vector<std::string> texts;
  std::optional<StepError> stop{};
};

Result<llm::ClientCall> Course::make_agent_call(const StepPlan& step, const Scope& scope) {
  FAIRLEAD_TRY(llm::ClientCall call, make_call(step.bodies.front(), scope));
  bj::object parameters;
  if (!call.parameters.empty()) {
    FAIRLEAD_TRY(bj::value given, json::parse(call.parameters));
    if (given.is_object()) parameters = std::move(given.as_object());
  }
  parameters["tools"] = shown_tools(step);
  if (step.output_schema)
    parameters["response_format"] = {{"type", "json_schema"},
                                     {"json_schema", {{"name", step.name}, {"schema", *step.output_schema}}}};
  call.parameters = json::to_text(parameters);
  return call;
}

// A retry after an end that is its own, of turns, time or cost, gives it all of them anew.
async::Task<StepResult> Course::do_agent(const StepPlan& step, std::string name, Scope scope) {
  if (execution_.ended(name)) co_return execution_.note(std::move(name), "null");  // as it did
  const auto renewed = execution_.renewed(name);
  scope.spent_before = renewed.cost;
  if (step.within.count() > 0) {
    const auto begun = execution_.note(name + "#0", std::to_string(execution_.now()));
    if (!begun) co_return begun;
    const std::int64_t from = std::max<std::int64_t>(std::strtoll(begun->c_str(), nullptr, 10), renewed.at);
    const std::int64_t end = from + step.within.count();
    scope.until = scope.until > 0 ? std::min(scope.until, end) : end;
  }
  auto made = make_agent_call(step, scope);
  if (!made) co_return failed(std::move(made).error());
  auto messages = json::parse(made->messages);
  if (!messages) co_return failed(std::move(messages).error());
  if (!messages->is_array())
    co_return failed({ErrorKind::kInvalid, "invalid_type", "`messages` of step `" + step.name + "` are no list."});
  const auto name_of = [&name](std::int64_t turn) { return name + "#" + std::to_string(turn); };
  std::int64_t before = 0;  // turns, when it was renewed
  while (execution_.ended_before(name_of(before + 1), renewed.sequence)) ++before;
  for (std::int64_t turn = 1;; ++turn) {
    const std::string turn_name = name_of(turn);
    const bool is_new = !execution_.knows(turn_name);
    if (is_new && scope.until > 0 && execution_.now() >= scope.until)
      co_return end_badly(name, {ErrorKind::kTimeout, "timed_out",
                                 "Step `" + step.name + "` was not done within the time that it may take."});
    if (is_new && step.cost > 0 && execution_.spent_on(name + "#").sum - renewed.cost >= step.cost)
      co_return end_badly(
          name, {ErrorKind::kExhausted, "cost_exceeded", "Step `" + step.name + "` has cost what it may: its `cost`."});
    llm::ClientCall call = *made;
    call.messages = json::to_text(*messages);
    const bool is_last = turn - before >= step.at_most && !execution_.knows(name_of(turn + 1));
    if (is_last) call.parameters.insert(call.parameters.size() - 1, R"(,"tool_choice":"none")");
    std::string asked = turn_name;
    auto answer = co_await ask_agent(step, std::move(call), std::move(asked), scope);
    if (!answer) co_return answer;
    auto said = json::parse(*answer);
    if (!said || !said->is_object())
      co_return failed({ErrorKind::kInternal, "store_corrupt", "A turn cannot be read."});
    const bj::object& fields = said->get_object();
    const bj::value* const calls = fields.if_contains("tool_calls");
    if (calls == nullptr) {
      std::string output =
          fields.contains("structured") ? json::text_member(fields, "text") : json::to_text(fields.at("text"));
      co_return execution_.note(std::move(name), std::move(output));
    }
    if (is_last)
      co_return end_badly(
          name, {ErrorKind::kUpstream, "too_many_turns",
                 "Step `" + step.name + "` came to no answer within its " + std::to_string(step.at_most) + " turns."});
    const std::string text = json::text_member(fields, "text");
    messages->get_array().push_back(bj::object{
        {"role", "assistant"}, {"content", text.empty() ? bj::value() : bj::value(text)}, {"tool_calls", *calls}});
    Uses uses{.texts = std::vector<std::string>(calls->get_array().size())};
    co_await use_tools(step, calls->get_array(), turn_name, scope, uses);
    if (uses.stop) co_return std::unexpected(std::move(*uses.stop));
    for (std::size_t i = 0; i < uses.texts.size(); ++i) {
      const bj::value& one = calls->get_array()[i];
      messages->get_array().push_back(
          bj::object{{"role", "tool"},
                     {"tool_call_id", one.is_object() ? json::text_member(one.get_object(), "id") : std::string()},
                     {"content", uses.texts[i]}});
    }
  }
}

async::Task<StepResult> Course::ask_agent(const StepPlan& step, llm::ClientCall call, std::string name, Scope scope) {
  journal::Step asked;
  asked.name = std::move(name);
  set_bounds(asked, step, scope);
  asked.input =
      json::to_text(bj::object{{"model", call.model}, {"messages", call.messages}, {"variables", call.variables}});
  asked.calls = calls_of(call.model);
  asked.work = [this, &step, call = std::move(call)](journal::Attempt attempt) {
    Read read = [&step](llm::ClientAnswer answer) { return read_turn(std::move(answer), step.output_rule); };
    return ask(call, std::move(attempt), std::move(read));
  };
  auto result = co_await execution_.step(std::move(asked));
  co_return result;
}

async::Task<void> Course::use_tools(const StepPlan& step, const bj::array& calls, std::string name, Scope scope,
                                    Uses& uses) {
  async::TaskGroup group(execution_.loop().executor());
  for (std::size_t i = 0; i < calls.size(); ++i) group.spawn(use_tool(step, calls[i], name, scope, i, uses));
  co_await group.join();
}

async::Task<void> Course::use_tool(const StepPlan& step, const bj::value& call, std::string name, Scope scope,
                                   std::size_t at, Uses& uses) {
  static const bj::object kNone;
  const bj::value* const function = call.is_object() ? call.get_object().if_contains("function") : nullptr;
  const bj::object& fields = function != nullptr && function->is_object() ? function->get_object() : kNone;
  const std::string tool_name = json::text_member(fields, "name");
  const auto tool = asked_tool(step, tool_name, json::text_member(fields, "arguments"));
  const std::string place = "/" + std::to_string(at + 1);
  if (!tool) {
    uses.texts[at] = tool.error();
    const auto noted = execution_.note(name + "/?" + place, json::quoted(tool.error()));
    if (!noted && !uses.stop) uses.stop = noted.error();
    co_return;
  }
  scope.arguments = &tool->arguments;
  const StepPlan& body = step.bodies[tool->place + 1];
  std::string body_name = name + "/" + tool_name + place;
  auto result = co_await do_once(body, std::move(body_name), scope);
  if (result) {
    uses.texts[at] = text_for_model(*result);
  } else if (result.error().why == AgentWhy::kFailed && !step.tools[tool->place].fails) {
    uses.texts[at] = "The tool failed: " + result.error().error.code + ": " + result.error().error.message;
  } else if (!uses.stop) {
    uses.stop = std::move(result).error();
  }
}

}  // namespace fairlead::chains::internal
