#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <sstream>

#include "cli/internal/command.h"
#include "platform/http/sse.h"

namespace fairlead::cli {
namespace {

struct Printed {
  std::string usage_line;
  std::string error;
  bool any = false;
};

void take_event(const http::ServerSentEvent& event, Printed& printed) {
  if (event.data == "[DONE]") return;
  const auto chunk = json::parse(event.data);
  if (!chunk || !chunk->is_object()) return;
  const boost::json::object& object = chunk->get_object();
  if (const boost::json::value* error = object.if_contains("error")) printed.error = text_of(*error, "message");
  if (const boost::json::value* usage = object.if_contains("usage"); usage && usage->is_object())
    printed.usage_line =
        fmt::format("{}→{} tok", integer_of(*usage, "prompt_tokens"), integer_of(*usage, "completion_tokens"));
  const boost::json::value* const choices = object.if_contains("choices");
  if (!choices || !choices->is_array()) return;
  for (const boost::json::value& choice : choices->get_array()) {
    const boost::json::value* const delta = choice.is_object() ? choice.get_object().if_contains("delta") : nullptr;
    const std::string text = delta ? text_of(*delta, "content") : "";
    printed.any |= !text.empty();
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }
}

// A value that is JSON is taken as such, but a text needs no quotes.
boost::json::value variable(const std::string& text) {
  if (auto parsed = json::parse(text); parsed && !parsed->is_string()) return std::move(*parsed);
  return boost::json::value(text);
}

Result<void> add_variables(const std::vector<std::string>& words, boost::json::object& out) {
  for (const std::string& one : words) {
    const auto equals = one.find('=');
    if (equals == std::string::npos)
      return fail(ErrorKind::kInvalid, "invalid_variable", "--var " + one + ": write NAME=VALUE.");
    out[one.substr(0, equals)] = variable(one.substr(equals + 1));
  }
  return {};
}

void try_prompt(Context& context, const std::string& name, const std::vector<std::string>& variables,
                const std::string& message) {
  boost::json::object values;
  if (auto added = add_variables(variables, values); !added) return context.fail_with(added.error());
  boost::json::array messages;
  if (!message.empty()) messages.push_back({{"role", "user"}, {"content", message}});
  boost::json::object body{{"model", name}, {"messages", std::move(messages)}, {"stream", !context.as_json}};
  if (!values.empty()) body["fairlead"] = boost::json::object{{"variables", std::move(values)}};
  if (context.as_json) {
    const boost::json::value value = std::move(body);
    return answer(context, http::Method::kPost, "/v1/chat/completions", &value,
                  [](const boost::json::value&) { return std::string(); });
  }
  body["stream_options"] = boost::json::object{{"include_usage", true}};
  const auto start = std::chrono::steady_clock::now();
  http::SseParser parser;
  Printed printed;
  auto reply =
      context.stream(http::Method::kPost, "/v1/chat/completions", json::to_text(body), [&](std::string_view bytes) {
        (void)parser.feed(bytes, [&](const http::ServerSentEvent& event) { take_event(event, printed); });
      });
  if (!reply) return context.fail_with(reply.error());
  if (reply->status >= 400) {
    const boost::json::object* const object = reply->json.if_object();
    const std::string told =
        object && object->contains("error") ? text_of(object->at("error"), "message") : reply->text;
    return context.fail_with(Error{reply->status < 500 ? ErrorKind::kInvalid : ErrorKind::kUpstream, "refused", told});
  }
  if (printed.any) std::fputs("\n", stdout);
  if (!printed.error.empty()) return context.fail_with(Error{ErrorKind::kUpstream, "stream_broken", printed.error});
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
  std::fputs(
      painted(fmt::format("  {} ms  {}\n", took.count(), printed.usage_line), Colour::kDim, context.colours()).c_str(),
      stdout);
}

struct Question {
  std::string name, file, message, user, session, now;
  std::vector<std::string> variables, tags;
};

Result<boost::json::object> variables_of(const Question& question) {
  boost::json::object out;
  if (!question.file.empty()) {
    std::ifstream in(question.file, std::ios::binary);
    std::stringstream text;
    if (in) text << in.rdbuf();
    if (!in) return fail(ErrorKind::kInvalid, "no_such_file", question.file + " cannot be read.");
    auto parsed = json::parse(text.str());
    if (!parsed) return fail(with_context(std::move(parsed).error(), question.file));
    if (!parsed->is_object())
      return fail(ErrorKind::kInvalid, "invalid_variables",
                  question.file + " has to hold a JSON object: {\"locale\": \"ru\"}.");
    out = std::move(parsed->as_object());
  }
  FAIRLEAD_CHECK(add_variables(question.variables, out));
  return out;
}

// "false      tier == 'gold'", indented by what stands around it.
std::string part_line(const boost::json::value& part, bool colours) {
  const std::int64_t yes = integer_of(part, "true"), no = integer_of(part, "false"),
                     failed = integer_of(part, "errors");
  std::string came = failed > 0 ? "error" : yes > 0 ? "true" : "false";
  if (failed == 0 && yes > 0 && no > 0) came = fmt::format("true {}/{}", yes, yes + no);
  const Colour colour = failed > 0 ? Colour::kRed : yes == 0 ? Colour::kYellow : Colour::kGreen;
  std::string expression = text_of(part, "expression");
  std::ranges::replace(expression, '\n', ' ');
  const std::string error = text_of(part, "error");
  return "  " + painted(fmt::format("{:<10}", came), colour, colours) +
         std::string(2 * static_cast<std::size_t>(integer_of(part, "depth")), ' ') + expression +
         (error.empty() ? "" : "   (" + error + ")") + "\n";
}

std::string explained(const boost::json::value& reply, bool colours) {
  const std::string variant = text_of(reply, "variant");
  std::string out = painted(text_of(reply, "prompt") + " v" + std::to_string(integer_of(reply, "version")) +
                                (variant.empty() ? "" : "/" + variant),
                            Colour::kNone, colours) +
                    "   model " + text_of(reply, "model") + "\n";
  for (const boost::json::value& one : reply.at("conditions").as_array()) {
    const std::string came = text_of(one, "came_to");
    out += "\n" + text_of(one, "variant") + ": " +
           (came == "true"    ? "holds"
            : came == "false" ? "does not hold"
                              : came) +
           "\n";
    if (came == "not asked") continue;
    for (const boost::json::value& part : one.at("parts").as_array()) out += part_line(part, colours);
    if (one.at("parts").as_array().empty()) out += "  " + text_of(one, "when") + "\n";
    if (const std::string error = text_of(one, "error"); !error.empty()) out += "  " + error + "\n";
  }
  for (const boost::json::value& message : reply.at("messages").as_array()) {
    const boost::json::value* const content = message.as_object().if_contains("content");
    out += "\n" + painted(text_of(message, "role"), Colour::kDim, colours) + "\n";
    if (content != nullptr)
      out += (content->is_string() ? text_of(message, "content") : json::to_text(*content)) + "\n";
  }
  return out;
}

void explain(Context& context, const Question& question) {
  auto variables = variables_of(question);
  if (!variables) return context.fail_with(variables.error());
  boost::json::object own{{"variables", *std::move(variables)}};
  if (!question.user.empty()) own["user"] = question.user;
  if (!question.session.empty()) own["session"] = question.session;
  if (!question.tags.empty()) own["tags"] = boost::json::array(question.tags.begin(), question.tags.end());
  boost::json::object body{{"model", question.name}, {"fairlead", std::move(own)}};
  if (!question.message.empty())
    body["messages"] = boost::json::array{boost::json::object{{"role", "user"}, {"content", question.message}}};
  if (!question.now.empty()) body["now"] = question.now;
  const boost::json::value value = std::move(body);
  answer(context, http::Method::kPost, "/api/v1/explain", &value,
         [&context](const boost::json::value& reply) { return explained(reply, context.colours()); });
}

void add_explain(CLI::App& prompts, Context& context) {
  const auto question = std::make_shared<Question>();
  CLI::App* const explaining = command(prompts, context, "explain", "Say which variant of a prompt answers, and why",
                                       "fairlead prompts explain support-reply@staging --vars vars.json --tag beta");
  explaining->add_option("name", question->name, "The prompt: support-reply, support-reply@staging")->required();
  explaining->add_option("--vars", question->file, "JSON file whose members are the variables")->type_name("FILE");
  explaining->add_option("--var", question->variables, "A variable: NAME=VALUE; may be given again");
  explaining->add_option("--message", question->message, "A user's message behind the prompt's own");
  explaining->add_option("--user", question->user, "The user of the call");
  explaining->add_option("--session", question->session, "Its session");
  explaining->add_option("--tag", question->tags, "A tag of it; may be given again");
  explaining->add_option("--now", question->now, "When it is made: 2026-11-26T14:02:00Z; else now");
  explaining->callback([&context, question] { explain(context, *question); });
}

}  // namespace

void add_prompts(CLI::App& app, Context& context) {
  CLI::App* const prompts = app.add_subcommand("prompts", "Prompts: try and explain them");
  prompts->require_subcommand(1);
  struct Words {
    std::string name, message;
    std::vector<std::string> variables;
  };
  const auto words = std::make_shared<Words>();
  CLI::App* const trying =
      command(*prompts, context, "try", "Call a prompt or a model and show the answer as it comes",
              "fairlead prompts try support-reply@staging --var question=\"Where is my transfer?\"");
  trying->add_option("name", words->name, "What to call: support-reply, support-reply@staging, small")->required();
  trying->add_option("--var", words->variables, "A variable: NAME=VALUE; may be given again");
  trying->add_option("--message", words->message, "A user's message behind the prompt's own");
  trying->callback([&context, words] { try_prompt(context, words->name, words->variables, words->message); });
  add_explain(*prompts, context);
}

}  // namespace fairlead::cli
