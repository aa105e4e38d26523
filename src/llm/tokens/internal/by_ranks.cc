// OpenAI Cookbook, "How to count tokens with tiktoken", sections 6 (chats) and 7 (tools).
#include "llm/tokens/internal/by_ranks.h"

#include <simdjson.h>

#include <algorithm>

#include "llm/tokens/internal/attachments.h"

namespace fairlead::llm::internal {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::int64_t kMessage = 3, kName = 1, kPriming = 3;
constexpr std::int64_t kToolsEnd = 12, kProperties = 3, kProperty = 3, kEnum = -3, kEnumItem = 3;
// What the format may have grown to since: what is reserved beyond the formula, for a message and for a request.
constexpr std::int64_t kMessageSlack = 5, kRequestSlack = 64;

struct Parsed {
  simdjson::dom::parser parser;
  element root;
  bool good = false;
  explicit Parsed(std::string_view json) { good = !parser.parse(json.data(), json.size()).get(root); }
};

class Tally {
 public:
  Tally(const Bpe& bpe, bool is_o200k) : bpe_(bpe), tool_(is_o200k ? 7 : 10) {}

  std::int64_t tokens = 0, messages = 0;
  std::int64_t others = 0;  // bytes of parts that are neither text nor counted as attachments: sounds

  void text(std::string_view text) { tokens += bpe_.count(text); }
  void text(const object& from, std::string_view name) {
    std::string_view found;
    if (!from[name].get(found)) text(found);
  }

  void message(const object& message) {
    tokens += kMessage;
    ++messages;
    text(message, "role");
    if (std::string_view name; !message["name"].get(name)) tokens += kName + bpe_.count(name);
    if (element content; !message["content"].get(content)) parts(content);
    text(message, "refusal");
    if (array calls; !message["tool_calls"].get(calls))
      for (const element one : calls) {
        object call, function;
        if (one.get(call) || call["function"].get(function)) continue;
        ++messages;  // each is wrapped like one
        tokens += kMessage;
        text(function, "name");
        text(function, "arguments");
      }
    if (object function; !message["function_call"].get(function)) {
      text(function, "name");
      text(function, "arguments");
    }
  }

  // Every string, but for what attachments_of() counts.
  void strings(const element& value, int depth = 0) {
    if (depth > 256) return;
    std::string_view found;
    if (!value.get(found)) return text(found);
    if (value.is_number()) ++tokens;  // of a text that is tokens already
    if (array list; !value.get(list))
      for (const element one : list) strings(one, depth + 1);
    if (object whole; !value.get(whole)) {
      std::string_view type;
      if (!whole["type"].get(type) && is_attachment(type)) return;
      ++messages;
      tokens += kMessage;
      for (const auto& member : whole)
        if (member.key != "type" && member.key != "id" && member.key != "call_id") strings(member.value, depth + 1);
    }
  }

  void tools(const array& all) {
    for (const element one : all) {
      object tool, function;
      if (one.get(tool)) continue;
      if (tool["function"].get(function)) function = tool;
      tokens += tool_;
      described(function, "name");
      object parameters, properties;
      if (function["parameters"].get(parameters) && function["input_schema"].get(parameters)) continue;
      if (parameters["properties"].get(properties) || properties.size() == 0) continue;
      tokens += kProperties;
      for (const auto& property : properties) {
        tokens += kProperty;
        object schema;
        std::string line(property.key);
        if (!property.value.get(schema)) {
          if (array values; !schema["enum"].get(values)) {
            tokens += kEnum;
            for (const element value : values)
              if (std::string_view item; !value.get(item)) tokens += kEnumItem + bpe_.count(item);
          }
          line += ':' + text_of(schema, "type") + ':' + without_full_stop(text_of(schema, "description"));
        }
        text(line);
      }
    }
    if (all.size() > 0) tokens += kToolsEnd;
  }

 private:
  static bool is_attachment(std::string_view type) {
    return type == "image_url" || type == "input_image" || type == "image" || type == "computer_screenshot" ||
           type == "file" || type == "input_file" || type == "document";
  }
  static std::string text_of(const object& from, std::string_view name) {
    std::string_view out;
    return from[name].get(out) ? std::string() : std::string(out);
  }
  static std::string without_full_stop(std::string text) {
    if (text.ends_with('.')) text.pop_back();
    return text;
  }
  void described(const object& function, std::string_view name) {
    text(text_of(function, name) + ':' + without_full_stop(text_of(function, "description")));
  }
  void parts(const element& content) {
    if (std::string_view whole; !content.get(whole)) return text(whole);
    array list;
    if (content.get(list)) return;
    for (const element one : list)
      if (object part; !one.get(part)) {
        std::string_view type;
        text(part, "text");
        text(part, "refusal");
        if (!part["type"].get(type) && type != "text" && type != "refusal" && !is_attachment(type))
          others += static_cast<std::int64_t>(simdjson::minify(part).size());
      }
  }

  const Bpe& bpe_;
  const std::int64_t tool_;
};

}  // namespace

TokenCount count_by_ranks(const CountedRequest& request, const Route& route, const Bpe& bpe) {
  TokenCount out{.by = CountedBy::kRanks};
  Tally tally(bpe, &bpe == &Bpe::o200k_base());
  std::int64_t tool_tokens = 0;
  const bool framed = request.format != Format::kEmbeddings && request.format != Format::kCompletions &&
                      request.format != Format::kModerations;
  for (const Member& member : request.members) {
    const bool is_messages = member.name == "messages";
    const bool is_tools = member.name == "tools";
    const bool is_text = member.name == "input" || member.name == "prompt" || member.name == "suffix" ||
                         member.name == "system" || member.name == "instructions" || member.name == "functions" ||
                         member.name == "prediction";
    const bool is_schema = member.name == "response_format" || member.name == "text";
    if (is_schema) tool_tokens += bpe.count(member.json);
    if (!is_messages && !is_tools && !is_text) continue;
    const Parsed parsed(member.json);
    if (!parsed.good) continue;
    array list;
    if (is_messages && request.format == Format::kChat && !parsed.root.get(list)) {
      for (const element one : list)
        if (object message; !one.get(message)) tally.message(message);
    } else if (is_tools && !parsed.root.get(list)) {
      tally.tools(list);
      tool_tokens += bpe.count(member.json);
    } else {
      tally.strings(parsed.root);
    }
  }
  out.likely = tally.tokens + (framed ? kPriming : 0);
  out.most = out.likely + tally.others;
  if (framed) out.most += kRequestSlack + kMessageSlack * tally.messages + 2 * tool_tokens;
  const Attachments attachments = attachments_of(request.format, request.members);
  for (const Image& image : attachments.images) {
    const ImageTokens tokens = tokens_of(image, route);
    out.likely += tokens.likely;
    out.most += tokens.most;
  }
  out.most += 1024 * static_cast<std::int64_t>(attachments.own_tools);
  if (attachments.unbounded)
    out.most = std::max(out.most, route.context_length > 0 ? route.context_length : kLongestContext);
  return out;
}

}  // namespace fairlead::llm::internal
