#include "providers/openai/body.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "platform/json/text.h"

namespace fairlead::providers::openai {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kAskForUsage = R"({"include_usage":true})";

// The client's stream options with include_usage set.
std::string with_usage(std::string_view stream_options) {
  dom::parser parser;
  dom::object object;
  if (parser.parse(stream_options.data(), stream_options.size()).get_object().get(object))
    return std::string(kAskForUsage);
  std::string out = R"({"include_usage":true)";
  for (const dom::key_value_pair member : object) {
    if (member.key == "include_usage") continue;
    out += ',';
    json::append_string(out, member.key);
    out += ':';
    out += simdjson::minify(member.value);
  }
  out += '}';
  return out;
}

// The messages with the role `system` in the place of `developer`.
std::string without_developers(std::string_view messages) {
  dom::parser parser;
  dom::array list;
  if (parser.parse(messages.data(), messages.size()).get_array().get(list)) return std::string(messages);
  std::string out = "[";
  for (const dom::element message : list) {
    if (out.size() > 1) out += ',';
    dom::object object;
    std::string_view role;
    if (message.get_object().get(object) || object.at_key("role").get_string().get(role) || role != "developer") {
      out += simdjson::minify(message);
      continue;
    }
    out += R"({"role":"system")";
    for (const dom::key_value_pair member : object) {
      if (member.key == "role") continue;
      out += ',';
      json::append_string(out, member.key);
      out += ':';
      out += simdjson::minify(member.value);
    }
    out += '}';
  }
  return out + "]";
}

bool asks_for_nothing(const llm::Member& member) {
  constexpr std::string_view kNothing[] = {"null", "{}", "[]", "false"};
  if (member.name == "n") return member.json == "1" || member.json == "null";
  if (member.name == "tool_choice") return member.json == R"("auto")" || member.json == "null";
  return std::ranges::find(kNothing, member.json) != std::end(kNothing);
}

Result<void> refuse_ignored(const llm::ChatRequest& request, const Dialect& dialect) {
  for (const std::string_view name : dialect.ignores) {
    const llm::Member* const member = request.member(name);
    if (member == nullptr || asks_for_nothing(*member)) continue;
    return fail(ErrorKind::kUnsupported, "unsupported_parameter",
                fmt::format("Unsupported parameter: '{}' has no effect on an upstream of type {}; leave it out.", name,
                            dialect.type),
                std::string(name));
  }
  return {};
}

// The name under which the dialect takes a member; empty: it is left out.
std::string_view name_for(std::string_view name, const llm::ChatRequest& request, const Dialect& dialect) {
  if (name == "model" || name == "fairlead") return {};
  if (dialect.old_max_tokens) {
    if (name == "max_completion_tokens") return "max_tokens";
    if (name == "max_tokens" && request.member("max_completion_tokens") != nullptr) return {};
  }
  if (name == "seed" && !dialect.seed.empty()) return dialect.seed;
  if (name == "stream_options" && !dialect.stream_options) return {};
  return name;
}

void begin_body(std::string& out, std::span<const llm::Member> members, std::string_view upstream_model) {
  std::size_t size = 64 + upstream_model.size();
  for (const llm::Member& member : members) size += member.name.size() + member.json.size() + 4;
  out.reserve(size);
  out = R"({"model":)";
  json::append_string(out, upstream_model);
}

void add_member(std::string& out, std::string_view name, std::string_view json) {
  out += ',';
  json::append_string(out, name);
  out += ':';
  out += json;
}

}  // namespace

Result<std::string> chat_body(const llm::ChatRequest& request, std::string_view upstream_model,
                              const Dialect& dialect) {
  FAIRLEAD_CHECK(refuse_ignored(request, dialect));
  std::string out;
  begin_body(out, request.members, upstream_model);
  bool options_sent = !request.stream || !dialect.stream_options;
  for (const llm::Member& member : request.members) {
    const std::string_view name = name_for(member.name, request, dialect);
    if (name.empty()) continue;
    if (name == "stream_options" && request.stream) {
      add_member(out, name, request.include_usage ? std::string(member.json) : with_usage(member.json));
      options_sent = true;
    } else if (name == "messages" && !dialect.developer_role &&
               member.json.find("\"developer\"") != std::string_view::npos) {
      add_member(out, name, without_developers(member.json));
    } else {
      add_member(out, name, member.json);
    }
  }
  if (!options_sent) add_member(out, "stream_options", kAskForUsage);
  out += '}';
  return out;
}

std::string native_body(std::span<const llm::Member> members, std::string_view upstream_model, bool ask_usage) {
  std::string out;
  begin_body(out, members, upstream_model);
  bool asked = !ask_usage;
  for (const llm::Member& member : members) {
    if (member.name == "model" || member.name == "fairlead") continue;
    if (member.name == "stream_options" && ask_usage) {
      add_member(out, member.name, with_usage(member.json));
      asked = true;
    } else {
      add_member(out, member.name, member.json);
    }
  }
  if (!asked) add_member(out, "stream_options", kAskForUsage);
  out += '}';
  return out;
}

bool asks_usage(std::span<const llm::Member> members) {
  const auto found = std::ranges::find(members, std::string_view("stream_options"), &llm::Member::name);
  if (found == members.end()) return false;
  dom::parser parser;
  dom::object object;
  bool asked = false;
  return !parser.parse(found->json.data(), found->json.size()).get_object().get(object) &&
         !object.at_key("include_usage").get_bool().get(asked) && asked;
}

}  // namespace fairlead::providers::openai
