#include "providers/bedrock/messages.h"

#include <algorithm>
#include <cctype>

#include "providers/internal/conversation.h"

namespace fairlead::providers::bedrock {
namespace {

using internal::JsonArray;
using internal::JsonObject;
using internal::Language;
using llm::ContentPart;
using llm::Message;

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

Result<std::string> other_block(const ContentPart& part, const std::string& param, const Language& language) {
  if (part.type == ContentPart::Type::kImageUrl) return image_block(part.text, param, language);
  if (part.type == ContentPart::Type::kFile) return document_block(part, param, language);
  return language.unsupported_value(param, "it takes text, images and files");
}

constexpr internal::PartWriter kTexts{text_block, nullptr}, kBlocks{text_block, other_block};

class Writer : public internal::BlockWriter {
 public:
  explicit Writer(const Language& language) : BlockWriter(language, kTexts, kBlocks) {}

  Result<void> assistant(const Message& message, std::size_t, const std::string& param) {
    JsonArray& blocks = turns_.parts("assistant");
    FAIRLEAD_CHECK(internal::add_parts(blocks, message, param, texts_, language_));
    for (std::size_t i = 0; i < message.tool_calls.size(); ++i) {
      FAIRLEAD_TRY(const std::string_view input, internal::call_arguments(message, i, param));
      JsonObject use;
      use.text("toolUseId", message.tool_calls[i].id);
      use.text("name", message.tool_calls[i].name);
      use.raw("input", input);
      blocks.raw(R"({"toolUse":)" + std::move(use).finish() + "}");
    }
    return {};
  }
  Result<void> tool(const Message& message, const std::string& param) {
    JsonArray content;
    FAIRLEAD_CHECK(internal::add_parts(content, message, param, blocks_, language_));
    if (content.empty()) content.raw(R"({"json":{}})");
    JsonObject result;
    result.text("toolUseId", message.tool_call_id);
    result.raw("content", std::move(content).finish());
    turns_.parts("user").raw(R"({"toolResult":)" + std::move(result).finish() + "}");
    return {};
  }
};

}  // namespace

Result<internal::Conversation> translate_messages(std::span<const Message> messages, const Language& language) {
  Writer writer(language);
  FAIRLEAD_CHECK(internal::write_conversation(messages, language, writer));
  return writer.finish();
}

}  // namespace fairlead::providers::bedrock
