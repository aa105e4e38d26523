// A conversation on its way to a vendor that says it in turns of parts: what Anthropic, Bedrock and Gemini have in
// common.
#pragma once
#include <fmt/format.h>

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "llm/chat.h"
#include "providers/internal/ask.h"
#include "providers/internal/json_writer.h"

namespace fairlead::providers::internal {

// The arguments of a message's call as the text of a JSON object; "{}" if they are blank. `param` is the message.
// Views into the call. Error: invalid_value.
Result<std::string_view> call_arguments(const llm::Message& message, std::size_t index, std::string_view param);

// The texts of a message one behind the other. Error: kUnsupported with `otherwise`, if there is anything but text.
Result<std::string> only_text(const llm::Message& message, std::string_view param, const Language& language,
                              std::string_view otherwise);

// How a vendor writes the parts of a message.
struct PartWriter {
  std::string (*text)(std::string_view text);
  // What is no text; null: nothing else can stand here.
  Result<std::string> (*other)(const llm::ContentPart& part, const std::string& param, const Language& language);
};

// Appends each part of the message, without empty texts, which are refused upstream. `param` is the message.
Result<void> add_parts(JsonArray& out, const llm::Message& message, std::string_view param, const PartWriter& writer,
                       const Language& language);

// Turns of alternating roles: neighbours of one role become one.
class Turns {
 public:
  // `parts` is the member that holds a turn's parts: "content".
  explicit Turns(std::string_view parts) : parts_name_(parts) {}
  JsonArray& parts(std::string_view role);
  // Error: kUnsupported, if no turn has a part.
  Result<std::string> finish(const Language& language);

 private:
  void close();
  std::string_view parts_name_, role_;
  JsonArray turns_, parts_;
};

// What a conversation becomes: JSON arrays.
struct Conversation {
  std::string system;  // empty: there is none
  std::string messages;
};

// What vendors that say everything in blocks say alike.
class BlockWriter {
 public:
  // `texts` writes what can stand in a system's or an assistant's message, `blocks` all that can stand in the others.
  // The language outlives it.
  BlockWriter(const Language& language, const PartWriter& texts, const PartWriter& blocks)
      : language_(language), texts_(texts), blocks_(blocks) {}
  Result<void> system(const llm::Message& message, const std::string& param);
  Result<void> user(const llm::Message& message, const std::string& param);
  Result<Conversation> finish();

 protected:
  const Language& language_;
  const PartWriter texts_, blocks_;
  Turns turns_{"content"};

 private:
  JsonArray system_;
};

// Gives each message to the function of the writer for its role, with its index and "messages[INDEX]". Errors: theirs;
// kUnsupported for what no turn can say.
template <class Writer>
Result<void> write_conversation(std::span<const llm::Message> messages, const Language& language, Writer& writer) {
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const llm::Message& message = messages[i];
    const std::string param = fmt::format("messages[{}]", i);
    switch (message.role) {
      case llm::Role::kSystem:
      case llm::Role::kDeveloper:
        FAIRLEAD_CHECK(writer.system(message, param));
        break;
      case llm::Role::kUser:
        FAIRLEAD_CHECK(writer.user(message, param));
        break;
      case llm::Role::kAssistant:
        FAIRLEAD_CHECK(writer.assistant(message, i, param));
        break;
      case llm::Role::kTool:
        FAIRLEAD_CHECK(writer.tool(message, param));
        break;
      case llm::Role::kFunction:
        return language.unsupported_value(param + ".role", "the role function is of the time before tools");
    }
  }
  return {};
}

}  // namespace fairlead::providers::internal
