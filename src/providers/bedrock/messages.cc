#include "providers/bedrock/messages.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cctype>

#include "providers/internal/json_writer.h"

namespace fairlead::providers::bedrock {
namespace {

namespace dom = simdjson::dom;
using internal::JsonArray;
using internal::JsonObject;
using internal::Language;
using llm::ContentPart;
using llm::Message;
using llm::Role;

std::string text_block(std::string_view text) {
  JsonObject block;
  block.text("text", text);
  return std::move(block).finish();
}

std::string with_source(std::string_view kind, JsonObject inner, std::string_view data) {
  JsonObject source, block;
  source.text("bytes", data);
  inner.raw("source", std::move(source).finish());
  block.raw(kind, std::move(inner).finish());
  return std::move(block).finish();
}

Result<std::string> image_block(const std::string& url, const std::string& param, const Language& language) {
  const internal::DataUrl data = internal::read_data_url(url);
  if (data.media_type.empty())
    return language.unsupported_value(param + ".image_url.url", "an image must come along as a data: URL in base64");
  constexpr std::string_view kFormats[] = {"png", "jpeg", "gif", "webp"};
  const std::string_view format = data.media_type.starts_with("image/") ? data.media_type.substr(6) : "";
  if (std::ranges::find(kFormats, format) == std::end(kFormats))
    return language.unsupported_value(param + ".image_url.url", "only PNG, JPEG, GIF and WebP images are understood");
  JsonObject image;
  image.text("format", format);
  return with_source("image", std::move(image), data.data);
}

std::string_view document_format(std::string_view media_type) {
  constexpr std::pair<std::string_view, std::string_view> kFormats[] = {
      {"application/pdf", "pdf"},
      {"text/plain", "txt"},
      {"text/csv", "csv"},
      {"text/html", "html"},
      {"text/markdown", "md"},
      {"application/msword", "doc"},
      {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"},
      {"application/vnd.ms-excel", "xls"},
      {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"}};
  for (const auto& [type, format] : kFormats)
    if (type == media_type) return format;
  return {};
}

// A document's name may hold letters, digits, single spaces, hyphens, parentheses and brackets.
std::string document_name(std::string_view name) {
  std::string out;
  for (const char c : name.substr(0, name.rfind('.'))) {
    const bool fits = std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("-()[]").contains(c);
    if (fits || !out.ends_with(' ')) out += fits ? c : ' ';
  }
  return out.empty() || out == " " ? "document" : out.substr(0, 200);
}

Result<std::string> document_block(const ContentPart& part, const std::string& param, const Language& language) {
  FAIRLEAD_TRY(const internal::File file, internal::read_file_part(part, language, param));
  const std::string_view format = document_format(file.media_type);
  if (format.empty())
    return language.unsupported_value(param,
                                      "only PDF, text, CSV, HTML, Markdown, Word and Excel files are understood");
  JsonObject document;
  document.text("format", format);
  document.text("name", document_name(file.name));
  return with_source("document", std::move(document), file.data);
}

Result<void> add_parts(JsonArray& blocks, const Message& message, const std::string& param, bool text_only,
                       const Language& language) {
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    const ContentPart& part = message.content[i];
    const std::string where = fmt::format("{}.content[{}]", param, i);
    if (part.type == ContentPart::Type::kText || part.type == ContentPart::Type::kRefusal) {
      if (!part.text.empty()) blocks.raw(text_block(part.text));
      continue;
    }
    if (text_only) return language.unsupported_value(where, "only text can stand here");
    std::string block;
    if (part.type == ContentPart::Type::kImageUrl) {
      FAIRLEAD_TRY(block, image_block(part.text, where, language));
    } else if (part.type == ContentPart::Type::kFile) {
      FAIRLEAD_TRY(block, document_block(part, where, language));
    } else {
      return language.unsupported_value(where, "it takes text, images and files");
    }
    blocks.raw(block);
  }
  return {};
}

Result<void> add_tool_uses(JsonArray& blocks, const Message& message, const std::string& param) {
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
    JsonObject use;
    use.text("toolUseId", call.id);
    use.text("name", call.name);
    use.raw("input", input);
    blocks.raw(R"({"toolUse":)" + std::move(use).finish() + "}");
  }
  return {};
}

Result<void> add_tool_result(JsonArray& blocks, const Message& message, const std::string& param,
                             const Language& language) {
  JsonArray content;
  FAIRLEAD_CHECK(add_parts(content, message, param, false, language));
  if (content.empty()) content.raw(R"({"json":{}})");
  JsonObject result;
  result.text("toolUseId", message.tool_call_id);
  result.raw("content", std::move(content).finish());
  blocks.raw(R"({"toolResult":)" + std::move(result).finish() + "}");
  return {};
}

// Messages of alternating roles: neighbours of one role become one.
class Turns {
 public:
  JsonArray& blocks(std::string_view role) {
    if (role != role_) close();
    role_ = role;
    return blocks_;
  }
  std::string finish() {
    close();
    return std::move(messages_).finish();
  }

 private:
  void close() {
    if (!blocks_.empty()) {
      JsonObject message;
      message.text("role", role_);
      message.raw("content", std::move(blocks_).finish());
      messages_.raw(std::move(message).finish());
    }
    blocks_ = {};
  }
  JsonArray messages_, blocks_;
  std::string_view role_;
};

}  // namespace

Result<Conversation> translate_messages(std::span<const Message> messages, const Language& language) {
  JsonArray system;
  Turns turns;
  bool any = false;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    const std::string param = fmt::format("messages[{}]", i);
    any |= message.role != Role::kSystem && message.role != Role::kDeveloper;
    switch (message.role) {
      case Role::kSystem:
      case Role::kDeveloper:
        FAIRLEAD_CHECK(add_parts(system, message, param, true, language));
        break;
      case Role::kUser:
        FAIRLEAD_CHECK(add_parts(turns.blocks("user"), message, param, false, language));
        break;
      case Role::kAssistant: {
        JsonArray& blocks = turns.blocks("assistant");
        FAIRLEAD_CHECK(add_parts(blocks, message, param, true, language));
        FAIRLEAD_CHECK(add_tool_uses(blocks, message, param));
        break;
      }
      case Role::kTool:
        FAIRLEAD_CHECK(add_tool_result(turns.blocks("user"), message, param, language));
        break;
      case Role::kFunction:
        return language.unsupported_value(param + ".role", "the role function is of the time before tools");
    }
  }
  if (!any)
    return language.unsupported_value("messages", "it needs a message of the user, beside what the system says");
  Conversation out;
  if (!system.empty()) out.system = std::move(system).finish();
  out.messages = turns.finish();
  return out;
}

}  // namespace fairlead::providers::bedrock
