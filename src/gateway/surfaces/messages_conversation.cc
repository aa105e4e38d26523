#include "gateway/surfaces/messages_conversation.h"

#include <fmt/format.h>

#include "gateway/internal/reading.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

using internal::Array;
using internal::array_of;
using internal::Document;
using internal::Element;
using internal::find;
using internal::flag_of;
using internal::invalid_value;
using internal::missing;
using internal::Object;
using internal::object_of;
using internal::ObjectWriter;
using internal::required_text;
using internal::text_at;
using internal::unsupported_parameter;
using internal::unsupported_value;
using internal::wrong_type;

// The content of one chat message: its parts, one after another.
class Parts {
 public:
  void text(std::string_view text) {
    if (count_ == 0) first_text_ = text;
    next() += R"({"type":"text","text":)";
    json::append_string(json_, text);
    json_ += '}';
  }
  void image(std::string_view url) {
    only_text_ = false;
    next() += R"({"type":"image_url","image_url":{"url":)";
    json::append_string(json_, url);
    json_ += "}}";
  }
  void file(std::string_view name, std::string_view data_url) {
    only_text_ = false;
    next() += R"({"type":"file","file":{"filename":)";
    json::append_string(json_, name);
    json_ += R"(,"file_data":)";
    json::append_string(json_, data_url);
    json_ += "}}";
  }
  bool empty() const { return count_ == 0; }
  // One text goes as a string: more models' templates know that.
  void append_to(std::string& out) const {
    if (count_ == 1 && only_text_) return json::append_string(out, first_text_);
    out += '[';
    out += json_;
    out += ']';
  }

 private:
  std::string& next() {
    if (count_++ > 0) json_ += ',';
    return json_;
  }
  std::string json_, first_text_;
  std::size_t count_ = 0;
  bool only_text_ = true;
};

// The chat's `messages` in the making.
class Messages {
 public:
  ObjectWriter begin(std::string_view role) {
    text_ += text_.empty() ? "[" : ",";
    ObjectWriter out(text_);
    out.text("role", role);
    return out;
  }
  void add(std::string_view role, const Parts& parts) {
    ObjectWriter out = begin(role);
    parts.append_to(out.member("content"));
    out.end();
  }
  std::string finish() && { return text_.empty() ? "[]" : std::move(text_) + "]"; }

 private:
  std::string text_;
};

// Gives each block's text to `text`; blocks of another type to `other`, with their place and type.
template <class Text, class Other>
Result<void> for_each_block(const std::string& param, Array blocks, Text text, Other other) {
  std::size_t i = 0;
  for (const Element one : blocks) {
    const std::string where = fmt::format("{}[{}]", param, i++);
    FAIRLEAD_TRY(const Object block, object_of(where, one));
    FAIRLEAD_TRY(const std::string_view type, required_text(where, block, "type"));
    if (type == "text") {
      FAIRLEAD_TRY(const std::string_view said, required_text(where, block, "text"));
      text(said);
    } else {
      FAIRLEAD_CHECK(other(where, block, type));
    }
  }
  return {};
}

std::string data_url(std::string_view media_type, std::string_view data) {
  return fmt::format("data:{};base64,{}", media_type, data);
}

Result<void> add_image(Parts& parts, const std::string& param, Object block) {
  const std::optional<Element> given = find(block, "source");
  const std::string where = param + ".source";
  if (!given) return missing(where);
  FAIRLEAD_TRY(const Object source, object_of(where, *given));
  FAIRLEAD_TRY(const std::string_view type, required_text(where, source, "type"));
  if (type == "url") {
    FAIRLEAD_TRY(const std::string_view url, required_text(where, source, "url"));
    parts.image(url);
    return {};
  }
  if (type != "base64") return unsupported_value(where + ".type", "images come as base64 or url");
  FAIRLEAD_TRY(const std::string_view media_type, required_text(where, source, "media_type"));
  FAIRLEAD_TRY(const std::string_view data, required_text(where, source, "data"));
  parts.image(data_url(media_type, data));
  return {};
}

