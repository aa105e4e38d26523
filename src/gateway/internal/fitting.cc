#include "gateway/internal/fitting.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <vector>

#include "gateway/internal/reading.h"
#include "gateway/routing/instructed.h"
#include "llm/tokens/count.h"

namespace fairlead::gateway::internal {
namespace {

// What an estimate may be short of the truth (docs/reference/tokens.md).
constexpr double kEstimateMargin = 1.1;
// A conversation that begins the same for some turns is found in a provider's cache, and in a local model's.
constexpr int kSteps = 8;
// Each count of a local model asks its worker: from then on more is left out at a time than seems needed.
constexpr int kCountsBeforeHaste = 3;

struct Part {
  std::string name;
  std::size_t messages = 0, bytes = 0;  // left out
};

// Messages that stay or go together.
struct Unit {
  std::size_t part;  // of the rule's order
  std::vector<std::size_t> messages;
};

struct Said {
  std::string json;
  std::string role;
  bool out = false;
};

std::int64_t number(const llm::ChatRequest& chat, std::string_view name) {
  const llm::Member* const member = chat.member(name);
  std::int64_t value = 0;
  if (member != nullptr) std::from_chars(member->json.data(), member->json.data() + member->json.size(), value);
  return value;
}

// Of the route that has the smallest.
struct Window {
  const llm::Route* route = nullptr;
  std::int64_t tokens = 0;
};

Window window_of(const llm::Model& model) {
  Window out;
  for (const llm::Route& route : model.routes) {
    std::int64_t tokens = route.provider->window(route.upstream_model);
    if (tokens == 0 || (route.context_length > 0 && route.context_length < tokens)) tokens = route.context_length;
    if (tokens > 0 && (out.route == nullptr || tokens < out.tokens)) out = {&route, tokens};
  }
  return out;
}

std::int64_t answer_tokens(const llm::ChatRequest& chat, const Window& window) {
  const std::int64_t said = std::max(number(chat, "max_completion_tokens"), number(chat, "max_tokens"));
  if (said > 0) return said;
  const std::int64_t quarter = window.tokens / 4;
  const std::int64_t most = window.route->max_output_tokens;
  return most > 0 ? std::min(most, quarter) : quarter;
}

class Fitting {
 public:
  // The last `behind` of the messages are none of the conversation's, and stay.
  Fitting(const llm::FitRule& rule, Array messages, std::size_t behind) : rule_(rule) {
    for (const Element one : messages) {
      Object object;
      Said& said = said_.emplace_back();
      said.json = simdjson::minify(one);
      bytes_ += said.json.size();
      if (!one.get_object().get(object)) said.role = text_at(object, "role");
    }
    own_ = said_.size() - std::min(behind, said_.size());
    for (std::size_t at = 0; at < own_; ++at)
      if (said_[at].role == "user") last_user_ = at;
    for (const std::string& name : rule_.order) parts_.push_back({.name = name});
    for (std::size_t part = 0; part < parts_.size(); ++part) {
      if (parts_[part].name == llm::kHistoryPart)
        add_history(part);
      else
        add_part(part);
    }
  }

  bool any_left() const { return next_ < units_.size(); }
  std::size_t bytes() const { return bytes_; }

  // Leaves out the next unit, and further ones until so many bytes are out; of the history in steps of so many.
  void leave_out(std::size_t bytes, std::size_t step) {
    const std::size_t of_history = (bytes + step - 1) / step * step;
    std::size_t out = 0;
    do {
      const Unit& unit = units_[next_++];
      for (const std::size_t at : unit.messages) {
        said_[at].out = true;
        out += said_[at].json.size();
        ++parts_[unit.part].messages;
        parts_[unit.part].bytes += said_[at].json.size();
      }
    } while (any_left() && (out < bytes || (out < of_history && is_history_next())));
    bytes_ -= out;
  }

  std::string messages() const {
    std::string out = "[";
    for (const Said& said : said_) {
      if (said.out) continue;
      if (out.size() > 1) out += ',';
      out += said.json;
    }
    return out + ']';
  }
  std::size_t count() const { return static_cast<std::size_t>(std::ranges::count(said_, false, &Said::out)); }

  // What is recorded; the tokens are divided by bytes.
  std::string left_out(std::int64_t tokens) const {
    std::size_t all = 0;
    for (const Part& part : parts_) all += part.bytes;
    std::string out;
    ObjectWriter object(out);
    for (const Part& part : parts_) {
      if (part.messages == 0) continue;
      ObjectWriter one(object.member(part.name));
      one.number("messages", static_cast<std::int64_t>(part.messages));
      one.number("tokens", std::llround(static_cast<double>(tokens) * static_cast<double>(part.bytes) /
                                        static_cast<double>(all)));
      one.end();
    }
    object.end();
    return out;
  }

 private:
  bool is_history_next() const { return parts_[units_[next_].part].name == llm::kHistoryPart; }
  bool is_fixed(std::size_t at) const {
    return at >= own_ || at == last_user_ || said_[at].role == "system" || said_[at].role == "developer";
  }
  bool is_history(std::size_t at) const { return at >= rule_.parts.size() || rule_.parts[at] == llm::kHistoryPart; }
  bool is_result(std::size_t at) const { return said_[at].role == "tool" || said_[at].role == "function"; }

