#include "prompts/internal/messages.h"

#include <algorithm>
#include <boost/json/object.hpp>

#include "base/suggest.h"
#include "platform/json/text.h"

namespace fairlead::prompts::internal {
namespace {

namespace bj = boost::json;

const std::vector<std::string> kRoles = {"system", "developer", "user", "assistant", "tool"};
const std::vector<std::string> kMembers = {"role", "content", "name", "tool_calls", "tool_call_id"};

bool is_role(std::string_view name) {
  return std::ranges::find(kRoles, name) != kRoles.end();
}

class Messages {
 public:
  Messages(const std::vector<Input>& inputs, std::vector<resources::SpecError>& faults)
      : inputs_(inputs), faults_(faults) {
    for (const Input& input : inputs) names_.push_back(input.name);
  }

  MessageList read(const bj::array& messages, const std::string& pointer) {
    for (std::size_t i = 0; i < messages.size(); ++i) {
      pointer_ = pointer + "/" + std::to_string(i);
      if (i > 0) literal(",");
      read_message(messages[i]);
    }
    out_.count = messages.size();
    return std::move(out_);
  }

 private:
  void fault(const std::string& pointer, std::string message) { faults_.push_back({pointer, std::move(message)}); }

  void literal(std::string_view json) {
    if (out_.segments.empty() || out_.segments.back().text) out_.segments.push_back({});
    out_.segments.back().json += json;
  }
  void literal_string(std::string_view text) {
    std::string json;
    json::append_string(json, text);
    literal(json);
  }

  void read_message(const bj::value& value) {
    if (!value.is_object() || value.get_object().empty()) {
      return fault(pointer_, "a message is `role: text`, or a mapping with `role` and `content`.");
    }
    const bj::object& message = value.get_object();
    if (message.if_contains("role")) return read_full(message);
    const std::string key(message.begin()->key());
    if (!is_role(key))
      return fault(pointer_ + "/" + key, "unknown role `" + key + "`." + did_you_mean(key, kRoles) +
                                             " Roles: system, developer, user, assistant, tool.");
    if (message.size() > 1) {
      return fault(pointer_, "a message has one role: write `" + key + ": text`, or `role`, `content` and the rest.");
    }
    if (key == "tool")
      return fault(
          pointer_ + "/tool",
          "a tool's message names the call that it answers: write `role: tool`, `tool_call_id` and `content`.");
    literal("{\"role\":\"" + key + "\",\"content\":");
    read_content(message.begin()->value(), "." + key, "/" + key);
    literal("}");
  }

  void read_full(const bj::object& message) {
    const auto& role = message.at("role");
    if (!role.is_string() || !is_role(role.get_string())) {
      const std::string name = role.is_string() ? std::string(role.get_string()) : "";
      return fault(pointer_ + "/role", "unknown role `" + name + "`." + did_you_mean(name, kRoles) +
                                           " Roles: system, developer, user, assistant, tool.");
    }
    literal("{\"role\":" + json::to_text(role));
    for (const auto& [key, value] : message) {
      const std::string name(key);
      if (name == "role") continue;
      if (std::ranges::find(kMembers, name) == kMembers.end()) {
        fault(pointer_ + "/" + name, "unknown member `" + name + "` of a message." + did_you_mean(name, kMembers));
        continue;
      }
      literal("," + json::quoted(name) + ":");
      if (name == "content") {
        read_content(value, ".content", "/content");
      } else {
        literal(json::to_text(value));
      }
    }
    if (role.get_string() == "tool" && !message.if_contains("tool_call_id"))
      fault(pointer_, "a tool's message needs `tool_call_id`.");
    if (!message.if_contains("content") && !message.if_contains("tool_calls"))
      fault(pointer_, "this message has no `content`.");
    literal("}");
  }

  void read_content(const bj::value& content, const std::string& place, const std::string& pointer) {
    if (content.is_string()) return read_template(content.get_string(), place, pointer);
    if (content.is_null() && place == ".content") return literal("null");
    if (!content.is_array() || content.get_array().empty()) {
      return fault(pointer_ + pointer, "the content of a message is a text or a list of parts.");
    }
    const bj::array& parts = content.get_array();
    literal("[");
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::string at = std::to_string(i);
      if (i > 0) literal(",");
      const auto* type = parts[i].is_object() ? parts[i].get_object().if_contains("type") : nullptr;
      if (!type || !type->is_string()) {
        fault(pointer_ + pointer + "/" + at, "a part of a message is a mapping with a `type`: text, image_url, …");
        continue;
      }
      read_part(parts[i], place + "[" + at + "]", pointer + "/" + at);
    }
    literal("]");
  }

  // Every text in a part is a template, but for those that name one of a few forms.
  void read_part(const bj::value& value, const std::string& place, const std::string& pointer) {
    if (value.is_string()) return read_template(value.get_string(), place, pointer);
    if (value.is_array()) {
      const bj::array& items = value.get_array();
      literal("[");
      for (std::size_t i = 0; i < items.size(); ++i) {
        if (i > 0) literal(",");
        read_part(items[i], place + "[" + std::to_string(i) + "]", pointer + "/" + std::to_string(i));
      }
      return literal("]");
    }
    if (!value.is_object()) return literal(json::to_text(value));
    literal("{");
    bool first = true;
    for (const auto& [key, member] : value.get_object()) {
      const std::string name(key);
      literal((first ? "" : ",") + json::quoted(name) + ":");
      first = false;
      if (name == "type" || name == "detail" || name == "format") {
        literal(json::to_text(member));
      } else {
        read_part(member, place + "." + name, pointer + "/" + name);
      }
    }
    literal("}");
  }

  void read_template(std::string_view source, const std::string& place, const std::string& pointer) {
    auto compiled = Template::compile(source);
    if (!compiled) return fault(pointer_ + pointer, compiled.error().message);
    for (const std::string& name : compiled->free_variables()) {
      if (std::ranges::find(names_, name) != names_.end()) continue;
      fault(pointer_ + pointer, "unknown variable `" + name + "`." + did_you_mean(name, names_) +
                                    " Declared inputs: " + declared(inputs_) + ".");
    }
    if (compiled->constant()) {
      if (const auto text = compiled->render({})) return literal_string(*text);
    }
    literal("");
    out_.segments.back().text = std::move(*compiled);
    out_.segments.back().place = path_of(pointer_).substr(1) + place;
  }

  const std::vector<Input>& inputs_;
  std::vector<resources::SpecError>& faults_;
  std::vector<std::string> names_;
  std::string pointer_;  // of the message being read
  MessageList out_;
};

}  // namespace

MessageList read_messages(const bj::array& messages, const std::string& pointer, const std::vector<Input>& inputs,
                          std::vector<resources::SpecError>& faults) {
  return Messages(inputs, faults).read(messages, pointer);
}

}  // namespace fairlead::prompts::internal
