// gateway_fuzz [SECONDS [SEED [SUBJECT]]]: mutates what clients ask (chat, messages, responses, completions), streams
// that are to be gone on with (continuation), and chats that are answered in another form (answers), until the time is
// up. Exits 1 and prints the text at the first broken promise.
#include <simdjson.h>

#include <memory>

#include "base/tests/fuzz.h"
#include "gateway/routing/continuation.h"
#include "gateway/routing/plan.h"
#include "gateway/surfaces/completions.h"
#include "gateway/surfaces/completions_answer.h"
#include "gateway/surfaces/messages_answer.h"
#include "gateway/surfaces/messages_request.h"
#include "gateway/surfaces/responses_answer.h"
#include "gateway/surfaces/responses_request.h"
#include "gateway/tests/mutations.h"

namespace fairlead::gateway {
namespace {

using Texts = std::vector<std::string>;
using Random = SlipRandom;

bool is_json(std::string_view text) {
  simdjson::dom::parser parser;
  return parser.parse(text.data(), text.size()).error() == simdjson::SUCCESS;
}

// What is wrong with events that a client gets; empty: nothing.
std::string fault_in_events(std::string_view wire) {
  while (!wire.empty()) {
    const std::size_t end = wire.find("\n\n");
    if (end == std::string_view::npos) return "an event has no end";
    std::string_view event = wire.substr(0, end);
    wire.remove_prefix(end + 2);
    if (event.starts_with("event: ")) event.remove_prefix(std::min(event.size(), event.find('\n') + 1));
    if (!event.starts_with("data: ") || event.find('\n') != std::string_view::npos) return "an event has no data";
    event.remove_prefix(6);
    if (event != "[DONE]" && !is_json(event)) return "an event is no JSON";
  }
  return {};
}

// A body with the padding that a connection's buffer has.
struct Padded {
  explicit Padded(std::string body) : size(body.size()), text(std::move(body)) { text.append(64, '\0'); }
  std::span<char> span() { return {text.data(), size}; }
  std::size_t size;
  std::string text;
};

std::string fault_of(const Error& error) {
  const bool callers = error.kind == ErrorKind::kInvalid || error.kind == ErrorKind::kUnsupported;
  return callers && !error.code.empty() && !error.message.empty() ? ""
                                                                  : "it is refused without a reason: " + error.code;
}

// Requests.

Texts chat_seeds() {
  return {
      R"({"model":"m","stream":true,"stream_options":{"include_usage":true},"n":1,"temperature":0.5,"max_tokens":9,"stop":["a"],"messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}]})",
      R"({"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":{"type":"function","function":{"name":"f"}},"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"t","content":"r"}]})",
      R"({"model":"m","logit_bias":{"1":-100},"logprobs":true,"top_logprobs":2,"seed":1,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{}}},"fairlead":{"variables":{"a":1},"session":"s","user":"u","tags":["t"],"idempotency_key":"k"},"messages":[{"role":"developer","content":"d","name":"é\u0041"}]})"};
}

std::string judge_chat(const std::string& text, Random&) {
  Padded body(text);
  const auto request = llm::ChatRequest::parse(body.span());
  if (!request) return fault_of(request.error());
  const auto options = llm::CallOptions::parse(request->fairlead);
  if (!options && !fault_of(options.error()).empty()) return "fairlead: " + fault_of(options.error());
  const auto messages = request->parse_messages();
  if (!messages) return "its messages: " + fault_of(messages.error());
  if (messages->size() != request->message_count) return "its messages are miscounted";
  llm::ChatParameters::of(*request);
  if (routing::facts_of(*request).input_tokens < 0) return "its size is negative";
  const std::string json = request->to_json();
  if (!is_json(json)) return "what goes on is no JSON";
  Padded again(json);
  const auto twice = llm::ChatRequest::parse(again.span());
  return twice && twice->to_json() == json ? "" : "what goes on is not the same request";
}

// A request in another format becomes a chat that is one.
std::string judge_translated(const Result<std::string>& chat) {
  if (!chat) return fault_of(chat.error());
  Padded body(*chat);
  const auto request = llm::ChatRequest::parse(body.span());
  if (!request) return fault_of(request.error());  // a value that both forms pass on, out of a chat's range
  return request->parse_messages() ? "" : "its messages cannot be read";
}

