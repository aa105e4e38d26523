// JSON text that a parser has accepted, in a form that is the same for all spellings of one value.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead::gateway::cache {

// How deep values may be nested; the parsers of requests refuse text long before.
inline constexpr std::size_t kDeepest = 512;

// Where the words of a question lie in what append_canonical() wrote.
struct Question {
  std::size_t begin = 0, end = 0;
  bool found = false;
};

// Appends `json` without white space, strings decoded with their lengths in front, numbers in their shortest form.
// Members keep their order: it has a meaning in a JSON Schema. Different values never give the same bytes.
void append_canonical(std::string& out, std::string_view json);

// The same of the messages of a conversation, or of a text that stands for one. Says where its last message's words
// are, if that is a user's and they are one text.
Question append_conversation(std::string& out, std::string_view json);

// Appends `text` with its length in front.
void append_text(std::string& out, std::string_view text);

}  // namespace fairlead::gateway::cache
