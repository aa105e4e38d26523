#include "gateway/internal/answer_text.h"

#include <simdjson.h>

#include <map>
#include <vector>

#include "llm/chat_answer.h"
#include "platform/json/text.h"

namespace fairlead::gateway::internal {
namespace {

namespace dom = simdjson::dom;

struct ToolCall {
  std::string id, name, arguments;
};

struct Said {
  std::string text;
  std::vector<ToolCall> calls;

  ToolCall* last() { return calls.empty() ? nullptr : &calls.back(); }
  std::string to_count() const {
    std::string out = text;
    for (const ToolCall& call : calls) out += call.name + call.arguments;
    return out;
  }
  std::string written() const {
    std::string out = text;
    for (const ToolCall& call : calls) {
      if (!out.empty()) out += '\n';
      out += R"({"tool_call":{"id":)";
      json::append_string(out, call.id);
      out += R"(,"name":)";
      json::append_string(out, call.name);
      out += R"(,"arguments":)";
      json::append_string(out, call.arguments);
      out += "}}";
    }
    return out;
  }
};

class OfChoices : public AnswerText {
 public:
  explicit OfChoices(For what) : counting_(what == For::kCounting) {}
  std::string text() override {
    std::string out;
    for (const auto& [choice, said] : choices_) {
      if (counting_) {
        out += said.to_count();
        continue;
      }
      if (!out.empty()) out += "\n\n";
      out += said.written();
    }
    return out;
  }

 protected:
  const bool counting_;
  std::map<std::size_t, Said> choices_;
};

class OfChat final : public OfChoices, private llm::ChatAnswerSink {
 public:
  OfChat(bool stream, For what) : OfChoices(what), stream_(stream), reader_(*this) {}
  void take(std::string_view wire) override { (void)(stream_ ? reader_.events(wire) : reader_.whole(wire)); }

 private:
  void on_text(std::size_t choice, std::string_view text) override { choices_[choice].text += text; }
  void on_reasoning(std::size_t choice, std::string_view text) override {
    if (counting_) choices_[choice].text += text;
  }
  void on_refusal(std::size_t choice, std::string_view text) override { choices_[choice].text += text; }
  void on_tool_call(std::size_t choice, std::size_t /*call*/, std::string_view id, std::string_view name) override {
    choices_[choice].calls.push_back({std::string(id), std::string(name), {}});
  }
  void on_tool_arguments(std::size_t choice, std::size_t call, std::string_view text) override {
    Said& said = choices_[choice];
    if (call < said.calls.size()) said.calls[call].arguments += text;
  }

  const bool stream_;
  llm::ChatAnswerReader reader_;
};

std::string_view text_at(dom::object object, std::string_view name) {
  std::string_view text;
  return object.at_key(name).get_string().get(text) ? std::string_view() : text;
}

// The formats of which only a few members matter here.
class OfEvents : public OfChoices {
 public:
  OfEvents(bool stream, For what) : OfChoices(what), stream_(stream) {}
  void take(std::string_view wire) override {
    if (!stream_) return parse(wire);
    for (std::size_t at = 0; at < wire.size();) {
      const std::size_t end = std::min(wire.find('\n', at), wire.size());
      const std::string_view line = wire.substr(at, end - at);
      if (line.starts_with("data:")) parse(line.substr(5));
      at = end + 1;
    }
  }

 protected:
  virtual void object(dom::object object) = 0;
  const bool stream_;

 private:
  void parse(std::string_view json) {
    dom::element root;
    if (json.empty()) return;  // it may be a null one, which the parser would copy from
    if (!parser_.parse(json.data(), json.size()).get(root) && root.is_object())
      object(root.get_object().value_unsafe());
  }
  dom::parser parser_;
};

class OfCompletions final : public OfEvents {
 public:
  using OfEvents::OfEvents;
  void object(dom::object object) override {
    dom::array choices;
    if (object.at_key("choices").get_array().get(choices)) return;
    for (const dom::element one : choices) {
      dom::object choice;
      std::int64_t index = 0;
      if (one.get_object().get(choice)) continue;
      if (choice.at_key("index").get_int64().get(index) || index < 0) index = 0;
      choices_[static_cast<std::size_t>(index)].text += text_at(choice, "text");
    }
  }
};

class OfMessages final : public OfEvents {
 public:
  using OfEvents::OfEvents;
  void object(dom::object object) override {
    dom::object part;
    dom::array blocks;
    if (!object.at_key("content").get_array().get(blocks)) {
      for (const dom::element one : blocks)
        if (!one.get_object().get(part)) block(part);
    } else if (!object.at_key("content_block").get_object().get(part)) {
      block(part);
    } else if (!object.at_key("delta").get_object().get(part)) {
      choices_[0].text += text_at(part, "text");
      if (counting_) choices_[0].text += text_at(part, "thinking");
      if (ToolCall* const call = choices_[0].last()) call->arguments += text_at(part, "partial_json");
    }
  }

 private:
  void block(dom::object block) {
    choices_[0].text += text_at(block, "text");
    if (counting_) choices_[0].text += text_at(block, "thinking");
    if (text_at(block, "type") != "tool_use") return;
    ToolCall call{std::string(text_at(block, "id")), std::string(text_at(block, "name")), {}};
    dom::element input;
    if (!stream_ && !block.at_key("input").get(input)) call.arguments = simdjson::minify(input);
    choices_[0].calls.push_back(std::move(call));
  }
};

class OfResponses final : public OfEvents {
 public:
  using OfEvents::OfEvents;
  void object(dom::object object) override {
    dom::object response;
    if (counting_) choices_[0].text += text_at(object, "delta");
    // Its last event has all that was said.
    if (object.at_key("response").get_object().get(response)) response = object;
    dom::array items;
    if (response.at_key("output").get_array().get(items) || items.size() == 0) return;
    choices_[0] = {};
    for (const dom::element one : items) {
      dom::object item;
      if (!one.get_object().get(item)) take_item(item);
    }
  }

 private:
  void take_item(dom::object item) {
    if (text_at(item, "type") == "function_call") {
      choices_[0].calls.push_back({std::string(text_at(item, "call_id")), std::string(text_at(item, "name")),
                                   std::string(text_at(item, "arguments"))});
      return;
    }
    dom::array content;
    if (text_at(item, "type") != "message" || item.at_key("content").get_array().get(content)) return;
    for (const dom::element one : content) {
      dom::object part;
      if (one.get_object().get(part)) continue;
      choices_[0].text += text_at(part, "text");
      choices_[0].text += text_at(part, "refusal");
    }
  }
};

class OfNothing final : public AnswerText {
 public:
  void take(std::string_view /*wire*/) override {}
  std::string text() override { return {}; }
};

}  // namespace

std::unique_ptr<AnswerText> AnswerText::create(llm::Format format, bool stream, For what) {
  switch (format) {
    case llm::Format::kChat:
      return std::make_unique<OfChat>(stream, what);
    case llm::Format::kCompletions:
      return std::make_unique<OfCompletions>(stream, what);
    case llm::Format::kResponses:
      return std::make_unique<OfResponses>(stream, what);
    case llm::Format::kMessages:
      return std::make_unique<OfMessages>(stream, what);
    case llm::Format::kEmbeddings:
    case llm::Format::kModerations:
    case llm::Format::kCountTokens:
      break;
  }
  return std::make_unique<OfNothing>();
}

}  // namespace fairlead::gateway::internal
