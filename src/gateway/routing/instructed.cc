#include "gateway/routing/instructed.h"

#include "gateway/internal/reading.h"
#include "platform/json/text.h"

namespace fairlead::gateway::routing {
namespace {

using internal::Document;

// The schema of a `response_format` of type json_schema; empty: it is none.
std::string schema_in(std::string_view format) {
  const auto document = Document::parse(format);
  internal::Element schema;
  if (!document || document->root()["json_schema"]["schema"].get(schema)) return {};
  return simdjson::minify(schema);
}

// Behind the text of a first system message, if that is what the first one is; else in one of its own: many templates
// take no second one.
std::string with_instruction(std::string_view messages, const std::string& instruction) {
  std::string out = "[";
  const auto document = Document::parse(messages);
  internal::Array array;
  if (!document || document->root().get_array().get(array)) return std::string(messages);
  bool told = false;
  for (const internal::Element one : array) {
    if (out.size() > 1) out += ',';
    internal::Object message;
    std::string_view role, text;
    const bool is_first = out.size() == 1 && !one.get_object().get(message);
    if (is_first && !message["role"].get_string().get(role) && (role == "system" || role == "developer") &&
        !message["content"].get_string().get(text)) {
      told = true;
      out += R"({"role":)" + json::quoted(role) + R"(,"content":)" +
             json::quoted(std::string(text) + "\n\n" + instruction) + '}';
    } else {
      out += simdjson::minify(one);
    }
  }
  out += ']';
  if (told) return out;
  const std::string own = R"({"role":"system","content":)" + json::quoted(instruction) + '}';
  return "[" + own + (out.size() > 2 ? "," : "") + out.substr(1);
}

}  // namespace

std::unique_ptr<const InstructedChat> instructed(const llm::ChatRequest& chat, const llm::Route& route) {
  if (!route.instructs_schema) return nullptr;
  const llm::Member* const format = chat.member("response_format");
  if (format == nullptr) return nullptr;
  const std::string schema = schema_in(format->json);
  if (schema.empty()) return nullptr;
  auto out = std::make_unique<InstructedChat>();
  out->messages =
      with_instruction(chat.messages,
                       "Answer with one JSON value that fits this JSON Schema, and with nothing else: no words around "
                       "it, no code fence.\n" +
                           schema);
  out->chat = chat;
  out->chat.remove("response_format");
  out->chat.messages = out->messages;
  out->chat.set("messages", out->chat.messages);
  return out;
}

}  // namespace fairlead::gateway::routing
