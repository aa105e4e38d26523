#include "llm/internal/openai_chunk.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "llm/internal/json_scan.h"
#include "llm/internal/kept_parser.h"
#include "llm/internal/openai_errors.h"

namespace fairlead::llm::internal {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kChoicesLimit = 1024;
constexpr std::string_view kUsageNull = R"(],"usage":null)";

// Its buffers are the cost of a small parse; what it returns lives until the next.
dom::parser& chunk_parser() {
  thread_local dom::parser parser;
  return parser;
}

std::unexpected<Error> invalid(std::string what) {
  return fail(ErrorKind::kUpstream, "upstream_invalid",
              "The upstream's answer makes no sense: " + std::move(what) + ".");
}

std::size_t position(std::string_view text, std::string_view needle, std::size_t from) {
  if (from >= text.size()) return std::string_view::npos;
  const void* at = memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  return at == nullptr ? std::string_view::npos : static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
}

// What follows the name of a member, past the colon; empty if `at` is not the end of a name.
std::string_view value_at(std::string_view text, std::size_t at) {
  const auto skip = [&] {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  };
  skip();
  if (at >= text.size() || text[at] != ':') return {};
  ++at;
  skip();
  return text.substr(at);
}

// Whether a member of that name, at any depth, has a value other than null. `quoted` holds the quotes: inside of a
// string they would be escaped, so that a hit is a name, or a whole string.
bool has_value(std::string_view text, std::string_view quoted) {
  for (std::size_t at = position(text, quoted, 0); at != std::string_view::npos;
       at = position(text, quoted, at + quoted.size())) {
    const std::string_view value = value_at(text, at + quoted.size());
    if (!value.empty() && !value.starts_with("null")) return true;
  }
  return false;
}

// All that is asked of an event that goes on unparsed: parsing each costs a quarter of a microsecond more.
bool looks_like_object(std::string_view data) {
  if (data.front() != '{' || data.back() != '}') return false;
  const std::size_t at = data.find_first_not_of(" \t", 1);
  return data[at] == '"' || data[at] == '}';
}

std::int64_t count_of(dom::element value) {
  if (value.is_int64()) return std::max<std::int64_t>(0, value.get_int64().value_unsafe());
  const double number = value.is_double() ? value.get_double().value_unsafe() : 0;
  return number > 0 && number < 9e15 ? static_cast<std::int64_t>(number) : 0;
}

Usage read_usage(dom::object object) {
  // Of two members of one name the first counts, as everywhere here.
  const auto count = [](dom::object of, std::string_view name) {
    dom::element value;
    return of.at_key(name).get(value) ? 0 : count_of(value);
  };
  Usage usage;
  usage.reported = true;
  usage.input = count(object, "prompt_tokens");
  usage.output = count(object, "completion_tokens");
  const std::int64_t hit = count(object, "prompt_cache_hit_tokens");
  if (dom::object details; !object.at_key("prompt_tokens_details").get_object().get(details)) {
    usage.cached_input = count(details, "cached_tokens");
    usage.cache_write = count(details, "cache_write_tokens");
  }
  if (dom::object details; !object.at_key("completion_tokens_details").get_object().get(details))
    usage.reasoning = count(details, "reasoning_tokens");
  usage.cached_input = std::min(std::max(usage.cached_input, hit), usage.input);
  usage.cache_write = std::min(usage.cache_write, usage.input - usage.cached_input);
  usage.reasoning = std::min(usage.reasoning, usage.output);
  return usage;
}

void take_string(const std::optional<dom::element>& from, std::string& into) {
  std::string_view value;
  if (into.empty() && from && !from->get_string().get(value)) into = std::string(value);
}

std::optional<dom::element> member_of(dom::object object, std::string_view name) {
  dom::element out;
  if (object.at_key(name).get(out)) return std::nullopt;
  return out;
}

// Whether a delta or a message holds something that a person or a program would see.
bool has_content(dom::object message) {
  for (const dom::key_value_pair member : message) {
    if (member.key == "role" || member.value.is_null()) continue;
    if (member.value.is_string() && member.value.get_string_length().value_unsafe() == 0) continue;
    if (member.value.is_array() && member.value.get_array().value_unsafe().size() == 0) continue;
    return true;
  }
  return false;
}

// The chunk's text with other values for "choices" and "usage"; an empty one takes "usage" out.
void rewrite(std::string_view chunk, bool empty_choices, std::string_view usage, std::string& out) {
  MemberScanner scanner(chunk);
  out += '{';
  bool first = true;
  while (scanner.next()) {
    std::string_view value = scanner.json();
    if (scanner.raw_name() == "usage") {
      if (usage.empty()) continue;
      value = usage;
    } else if (scanner.raw_name() == "choices" && empty_choices) {
      value = "[]";
    }
    if (!first) out += ',';
    first = false;
    out += '"';
    out += scanner.raw_name();
    out += "\":";
    out += value;
  }
  out += '}';
}

std::string_view raw_member(std::string_view object, std::string_view name) {
  MemberScanner scanner(object);
  while (scanner.next())
    if (scanner.raw_name() == name) return scanner.json();
  return {};
}

}  // namespace

