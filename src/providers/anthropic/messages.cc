#include "providers/anthropic/messages.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "platform/json/text.h"

namespace fairlead::providers::anthropic {
namespace {

namespace dom = simdjson::dom;
using internal::DataUrl;
using internal::Language;
using llm::ContentPart;
using llm::Message;
using llm::Role;

// The content blocks of one message on its way.
class Blocks {
 public:
  std::string& next() {
    if (!text_.empty()) text_ += ',';
    return text_;
  }
  void add_text(std::string_view text) {
    if (text.empty()) return;  // refused upstream
    std::string& out = next();
    out += R"({"type":"text","text":)";
    json::append_string(out, text);
    out += '}';
  }
  bool empty() const { return text_.empty(); }
  const std::string& text() const { return text_; }
  void clear() { text_.clear(); }

 private:
  std::string text_;
};

void add_source(std::string& out, std::string_view type, const DataUrl& data) {
  out += fmt::format(R"({{"type":"{}","source":{{"type":"base64","media_type":)", type);
  json::append_string(out, data.media_type);
  out += R"(,"data":)";
  json::append_string(out, data.data);
  out += "}}";
}

Result<void> add_image(Blocks& blocks, const std::string& url, const std::string& param) {
  if (url.starts_with("https://") || url.starts_with("http://")) {
    std::string& out = blocks.next();
    out += R"({"type":"image","source":{"type":"url","url":)";
    json::append_string(out, url);
    out += "}}";
    return {};
  }
  const DataUrl data = internal::read_data_url(url);
  if (data.media_type.empty())
    return internal::invalid_value(param + ".image_url.url", "it must be an https: URL, or a data: URL in base64");
  add_source(blocks.next(), "image", data);
  return {};
}

// A file that came along whole: PDFs and plain texts are understood.
Result<void> add_file(Blocks& blocks, const ContentPart& part, const std::string& param, const Language& language) {
  FAIRLEAD_TRY(const internal::File file, internal::read_file_part(part, language, param));
  if (file.media_type == "application/pdf") {
    add_source(blocks.next(), "document", {file.media_type, file.data});
    return {};
  }
  const auto text = file.media_type == "text/plain" ? internal::from_base64(file.data) : std::nullopt;
  if (!text) return language.unsupported_value(param, "only PDF files and plain texts are understood");
  std::string& out = blocks.next();
  out += R"({"type":"document","source":{"type":"text","media_type":"text/plain","data":)";
  json::append_string(out, *text);
  out += "}}";
  return {};
}

Result<void> add_parts(Blocks& blocks, const Message& message, const std::string& param, bool text_only,
                       const Language& language) {
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    const ContentPart& part = message.content[i];
    const std::string where = fmt::format("{}.content[{}]", param, i);
    if (part.type == ContentPart::Type::kText || part.type == ContentPart::Type::kRefusal) {
      blocks.add_text(part.text);
    } else if (text_only) {
      return language.unsupported_value(where, "only text can stand here");
    } else if (part.type == ContentPart::Type::kImageUrl) {
      FAIRLEAD_CHECK(add_image(blocks, part.text, where));
    } else if (part.type == ContentPart::Type::kFile) {
      FAIRLEAD_CHECK(add_file(blocks, part, where, language));
    } else {
      return language.unsupported_value(where, "it takes text, images and files");
    }
  }
  return {};
}

Result<void> add_tool_calls(Blocks& blocks, const Message& message, const std::string& param) {
  dom::parser parser;
  for (std::size_t i = 0; i < message.tool_calls.size(); ++i) {
    const llm::ToolCall& call = message.tool_calls[i];
    std::string_view input = "{}";
    if (call.arguments.find_first_not_of(" \t\r\n") != std::string::npos) {
      dom::object object;
      if (parser.parse(call.arguments).get_object().get(object))
        return internal::invalid_value(fmt::format("{}.tool_calls[{}].function.arguments", param, i),
                                       "it must be the text of a JSON object");
      input = call.arguments;
    }
    std::string& out = blocks.next();
    out += R"({"type":"tool_use","id":)";
    json::append_string(out, call.id);
    out += R"(,"name":)";
    json::append_string(out, call.name);
    out += R"(,"input":)";
    out += input;
    out += '}';
  }
  return {};
}

Result<void> add_tool_result(Blocks& blocks, const Message& message, const std::string& param,
                             const Language& language) {
  Blocks inner;
  FAIRLEAD_CHECK(add_parts(inner, message, param, false, language));
  std::string& out = blocks.next();
  out += R"({"type":"tool_result","tool_use_id":)";
  json::append_string(out, message.tool_call_id);
  if (!inner.empty()) {
    out += R"(,"content":[)";
    out += inner.text();
    out += ']';
  }
  out += '}';
  return {};
}

// Messages of alternating roles: neighbours of one role become one.
class Turns {
 public:
  void add(std::string_view role, Blocks& blocks) {
    if (blocks.empty()) return;
    if (role != role_) {
      close();
      text_ += text_.empty() ? "[" : ",";
      text_ += fmt::format(R"({{"role":"{}","content":[)", role);
      role_ = role;
    } else {
      text_ += ',';
    }
    text_ += blocks.text();
    blocks.clear();
  }
  std::string finish() {
    close();
    return text_.empty() ? "[]" : std::move(text_) + "]";
  }
  bool empty() const { return text_.empty(); }

 private:
  void close() {
    if (!role_.empty()) text_ += "]}";
    role_ = {};
  }
  std::string text_;
  std::string_view role_;
};

}  // namespace

Result<Conversation> translate_messages(std::span<const Message> messages, const Language& language) {
  Blocks system, blocks;
  Turns turns;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    const std::string param = fmt::format("messages[{}]", i);
    switch (message.role) {
      case Role::kSystem:
      case Role::kDeveloper:
        FAIRLEAD_CHECK(add_parts(system, message, param, true, language));
        break;
      case Role::kUser:
        FAIRLEAD_CHECK(add_parts(blocks, message, param, false, language));
        turns.add("user", blocks);
        break;
      case Role::kAssistant:
        FAIRLEAD_CHECK(add_parts(blocks, message, param, true, language));
        FAIRLEAD_CHECK(add_tool_calls(blocks, message, param));
        turns.add("assistant", blocks);
        break;
      case Role::kTool:
        FAIRLEAD_CHECK(add_tool_result(blocks, message, param, language));
        turns.add("user", blocks);
        break;
      case Role::kFunction:
        return language.unsupported_value(param + ".role", "the role function is of the time before tools");
    }
  }
  if (turns.empty())
    return language.unsupported_value("messages", "it needs a message of the user, beside what the system says");
  Conversation conversation;
  if (!system.empty()) conversation.system = "[" + system.text() + "]";
  conversation.messages = turns.finish();
  return conversation;
}

}  // namespace fairlead::providers::anthropic
