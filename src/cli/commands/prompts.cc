#include <fmt/format.h>

#include <chrono>

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

void try_prompt(Context& context, const std::string& name, const std::vector<std::string>& variables,
                const std::string& message) {
  boost::json::object values;
  for (const std::string& one : variables) {
    const auto equals = one.find('=');
    if (equals == std::string::npos)
      return context.fail_with(Error{ErrorKind::kInvalid, "invalid_variable", "--var " + one + ": write NAME=VALUE."});
    values[one.substr(0, equals)] = variable(one.substr(equals + 1));
  }
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

}  // namespace

void add_prompts(CLI::App& app, Context& context) {
  CLI::App* const prompts = app.add_subcommand("prompts", "Prompts: try them");
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
}

}  // namespace fairlead::cli