std::string with_reasoning_content(std::string_view json) {
  constexpr std::string_view kReasoning = R"("reasoning")";
  std::string out;
  if (position(json, R"("reasoning_content")", 0) != json.npos) return std::string(json);
  std::size_t from = 0;
  for (std::size_t at = position(json, kReasoning, 0); at != json.npos;
       at = position(json, kReasoning, at + kReasoning.size())) {
    const std::string_view value = value_at(json, at + kReasoning.size());
    if (!value.starts_with('"') && !value.starts_with("null")) continue;
    out += json.substr(from, at - from);
    out += R"("reasoning_content")";
    from = at + kReasoning.size();
  }
  out += json.substr(from);
  return out;
}

AnswerReader::AnswerReader(AnswerOptions options)
    : include_usage_(options.include_usage),
      n_(static_cast<std::size_t>(std::max(options.n, 1))),
      says_reasoning_(options.says_reasoning),
      secrets_(std::move(options.secrets)) {}

bool AnswerReader::every_choice_finished() const {
  return finished_.size() >= n_ && std::ranges::all_of(finished_, [](bool one) { return one; });
}

Result<Verdict> AnswerReader::event(std::string_view data, std::string& replacement) {
  usual_.reset();
  if (!says_reasoning_ || position(data, R"("reasoning")", 0) == data.npos) return judge(data, replacement);
  const std::string renamed = with_reasoning_content(data);
  FAIRLEAD_TRY(const Verdict verdict, judge(renamed, replacement));
  if (verdict != Verdict::kPass) return verdict;
  replacement += renamed;
  return Verdict::kReplace;
}

Result<Verdict> AnswerReader::judge(std::string_view data, std::string& replacement) {
  if (!looks_like_object(data)) return invalid("an event is not a JSON object");
  // Most events of an answer are like the one before them: content, nothing ends, nothing is counted.
  if (outcome_.content_started && !has_value(data, R"("finish_reason")") && !has_value(data, R"("error")")) {
    if (!simdjson::validate_utf8(data)) return invalid("an event is not UTF-8");
    const std::size_t usage = position(data, R"("usage")", 0);
    const bool usage_null = usage != data.npos && !has_value(data.substr(usage), R"("usage")");
    if (usage == data.npos || (usage_null && include_usage_)) {
      usual_.emplace();
      return Verdict::kPass;
    }
    if (usage_null) {
      // OpenAI writes "usage":null into every chunk when the last one is to carry usage.
      if (const std::size_t at = position(data, kUsageNull, 0); at != data.npos) {
        replacement += data.substr(0, at + 1);
        replacement += data.substr(at + kUsageNull.size());
        usual_ = Cut{at + 1, kUsageNull.size() - 1};
        return Verdict::kReplace;
      }
    }
  }
  return look_into(data, replacement);
}

