#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/commands/question_options.h"

namespace fairlead::cli {
namespace {

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

void explain(Context& context, const std::string& name, const Question& question, const std::string& now) {
  auto body = body_of(question, name);
  if (!body) return context.fail_with(body.error());
  if (!now.empty()) (*body)["now"] = now;
  const boost::json::value value = *std::move(body);
  answer(context, http::Method::kPost, "/api/v1/explain", &value,
         [&context](const boost::json::value& reply) { return explained(reply, context.colours()); });
}

void add_explain(CLI::App& prompts, Context& context) {
  struct PromptsWords {
    std::string name, now;
    Question question;
  };
  const auto words = std::make_shared<PromptsWords>();
  CLI::App* const explaining = command(prompts, context, "explain", "Say which variant of a prompt answers, and why",
                                       "fairlead prompts explain support-reply@staging --vars vars.json --tag beta");
  explaining->add_option("name", words->name, "The prompt: support-reply, support-reply@staging")->required();
  add_question_options(*explaining, words->question);
  explaining->add_option("--now", words->now, "When it is made: 2026-11-26T14:02:00Z; else now");
  explaining->callback([&context, words] { explain(context, words->name, words->question, words->now); });
}

}  // namespace

void add_prompts(CLI::App& app, Context& context) {
  CLI::App* const prompts = app.add_subcommand("prompts", "Prompts: try and explain them");
  prompts->require_subcommand(1);
  add_try(*prompts, context);
  add_explain(*prompts, context);
}

}  // namespace fairlead::cli