template <Result<std::string> (*chat_of)(const llm::RequestBody&)>
std::string judge_request(const std::string& text, Random&) {
  Padded body(text);
  const auto read = llm::RequestBody::parse(body.span());
  return read ? judge_translated(chat_of(*read)) : fault_of(read.error());
}

Result<std::string> chat_of_request_for_response(const llm::RequestBody& body) {
  auto chat = chat_of_response(
      body, R"([{"type":"message","role":"assistant","content":[{"type":"output_text","text":"e"}]}])");
  if (!chat) return chat;
  previous_response_of(body);
  for (const std::string& made : {items_of(body, "id"), "{" + repeated_members(body) + "}"})
    if (!is_json(made)) return fail(ErrorKind::kInternal, "no_json", made);
  return chat;
}

Texts messages_seeds() {
  return {
      R"({"model":"m","max_tokens":9,"system":[{"type":"text","text":"a"}],"messages":[{"role":"user","content":[{"type":"text","text":"x"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA"}}]},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"t","name":"f","input":{"a":[1,2]}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","is_error":true,"content":[{"type":"text","text":"r"}]}]}]})",
      R"({"model":"m","max_tokens":9,"tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"tool","name":"f"},"thinking":{"type":"enabled","budget_tokens":1024},"output_config":{"effort":"low"},"stop_sequences":["a"],"metadata":{"user_id":"u"},"messages":[{"role":"user","content":"x"}]})"};
}

Texts responses_seeds() {
  return {
      R"({"model":"m","instructions":"i","input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"u"}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"t"}]},{"type":"reasoning","summary":[]}]})",
      R"({"model":"m","input":"a","tools":[{"type":"function","name":"f","parameters":{},"strict":null}],"tool_choice":"auto","text":{"format":{"type":"json_schema","name":"n","schema":{}}},"reasoning":{"effort":"low"},"include":[],"metadata":{"a":"b"},"store":false,"previous_response_id":"r"})"};
}

Texts completions_seeds() {
  return {
      R"({"model":"m","prompt":["a"],"n":2,"best_of":2,"echo":false,"suffix":"","logprobs":1,"stop":["x"],"max_tokens":5})",
      R"({"model":"m","prompt":"a","stream":true,"stream_options":{"include_usage":true},"user":"u"})"};
}

// Streams.

Texts stream_seeds() {
  const std::string head =
      R"(data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":)";
  return {
      head + R"({"role":"assistant","content":""},"finish_reason":null}]})" + "\n\n" + head +
          R"({"content":"Hello \u2603"},"finish_reason":null}],"usage":null})" + "\n\n" + head +
          R"({"content":" é wörld"}}]})" + "\n\n" + head + R"({},"finish_reason":"stop"}]})" + "\n\n" +
          R"(data: {"id":"c","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3}})" + "\n\n",
      head + R"({"reasoning_content":"hm","content":null}}]})" + "\n\n" + head +
          R"({"tool_calls":[{"index":0,"id":"t","type":"function","function":{"name":"f","arguments":""}}]}}]})" +
          "\n\n" + head + R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":1}"}}]}}]})" + "\n\n" + head +
          R"({},"finish_reason":"tool_calls"}]})" + "\n\n",
      head +
          R"({"content":"a","refusal":"no"},"logprobs":{"content":[{"token":"a","logprob":-1,"bytes":[97],"top_logprobs":[]}]}}]})" +
          "\n\n",
      R"({"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"x","reasoning_content":"y","tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}]})"};
}

// Its whole events, some of them together.
Texts pieces_of(const std::string& wire, Random& random) {
  Texts out;
  for (std::size_t at = 0, end = 0; (end = wire.find("\n\n", at)) != std::string::npos; at = end + 2) {
    if (out.empty() || random.below(3) > 0) out.emplace_back();
    out.back() += wire.substr(at, end + 2 - at);
  }
  return out;
}