Result<Verdict> AnswerReader::look_into(std::string_view data, std::string& replacement) {
  if (data.empty()) return invalid("an event is empty");
  dom::parser large;
  dom::parser& parser = data.size() > kKeptCapacity ? large : chunk_parser();
  dom::element root;
  if (const auto error = parser.parse(data.data(), data.size()).get(root); error || !root.is_object())
    return invalid("an event is not a JSON object");
  const dom::object chunk = root.get_object().value_unsafe();
  if (dom::element error; !chunk.at_key("error").get(error) && !error.is_null())
    return fail(error_in_answer(error, secrets_));

  dom::array choices;
  const bool has_choices = !chunk.at_key("choices").get_array().get(choices);
  dom::element usage;
  const bool usage_named = !chunk.at_key("usage").get(usage);
  const bool has_usage = usage_named && usage.is_object();
  if (!has_choices && !has_usage) return Verdict::kDrop;  // a vendor's own event: no chunk
  any_chunk_ = true;
  take_string(member_of(chunk, "id"), outcome_.upstream_id);
  take_string(member_of(chunk, "model"), outcome_.upstream_model);

  bool says_something = false;
  if (has_choices) {
    for (const dom::element choice : choices) {
      dom::object object;
      if (choice.get_object().get(object)) return invalid("a choice is not an object");
      std::int64_t index = 0;
      if (!object.at_key("index").get_int64().get(index) &&
          (index < 0 || index >= static_cast<std::int64_t>(kChoicesLimit)))
        return invalid("the index of a choice is out of range");
      const auto slot = static_cast<std::size_t>(index);
      if (finished_.size() <= slot) finished_.resize(slot + 1, false);
      if (dom::object delta; !object.at_key("delta").get_object().get(delta) && has_content(delta))
        says_something = outcome_.content_started = true;
      std::string_view reason;
      if (!object.at_key("finish_reason").get_string().get(reason) && !finished_[slot]) {
        finished_[slot] = says_something = true;
        if (slot == 0) outcome_.finish_reason = std::string(reason);
      }
    }
  }
  if (has_usage) {
    outcome_.usage = read_usage(usage.get_object().value_unsafe());
    if (include_usage_) {
      usage_chunk_.clear();
      if (has_choices) {
        rewrite(data, true, raw_member(data, "usage"), usage_chunk_);
      } else {
        // Without "choices" it is no chunk by the contract; with an empty list it is.
        usage_chunk_ = R"({"choices":[],)";
        usage_chunk_ += data.substr(data.find_first_not_of(" \t", 1));
      }
    }
    if (!says_something) return Verdict::kDrop;
    rewrite(data, false, include_usage_ ? "null" : "", replacement);
    return Verdict::kReplace;
  }
  if (usage_named && !include_usage_) {
    rewrite(data, false, "", replacement);
    return Verdict::kReplace;
  }
  return Verdict::kPass;
}

Result<void> AnswerReader::whole(std::string_view body) {
  if (body.empty()) return invalid("it is empty");
  dom::parser large;
  dom::parser& parser = body.size() > kKeptCapacity ? large : chunk_parser();
  dom::element root;
  if (const auto error = parser.parse(body.data(), body.size()).get(root); error || !root.is_object())
    return invalid("it is not a JSON object");
  const dom::object object = root.get_object().value_unsafe();
  std::optional<dom::element> error, all, usage, id, model;
  for (const dom::key_value_pair member : object) {
    std::optional<dom::element>* const into = member.key == "error"     ? &error
                                              : member.key == "choices" ? &all
                                              : member.key == "usage"   ? &usage
                                              : member.key == "id"      ? &id
                                              : member.key == "model"   ? &model
                                                                        : nullptr;
    if (into != nullptr && !*into) *into = member.value;
  }
  if (error && !error->is_null()) return fail(error_in_answer(*error, secrets_));
  dom::array choices;
  if (!all || all->get_array().get(choices)) return invalid("it has no choices");
  take_string(id, outcome_.upstream_id);
  take_string(model, outcome_.upstream_model);
  for (const dom::element choice : choices) {
    dom::object one;
    if (choice.get_object().get(one)) return invalid("a choice is not an object");
    std::optional<dom::element> reason, message;
    for (const dom::key_value_pair member : one) {
      if (member.key == "finish_reason" && !reason) reason = member.value;
      if (member.key == "message" && !message) message = member.value;
    }
    take_string(reason, outcome_.finish_reason);
    if (dom::object said; message && !message->get_object().get(said) && has_content(said))
      outcome_.content_started = true;
  }
  if (dom::object counts; usage && !usage->get_object().get(counts)) outcome_.usage = read_usage(counts);
  return {};
}

}  // namespace fairlead::llm::internal
