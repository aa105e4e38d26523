#include "llm/chat.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>

#include "llm/call.h"
#include "llm/internal/chat_checks.h"
#include "llm/internal/json_scan.h"
#include "llm/internal/json_text.h"
#include "llm/output_rule.h"

namespace fairlead::llm {
namespace {

namespace dom = simdjson::dom;
using internal::array_of;
using internal::object_of;
using internal::parse_padded;
using internal::ParsedText;

std::string_view text_of(dom::element value) {
  return value.get_string().value_unsafe();
}

bool bool_member(dom::object object, std::string_view name) {
  dom::element value;
  return !object.at_key(name).get(value) && value.is_bool() && value.get_bool().value_unsafe();
}

}  // namespace

std::string_view to_string(Role role) {
  static constexpr std::string_view kNames[] = {"system", "developer", "user", "assistant", "tool", "function"};
  return kNames[static_cast<int>(role)];
}

std::string Message::text() const {
  std::string out;
  for (const ContentPart& part : content)
    if (part.type == ContentPart::Type::kText) out += part.text;
  return out;
}

Result<ChatRequest> ChatRequest::parse(std::span<char> body) {
  ChatRequest request;
  request.messages = "[]";
  ParsedText text;
  FAIRLEAD_CHECK(internal::read_members(
      text, body, request.members, [&request](const Member& member, dom::element value) -> Result<void> {
        FAIRLEAD_CHECK(internal::check_member(member.name, value));
        if (member.name == "model") {
          request.model = text_of(value);
        } else if (member.name == "messages") {
          request.messages = member.json;
          request.message_count = value.get_array().value_unsafe().size();
        } else if (member.name == "fairlead") {
          request.fairlead = member.json;
        } else if (member.name == "stream") {
          request.stream = value.is_bool() && value.get_bool().value_unsafe();
        } else if (member.name == "stream_options" && value.is_object()) {
          request.include_usage = bool_member(value.get_object().value_unsafe(), "include_usage");
        } else if (member.name == "n" && value.is_int64()) {
          request.n = static_cast<int>(value.get_int64().value_unsafe());
        }
        return {};
      }));
  FAIRLEAD_CHECK(internal::check_together(object_of(text.root)));
  if (request.model.empty())
    return fail(ErrorKind::kInvalid, "invalid_value", "Invalid 'model': it must not be empty.", "model");
  return request;
}

const Member* ChatRequest::member(std::string_view name) const {
  for (const Member& one : members)
    if (one.name == name) return &one;
  return nullptr;
}

void ChatRequest::set(std::string_view name, std::string_view json) {
  for (Member& one : members) {
    if (one.name == name) {
      one.json = json;
      return;
    }
  }
  members.push_back({name, json});
}

void ChatRequest::remove(std::string_view name) {
  std::erase_if(members, [name](const Member& one) { return one.name == name; });
}

std::string ChatRequest::to_json() const {
  std::size_t size = 2;
  for (const Member& one : members) size += one.name.size() + one.json.size() + 4;
  std::string out;
  out.reserve(size);
  out.push_back('{');
  for (const Member& one : members) {
    if (out.size() > 1) out.push_back(',');
    out.push_back('"');
    out += one.name;
    out += "\":";
    out += one.json;
  }
  out.push_back('}');
  return out;
}

namespace {

ContentPart read_part(dom::element part) {
  ContentPart out;
  out.json = simdjson::minify(part);
  const dom::object object = part.get_object().value_unsafe();
  const std::string_view type = text_of(object.at_key("type").value_unsafe());
  if (type == "text") {
    out.text = text_of(object.at_key("text").value_unsafe());
  } else if (type == "refusal") {
    out.type = ContentPart::Type::kRefusal;
    out.text = text_of(object.at_key("refusal").value_unsafe());
  } else if (type == "image_url") {
    out.type = ContentPart::Type::kImageUrl;
    out.text = text_of(object.at_key("image_url").value_unsafe().at_key("url").value_unsafe());
  } else {
    out.type = type == "input_audio" ? ContentPart::Type::kInputAudio : ContentPart::Type::kFile;
  }
  return out;
}

Role read_role(std::string_view name) {
  for (int i = 0; i < 6; ++i)
    if (to_string(static_cast<Role>(i)) == name) return static_cast<Role>(i);
  return Role::kUser;
}

Message read_message(dom::object object) {
  Message out;
  out.role = read_role(text_of(object.at_key("role").value_unsafe()));
  dom::element value;
  if (!object.at_key("content").get(value)) {
    if (value.is_string()) {
      out.content.push_back({ContentPart::Type::kText, std::string(text_of(value)), {}});
    } else if (value.is_array()) {
      for (const dom::element part : array_of(value)) out.content.push_back(read_part(part));
    }
  }
  if (!object.at_key("name").get(value) && value.is_string()) out.name = text_of(value);
  if (!object.at_key("tool_call_id").get(value) && value.is_string()) out.tool_call_id = text_of(value);
  if (!object.at_key("tool_calls").get(value) && value.is_array()) {
    for (const dom::element call : array_of(value)) {
      ToolCall one;
      one.id = text_of(call.at_key("id").value_unsafe());
      dom::element body;
      if (!call.at_key("function").get(body)) {
        one.name = text_of(body.at_key("name").value_unsafe());
        one.arguments = text_of(body.at_key("arguments").value_unsafe());
      } else if (!call.at_key("custom").get(body)) {
        one.name = text_of(body.at_key("name").value_unsafe());
        one.arguments = text_of(body.at_key("input").value_unsafe());
      }
      out.tool_calls.push_back(std::move(one));
    }
  }
  return out;
}

}  // namespace

Result<std::vector<Message>> ChatRequest::parse_messages() const {
  const simdjson::padded_string padded(messages);
  ParsedText text;
  FAIRLEAD_CHECK(parse_padded(text, padded.data(), padded.size()));
  FAIRLEAD_CHECK(internal::check_member("messages", text.root));
  std::vector<Message> out;
  for (const dom::element message : array_of(text.root))
    out.push_back(read_message(message.get_object().value_unsafe()));
  return out;
}

ChatParameters ChatParameters::of(const ChatRequest& request) {
  ChatParameters out;
  ParsedText text;
  const auto read = [&](std::string_view name) -> dom::element* {
    const Member* const member = request.member(name);
    if (!member) return nullptr;
    const simdjson::padded_string padded(member->json);
    if (!parse_padded(text, padded.data(), padded.size()) || text.root.is_null()) return nullptr;
    return &text.root;
  };
  const auto decimal = [&](std::string_view name, std::optional<double>& to) {
    if (const dom::element* value = read(name); value && value->is_number()) to = value->get_double().value_unsafe();
  };
  const auto integer = [&](std::string_view name, std::optional<std::int64_t>& to) {
    if (const dom::element* value = read(name); value && value->is_int64()) to = value->get_int64().value_unsafe();
  };
  decimal("temperature", out.temperature);
  decimal("top_p", out.top_p);
  decimal("min_p", out.min_p);
  decimal("frequency_penalty", out.frequency_penalty);
  decimal("presence_penalty", out.presence_penalty);
  decimal("repeat_penalty", out.repeat_penalty);
  integer("max_tokens", out.max_tokens);
  integer("max_completion_tokens", out.max_tokens);
  integer("seed", out.seed);
  integer("top_k", out.top_k);
  if (const dom::element* stop = read("stop")) {
    if (stop->is_string()) out.stop.emplace_back(text_of(*stop));
    if (stop->is_array())
      for (const dom::element one : array_of(*stop))
        if (one.is_string()) out.stop.emplace_back(text_of(one));
  }
  if (const dom::element* value = read("logprobs")) out.logprobs = value->is_bool() && value->get_bool().value_unsafe();
  if (const dom::element* value = read("top_logprobs"); value && value->is_int64())
    out.top_logprobs = static_cast<int>(value->get_int64().value_unsafe());
  if (const dom::element* bias = read("logit_bias"); bias && bias->is_object()) {
    for (const dom::key_value_pair entry : object_of(*bias)) {
      std::int32_t token = 0;
      const auto [end, error] = std::from_chars(entry.key.data(), entry.key.data() + entry.key.size(), token);
      if (error == std::errc() && end == entry.key.data() + entry.key.size() && entry.value.is_number())
        out.logit_bias[token] = entry.value.get_double().value_unsafe();
    }
  }
  return out;
}

Result<CallOptions> CallOptions::parse(std::string_view fairlead_json) {
  CallOptions out;
  if (fairlead_json.empty()) return out;
  const simdjson::padded_string padded(fairlead_json);
  ParsedText text;
  FAIRLEAD_CHECK(parse_padded(text, padded.data(), padded.size()));
  if (!text.root.is_object()) return internal::wrong_type("fairlead", "an object", text.root);
  internal::MemberScanner scanner(fairlead_json);
  for (const dom::key_value_pair entry : object_of(text.root)) {
    scanner.next();
    const std::string param = fmt::format("fairlead.{}", entry.key.substr(0, 64));
    const auto take_text = [&](std::string& to) -> Result<void> {
      if (!entry.value.is_string()) return internal::wrong_type(param, "a string", entry.value);
      to = text_of(entry.value);
      if (to.size() > 256)
        return fail(ErrorKind::kInvalid, "string_above_max_length",
                    fmt::format("Invalid '{}': at most 256 bytes.", param), param);
      return {};
    };
    if (entry.key == "variables") {
      if (!entry.value.is_object()) return internal::wrong_type(param, "an object", entry.value);
      out.variables = scanner.json();
    } else if (entry.key == "session") {
      FAIRLEAD_CHECK(take_text(out.session));
    } else if (entry.key == "user") {
      FAIRLEAD_CHECK(take_text(out.user));
    } else if (entry.key == "idempotency_key") {
      FAIRLEAD_CHECK(take_text(out.idempotency_key));
    } else if (entry.key == "prompt") {
      FAIRLEAD_CHECK(take_text(out.prompt));
    } else if (entry.key == "cache") {
      if (!entry.value.is_string()) return internal::wrong_type(param, "a string", entry.value);
      out.cache = cache_mode_of(text_of(entry.value));
      if (!out.cache)
        return fail(ErrorKind::kInvalid, "invalid_value", fmt::format("Invalid '{}': off, on, read or write.", param),
                    param);
    } else if (entry.key == "repair") {
      std::int64_t times = 0;
      if (entry.value.get_int64().get(times)) return internal::wrong_type(param, "an integer", entry.value);
      if (times < 0 || times > kMostRepairs)
        return fail(ErrorKind::kInvalid, "invalid_value", fmt::format("Invalid '{}': 0 to {}.", param, kMostRepairs),
                    param);
      out.repair = static_cast<int>(times);
    } else if (entry.key == "progress") {
      if (entry.value.get_bool().get(out.progress)) return internal::wrong_type(param, "a boolean", entry.value);
    } else if (entry.key == "tags") {
      if (!entry.value.is_array()) return internal::wrong_type(param, "an array of strings", entry.value);
      for (const dom::element tag : array_of(entry.value)) {
        if (!tag.is_string()) return internal::wrong_type(param, "an array of strings", tag);
        if (out.tags.size() == 32 || text_of(tag).size() > 64)
          return fail(ErrorKind::kInvalid, "invalid_value", "At most 32 tags of at most 64 bytes each.", param);
        out.tags.emplace_back(text_of(tag));
      }
    } else {
      return fail(ErrorKind::kInvalid, "unknown_parameter",
                  fmt::format("Unknown parameter: '{}'. Known are variables, session, user, tags, prompt, "
                              "cache, idempotency_key, progress, repair.",
                              param),
                  param);
    }
  }
  return out;
}

}  // namespace fairlead::llm
