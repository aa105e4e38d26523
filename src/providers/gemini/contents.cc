#include "providers/gemini/contents.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <map>

#include "providers/internal/conversation.h"

namespace fairlead::providers::gemini {
namespace {

namespace dom = simdjson::dom;
using internal::JsonArray;
using internal::JsonObject;
using internal::Language;
using llm::ContentPart;
using llm::Message;

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

Result<std::string> other_part(const ContentPart& part, const std::string& param, const Language& language) {
  if (part.type == ContentPart::Type::kImageUrl) return image_part(part.text, param, language);
  if (part.type != ContentPart::Type::kFile) return audio_part(part, param);
  FAIRLEAD_TRY(const internal::File file, internal::read_file_part(part, language, param));
  return inline_data(file.media_type, file.data);
}

constexpr internal::PartWriter kTexts{text_part, nullptr}, kParts{text_part, other_part};

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
  for (std::size_t i = 0; i < message.tool_calls.size(); ++i) {
    FAIRLEAD_TRY(const std::string_view arguments, internal::call_arguments(message, i, param));
    JsonObject function, part;
    function.text("name", message.tool_calls[i].name);
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

class Writer {
 public:
  Writer(dom::array originals, bool wants_signatures, const Language& language)
      : originals_(originals), wants_signatures_(wants_signatures), language_(language) {}

  Result<void> system(const Message& message, const std::string& param) {
    return internal::add_parts(system_, message, param, kTexts, language_);
  }
  Result<void> user(const Message& message, const std::string& param) {
    return internal::add_parts(turns_.parts("user"), message, param, kParts, language_);
  }
  Result<void> assistant(const Message& message, std::size_t index, const std::string& param) {
    for (const llm::ToolCall& call : message.tool_calls) names_[call.id] = call.name;
    JsonArray& parts = turns_.parts("model");
    FAIRLEAD_CHECK(internal::add_parts(parts, message, param, kTexts, language_));
    return add_calls(parts, message, signatures_of(originals_, index), param, wants_signatures_);
  }
  Result<void> tool(const Message& message, const std::string& param) {
    FAIRLEAD_TRY(const std::string part, result_part(message, names_, param, language_));
    turns_.parts("user").raw(part);
    return {};
  }
  Result<Contents> finish() {
    Contents out;
    if (!system_.empty()) out.system = R"({"parts":)" + std::move(system_).finish() + "}";
    FAIRLEAD_TRY(out.contents, turns_.finish(language_));
    return out;
  }

 private:
  dom::array originals_;
  bool wants_signatures_;
  const Language& language_;
  std::map<std::string, std::string> names_;  // of the functions called, by the id of the call
  JsonArray system_;
  internal::Turns turns_{"parts"};
};

}  // namespace

Result<Contents> translate_contents(std::span<const Message> messages, std::string_view raw, bool wants_signatures,
                                    const Language& language) {
  dom::parser parser;
  dom::array originals;
  if (parser.parse(raw.data(), raw.size()).get_array().get(originals))
    return internal::invalid_value("messages", "it must be a list");
  Writer writer(originals, wants_signatures, language);
  FAIRLEAD_CHECK(internal::write_conversation(messages, language, writer));
  return writer.finish();
}

}  // namespace fairlead::providers::gemini
