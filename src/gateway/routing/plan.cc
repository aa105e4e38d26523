#include "gateway/routing/plan.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace fairlead::gateway::routing {
namespace {

constexpr std::int64_t kUsualAnswer = 500;

// Quotes inside of a JSON string are escaped, so these bytes stand for a whole string in the text only.
bool has_string(std::string_view json, std::string_view quoted) {
  return json.find(quoted) != std::string_view::npos;
}

bool is_empty_array(std::string_view json) {
  return json.find_first_not_of(" \t\r\n[]") == std::string_view::npos;
}

std::size_t bytes_without_data_urls(std::string_view json) {
  std::size_t bytes = json.size();
  for (std::size_t at = json.find("\"data:"); at != std::string_view::npos; at = json.find("\"data:", at)) {
    const std::size_t end = std::min(json.find('"', at + 1), json.size());
    bytes -= end - at;
    at = end;
  }
  return bytes;
}

std::optional<std::int64_t> number(const llm::Member* member) {
  if (member == nullptr) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(member->json.data(), member->json.data() + member->json.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

// What ordering the routes of one call needs; `facts` are found out only if something asks for them.
class Planner {
 public:
  Planner(const llm::ChatRequest& chat, std::span<const std::string> tags, SteadyTime now)
      : chat_(chat), tags_(tags), now_(now) {}

  void add(const llm::Model& model) {
    if (std::ranges::find(plan_, &model, &Candidate::model) != plan_.end()) return;  // by another way already
    const std::size_t first = plan_.size();
    const ModelState* const state = state_of(model);
    for (std::size_t i = 0; i < model.routes.size(); ++i) {
      const llm::Route& route = model.routes[i];
      if (route.when.any() && !fits(route.when, facts(), tags_)) continue;
      plan_.push_back({&model, &route, state != nullptr ? state->routes[i].get() : nullptr});
    }
    if (plan_.size() - first > 1) order(model, state, std::span(plan_).subspan(first));
    for (const auto& fallback : model.fallbacks) add(*fallback);
  }

  Plan take() {
    if (plan_.size() > 1) {
      const auto passes = [this](const Candidate& one) {
        return one.state == nullptr || one.state->breaker.passes(now_);
      };
      if (!std::ranges::all_of(plan_, passes)) std::stable_partition(plan_.begin(), plan_.end(), passes);
    }
    return std::move(plan_);
  }

 private:
  const RequestFacts& facts() {
    if (!facts_) facts_ = facts_of(chat_);
    return *facts_;
  }

  void order(const llm::Model& model, const ModelState* state, std::span<Candidate> routes) {
    switch (model.routing.strategy) {
      case llm::Strategy::kOrder:
        return;
      case llm::Strategy::kWeighted:
        if (state != nullptr) by_weight(state->shared->random, routes);
        return;
      case llm::Strategy::kLeastLatency:
        if (state != nullptr) by_latency(state->shared->random, routes);
        return;
      case llm::Strategy::kCheapest:
        by_price(routes);
        return;
    }
  }

  template <class KeyOf>
  static void sort_by(std::span<Candidate> routes, KeyOf key_of) {
    boost::container::small_vector<std::pair<double, Candidate>, 16> keyed;
    for (const Candidate& one : routes) keyed.emplace_back(key_of(one), one);
    std::ranges::stable_sort(keyed, {}, [](const auto& one) { return one.first; });
    std::ranges::transform(keyed, routes.begin(), [](const auto& one) { return one.second; });
  }

  // A random order in which each is first as often as its weight says: Efraimidis and Spirakis, Weighted random
  // sampling with a reservoir (2006).
  static void by_weight(Random& random, std::span<Candidate> routes) {
    sort_by(routes, [&random](const Candidate& one) {
      const double weight = one.route->weight;
      return weight > 0 ? -std::log(1 - random.unit()) / weight : HUGE_VAL;
    });
  }

  // The better of two at random first, which keeps calls from all going to the one that was best a moment ago
  // (Mitzenmacher, The power of two choices in randomized load balancing, 2001); the rest by what is expected of them.
  void by_latency(Random& random, std::span<Candidate> routes) const {
    const auto expected_us = [this](const Candidate& one) {
      return (one.state->latency(chat_.stream).value(now_) + 1) *
             (one.state->in_flight.load(std::memory_order_relaxed) + 1);
    };
    const std::size_t count = routes.size();
    const std::size_t a = random.next() % count;
    std::size_t b = random.next() % (count - 1);
    if (b >= a) ++b;
    std::swap(routes[0], routes[expected_us(routes[b]) < expected_us(routes[a]) ? b : a]);
    sort_by(routes.subspan(1), expected_us);
  }

  // What has no known price is no bargain.
  void by_price(std::span<Candidate> routes) {
    const llm::Usage size{.input = facts().input_tokens, .output = facts().output_tokens};
    sort_by(routes, [&](const Candidate& one) {
      return one.route->prices ? static_cast<double>(llm::cost_of(size, *one.route->prices)) : HUGE_VAL;
    });
  }

  const llm::ChatRequest& chat_;
  const std::span<const std::string> tags_;
  const SteadyTime now_;
  std::optional<RequestFacts> facts_;
  Plan plan_;
};

}  // namespace

RequestFacts facts_of(const llm::ChatRequest& chat) {
  RequestFacts out;
  out.stream = chat.stream;
  const llm::Member* const tools = chat.member("tools");
  out.tools = tools != nullptr && tools->json.starts_with('[') && !is_empty_array(tools->json);
  out.images = has_string(chat.messages, "\"image_url\"");
  const llm::Member* const format = chat.member("response_format");
  out.json_schema = format != nullptr && has_string(format->json, "\"json_schema\"");
  const std::size_t bytes = bytes_without_data_urls(chat.messages) + (out.tools ? tools->json.size() : 0);
  out.input_tokens = static_cast<std::int64_t>((bytes + 3) / 4);
  const auto bound = number(chat.member("max_completion_tokens"));
  out.output_tokens = bound.value_or(number(chat.member("max_tokens")).value_or(kUsualAnswer));
  return out;
}

bool fits(const llm::RouteConditions& when, const RequestFacts& facts, std::span<const std::string> tags) {
  if (when.stream && *when.stream != facts.stream) return false;
  if (when.tools && *when.tools != facts.tools) return false;
  if (when.images && *when.images != facts.images) return false;
  if (when.json_schema && *when.json_schema != facts.json_schema) return false;
  if (when.min_input_tokens && facts.input_tokens < *when.min_input_tokens) return false;
  if (when.max_input_tokens && facts.input_tokens > *when.max_input_tokens) return false;
  return when.tags.empty() || std::ranges::any_of(when.tags, [&](const std::string& tag) {
           return std::ranges::find(tags, tag) != tags.end();
         });
}

Plan plan_routes(const llm::Model& model, const llm::ChatRequest& chat, std::span<const std::string> tags,
                 SteadyTime now) {
  Planner planner(chat, tags, now);
  planner.add(model);
  return planner.take();
}

}  // namespace fairlead::gateway::routing
