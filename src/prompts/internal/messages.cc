#include "prompts/internal/messages.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <utility>

#include "base/suggest.h"
#include "platform/json/text.h"

namespace fairlead::prompts::internal {
namespace {

namespace bj = boost::json;

const std::vector<std::string> kRoles = {"system", "developer", "user", "assistant", "tool"};
const std::vector<std::string> kMembers = {"role", "content", "name", "tool_calls", "tool_call_id", "part"};

bool is_role(std::string_view name) {
  return std::ranges::find(kRoles, name) != kRoles.end();
}

constexpr std::size_t kMostMessages = 200;  // of a prompt that includes others

// A prompt that is being read within another one.
struct Included {
  std::string pointer;    // of what includes it, in the spec that it stands in
  std::string reference;  // as it is written there
  std::string version;    // "house-style@5"
};

class Messages {
 public:
  Messages(const Origin& origin, std::vector<Input>& inputs, std::vector<resources::SpecError>& faults)
      : origin_(origin), inputs_(inputs), faults_(faults) {
    for (const Input& input : inputs) names_.push_back(input.name);
  }

  MessageList read(const bj::array& messages, const std::string& pointer) {
    read_all(messages, pointer);
    if (out_.user_end == 0) {
      out_.user_begin = out_.user_end = out_.segments.size();
      out_.before_user = out_.count;
    }
    return std::move(out_);
  }

 private:
  // Within what is included, at what includes it.
  void fault(const std::string& pointer, std::string message) {
    if (within_.empty()) return faults_.push_back({pointer, std::move(message)});
    faults_.push_back(
        {within_.front().pointer, within_.back().reference + ", " + path_of(pointer).substr(1) + ": " + message});
  }

  void read_all(const bj::array& messages, const std::string& pointer) {
    for (std::size_t i = 0; i < messages.size(); ++i) {
      pointer_ = pointer + "/" + std::to_string(i);
      if (const bj::value* const reference = reference_in(messages[i])) {
        include(*reference, pointer_ + "/prompt", [this](const bj::array& theirs) { read_all(theirs, "/messages"); });
        continue;
      }
      if (out_.count > 0) literal(",");
      const bool user = is_users(messages[i]);
      if (user) {
        out_.segments.push_back({});
        out_.user_begin = out_.segments.size() - 1;
        out_.before_user = out_.count;
      }
      read_part_name(messages[i]);
      read_message(messages[i]);
      if (user) {
        out_.user_end = out_.segments.size();
        out_.segments.push_back({});
      }
      if (++out_.count == kMostMessages + 1 && !within_.empty())
        fault(pointer_, "what is included makes more than " + std::to_string(kMostMessages) + " messages.");
    }
  }

  static bool is_users(const bj::value& value) {
    const bj::object* const message = value.if_object();
    if (message == nullptr) return false;
    const bj::value* const role = message->if_contains("role");
    return role != nullptr ? role->is_string() && role->get_string() == "user" : message->contains("user");
  }

  // Of `{prompt: NAME@REF}`, else null.
  static const bj::value* reference_in(const bj::value& value) {
    return value.is_object() && value.get_object().size() == 1 ? value.get_object().if_contains("prompt") : nullptr;
  }

  // Reads the messages of another prompt in the place where it is named.
  template <class Read>
  void include(const bj::value& reference, const std::string& pointer, Read read) {
    const std::string text = reference.is_string() ? std::string(reference.get_string()) : "";
    const std::size_t at = text.find('@');
    if (at == std::string::npos || at == 0 || at + 1 == text.size()) {
      return fault(pointer, "`prompt` names another prompt and which version of it: `" +
                                (text.empty() ? "house-style" : text.substr(0, at)) + "@production` or `…@3`.");
    }
    if (out_.count > kMostMessages) return;
    const auto found = origin_.find(std::string_view(text).substr(0, at), std::string_view(text).substr(at + 1));
    if (!found) return fault(pointer, found.error().message);
    const resources::Version& version = **found;
    Included next{pointer, "`" + text + "`", version.name + "@" + std::to_string(version.version)};
    if (leads_back(next, version))
      return fault(pointer, "`" + text + "` leads back to itself: " + way(next.version) + ".");
    if (std::ranges::find(out_.includes, next.version) == out_.includes.end()) out_.includes.push_back(next.version);
    within_.push_back(std::move(next));
    add_inputs(version.spec);
    const bj::value* const messages = version.spec.if_contains("messages");
    const std::string before = std::exchange(pointer_, std::string());
    if (messages != nullptr && messages->is_array()) read(messages->get_array());
    pointer_ = before;
    within_.pop_back();
  }

