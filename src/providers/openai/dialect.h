// How servers that speak the OpenAI API differ from OpenAI.
#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "llm/provider.h"

namespace fairlead::providers::openai {

struct Dialect {
  std::string_view type;
  std::string_view base_url;  // empty: there is none that fits all
  // max_completion_tokens is sent as max_tokens, the only name that it knows.
  bool old_max_tokens = false;
  // Takes stream_options; who does not sends usage unasked.
  bool stream_options = true;
  // Knows the role `developer`; else it is sent as `system`.
  bool developer_role = true;
  // Its word for the thinking that comes along is `reasoning`; ours, as of most, is `reasoning_content`.
  bool says_reasoning = false;
  // `seed` under its own name; empty: the same.
  std::string_view seed = {};
  // Members that it would pass over in silence although they change the answer: refused here, unless they ask for
  // nothing.
  std::vector<std::string_view> ignores = {};
  // Formats that it takes beside chats.
  std::vector<llm::Format> speaks = {};
};

// OpenAI first.
std::span<const Dialect> dialects();

}  // namespace fairlead::providers::openai
