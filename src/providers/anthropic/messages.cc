#include "providers/anthropic/messages.h"

#include "base/digest.h"
#include "providers/internal/conversation.h"

namespace fairlead::providers::anthropic {
namespace {

using internal::JsonArray;
using internal::JsonObject;
using internal::Language;
using llm::ContentPart;
using llm::Message;

std::string text_block(std::string_view text) {
  JsonObject block;
  block.text("type", "text");
  block.text("text", text);
  return std::move(block).finish();
}

std::string block_of(std::string_view type, JsonObject source) {
  JsonObject block;
  block.text("type", type);
  block.raw("source", std::move(source).finish());
  return std::move(block).finish();
}

JsonObject source_of(std::string_view type, std::string_view media_type, std::string_view data) {
  JsonObject source;
  source.text("type", type);
  source.text("media_type", media_type);
  source.text("data", data);
  return source;
}

Result<std::string> image_block(const std::string& url, const std::string& param) {
  if (url.starts_with("https://") || url.starts_with("http://")) {
    JsonObject source;
    source.text("type", "url");
    source.text("url", url);
    return block_of("image", std::move(source));
  }
  const internal::DataUrl data = internal::read_data_url(url);
  if (data.media_type.empty())
    return internal::invalid_value(param + ".image_url.url", "it must be an https: URL, or a data: URL in base64");
  return block_of("image", source_of("base64", data.media_type, data.data));
}

// A file that came along whole: PDFs and plain texts are understood.
Result<std::string> file_block(const ContentPart& part, const std::string& param, const Language& language) {
  FAIRLEAD_TRY(const internal::File file, internal::read_file_part(part, language, param));
  if (file.media_type == "application/pdf")
    return block_of("document", source_of("base64", file.media_type, file.data));
  std::string text;
  if (file.media_type != "text/plain" || !from_base64(file.data, text))
    return language.unsupported_value(param, "only PDF files and plain texts are understood");
  return block_of("document", source_of("text", "text/plain", text));
}

Result<std::string> other_block(const ContentPart& part, const std::string& param, const Language& language) {
  if (part.type == ContentPart::Type::kImageUrl) return image_block(part.text, param);
  if (part.type == ContentPart::Type::kFile) return file_block(part, param, language);
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
      use.text("type", "tool_use");
      use.text("id", message.tool_calls[i].id);
      use.text("name", message.tool_calls[i].name);
      use.raw("input", input);
      blocks.raw(std::move(use).finish());
    }
    return {};
  }
  Result<void> tool(const Message& message, const std::string& param) {
    JsonArray content;
    FAIRLEAD_CHECK(internal::add_parts(content, message, param, blocks_, language_));
    JsonObject result;
    result.text("type", "tool_result");
    result.text("tool_use_id", message.tool_call_id);
    if (!content.empty()) result.raw("content", std::move(content).finish());
    turns_.parts("user").raw(std::move(result).finish());
    return {};
  }
};

}  // namespace

Result<internal::Conversation> translate_messages(std::span<const Message> messages, const Language& language) {
  Writer writer(language);
  FAIRLEAD_CHECK(internal::write_conversation(messages, language, writer));
  return writer.finish();
}

}  // namespace fairlead::providers::anthropic
