#include "providers/internal/conversation.h"

#include <simdjson.h>

namespace fairlead::providers::internal {

using llm::ContentPart;

Result<std::string_view> call_arguments(const llm::Message& message, std::size_t index, std::string_view param) {
  const std::string& arguments = message.tool_calls[index].arguments;
  if (arguments.find_first_not_of(" \t\r\n") == std::string::npos) return "{}";
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(arguments).get_object().get(object))
    return invalid_value(fmt::format("{}.tool_calls[{}].function.arguments", param, index),
                         "it must be the text of a JSON object");
  return arguments;
}

Result<std::string> only_text(const llm::Message& message, std::string_view param, const Language& language,
                              std::string_view otherwise) {
  std::string text;
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    const ContentPart& part = message.content[i];
    if (part.type != ContentPart::Type::kText && part.type != ContentPart::Type::kRefusal)
      return language.unsupported_value(fmt::format("{}.content[{}]", param, i), otherwise);
    text += part.text;
  }
  return text;
}

Result<void> add_parts(JsonArray& out, const llm::Message& message, std::string_view param, const PartWriter& writer,
                       const Language& language) {
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    const ContentPart& part = message.content[i];
    if (part.type == ContentPart::Type::kText || part.type == ContentPart::Type::kRefusal) {
      if (!part.text.empty()) out.raw(writer.text(part.text));
      continue;
    }
    const std::string where = fmt::format("{}.content[{}]", param, i);
    if (writer.other == nullptr) return language.unsupported_value(where, "only text can stand here");
    FAIRLEAD_TRY(const std::string written, writer.other(part, where, language));
    out.raw(written);
  }
  return {};
}

JsonArray& Turns::parts(std::string_view role) {
  if (role != role_) close();
  role_ = role;
  return parts_;
}

Result<std::string> Turns::finish(const Language& language) {
  close();
  if (turns_.empty())
    return language.unsupported_value("messages", "it needs a message of the user, beside what the system says");
  return std::move(turns_).finish();
}

void Turns::close() {
  if (!parts_.empty()) {
    JsonObject turn;
    turn.text("role", role_);
    turn.raw(parts_name_, std::move(parts_).finish());
    turns_.raw(std::move(turn).finish());
  }
  parts_ = {};
}

Result<void> BlockWriter::system(const llm::Message& message, const std::string& param) {
  return add_parts(system_, message, param, texts_, language_);
}

Result<void> BlockWriter::user(const llm::Message& message, const std::string& param) {
  return add_parts(turns_.parts("user"), message, param, blocks_, language_);
}

Result<Conversation> BlockWriter::finish() {
  Conversation out;
  if (!system_.empty()) out.system = std::move(system_).finish();
  FAIRLEAD_TRY(out.messages, turns_.finish(language_));
  return out;
}

}  // namespace fairlead::providers::internal
