#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "cli/commands/question_options.h"
#include "cli/internal/columns.h"
#include "platform/http/sse.h"

namespace fairlead::cli {
namespace {

namespace bj = boost::json;
using Clock = std::chrono::steady_clock;

struct TryPromptWords {
  std::vector<std::string> names, models;
  Question question;
  bool rendered = false;
};

// One of what is compared.
struct Side {
  std::string name;      // as it was asked for
  bj::object body;       // of the call
  std::string messages;  // as they are rendered, if that was asked for
  std::string target{}, text{}, call_id{};
  std::optional<Error> error{};
  bj::value answer{};  // where it is not streamed
  bj::value record{};  // null where it cannot be read
  std::int64_t input_tokens = 0, output_tokens = 0;
  std::chrono::milliseconds took{0};
  bool done = false;
};

Error error_of(const Reply& reply) {
  const bj::object* const object = reply.json.if_object();
  const bj::value* const told = object ? object->if_contains("error") : nullptr;
  return {reply.status < 500 ? ErrorKind::kInvalid : ErrorKind::kUpstream, "refused",
          told ? text_of(*told, "message") : reply.text};
}

void take_chunk(Side& side, const bj::object& chunk) {
  if (const bj::value* error = chunk.if_contains("error"))
    side.error = Error{ErrorKind::kUpstream, "stream_broken", text_of(*error, "message")};
  if (const bj::value* usage = chunk.if_contains("usage"); usage && usage->is_object()) {
    side.input_tokens = integer_of(*usage, "prompt_tokens");
    side.output_tokens = integer_of(*usage, "completion_tokens");
  }
  const bj::value* const choices = chunk.if_contains("choices");
  if (!choices || !choices->is_array()) return;
  for (const bj::value& choice : choices->get_array())
    if (const bj::value* delta = choice.is_object() ? choice.get_object().if_contains("delta") : nullptr)
      side.text += text_of(*delta, "content");
}

// The call's record, which is there soon after its end; null if this key may not read it.
bj::value record_of(Context& context, const std::string& id) {
  for (int tries = 0; !id.empty() && tries < 20; ++tries) {
    auto reply = context.fetch(http::Method::kGet, "/api/v1/calls/" + segment(id), "");
    if (!reply || (reply->status != 200 && reply->status != 404)) break;
    if (reply->status == 200) return std::move(reply->json);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return nullptr;
}

// What the headers say: "support-reply@4/russian-gold   small→local".
std::string target_of(const Reply& reply) {
  std::string out = reply.header("x-fairlead-target"), variant = reply.header("x-fairlead-variant");
  out.erase(0, out.find(':') + 1);
  if (!variant.empty()) out += "/" + variant;
  const std::string model = reply.header("x-fairlead-model"), provider = reply.header("x-fairlead-provider");
  return model.empty() ? out : out + "   " + model + "→" + provider;
}

void run_side(Context& context, Side& side, bool stream, const std::function<void()>& on_text) {
  side.body["stream"] = stream;
  if (stream) side.body["stream_options"] = bj::object{{"include_usage", true}};
  const auto start = Clock::now();
  http::SseParser parser;
  const auto take_event = [&](const http::ServerSentEvent& event) {
    const auto chunk = event.data == "[DONE]" ? Result<bj::value>(nullptr) : json::parse(event.data);
    if (chunk && chunk->is_object()) take_chunk(side, chunk->get_object());
  };
  const auto take_bytes = [&](std::string_view bytes) {
    (void)parser.feed(bytes, take_event);
    on_text();
  };
  const std::string body = json::to_text(side.body);
  auto reply = stream ? context.stream(http::Method::kPost, "/v1/chat/completions", body, take_bytes)
                      : context.fetch(http::Method::kPost, "/v1/chat/completions", body);
  side.took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
  side.done = true;
  if (!reply) {
    side.error = reply.error();
    return;
  }
  side.target = target_of(*reply);
  side.call_id = reply->header("x-fairlead-call-id");
  if (reply->status >= 400) side.error = error_of(*reply);
  side.answer = std::move(reply->json);
  side.record = record_of(context, side.call_id);
}

struct Figures {
  std::string times, amounts;  // "412 ms   first 61 ms", "311→87 tok   0.0004 $"; empty of a call that never was
};

Figures figures(const Side& side) {
  const bool known = side.record.is_object();
  if (side.error && !known) return {};
  Figures out;
  out.times =
      fmt::format("{:.0f} ms", known ? number_of(side.record, "duration_ms") : static_cast<double>(side.took.count()));
  if (known && !text_of(side.record, "first_token_ms").empty())
    out.times += fmt::format("   first {:.0f} ms", number_of(side.record, "first_token_ms"));
  out.amounts = fmt::format("{}→{} tok", known ? integer_of(side.record, "input_tokens") : side.input_tokens,
                            known ? integer_of(side.record, "output_tokens") : side.output_tokens);
  if (known && !text_of(side.record, "cost_usd").empty())
    out.amounts += fmt::format("   {:.4f} $", number_of(side.record, "cost_usd"));
  return out;
}

std::string rendered_messages(const bj::value& messages) {
  std::string out;
  for (const bj::value& message : messages.as_array()) {
    const bj::value* const content = message.as_object().if_contains("content");
    out += text_of(message, "role") + ": ";
    if (content != nullptr) out += content->is_string() ? text_of(message, "content") : json::to_text(*content);
    out += "\n";
  }
  return out;
}

Result<bj::value> explain(Context& context, bj::object body) {
  const bj::value question = std::move(body);
  return context.call(http::Method::kPost, "/api/v1/explain", &question);
}

// The same prompt, rendered once, on each of the models.
Result<std::vector<Side>> sides_by_model(Context& context, const TryPromptWords& words) {
  if (words.names.size() != 1)
    return fail(ErrorKind::kInvalid, "invalid_value",
                "With --model, name one prompt: its messages go to each of the models. Versions are compared by their "
                "names alone: fairlead prompts try support-reply@3 support-reply@4");
  FAIRLEAD_TRY(bj::object asked, body_of(words.question, words.names.front()));
  bj::object own;
  if (const bj::value* const given = asked.if_contains("fairlead")) own = given->as_object();
  own.erase("variables");
  FAIRLEAD_TRY(const bj::value made, explain(context, std::move(asked)));
  bj::object body = made.at("parameters").as_object();
  body["messages"] = made.at("messages");
  if (!own.empty()) body["fairlead"] = std::move(own);
  std::vector<Side> out;
  for (const std::string& model : words.models) {
    body["model"] = model;
    out.push_back({model, body, words.rendered ? rendered_messages(made.at("messages")) : ""});
  }
  return out;
}

Result<std::vector<Side>> sides_by_name(Context& context, const TryPromptWords& words) {
  std::vector<Side> out;
  for (const std::string& name : words.names) {
    FAIRLEAD_TRY(bj::object body, body_of(words.question, name));
    std::string messages;
    if (words.rendered) {
      // One that cannot be rendered says so when it is called.
      if (const auto made = explain(context, body)) messages = rendered_messages(made->at("messages"));
    }
    out.push_back({name, std::move(body), std::move(messages)});
  }
  return out;
}

std::vector<std::string> column(const Side& side, std::size_t width, bool colours) {
  std::vector<std::string> out;
  const auto add = [&](std::string_view text, Colour colour) {
    for (const std::string& line : wrapped(text, width)) out.push_back(painted(line, colour, colours));
  };
  add(side.name, Colour::kGreen);
  if (!side.target.empty()) add(side.target, Colour::kDim);
  if (!side.messages.empty()) add(side.messages, Colour::kDim);
  if (!side.text.empty()) add(side.text, Colour::kNone);
  if (side.error) add(side.error->message, Colour::kRed);
  const Figures said = side.done ? figures(side) : Figures{};
  if (!said.times.empty()) add(said.times + "\n" + said.amounts, Colour::kDim);
  return out;
}

void compare_in_columns(Context& context, std::vector<Side>& sides, Terminal terminal, std::size_t width) {
  Live live(terminal);
  const auto lines = [&] {
    std::vector<std::vector<std::string>> columns;
    for (const Side& side : sides) columns.push_back(column(side, width, context.colours()));
    return beside(columns, width);
  };
  Clock::time_point drawn{};
  const std::function<void()> on_text = [&] {
    if (Clock::now() - drawn < std::chrono::milliseconds(50)) return;
    live.draw(lines());
    drawn = Clock::now();
  };
  live.draw(lines());
  for (Side& side : sides) {
    run_side(context, side, true, on_text);
    live.draw(lines());
  }
  live.clear();
  for (const std::string& line : lines()) std::fprintf(stdout, "%s\n", line.c_str());
}

void say(const std::string& text, Colour colour, Context& context) {
  std::fputs(painted(text, colour, context.colours()).c_str(), stdout);
}

// Each as it comes; an error of the only one is the command's.
void one_after_another(Context& context, std::vector<Side>& sides) {
  const bool many = sides.size() > 1;
  for (Side& side : sides) {
    if (many) say(side.name + "\n", Colour::kGreen, context);
    if (!side.messages.empty()) say(side.messages + "\n", Colour::kDim, context);
    std::size_t shown = 0;
    const std::function<void()> on_text = [&] {
      std::fwrite(side.text.data() + shown, 1, side.text.size() - shown, stdout);
      std::fflush(stdout);
      shown = side.text.size();
    };
    run_side(context, side, true, on_text);
    if (shown > 0) std::fputs("\n", stdout);
    if (!many && side.error) return;
    if (side.error) say("error: " + side.error->message + "\n", Colour::kRed, context);
    if (const Figures said = figures(side); !said.times.empty())
      say("  " + said.times + "   " + said.amounts + "   " + side.target + "\n", Colour::kDim, context);
    if (many && &side != &sides.back()) std::fputs("\n", stdout);
  }
}

void as_json(Context& context, std::vector<Side>& sides) {
  bj::array data;
  for (Side& side : sides) {
    run_side(context, side, false, [] {});
    bj::value answer = side.answer;
    if (answer.is_null() && side.error) answer = bj::object{{"error", bj::object{{"message", side.error->message}}}};
    data.push_back(bj::object{{"name", side.name}, {"answer", std::move(answer)}, {"call", side.record}});
  }
  const bj::value all = bj::object{{"data", std::move(data)}};
  const bool one = sides.size() == 1;
  if (one && sides.front().error) return;
  std::fputs((json::to_pretty_text(one ? sides.front().answer : all) + "\n").c_str(), stdout);
}

void try_prompts(Context& context, const TryPromptWords& words) {
  auto sides = words.models.empty() ? sides_by_name(context, words) : sides_by_model(context, words);
  if (!sides) return context.fail_with(sides.error());
  const Terminal terminal = Terminal::of_output();
  const std::size_t width = sides->size() > 1 ? column_width(sides->size(), terminal.columns) : 0;
  if (context.as_json)
    as_json(context, *sides);
  else if (width > 0)
    compare_in_columns(context, *sides, terminal, width);
  else
    one_after_another(context, *sides);
  for (const Side& side : *sides) {
    if (!side.error) continue;
    if (sides->size() == 1) return context.fail_with(*side.error);
    context.exit_status = side.error->kind == ErrorKind::kInvalid ? kUsage : kFailed;  // it has been shown
    return;
  }
}

}  // namespace

void add_try(CLI::App& prompts, Context& context) {
  const auto words = std::make_shared<TryPromptWords>();
  CLI::App* const trying =
      command(prompts, context, "try", "Call a prompt or a model and show the answer; or compare several",
              "fairlead prompts try support-reply@3 support-reply@4 --var question=\"Where is my "
              "transfer?\"\n  fairlead prompts try support-reply --model small --model large "
              "--vars vars.json");
  trying
      ->add_option("name", words->names,
                   "What to call: support-reply, support-reply@staging, small; several to compare")
      ->required();
  trying->add_option("--model", words->models, "Send the prompt's messages to this model instead; may be given again");
  trying->add_flag("--rendered", words->rendered, "Show the messages, too");
  add_question_options(*trying, words->question);
  trying->callback([&context, words] { try_prompts(context, *words); });
}

}  // namespace fairlead::cli
