#include "providers/anthropic/messages.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "platform/json/text.h"

namespace fairlead::providers::anthropic {
namespace {

namespace dom = simdjson::dom;
using llm::ContentPart;
using llm::Message;
using llm::Role;

std::unexpected<Error> unsupported(const std::string& param, std::string_view why) {
  return fail(ErrorKind::kUnsupported, "unsupported_value",
              fmt::format("'{}' cannot be expressed for an Anthropic upstream: {}.", param, why), param);
}

std::unexpected<Error> invalid(const std::string& param, std::string_view why) {
  return fail(ErrorKind::kInvalid, "invalid_value", fmt::format("Invalid '{}': {}.", param, why), param);
}

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

struct DataUrl {
  std::string_view media_type, data;
};

// data:MEDIA;base64,DATA (RFC 2397). Empty media type: it is not one.
DataUrl read_data_url(std::string_view url) {
  const std::size_t comma = url.find(',');
  if (!url.starts_with("data:") || comma == std::string_view::npos) return {};
  std::string_view head = url.substr(5, comma - 5);
  if (!head.ends_with(";base64")) return {};
  head.remove_suffix(7);
  return {head.substr(0, head.find(';')), url.substr(comma + 1)};
}

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
  const DataUrl data = read_data_url(url);
  if (data.media_type.empty())
    return invalid(param + ".image_url.url", "it must be an https: URL, or a data: URL in base64");
  add_source(blocks.next(), "image", data);
  return {};
}

// A file that came along whole: PDFs are understood.
Result<void> add_file(Blocks& blocks, const std::string& part, const std::string& param) {
  dom::parser parser;
  dom::object file;
  std::string_view content;
  if (parser.parse(part).at_key("file").get_object().get(file) || file.at_key("file_data").get_string().get(content))
    return unsupported(param, "a file must come along as file_data");
  const DataUrl data = read_data_url(content);
  if (data.media_type != "application/pdf") return unsupported(param, "only PDF files are understood");
  add_source(blocks.next(), "document", data);
  return {};
}

Result<void> add_parts(Blocks& blocks, const Message& message, const std::string& param, bool text_only) {
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    const ContentPart& part = message.content[i];
    const std::string where = fmt::format("{}.content[{}]", param, i);
    if (part.type == ContentPart::Type::kText || part.type == ContentPart::Type::kRefusal) {
      blocks.add_text(part.text);
    } else if (text_only) {
      return unsupported(where, "only text can stand here");
    } else if (part.type == ContentPart::Type::kImageUrl) {
      FAIRLEAD_CHECK(add_image(blocks, part.text, where));
    } else if (part.type == ContentPart::Type::kFile) {
      FAIRLEAD_CHECK(add_file(blocks, part.json, where));
    } else {
      return unsupported(where, "it takes text, images and PDF files");
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
        return invalid(fmt::format("{}.tool_calls[{}].function.arguments", param, i),
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

Result<void> add_tool_result(Blocks& blocks, const Message& message, const std::string& param) {
  Blocks inner;
  FAIRLEAD_CHECK(add_parts(inner, message, param, false));
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

Result<Conversation> translate_messages(const llm::ChatRequest& request) {
  FAIRLEAD_TRY(const std::vector<Message> messages, request.parse_messages());
  Blocks system, blocks;
  Turns turns;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    const std::string param = fmt::format("messages[{}]", i);
    switch (message.role) {
      case Role::kSystem:
      case Role::kDeveloper:
        FAIRLEAD_CHECK(add_parts(system, message, param, true));
        break;
      case Role::kUser:
        FAIRLEAD_CHECK(add_parts(blocks, message, param, false));
        turns.add("user", blocks);
        break;
      case Role::kAssistant:
        FAIRLEAD_CHECK(add_parts(blocks, message, param, true));
        FAIRLEAD_CHECK(add_tool_calls(blocks, message, param));
        turns.add("assistant", blocks);
        break;
      case Role::kTool:
        FAIRLEAD_CHECK(add_tool_result(blocks, message, param));
        turns.add("user", blocks);
        break;
      case Role::kFunction:
        return unsupported(param + ".role", "the role function is of the time before tools");
    }
  }
  if (turns.empty()) return unsupported("messages", "it needs a message of the user, beside what the system says");
  Conversation conversation;
  if (!system.empty()) conversation.system = "[" + system.text() + "]";
  conversation.messages = turns.finish();
  return conversation;
}

}  // namespace fairlead::providers::anthropic