  bool leads_back(const Included& next, const resources::Version& version) const {
    if (version.name == origin_.name && version.spec == origin_.spec) return true;
    return std::ranges::find(within_, next.version, &Included::version) != within_.end();
  }

  std::string way(const std::string& end) const {
    std::string out(origin_.name);
    for (const Included& one : within_) out += " → " + one.version;
    return out + " → " + end;
  }

  // What it reads and has a default for need not be declared here.
  void add_inputs(const bj::object& spec) {
    const bj::value* const inputs = spec.if_contains("input");
    if (inputs == nullptr || !inputs->is_object()) return;
    for (const auto& [key, schema] : inputs->get_object()) {
      const std::string name(key);
      if (std::ranges::find(names_, name) != names_.end()) continue;
      if (!schema.is_object() || !schema.get_object().contains("default")) continue;
      auto input = read_input(name, schema, within_.front().pointer, faults_);
      if (!input) continue;
      inputs_.push_back(*std::move(input));
      names_.push_back(name);
    }
  }

  // The text of the one message that another prompt has.
  void include_text(const bj::array& messages, const std::string& place) {
    const bj::object* const message = messages.size() == 1 ? messages[0].if_object() : nullptr;
    const bj::value* content = message != nullptr ? message->if_contains("content") : nullptr;
    if (content == nullptr && message != nullptr && message->size() == 1 && !message->contains("prompt"))
      content = &message->begin()->value();
    if (content == nullptr || !(content->is_string() || reference_in(*content)))
      return fault("/messages", "to stand as a text it has to be one message with a text.");
    pointer_ = "/messages/0";
    read_content(*content, place, "");
  }

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
    const auto named = std::ranges::find_if(message, [](const auto& member) { return member.key() != "part"; });
    if (named == message.end()) return fault(pointer_, "this message has no role.");
    const std::string key(named->key());
    if (!is_role(key))
      return fault(pointer_ + "/" + key, "unknown role `" + key + "`." + did_you_mean(key, kRoles) +
                                             " Roles: system, developer, user, assistant, tool.");
    if (message.size() > (message.if_contains("part") ? 2 : 1)) {
      return fault(pointer_, "a message has one role: write `" + key + ": text`, or `role`, `content` and the rest.");
    }
    if (key == "tool")
      return fault(
          pointer_ + "/tool",
          "a tool's message names the call that it answers: write `role: tool`, `tool_call_id` and `content`.");
    literal("{\"role\":\"" + key + "\",\"content\":");
    read_content(named->value(), "." + key, "/" + key);
    literal("}");
  }

  // The part of `fit` that the message is of. What is included may be of parts that its own `fit` alone names.
  void read_part_name(const bj::value& value) {
    std::string& name = out_.parts.emplace_back();
    const auto* part = value.is_object() ? value.get_object().if_contains("part") : nullptr;
    if (!part) return;
    if (!part->is_string() || part->get_string().empty() || part->get_string() == llm::kHistoryPart)
      return fault(pointer_ + "/part", "a part is a word that `fit` names, and not `history`, which is the caller's.");
    name = part->get_string();
    const auto* role = value.get_object().if_contains("role");
    const bool is_system = value.get_object().if_contains("system") || value.get_object().if_contains("developer") ||
                           (role && (*role == "system" || *role == "developer"));
    if (is_system) fault(pointer_ + "/part", "a system message is never left out.");
    if (std::ranges::find(origin_.fit, name) != origin_.fit.end()) return;
    if (within_.empty())
      fault(pointer_ + "/part", "`fit` does not name the part `" + name + "`." + did_you_mean(name, origin_.fit));
    name.clear();
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
      if (name == "role" || name == "part") continue;
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
    if (const bj::value* const reference = reference_in(content)) {
      return include(*reference, pointer_ + pointer + "/prompt",
                     [&](const bj::array& theirs) { include_text(theirs, place); });
    }
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
    out_.segments.back().place =
        (within_.empty() ? "" : within_.back().reference + ", ") + path_of(pointer_).substr(1) + place;
  }

  const Origin& origin_;
  std::vector<Input>& inputs_;
  std::vector<resources::SpecError>& faults_;
  std::vector<std::string> names_;
  std::string pointer_;  // of the message being read, in the spec that it stands in
  std::vector<Included> within_;
  MessageList out_;
};

}  // namespace

MessageList read_messages(const bj::array& messages, const std::string& pointer, const Origin& origin,
                          std::vector<Input>& inputs, std::vector<resources::SpecError>& faults) {
  return Messages(origin, inputs, faults).read(messages, pointer);
}

}  // namespace fairlead::prompts::internal