  // The oldest turns, then the oldest groups of the last turn but the latest one.
  void add_history(std::size_t part) {
    bool open = false;
    std::vector<Unit> groups;
    for (std::size_t at = 0; at < said_.size(); ++at) {
      if (!is_history(at) || is_fixed(at)) continue;
      if (last_user_ != std::string::npos && at < last_user_) {
        if (!open || said_[at].role == "user") units_.push_back({part, {}});
        open = true;
        units_.back().messages.push_back(at);
      } else {
        if (groups.empty() || !is_result(at)) groups.push_back({part, {}});
        groups.back().messages.push_back(at);
      }
    }
    if (!groups.empty()) groups.pop_back();
    for (Unit& group : groups) units_.push_back(std::move(group));
  }

  // Of the prompt's own; what answers a message goes with it.
  void add_part(std::size_t part) {
    std::vector<Unit> units;
    for (std::size_t at = 0; at < std::min(rule_.parts.size(), said_.size()); ++at) {
      if (rule_.parts[at] != parts_[part].name || is_fixed(at)) continue;
      const bool answers = said_[at].role != "user" && !units.empty() && units.back().messages.back() + 1 == at;
      if (!answers) units.push_back({part, {}});
      units.back().messages.push_back(at);
    }
    if (parts_[part].name != rule_.rising) std::ranges::reverse(units);
    std::ranges::move(units, std::back_inserter(units_));
  }

  const llm::FitRule& rule_;
  std::vector<Said> said_;
  std::vector<Part> parts_;
  std::vector<Unit> units_;  // in the order in which they go
  std::size_t next_ = 0, bytes_ = 0;
  std::size_t own_ = 0;  // messages of the conversation
  std::size_t last_user_ = std::string::npos;
};

std::unexpected<Error> too_long(const Window& window, std::int64_t count, std::int64_t answer,
                                std::string_view left_out) {
  std::string what = fmt::format(
      "The model's window is {} tokens, of which {} are for the answer (`max_tokens`), and the messages are {} tokens",
      window.tokens, answer, count);
  if (left_out.size() > 2) what += fmt::format(" without all that may be left out ({})", left_out);
  what += ". Make them shorter, or `max_tokens` lower.";
  return fail(ErrorKind::kInvalid, "context_length_exceeded", std::move(what), "messages");
}

}  // namespace

async::Task<Result<void>> fit(llm::Call& call, telemetry::CallRecord& record, SteadyTime deadline) {
  auto fitted = co_await fit(call, call.request, 0, record, deadline);
  co_return fitted;
}

async::Task<Result<void>> fit(llm::Call& call, llm::ChatRequest& chat, std::size_t behind,
                              telemetry::CallRecord& record, SteadyTime deadline) {
  if (!call.fit) co_return Result<void>{};
  const Window window = window_of(*call.model);
  if (window.route == nullptr) co_return Result<void>{};
  const std::int64_t answer = answer_tokens(chat, window);
  const std::int64_t room = window.tokens - answer;
  auto changed = routing::instructed(chat, *window.route);
  const auto counted = [&] {
    return llm::CountedRequest{llm::Format::kChat, changed ? changed->chat.members : chat.members};
  };
  if (llm::estimate_input(counted(), *window.route).most <= room) co_return Result<void>{};
  const llm::CallContext context{window.route->upstream_model, call.id, {}, *call.loop, *call.cancellation, deadline};
  FAIRLEAD_CO_TRY(const Document document, Document::parse(chat.messages));
  Array messages;
  if (document.root().get_array().get(messages)) co_return Result<void>{};
  Fitting fitting(*call.fit, messages, behind);
  std::int64_t at_first = 0;
  for (int counts = 1;; ++counts) {
    const llm::CountedRequest request = counted();
    const llm::TokenCount tokens = co_await llm::count_input_exactly(request, *window.route, context);
    if (call.cancellation->requested()) co_return fail(ErrorKind::kCancelled, "cancelled", "The call was cancelled.");
    const bool estimated = tokens.by == llm::CountedBy::kEstimate;
    const std::int64_t count =
        estimated ? std::llround(static_cast<double>(tokens.likely) * kEstimateMargin) : tokens.likely;
    if (counts == 1) at_first = count;
    record.trimmed_tokens = at_first - count;
    if (counts > 1) record.trimmed_json = fitting.left_out(record.trimmed_tokens);
    if (count <= room) co_return Result<void>{};
    if (!fitting.any_left()) co_return too_long(window, count, answer, record.trimmed_json);
    const double bytes_a_token = static_cast<double>(fitting.bytes()) / static_cast<double>(count);
    const double haste = counts > kCountsBeforeHaste ? 2 : 1;
    const double step = std::max(1.0, static_cast<double>(std::max<std::int64_t>(room, 0)) * bytes_a_token / kSteps);
    fitting.leave_out(static_cast<std::size_t>(static_cast<double>(count - room) * bytes_a_token * haste),
                      static_cast<std::size_t>(step));
    chat.messages = call.own(fitting.messages());
    chat.message_count = fitting.count();
    chat.set("messages", chat.messages);
    changed = routing::instructed(chat, *window.route);
  }
}

}  // namespace fairlead::gateway::internal
