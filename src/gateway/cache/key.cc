#include "gateway/cache/key.h"

#include <algorithm>
#include <boost/container/small_vector.hpp>

#include "gateway/cache/canonical.h"
#include "llm/words.h"

namespace fairlead::gateway::cache {
namespace {

// Of all that is kept under a key: another number makes a new start.
constexpr std::string_view kScheme = "fairlead cache 1";
constexpr std::size_t kKeptCapacity = 256 * 1024;

// What no answer depends on, or stands elsewhere in the key.
constexpr std::string_view kLeftOut[] = {
    "fairlead",          "metadata", "model",  "prompt_cache_key", "prompt_cache_retention",
    "safety_identifier", "store",    "stream", "stream_options",   "user"};

bool is_conversation(std::string_view name) {
  return name == "messages" || name == "input" || name == "prompt";
}

bool is_tools(const llm::Member& member) {
  return (member.name == "tools" || member.name == "functions") && member.json != "null" && member.json != "[]";
}

// Which of the routes the call may take, as far as the rest of the key does not say it.
void append_routes(std::string& out, const llm::Model& model, std::span<const std::string> tags, bool stream) {
  for (const llm::Route& route : model.routes) {
    const auto is_of = [tags](const std::string& tag) { return std::ranges::find(tags, tag) != tags.end(); };
    if (!route.when.tags.empty()) out.push_back(std::ranges::any_of(route.when.tags, is_of) ? 'y' : 'n');
    if (route.when.stream) out.push_back(*route.when.stream == stream ? 'Y' : 'N');
  }
  for (const auto& fallback : model.fallbacks) append_routes(out, *fallback, tags, stream);
}

std::string& scratch() {
  thread_local std::string text;
  text.clear();
  if (text.capacity() > kKeptCapacity) text.shrink_to_fit();
  return text;
}

}  // namespace

Key key_of(const KeyParts& parts, bool with_group) {
  std::string& text = scratch();
  append_text(text, kScheme);
  for (const std::string_view part : {parts.project, parts.user, parts.prompt, parts.answers_as})
    append_text(text, part);
  text.push_back(static_cast<char>('0' + static_cast<int>(parts.format)));
  append_routes(text, parts.model, parts.tags, parts.stream);
  text.push_back('\n');

  boost::container::small_vector<const llm::Member*, 24> members;
  for (const llm::Member& member : parts.members)
    if (std::ranges::find(kLeftOut, member.name) == std::end(kLeftOut)) members.push_back(&member);
  std::ranges::stable_sort(members, {}, [](const llm::Member* member) { return member->name; });

  Question question;
  bool tools = false;
  for (const llm::Member* const member : members) {
    append_text(text, member->name);
    tools = tools || is_tools(*member);
    if (with_group && is_conversation(member->name))
      question = append_conversation(text, member->json);
    else
      append_canonical(text, member->json);
  }
  Key key;
  key.exact = sha256(text);
  if (!question.found || tools) return key;
  key.question = text.substr(question.begin, question.end - question.begin);
  // With the quote and the length before them; no value begins with a Q.
  text.replace(question.begin - 9, question.end - question.begin + 9, "Q");
  append_text(text, llm::marks_of(key.question));
  key.group = sha256(text);
  return key;
}

}  // namespace fairlead::gateway::cache
