#include "prompts/internal/examples.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <numeric>
#include <optional>

#include "base/suggest.h"
#include "platform/json/text.h"

namespace fairlead::prompts::internal {
namespace {

namespace bj = boost::json;

constexpr std::size_t kMostExamples = 1000, kMostShown = 32;
const std::vector<std::string> kMembers = {"given", "user", "assistant"};

class Reader {
 public:
  Reader(std::string_view prompt, const MessageList& messages, const std::vector<Input>& inputs,
         std::vector<resources::SpecError>& faults)
      : prompt_(prompt), messages_(messages), inputs_(inputs), faults_(faults) {}

  std::shared_ptr<const Examples> read(const bj::value& value, const std::string& pointer) {
    const std::size_t before = faults_.size();
    const bj::object* const chosen = value.if_object();
    const bj::value* const from = chosen != nullptr ? chosen->if_contains("from") : &value;
    if (from == nullptr) {
      faults_.push_back({pointer, "`examples` are a list, a file, or `from` and `nearest`."});
      return nullptr;
    }
    const std::string at = chosen != nullptr ? pointer + "/from" : pointer;
    if (from->is_array()) {
      const bj::array& all = from->get_array();
      for (std::size_t i = 0; i < all.size(); ++i) read_pair(all[i], at + "/" + std::to_string(i), "");
    } else if (from->is_string()) {
      read_lines(from->get_string(), at);
    } else {
      faults_.push_back({at, "examples are a list, or a file of JSON lines: `{file: examples.jsonl}`."});
    }
    if (pairs_.size() > kMostExamples)
      faults_.push_back({at, "there are more than " + std::to_string(kMostExamples) + " examples."});
    std::size_t nearest = 0;
    if (const bj::value* const wanted = chosen != nullptr ? chosen->if_contains("nearest") : nullptr)
      nearest = std::min(pairs_.size(), static_cast<std::size_t>(wanted->to_number<std::int64_t>()));
    if (nearest == 0 && pairs_.size() > kMostShown)
      faults_.push_back({at, "more than " + std::to_string(kMostShown) +
                                 " examples would stand in each call; say how "
                                 "many with `{from: …, nearest: 4}`."});
    if (pairs_.empty() || faults_.size() > before) return nullptr;
    return std::make_shared<const Examples>(std::move(pairs_), nearest);
  }

 private:
  void read_lines(std::string_view text, const std::string& pointer) {
    std::size_t number = 0;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      ++number;
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      const std::string place = "line " + std::to_string(number) + ": ";
      const auto value = json::parse(line);
      if (value)
        read_pair(*value, pointer, place);
      else
        faults_.push_back({pointer, place + value.error().message});
    }
  }

  // `place`: in front of faults.
  void read_pair(const bj::value& value, const std::string& pointer, const std::string& place) {
    const auto fault = [&](const std::string& member, const std::string& message) {
      faults_.push_back({place.empty() ? pointer + member : pointer, place + message});
    };
    const bj::object* const pair = value.if_object();
    if (pair == nullptr) return fault("", "an example is `given` or `user`, and `assistant`.");
    for (const auto& [key, member] : *pair)
      if (std::ranges::find(kMembers, std::string_view(key)) == kMembers.end())
        return fault("/" + std::string(key),
                     "unknown member `" + std::string(key) + "` of an example." + did_you_mean(key, kMembers));
    const bj::value* const given = pair->if_contains("given");
    const bj::value* const user = pair->if_contains("user");
    const bj::value* const answer = pair->if_contains("assistant");
    if (answer == nullptr || (given == nullptr) == (user == nullptr))
      return fault("", "an example has `assistant`, and either `given` or `user`.");
    Examples::Pair out;
    if (user != nullptr) {
      if (!user->is_string()) return fault("/user", "`user` is a text.");
      out.text = user->get_string();
      out.json = R"({"role":"user","content":)" + json::quoted(out.text) + "}";
    } else {
      if (!given->is_object()) return fault("/given", "`given` are variables.");
      if (messages_.user_begin == messages_.user_end)
        return fault("/given", "there is no message of a user to render it with: write `user: TEXT` instead.");
      auto variables = complete(prompt_, inputs_, given->get_object());
      if (!variables) return fault("/given", variables.error().message);
      const std::span<const Segment> own(messages_.segments.data() + messages_.user_begin,
                                         messages_.user_end - messages_.user_begin);
      if (auto done = render(prompt_, own, variables->values, out.json, &out.text); !done)
        return fault("/given", done.error().message);
    }
    out.json += R"(,{"role":"assistant","content":)" +
                json::quoted(answer->is_string() ? std::string(answer->get_string()) : json::to_text(*answer)) + "}";
    pairs_.push_back(std::move(out));
  }

  std::string_view prompt_;
  const MessageList& messages_;
  const std::vector<Input>& inputs_;
  std::vector<resources::SpecError>& faults_;
  std::vector<Examples::Pair> pairs_;
};

}  // namespace

Examples::Examples(std::vector<Pair> pairs, std::size_t nearest) : pairs_(std::move(pairs)), nearest_(nearest) {
  if (nearest_ == 0) return;
  for (const Pair& pair : pairs_) {
    const llm::Embedding vector = llm::embed_by_words(pair.text);
    vectors_.insert(vectors_.end(), vector.begin(), vector.end());
  }
}

void Examples::append(std::string_view text, std::string& out) const {
  std::vector<std::size_t> places(pairs_.size());
  std::iota(places.begin(), places.end(), 0U);
  if (nearest_ > 0) {
    const llm::Embedding asked = llm::embed_by_words(text);
    std::vector<float> alike(pairs_.size());
    for (std::size_t i = 0; i < pairs_.size(); ++i)
      alike[i] = llm::similarity(asked.data(), vectors_.data() + i * asked.size(), asked.size());
    const auto nearer = [&](std::size_t a, std::size_t b) {
      return alike[a] != alike[b] ? alike[a] > alike[b] : a < b;
    };
    std::ranges::partial_sort(places, places.begin() + static_cast<std::ptrdiff_t>(nearest_), nearer);
    places.resize(nearest_);
    std::ranges::reverse(places);
  }
  for (const std::size_t place : places) out.append(pairs_[place].json).append(",");
}

std::shared_ptr<const Examples> read_examples(const bj::value& value, const std::string& pointer,
                                              std::string_view prompt, const MessageList& messages,
                                              const std::vector<Input>& inputs,
                                              std::vector<resources::SpecError>& faults) {
  return Reader(prompt, messages, inputs, faults).read(value, pointer);
}

}  // namespace fairlead::prompts::internal