std::string judge_continuation(const std::string& text, Random& random) {
  const auto said = routing::SaidSoFar::parse(text, random.below(2) == 0);
  if (!said) return {};
  if (!simdjson::validate_utf8(said->text)) return "what was said is not UTF-8";
  Padded body(
      R"({"model":"m","stream":true,"max_tokens":99,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"x"}]})");
  const auto chat = llm::ChatRequest::parse(body.span());
  constexpr llm::Prefill kPrefills[] = {llm::Prefill::kNone, llm::Prefill::kLastMessage,
                                        llm::Prefill::kContinueFinalMessage, llm::Prefill::kPrefix};
  routing::Continuation continuation(*said, kPrefills[random.below(4)], *chat, {.input = 3, .output = 2});
  if (!is_json(continuation.chat().to_json())) return "what is asked is no JSON";
  const Texts seeds = stream_seeds();
  for (const std::string& piece : pieces_of(mutated(seeds, random.below(3) == 0 ? text : seeds[0], random), random)) {
    const auto wire = continuation.rewrite(piece);
    if (!wire) {
      const std::string& code = wire.error().code;
      return code == "upstream_invalid" || code == "continuation_differs" ? "" : "an error of another kind: " + code;
    }
    if (std::string fault = fault_in_events(*wire); !fault.empty()) return fault;
  }
  const auto closing = continuation.closing_event();
  return closing ? fault_in_events(*closing) : "";
}

// Nothing that is answered here is kept.
class NoDatabase final : public store::Database {
  Result<void> none() const { return fail(ErrorKind::kInternal, "none", "There is no store."); }
  Result<void> read_blocking(const Work&) override { return none(); }
  Result<void> write_blocking(const Work&) override { return none(); }
  async::Task<Result<void>> read(Work) override { co_return none(); }
  async::Task<Result<void>> write(Work) override { co_return none(); }
};

std::string judge_answers(const std::string& text, Random& random) {
  const bool stream = random.below(4) > 0;
  Padded body(R"({"model":"m","input":"a","store":false,"stream":)" + std::string(stream ? "true" : "false") + "}");
  llm::Call call{.id = "01J", .project = "p"};
  auto read = llm::RequestBody::parse(body.span());
  call.request.model = "m", call.request.stream = stream, call.request.include_usage = random.below(2) == 0;
  const SurfaceCall surface_call{call, *std::move(read), {}, 1};
  NoDatabase database;
  ResponseStore store(database);
  std::unique_ptr<AnswerForm> form;
  switch (random.below(3)) {
    case 0:
      form = std::make_unique<MessagesAnswer>(surface_call);
      break;
    case 1:
      form = std::make_unique<ResponsesAnswer>(surface_call, store);
      break;
    default:
      form = std::make_unique<CompletionsAnswer>(surface_call);
  }
  const llm::Outcome outcome{
      .usage = {.input = 5, .output = 3, .reported = true}, .finish_reason = "stop", .upstream_model = "up"};
  Texts pieces = stream ? pieces_of(text, random) : Texts{text};
  if (pieces.empty()) pieces.emplace_back();
  std::string out;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    std::string piece;
    const auto taken = form->take(pieces[i], i + 1 == pieces.size(), outcome, piece);
    if (taken) {
      out += piece;
      continue;
    }
    if (taken.error().kind != ErrorKind::kUpstream) return "an error of another kind: " + taken.error().code;
    if (!stream) return {};
    form->fail(taken.error(), out);
    break;
  }
  if (!stream) return is_json(out) ? "" : "the answer is no JSON: " + out;
  const std::string fault = fault_in_events(out);
  return fault.empty() ? "" : fault + ":\n" + out;
}

// `judge` says what is wrong; nothing if all is well.
FuzzSubject subject(const char* name, Texts seeds, std::string (*judge)(const std::string& text, Random& random),
                    const std::shared_ptr<Random>& random) {
  return {name, [seeds = std::move(seeds), judge, random](std::string& text) {
            text = mutated(seeds, seeds[random->below(seeds.size())], *random);
            return judge(text, *random);
          }};
}

std::vector<FuzzSubject> subjects(std::uint64_t seed) {
  const auto random = std::make_shared<Random>(Random{seed});
  return {subject("chat", chat_seeds(), judge_chat, random),
          subject("messages", messages_seeds(), judge_request<chat_of_messages>, random),
          subject("responses", responses_seeds(), judge_request<chat_of_request_for_response>, random),
          subject("completions", completions_seeds(), judge_request<chat_of_completion>, random),
          subject("continuation", stream_seeds(), judge_continuation, random),
          subject("answers", stream_seeds(), judge_answers, random)};
}

}  // namespace
}  // namespace fairlead::gateway

int main(int argc, char** argv) {
  return fairlead::fuzz(argc, argv, fairlead::gateway::subjects);
}