Result<void> add_content_source(Parts& parts, const std::string& param, Element content) {
  if (content.is_string()) {
    parts.text(content.get_string().value_unsafe());
    return {};
  }
  FAIRLEAD_TRY(const Array blocks, array_of(param, content));
  const auto other = [&](const std::string& where, Object block, std::string_view type) -> Result<void> {
    if (type == "image") return add_image(parts, where, block);
    return unsupported_value(where + ".type", "a document's content is text and images");
  };
  return for_each_block(
      param, blocks, [&](std::string_view text) { parts.text(text); }, other);
}

Result<void> add_document(Parts& parts, const std::string& param, Object block) {
  const std::optional<Element> given = find(block, "source");
  const std::string where = param + ".source";
  if (!given) return missing(where);
  if (const auto citations = find(block, "citations")) {
    FAIRLEAD_TRY(const Object object, object_of(param + ".citations", *citations));
    bool enabled = false;
    if (!object.at_key("enabled").get_bool().get(enabled) && enabled)
      return unsupported_parameter(param + ".citations", "it does not say where its answers come from");
  }
  FAIRLEAD_TRY(const Object source, object_of(where, *given));
  FAIRLEAD_TRY(const std::string_view type, required_text(where, source, "type"));
  const std::string_view title = text_at(block, "title"), context = text_at(block, "context");
  if (!context.empty()) parts.text(context);
  if (type == "base64") {
    FAIRLEAD_TRY(const std::string_view media_type, required_text(where, source, "media_type"));
    FAIRLEAD_TRY(const std::string_view data, required_text(where, source, "data"));
    parts.file(title.empty() ? "document.pdf" : title, data_url(media_type, data));
    return {};
  }
  if (type != "text" && type != "content")
    return unsupported_value(where + ".type", "documents come as base64, text or content");
  if (!title.empty()) parts.text(title);
  if (type == "text") {
    FAIRLEAD_TRY(const std::string_view data, required_text(where, source, "data"));
    parts.text(data);
    return {};
  }
  const std::optional<Element> content = find(source, "content");
  if (!content) return missing(where + ".content");
  return add_content_source(parts, where + ".content", *content);
}

// A tool's result becomes a message of its own; its images go where images can stand.
Result<void> add_tool_result(Messages& messages, Parts& user, const std::string& param, Object block) {
  FAIRLEAD_TRY(const std::string_view id, required_text(param, block, "tool_use_id"));
  bool is_error = false;
  if (const auto given = find(block, "is_error")) {
    FAIRLEAD_TRY(is_error, flag_of(param + ".is_error", *given));
  }
  Parts result;
  const auto add_text = [&](std::string_view text) {
    result.text(result.empty() && is_error ? "Error: " + std::string(text) : std::string(text));
  };
  if (const auto content = find(block, "content")) {
    if (content->is_string()) {
      add_text(content->get_string().value_unsafe());
    } else {
      FAIRLEAD_TRY(const Array blocks, array_of(param + ".content", *content));
      const auto other = [&](const std::string& where, Object inner, std::string_view type) -> Result<void> {
        if (type != "image" && type != "document")
          return unsupported_value(where + ".type", "a tool's result holds text, images and documents");
        user.text(fmt::format("From the result of {}:", id));
        return type == "image" ? add_image(user, where, inner) : add_document(user, where, inner);
      };
      FAIRLEAD_CHECK(for_each_block(param + ".content", blocks, add_text, other));
    }
  }
  if (result.empty()) add_text("");
  ObjectWriter out = messages.begin("tool");
  out.text("tool_call_id", id);
  result.append_to(out.member("content"));
  out.end();
  return {};
}

Result<void> add_user(Messages& messages, const std::string& param, Array blocks) {
  Parts parts;
  const auto other = [&](const std::string& where, Object block, std::string_view type) -> Result<void> {
    if (type == "image") return add_image(parts, where, block);
    if (type == "document") return add_document(parts, where, block);
    if (type == "tool_result") return add_tool_result(messages, parts, where, block);
    return unsupported_value(where + ".type", "a user's blocks are text, image, document and tool_result");
  };
  FAIRLEAD_CHECK(for_each_block(
      param + ".content", blocks, [&](std::string_view text) { parts.text(text); }, other));
  if (!parts.empty()) messages.add("user", parts);
  return {};
}

