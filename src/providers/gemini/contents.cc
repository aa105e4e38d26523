#include "providers/gemini/contents.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <map>

#include "providers/internal/json_writer.h"

namespace fairlead::providers::gemini {
namespace {

namespace dom = simdjson::dom;
using internal::JsonArray;
using internal::JsonObject;
using internal::Language;
using llm::ContentPart;
using llm::Message;
using llm::Role;

// https://ai.google.dev/gemini-api/docs/thought-signatures: for calls that have none.
constexpr std::string_view kNoSignature = "skip_thought_signature_validator";

std::string inline_data(std::string_view media_type, std::string_view data) {
  JsonObject blob;
  blob.text("mimeType", media_type);
  blob.text("data", data);
  return R"({"inlineData":)" + std::move(blob).finish() + "}";
}

std::string text_part(std::string_view text) {
  JsonObject part;
  part.text("text", text);
  return std::move(part).finish();
}

// What a URL's end says of its type; empty: nothing.
std::string_view type_of(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".png", "image/png"}, {".jpg", "image/jpeg"},  {".jpeg", "image/jpeg"}, {".webp", "image/webp"},
      {".gif", "image/gif"}, {".heic", "image/heic"}, {".heif", "image/heif"}, {".pdf", "application/pdf"},
  };
  std::string end(url.substr(url.size() - std::min<std::size_t>(url.size(), 5)));
  std::ranges::transform(end, end.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  for (const auto& [extension, type] : kTypes)
    if (end.ends_with(extension)) return type;
  return {};
}

Result<std::string> image_part(const std::string& url, const std::string& param, const Language& language) {
  if (url.starts_with("data:")) {
    const internal::DataUrl data = internal::read_data_url(url);
    if (data.media_type.empty())
      return internal::invalid_value(param + ".image_url.url", "it must be an https: URL, or a data: URL in base64");
    return inline_data(data.media_type, data.data);
  }
  const std::string_view type = type_of(url);
  if (!url.starts_with("https://") || type.empty())
    return language.unsupported_value(param + ".image_url.url",
                                      "the type of the image cannot be told from its address; send it as a data: URL");
  JsonObject file;
  file.text("mimeType", type);
  file.text("fileUri", url);
  return R"({"fileData":)" + std::move(file).finish() + "}";
}

Result<std::string> audio_part(const ContentPart& part, const std::string& param) {
  dom::parser parser;
  dom::object audio;
  std::string_view data, format;
  if (parser.parse(part.json).at_key("input_audio").get_object().get(audio) ||
      audio.at_key("data").get_string().get(data) || audio.at_key("format").get_string().get(format))
    return internal::invalid_value(param + ".input_audio", "it must hold data and its format");
  return inline_data(fmt::format("audio/{}", format), data);
}

Result<void> add_parts(JsonArray& parts, const Message& message, const std::string& param, bool text_only,
                       const Language& language) {
  for (std::size_t i = 0; i < message.content.size(); ++i) {
    const ContentPart& part = message.content[i];
    const std::string where = fmt::format("{}.content[{}]", param, i);
    if (part.type == ContentPart::Type::kText || part.type == ContentPart::Type::kRefusal) {
      if (!part.text.empty()) parts.raw(text_part(part.text));
      continue;
    }
    if (text_only) return language.unsupported_value(where, "only text can stand here");
    std::string said;
    if (part.type == ContentPart::Type::kImageUrl) {
      FAIRLEAD_TRY(said, image_part(part.text, where, language));
    } else if (part.type == ContentPart::Type::kFile) {
      FAIRLEAD_TRY(const internal::File file, internal::read_file_part(part, language, where));
      said = inline_data(file.media_type, file.data);
    } else {
      FAIRLEAD_TRY(said, audio_part(part, where));
    }
    parts.raw(said);
  }
  return {};
}

// The thought signatures of an assistant's calls, by the place of each.
std::vector<std::string> signatures_of(dom::array messages, std::size_t index) {
  std::vector<std::string> out;
  dom::array calls;
  if (messages.at(index).at_key("tool_calls").get_array().get(calls)) return out;
  for (const dom::element call : calls) {
    std::string_view signature;
    if (call.at_pointer("/extra_content/google/thought_signature").get_string().get(signature)) signature = {};
    out.emplace_back(signature);
  }
  return out;
}

Result<void> add_calls(JsonArray& parts, const Message& message, const std::vector<std::string>& signatures,
                       const std::string& param, bool wants_signatures) {
  dom::parser parser;
  for (std::size_t i = 0; i < message.tool_calls.size(); ++i) {
    const llm::ToolCall& call = message.tool_calls[i];
    std::string_view arguments = "{}";
    if (call.arguments.find_first_not_of(" \t\r\n") != std::string::npos) {
      dom::object object;
      if (parser.parse(call.arguments).get_object().get(object))
        return internal::invalid_value(fmt::format("{}.tool_calls[{}].function.arguments", param, i),
                                       "it must be the text of a JSON object");
      arguments = call.arguments;
    }
    JsonObject function, part;
    function.text("name", call.name);
    function.raw("args", arguments);
    part.raw("functionCall", std::move(function).finish());
    const std::string& signature = i < signatures.size() ? signatures[i] : std::string();
    if (!signature.empty()) {
      part.text("thoughtSignature", signature);
    } else if (wants_signatures && i == 0) {
      part.text("thoughtSignature", kNoSignature);  // only the first of parallel calls ever has one
    }
    parts.raw(std::move(part).finish());
  }
  return {};
}

// The result of a call: an object as it is, all else under "result".
Result<std::string> result_part(const Message& message, const std::map<std::string, std::string>& names,
                                const std::string& param, const Language& language) {
  const auto name = names.find(message.tool_call_id);
  if (name == names.end())
    return internal::invalid_value(param + ".tool_call_id", "no call of that id comes before it");
  for (const ContentPart& part : message.content)
    if (part.type != ContentPart::Type::kText)
      return language.unsupported_value(param + ".content", "the result of a tool can be text only");
  const std::string text = message.text();
  dom::parser parser;
  dom::object object;
  JsonObject response, function, part;
  function.text("name", name->second);
  if (!parser.parse(text).get_object().get(object)) {
    function.raw("response", simdjson::minify(object));
  } else {
    response.text("result", text);
    function.raw("response", std::move(response).finish());
  }
  part.raw("functionResponse", std::move(function).finish());
  return std::move(part).finish();
}

// Contents of alternating roles: neighbours of one role become one.
class Turns {
 public:
  JsonArray& parts(std::string_view role) {
    if (role != role_) close();
    role_ = role;
    return parts_;
  }
  std::string finish() {
    close();
    return std::move(contents_).finish();
  }

