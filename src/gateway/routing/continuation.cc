#include "gateway/routing/continuation.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <charconv>

#include "platform/json/text.h"

namespace fairlead::gateway::routing {
namespace {

namespace bj = boost::json;

constexpr std::string_view kData = "data: ";

// Calls `each` with the data of every whole event; stops when it says false.
template <class Each>
void each_event(std::string_view wire, Each each) {
  while (wire.starts_with(kData)) {
    const std::size_t end = wire.find("\n\n");
    if (end == std::string_view::npos) return;
    if (!each(wire.substr(kData.size(), end - kData.size()))) return;
    wire.remove_prefix(end + 2);
  }
}

std::string_view text_of(const bj::object& object, std::string_view name) {
  const bj::value* const value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

bool has_value(const bj::object& object, std::string_view name) {
  const bj::value* const value = object.if_contains(name);
  return value != nullptr && !value->is_null();
}

// Of a piece of a tool call.
std::optional<std::size_t> index_of(const bj::value& piece) {
  constexpr std::int64_t kMostCalls = 128;
  const bj::value* const index = piece.is_object() ? piece.get_object().if_contains("index") : nullptr;
  if (index == nullptr || !index->is_int64() || index->get_int64() < 0 || index->get_int64() >= kMostCalls)
    return std::nullopt;
  return static_cast<std::size_t>(index->get_int64());
}

std::unexpected<Error> differs(std::string_view how) {
  return fail(ErrorKind::kUpstream, "continuation_differs",
              "The stream broke within a tool call, and the answer that was to go on with it " + std::string(how) +
                  ". What has come of the call is not to be used.");
}

// Adds pieces of tool calls; false if they are of a kind that is not known here.
bool take_calls(const bj::value& pieces, SaidSoFar& said) {
  if (!pieces.is_array()) return false;
  for (const bj::value& one : pieces.get_array()) {
    const std::optional<std::size_t> index = index_of(one);
    if (!index || *index > said.calls.size()) return false;
    if (*index == said.calls.size()) said.calls.emplace_back();
    const bj::object& piece = one.get_object();
    if (has_value(piece, "type") && text_of(piece, "type") != "function") return false;
    SaidSoFar::Call& call = said.calls[*index];
    if (call.id.empty()) call.id = text_of(piece, "id");
    const bj::value* const function = piece.if_contains("function");
    if (function == nullptr || !function->is_object()) continue;
    call.name += text_of(function->get_object(), "name");
    call.arguments += text_of(function->get_object(), "arguments");
  }
  return true;
}

// Adds what one chunk says; false if the answer is not one that another route could go on with.
bool take_chunk(const bj::object& chunk, bool tool_calls, SaidSoFar& said) {
  if (said.id.empty()) said.id = text_of(chunk, "id");
  if (said.model.empty()) said.model = text_of(chunk, "model");
  if (const bj::value* const created = chunk.if_contains("created"); created != nullptr && created->is_int64())
    said.created = created->get_int64();
  const bj::value* const choices = chunk.if_contains("choices");
  if (choices == nullptr || !choices->is_array()) return true;
  for (const bj::value& one : choices->get_array()) {
    if (!one.is_object()) return false;
    const bj::object& choice = one.get_object();
    if (const bj::value* const index = choice.if_contains("index"); index != nullptr && *index != 0) return false;
    if (has_value(choice, "finish_reason") || has_value(choice, "logprobs")) return false;
    const bj::value* const delta = choice.if_contains("delta");
    if (delta == nullptr || !delta->is_object()) continue;
    for (const auto& [name, value] : delta->get_object()) {
      if (name == "content" && value.is_string()) {
        said.text += value.get_string();
      } else if (name == "reasoning_content" || name == "reasoning") {
        said.reasoned = said.reasoned || !value.is_null();
      } else if (name == "tool_calls" && tool_calls && !value.is_null()) {
        if (!take_calls(value, said)) return false;
      } else if (name != "role" && !value.is_null()) {
        return false;  // a refusal, audio
      }
    }
  }
  return true;
}

std::string_view without_last_space(std::string_view text) {
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

}  // namespace

std::int64_t estimated_tokens(std::string_view text) {
  return static_cast<std::int64_t>((text.size() + 3) / 4);
}

std::int64_t SaidSoFar::estimated_tokens() const {
  std::int64_t out = routing::estimated_tokens(text);
  for (const Call& call : calls)
    out += routing::estimated_tokens(call.name) + routing::estimated_tokens(call.arguments);
  return out;
}

std::optional<SaidSoFar> SaidSoFar::parse(std::string_view wire, bool tool_calls) {
  SaidSoFar said;
  bool good = true;
  each_event(wire, [&](std::string_view data) {
    const auto chunk = json::parse(data);
    good = chunk && chunk->is_object() && take_chunk(chunk->get_object(), tool_calls, said);
    return good;
  });
  return good ? std::optional(std::move(said)) : std::nullopt;
}

Continuation::Continuation(SaidSoFar said, llm::Prefill prefill, const llm::ChatRequest& chat, const llm::Usage& spent)
    : said_(std::move(said)),
      prefill_(without_last_space(said_.text).empty() || !said_.calls.empty() ? llm::Prefill::kNone : prefill),
      spent_(spent),
      chat_(chat),
      again_(said_.calls.size()) {
  if (is_prefill()) {
    // Vendors refuse a last message that ends with white space; it may come again or not.
    expected_ = said_.text.substr(without_last_space(said_.text).size());
    ask_to_continue();
  } else {
    expected_ = said_.text;
  }
  settled_ = expected_.empty();
}

void Continuation::ask_to_continue() {
  const std::string_view text = without_last_space(said_.text);
  auto messages = std::make_unique<std::string>(chat_.messages.substr(0, chat_.messages.rfind(']')));
  *messages += chat_.message_count > 0 ? R"(,{"role":"assistant","content":)" : R"({"role":"assistant","content":)";
  json::append_string(*messages, text);
  *messages += prefill_ == llm::Prefill::kPrefix ? R"(,"prefix":true}])" : "}]";
  chat_.messages = *messages;
  ++chat_.message_count;
  chat_.set("messages", chat_.messages);
  owned_.push_back(std::move(messages));
  if (prefill_ == llm::Prefill::kContinueFinalMessage) {
    chat_.set("continue_final_message", "true");
    chat_.set("add_generation_prompt", "false");
  }
  // The bound is the whole answer's.
  for (const std::string_view name : {"max_completion_tokens", "max_tokens"}) {
    const llm::Member* const member = chat_.member(name);
    std::int64_t bound = 0;
    if (member == nullptr ||
        std::from_chars(member->json.data(), member->json.data() + member->json.size(), bound).ec != std::errc())
      continue;
    owned_.push_back(
        std::make_unique<std::string>(std::to_string(std::max<std::int64_t>(1, bound - estimated_tokens(text)))));
    chat_.set(name, *owned_.back());
  }
}

Result<std::string_view> Continuation::rewrite(std::string_view wire) {
  out_.clear();
  Result<void> result;
  each_event(wire, [&](std::string_view data) {
    result = event(data);
    return result.has_value();
  });
  if (!result) return fail(std::move(result).error());
  return out_;
}

Result<void> Continuation::event(std::string_view data) {
  auto parsed = json::parse(data);
  if (!parsed || !parsed->is_object())
    return fail(ErrorKind::kUpstream, "upstream_invalid", "The upstream's answer makes no sense: an event is no JSON.");
  bj::object& chunk = parsed->get_object();
  if (!said_.id.empty()) chunk["id"] = said_.id;
  if (!said_.model.empty()) chunk["model"] = said_.model;
  if (said_.created) chunk["created"] = *said_.created;
  bj::value* const choices = chunk.if_contains("choices");
  if (choices != nullptr && choices->is_array() && !choices->get_array().empty()) {
    bool says_something = false;
    for (bj::value& one : choices->get_array()) {
      if (!one.is_object()) continue;
      FAIRLEAD_TRY(const bool says, choice(one.get_object()));
      says_something |= says;
    }
    if (!says_something) return {};
  }
  if (bj::value* const usage = chunk.if_contains("usage"); usage != nullptr && usage->is_object())
    add_spent(usage->get_object());
  out_ += kData;
  out_ += json::to_text(*parsed);
  out_ += "\n\n";
  return {};
}

// True if it says something that the client does not have yet.
Result<bool> Continuation::choice(bj::object& choice) {
  const bool ends = has_value(choice, "finish_reason");
  bool says_something = ends;
  if (bj::value* const delta = choice.if_contains("delta"); delta != nullptr && delta->is_object()) {
    bj::object& said = delta->get_object();
    said.erase("role");
    if (said_.reasoned || !said_.text.empty() || !said_.calls.empty()) {  // it has thought already
      said.erase("reasoning_content");
      said.erase("reasoning");
    }
    if (bj::value* const content = said.if_contains("content"); content != nullptr && content->is_string()) {
      std::string rest = unsaid(content->get_string());
      if (rest.empty())
        said.erase("content");
      else
        *content = rest;
    }
    if (has_value(said, "tool_calls")) {
      disagree();
      FAIRLEAD_CHECK(tool_calls(said));
    }
    says_something |= std::ranges::any_of(said, [](const auto& member) { return !member.value().is_null(); });
  }
  if (!ends) return says_something;
  disagree();  // before it has said all that the client has: another answer
  FAIRLEAD_CHECK(check_calls());
  return true;
}

Result<void> Continuation::check_calls() const {
  for (std::size_t i = 0; i < again_.size(); ++i)
    if (!again_[i].named || again_[i].matched < said_.calls[i].arguments.size()) return differs("does not make it");
  return {};
}

// Leaves of the pieces of calls what the client does not have yet.
Result<void> Continuation::tool_calls(bj::object& delta) {
  bj::value& pieces = delta["tool_calls"];
  if (!pieces.is_array()) return {};
  bj::array rest;
  for (bj::value& one : pieces.get_array()) {
    const std::optional<std::size_t> index = index_of(one);
    if (!index && !again_.empty()) return differs("does not say which call it makes");
    if (index && *index < again_.size()) {
      FAIRLEAD_TRY(const bool any, unsaid_call(one.get_object()));
      if (!any) continue;
    }
    rest.push_back(std::move(one));
  }
  if (rest.empty())
    delta.erase("tool_calls");
  else
    pieces = std::move(rest);
  return {};
}

// A piece of a call that the client has some of: false if it has all of this.
Result<bool> Continuation::unsaid_call(bj::object& call) {
  const std::size_t index = static_cast<std::size_t>(call.at("index").get_int64());
  const SaidSoFar::Call& said = said_.calls[index];
  Again& again = again_[index];
  bj::object unsaid;
  const bj::value* const function = call.if_contains("function");
  const bj::object none, &piece = function != nullptr && function->is_object() ? function->get_object() : none;
  if (const std::string_view name = text_of(piece, "name"); !name.empty() && !again.named) {
    if (said.name.empty())
      unsaid["name"] = name;
    else if (name != said.name)
      return differs("calls another tool");
    again.named = true;
  }
  const std::string_view arguments = text_of(piece, "arguments");
  const std::string_view rest = std::string_view(said.arguments).substr(again.matched);
  const std::size_t same = std::min(rest.size(), arguments.size());
  if (rest.substr(0, same) != arguments.substr(0, same)) return differs("calls it with other arguments");
  again.matched += same;
  if (!again.named && !arguments.empty()) return differs("calls no tool by name");
  if (arguments.size() > same) unsaid["arguments"] = arguments.substr(same);
  if (unsaid.empty()) return false;
  call = bj::object{{"index", index}, {"function", std::move(unsaid)}};
  return true;
}

void Continuation::disagree() {
  if (settled_) return;
  settled_ = true;
  if (!is_prefill()) disagreed_at_ = matched_;
}

std::string Continuation::unsaid(std::string_view content) {
  if (settled_) return std::string(content);
  const std::string_view rest = std::string_view(expected_).substr(matched_);
  const auto [one, other] = std::ranges::mismatch(rest, content);
  std::size_t same = static_cast<std::size_t>(one - rest.begin());
  matched_ += same;
  if (matched_ == expected_.size()) {
    settled_ = true;
    return std::string(content.substr(same));
  }
  if (same == content.size()) return {};
  // Back to where a character begins.
  while (same > 0 && (static_cast<unsigned char>(content[same]) & 0xc0) == 0x80) {
    --same;
    --matched_;
  }
  disagree();
  return std::string(content.substr(same));
}

Result<std::string> Continuation::closing_event() {
  FAIRLEAD_CHECK(check_calls());
  if (!disagreed_at_) return std::string();
  const std::size_t kept = json::count_characters(said_.text.substr(0, *disagreed_at_));
  const std::size_t dropped = json::count_characters(said_.text) - kept;
  bj::object chunk;
  if (!said_.id.empty()) chunk["id"] = said_.id;
  chunk["object"] = "chat.completion.chunk";
  if (said_.created) chunk["created"] = *said_.created;
  if (!said_.model.empty()) chunk["model"] = said_.model;
  chunk["choices"] = bj::array();
  chunk["fairlead"] = bj::object{{"continued", bj::object{{"agreed", false}, {"keep", kept}, {"drop", dropped}}}};
  return std::string(kData) + json::to_text(chunk) + "\n\n";
}

void Continuation::add_spent(bj::object& usage) const {
  const auto add = [&usage](std::string_view name, std::int64_t more) {
    if (bj::value* const value = usage.if_contains(name); value != nullptr && value->is_int64())
      *value = value->get_int64() + more;
  };
  add("prompt_tokens", spent_.input);
  add("completion_tokens", spent_.output);
  add("total_tokens", spent_.input + spent_.output);
}

}  // namespace fairlead::gateway::routing