Result<void> add_tool_use(std::string& calls, const std::string& param, Object block) {
  FAIRLEAD_TRY(const std::string_view id, required_text(param, block, "id"));
  FAIRLEAD_TRY(const std::string_view name, required_text(param, block, "name"));
  std::string arguments = "{}";
  if (const auto input = find(block, "input")) {
    FAIRLEAD_TRY(const Object object, object_of(param + ".input", *input));
    arguments = simdjson::minify(object);
  }
  calls += calls.empty() ? "[" : ",";
  ObjectWriter call(calls);
  call.text("id", id);
  call.text("type", "function");
  ObjectWriter function(call.member("function"));
  function.text("name", name);
  function.text("arguments", arguments);
  function.end();
  call.end();
  return {};
}

Result<void> add_assistant(Messages& messages, const std::string& param, Array blocks) {
  Parts parts;
  std::string calls;
  const auto other = [&](const std::string& where, Object block, std::string_view type) -> Result<void> {
    if (type == "tool_use") return add_tool_use(calls, where, block);
    // Those are of use to who wrote them only.
    if (type == "thinking" || type == "redacted_thinking") return {};
    return unsupported_value(where + ".type", "an assistant's blocks are text, tool_use and thinking");
  };
  FAIRLEAD_CHECK(for_each_block(
      param + ".content", blocks, [&](std::string_view text) { parts.text(text); }, other));
  if (parts.empty() && calls.empty()) return {};
  ObjectWriter out = messages.begin("assistant");
  if (!parts.empty()) parts.append_to(out.member("content"));
  if (!calls.empty()) out.raw("tool_calls", calls + "]");
  out.end();
  return {};
}

Result<void> add_system(Messages& messages, Element system) {
  Parts parts;
  if (system.is_string()) {
    parts.text(system.get_string().value_unsafe());
  } else {
    FAIRLEAD_TRY(const Array blocks, array_of("system", system));
    std::size_t i = 0;
    for (const Element one : blocks) {
      const std::string where = fmt::format("system[{}]", i++);
      FAIRLEAD_TRY(const Object block, object_of(where, one));
      FAIRLEAD_TRY(const std::string_view text, required_text(where, block, "text"));
      parts.text(text);
    }
  }
  if (!parts.empty()) messages.add("system", parts);
  return {};
}

Result<void> add_messages(Messages& messages, Element value) {
  FAIRLEAD_TRY(const Array list, array_of("messages", value));
  std::size_t i = 0;
  for (const Element one : list) {
    const std::string param = fmt::format("messages[{}]", i++);
    FAIRLEAD_TRY(const Object message, object_of(param, one));
    FAIRLEAD_TRY(const std::string_view role, required_text(param, message, "role"));
    if (role != "user" && role != "assistant") return invalid_value(param + ".role", "it must be user or assistant");
    const std::optional<Element> content = find(message, "content");
    if (!content) return missing(param + ".content");
    if (content->is_string()) {
      Parts parts;
      parts.text(content->get_string().value_unsafe());
      messages.add(role, parts);
    } else if (content->is_array()) {
      const Array blocks = content->get_array().value_unsafe();
      FAIRLEAD_CHECK(role == "user" ? add_user(messages, param, blocks) : add_assistant(messages, param, blocks));
    } else {
      return wrong_type(param + ".content", "a string or an array of blocks", *content);
    }
  }
  return {};
}

}  // namespace

Result<std::string> chat_messages_of(const llm::RequestBody& body) {
  Messages messages;
  if (const llm::Member* const system = body.member("system"); system && system->json != "null") {
    FAIRLEAD_TRY(const Document document, Document::parse(system->json));
    FAIRLEAD_CHECK(add_system(messages, document.root()));
  }
  if (const llm::Member* const given = body.member("messages"); given && given->json != "null") {
    FAIRLEAD_TRY(const Document document, Document::parse(given->json));
    FAIRLEAD_CHECK(add_messages(messages, document.root()));
  }
  return std::move(messages).finish();
}

}  // namespace fairlead::gateway
