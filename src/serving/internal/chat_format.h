// A chat request in the words of one model: its template, its way to call tools, its grammar for what must come out.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "llm/chat.h"
#include "serving/internal/loaded_model.h"

namespace fairlead::serving {

// What the text of a model says.
struct ParsedAnswer {
  std::string content;
  std::string reasoning;
  std::vector<llm::ToolCall> tool_calls;  // without ids
};

// Reads tool calls and reasoning out of a model's text. Immutable, thread-safe.
class AnswerReader {
 public:
  virtual ~AnswerReader() = default;
  // `whole` is false while the text grows: what the end could still change is left out.
  virtual ParsedAnswer read(const std::string& text, bool whole) const = 0;
};

struct GrammarTrigger {
  int type;  // a common_grammar_trigger_type
  std::string value;
  Token token;
};

struct ChatPrompt {
  std::vector<Token> tokens;
  std::string grammar;               // GBNF that the answer must follow; empty: any text
  bool grammar_of_template = false;  // made by llama.cpp's template code: it starts with the generation prompt
  bool grammar_lazy = false;         // in force once a trigger has been seen
  std::vector<GrammarTrigger> triggers;
  std::vector<std::string> preserved;  // control tokens that are part of the answer's text
  std::string generation_prompt;
  std::vector<std::string> stops;              // of the template, beside the request's
  std::shared_ptr<const AnswerReader> reader;  // null: the text is the content
};

// Belongs to one model and must not outlive it. Thread-safe once made.
class ChatFormat {
 public:
  // Error: model_invalid (a template that cannot be read).
  static Result<std::unique_ptr<ChatFormat>> create(const LoadedModel& model);
  ~ChatFormat();

  // Control tokens written out in messages and tool descriptions stay plain text: no one speaks in another's role.
  // Errors are kInvalid with `param`: messages that the template refuses, parts that are not text, a schema that cannot
  // be made a grammar.
  Result<ChatPrompt> prepare(const llm::ChatRequest& request) const;

 private:
  struct State;
  explicit ChatFormat(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace fairlead::serving