 private:
  void close() {
    if (!parts_.empty()) {
      JsonObject content;
      content.text("role", role_);
      content.raw("parts", std::move(parts_).finish());
      contents_.raw(std::move(content).finish());
    }
    parts_ = {};
  }
  JsonArray contents_, parts_;
  std::string_view role_;
};

}  // namespace

Result<Contents> translate_contents(std::span<const Message> messages, std::string_view raw, bool wants_signatures,
                                    const Language& language) {
  dom::parser parser;
  dom::array originals;
  if (parser.parse(raw.data(), raw.size()).get_array().get(originals))
    return internal::invalid_value("messages", "it must be a list");
  std::map<std::string, std::string> names;  // of the functions called, by the id of the call
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
        FAIRLEAD_CHECK(add_parts(turns.parts("user"), message, param, false, language));
        break;
      case Role::kAssistant: {
        for (const llm::ToolCall& call : message.tool_calls) names[call.id] = call.name;
        JsonArray& parts = turns.parts("model");
        FAIRLEAD_CHECK(add_parts(parts, message, param, true, language));
        FAIRLEAD_CHECK(add_calls(parts, message, signatures_of(originals, i), param, wants_signatures));
        break;
      }
      case Role::kTool: {
        FAIRLEAD_TRY(const std::string part, result_part(message, names, param, language));
        turns.parts("user").raw(part);
        break;
      }
      case Role::kFunction:
        return language.unsupported_value(param + ".role", "the role function is of the time before tools");
    }
  }
  if (!any)
    return language.unsupported_value("messages", "it needs a message of the user, beside what the system says");
  Contents out;
  if (!system.empty()) out.system = R"({"parts":)" + std::move(system).finish() + "}";
  out.contents = turns.finish();
  return out;
}

}  // namespace fairlead::providers::gemini
