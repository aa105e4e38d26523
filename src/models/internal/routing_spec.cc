#include "models/internal/routing_spec.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <charconv>
#include <cmath>

#include "base/suggest.h"
#include "llm/cache.h"
#include "llm/reference.h"
#include "models/price_list.h"

namespace fairlead::models::internal {
namespace {

namespace bj = boost::json;
using resources::Catalogue;
using resources::SpecError;

constexpr std::string_view kKeyPrefix = "key:";  // of a priority: not a tag's
constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24);

const bj::object& object_in(const bj::object& object, std::string_view name) {
  static const bj::object kEmpty;
  const bj::value* const value = object.if_contains(name);
  return value != nullptr && value->is_object() ? value->get_object() : kEmpty;
}

std::string_view text_in(const bj::object& object, std::string_view name) {
  const bj::value* const value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

double number_in(const bj::object& object, std::string_view name, double otherwise) {
  const bj::value* const value = object.if_contains(name);
  return value != nullptr && value->is_number() ? value->to_number<double>() : otherwise;
}

std::optional<bool> boolean_in(const bj::object& object, std::string_view name) {
  const bj::value* const value = object.if_contains(name);
  return value != nullptr && value->is_bool() ? std::optional(value->get_bool()) : std::nullopt;
}

std::optional<std::int64_t> integer_in(const bj::object& object, std::string_view name) {
  const bj::value* const value = object.if_contains(name);
  return value != nullptr && value->is_number() ? std::optional(value->to_number<std::int64_t>()) : std::nullopt;
}

std::vector<std::string> texts_in(const bj::object& object, std::string_view name) {
  std::vector<std::string> out;
  const bj::value* const value = object.if_contains(name);
  if (value == nullptr || !value->is_array()) return out;
  for (const bj::value& one : value->get_array())
    if (one.is_string()) out.emplace_back(one.get_string());
  return out;
}

std::chrono::milliseconds duration_in(const bj::object& object, std::string_view name,
                                      std::chrono::milliseconds otherwise) {
  return parse_duration(text_in(object, name)).value_or(otherwise);
}

bool is_false(const bj::object& object, std::string_view name) {
  return boolean_in(object, name) == false;
}

void check_durations(const bj::object& spec, std::vector<SpecError>& out) {
  const auto check = [&out](const bj::object& object, std::string_view name, const std::string& at) {
    const std::string_view text = text_in(object, name);
    if (!text.empty() && !parse_duration(text)) out.push_back({at + std::string(name), "must be from 1ms to 24h"});
  };
  check(spec, "timeout", "/");
  const bj::object& timeouts = object_in(spec, "timeouts");
  for (const std::string_view name : {"first_token", "between_tokens", "try"}) check(timeouts, name, "/timeouts/");
  for (const std::string_view name : {"window", "pause", "longest_pause"})
    check(object_in(spec, "breaker"), name, "/breaker/");
  if (!text_in(object_in(spec, "hedge"), "after").starts_with('p')) check(object_in(spec, "hedge"), "after", "/hedge/");
  check(object_in(spec, "concurrency"), "wait", "/concurrency/");
  const auto whole = parse_duration(text_in(spec, "timeout"));
  const auto one = parse_duration(text_in(timeouts, "try"));
  if (whole && one && *one > *whole)
    out.push_back({"/timeouts/try", "is longer than the whole call may take (`timeout`)"});
}

// How `from` comes back to `name` by fallbacks: "a → b → a"; empty if it does not.
std::string way_back(std::string_view name, std::string_view from, const bj::object& own, const Catalogue& others,
                     std::vector<std::string>& seen) {
  if (from == name) return std::string(name);
  if (std::ranges::find(seen, from) != seen.end()) return {};
  seen.emplace_back(from);
  const bj::object* const spec = from == name ? &own : others.find("model", from);
  if (spec == nullptr) return {};
  for (const std::string& next : texts_in(*spec, "fallbacks"))
    if (const std::string way = way_back(name, next, own, others, seen); !way.empty())
      return std::string(from) + " → " + way;
  return {};
}

void check_fallbacks(std::string_view name, const bj::object& spec, const Catalogue& others,
                     std::vector<SpecError>& out) {
  const std::vector<std::string> fallbacks = texts_in(spec, "fallbacks");
  for (std::size_t i = 0; i < fallbacks.size(); ++i) {
    const std::string at = "/fallbacks/" + std::to_string(i);
    std::vector<std::string> seen;
    if (fallbacks[i] == name) {
      out.push_back({at, "is the model itself"});
    } else if (others.find("model", fallbacks[i]) == nullptr) {
      out.push_back(
          {at, "model `" + fallbacks[i] + "` does not exist." + did_you_mean(fallbacks[i], others.names("model"))});
    } else if (const std::string way = way_back(name, fallbacks[i], spec, others, seen); !way.empty()) {
      out.push_back({at, "leads back to the model itself: " + std::string(name) + " → " + way});
    }
  }
}

void check_cache(const bj::object& spec, const Catalogue& others, std::vector<SpecError>& out) {
  const std::optional<llm::CachePolicy> cache = llm::cache_of(spec);
  if (!cache || !cache->semantic || cache->semantic->embedding.empty()) return;
  const std::string& embedding = cache->semantic->embedding;
  if (others.find("model", embedding) != nullptr) return;
  out.push_back({"/cache/semantic/embedding",
                 "model `" + embedding + "` does not exist." + did_you_mean(embedding, others.names("model"))});
}

void check_shadow(std::string_view name, const bj::object& spec, const Catalogue& others, std::vector<SpecError>& out) {
  const std::optional<llm::ShadowPolicy> shadow = llm::shadow_of(spec);
  if (!shadow) return;
  const llm::Reference to = llm::Reference::parse(shadow->to);
  if (to.kind == "prompt" ||
      (to.kind.empty() && others.find("model", to.name) == nullptr && others.find("prompt", to.name) != nullptr)) {
    out.push_back({"/shadow/to", "must name a model: a model's callers have no variables for a prompt"});
  } else if (to.name == name && to.version.empty()) {
    out.push_back({"/shadow/to", "is the model itself; name a label or a version of it, or another model"});
  } else if (to.name != name && others.find("model", to.name) == nullptr) {
    out.push_back({"/shadow/to", "model `" + std::string(to.name) + "` does not exist." +
                                     did_you_mean(to.name, others.names("model"))});
  }
}

// Whether anything but the model's resource says what a route costs.
bool is_priced(const bj::object& route, const Catalogue& others) {
  const bj::object* const provider = others.find("provider", text_in(route, "provider"));
  if (provider == nullptr) return false;
  const std::string_view type = text_in(*provider, "type");
  return type == "llama.cpp" || PriceList::shipped().find(type, text_in(route, "model")) != nullptr;
}

void check_routes(const bj::object& spec, const Catalogue& others, std::vector<SpecError>& out) {
  const std::string_view strategy = text_in(spec, "strategy");
  const bj::value* const routes = spec.if_contains("routes");
  if (routes == nullptr || !routes->is_array()) return;
  bool any_price = spec.contains("prices"), any_weight = false;
  for (std::size_t i = 0; i < routes->get_array().size(); ++i) {
    if (!routes->get_array()[i].is_object()) continue;
    const bj::object& route = routes->get_array()[i].get_object();
    const std::string at = "/routes/" + std::to_string(i);
    any_price = any_price || route.contains("prices") || (strategy == "cheapest" && is_priced(route, others));
    any_weight |= number_in(route, "weight", 1) > 0;
    if (route.contains("weight") && strategy != "weighted")
      out.push_back({at + "/weight", "has a meaning with `strategy: weighted` only"});
    const bj::object& when = object_in(route, "when");
    const auto least = integer_in(when, "min_input_tokens"), most = integer_in(when, "max_input_tokens");
    if (least && most && *least > *most)
      out.push_back({at + "/when/min_input_tokens", "is more than `max_input_tokens`: no request fits"});
  }
  if (strategy == "weighted" && !any_weight) out.push_back({"/routes", "one route must have a `weight` over 0"});
  if (strategy == "cheapest" && !any_price)
    out.push_back({"/strategy",
                   "`cheapest` needs `prices`, of the model or of its routes: the list that comes with Fairlead has "
                   "none for them"});
}

// What is cheaper than the usual kind of token is named; what is not named costs the same.
llm::Rates rates_in(const bj::object& from, double usd, double usual_input, double usual_output) {
  const double input = number_in(from, "input", usual_input), output = number_in(from, "output", usual_output);
  const double written = number_in(from, "cache_write", input);
  return {.input = llm::per_million(usd * input),
          .cached_input = llm::per_million(usd * number_in(from, "cached_input", input)),
          .cache_write = llm::per_million(usd * written),
          .output = llm::per_million(usd * output),
          .reasoning = llm::per_million(usd * number_in(from, "reasoning", output)),
          .cache_write_1h_more = llm::per_million(usd * (number_in(from, "cache_write_1h", written) - written))};
}

}  // namespace

const std::string_view kPricesSchema = R"({
  "type": "object",
  "additionalProperties": false,
  "dependentRequired": {"currency": ["usd"], "usd": ["currency"]},
  "properties": {
    "input": {"$ref": "#/$defs/price"},
    "cached_input": {"$ref": "#/$defs/price"},
    "cache_write": {"$ref": "#/$defs/price"},
    "cache_write_1h": {"$ref": "#/$defs/price"},
    "output": {"$ref": "#/$defs/price"},
    "reasoning": {"$ref": "#/$defs/price"},
    "batch": {"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.01},
    "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
    "usd": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000},
    "long_context": {
      "type": "array",
      "maxItems": 8,
      "items": {
        "type": "object",
        "required": ["over"],
        "additionalProperties": false,
        "properties": {
          "over": {"type": "integer", "minimum": 1, "maximum": 1000000000},
          "input": {"$ref": "#/$defs/price"},
          "cached_input": {"$ref": "#/$defs/price"},
          "cache_write": {"$ref": "#/$defs/price"},
          "cache_write_1h": {"$ref": "#/$defs/price"},
          "output": {"$ref": "#/$defs/price"},
          "reasoning": {"$ref": "#/$defs/price"}
        }
      }
    }
  }
})";

const std::string_view kRoutingMembers = R"(
  "strategy": {"enum": ["order", "weighted", "least-latency", "cheapest"]},
  "retries": {"type": "integer", "minimum": 0, "maximum": 5},
  "timeouts": {
    "type": "object",
    "additionalProperties": false,
    "properties": {
      "first_token": {"$ref": "#/$defs/duration"},
      "between_tokens": {"$ref": "#/$defs/duration"},
      "try": {"$ref": "#/$defs/duration"}
    }
  },
  "breaker": {
    "type": ["object", "boolean"],
    "additionalProperties": false,
    "properties": {
      "errors": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
      "calls": {"type": "integer", "minimum": 1, "maximum": 10000},
      "window": {"$ref": "#/$defs/duration"},
      "pause": {"$ref": "#/$defs/duration"},
      "longest_pause": {"$ref": "#/$defs/duration"}
    }
  },
  "hedge": {
    "type": "object",
    "additionalProperties": false,
    "properties": {
      "after": {"type": "string", "pattern": "^(p(50|75|90|95|99)|[0-9]{1,9}(\\.[0-9]{1,3})?(ms|s|m|h))$"},
      "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
    }
  },
  "concurrency": {
    "type": "object",
    "required": ["max"],
    "additionalProperties": false,
    "properties": {
      "max": {"type": "integer", "minimum": 1, "maximum": 100000},
      "queue": {"type": "integer", "minimum": 0, "maximum": 100000},
      "wait": {"$ref": "#/$defs/duration"},
      "priorities": {
        "type": "object",
        "maxProperties": 32,
        "additionalProperties": {"type": "integer", "minimum": -100, "maximum": 100}
      }
    }
  },
  "shadow": {"$ref": "#/$defs/shadow"},
  "cache": {"$ref": "#/$defs/cache"},
  "continue": {
    "type": ["boolean", "object"],
    "additionalProperties": false,
    "properties": {"tool_calls": {"type": "boolean"}}
  },
  "fallbacks": {"type": "array", "maxItems": 8, "uniqueItems": true, "items": {"type": "string", "maxLength": 200}})";

const std::string_view kRouteMembers = R"(
  "weight": {"type": "number", "minimum": 0, "maximum": 1000000},
  "prices": {"$ref": "#/$defs/prices"},
  "continues": {"enum": [false, "last-message", "continue-final-message", "prefix"]},
  "schema": {"enum": ["native", "instructions"]},
  "when": {
    "type": "object",
    "additionalProperties": false,
    "minProperties": 1,
    "properties": {
      "stream": {"type": "boolean"},
      "tools": {"type": "boolean"},
      "images": {"type": "boolean"},
      "json_schema": {"type": "boolean"},
      "tags": {"type": "array", "minItems": 1, "maxItems": 32, "items": {"type": "string", "minLength": 1, "maxLength": 64}},
      "min_input_tokens": {"type": "integer", "minimum": 0},
      "max_input_tokens": {"type": "integer", "minimum": 0}
    }
  })";

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit(end, text.data() + text.size());
  const double ms = number * (unit == "ms" ? 1 : unit == "s" ? 1'000 : unit == "m" ? 60'000 : 3'600'000);
  if (ms < 1 || ms > static_cast<double>(kLongest.count())) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(ms));
}

llm::Prices prices_of(const bj::object& prices) {
  const double usd = number_in(prices, "usd", 1);  // of the currency's unit
  llm::Prices out;
  out.rates = rates_in(prices, usd, 0, 0);
  out.batch_percent = static_cast<int>(std::lround(number_in(prices, "batch", 1) * 100));
  const bj::value* const tiers = prices.if_contains("long_context");
  if (tiers == nullptr || !tiers->is_array()) return out;
  for (const bj::value& one : tiers->get_array()) {
    if (!one.is_object()) continue;
    const bj::object& tier = one.get_object();
    out.long_context.push_back({integer_in(tier, "over").value_or(0),
                                rates_in(tier, usd, number_in(prices, "input", 0), number_in(prices, "output", 0))});
  }
  std::ranges::sort(out.long_context, {}, &llm::Prices::LongContext::over);
  return out;
}

void check_routing(std::string_view name, const bj::object& spec, const Catalogue& others,
                   std::vector<SpecError>& out) {
  check_durations(spec, out);
  check_routes(spec, others, out);
  check_fallbacks(name, spec, others, out);
  check_shadow(name, spec, others, out);
  check_cache(spec, others, out);
}

llm::RoutingPolicy routing_of(const bj::object& spec) {
  llm::RoutingPolicy out;
  const std::string_view strategy = text_in(spec, "strategy");
  if (strategy == "weighted") out.strategy = llm::Strategy::kWeighted;
  if (strategy == "least-latency") out.strategy = llm::Strategy::kLeastLatency;
  if (strategy == "cheapest") out.strategy = llm::Strategy::kCheapest;
  out.retries = static_cast<int>(integer_in(spec, "retries").value_or(1));
  const bj::object& timeouts = object_in(spec, "timeouts");
  out.timeouts = {.whole = duration_in(timeouts, "try", {}),
                  .first_token = duration_in(timeouts, "first_token", {}),
                  .between_tokens = duration_in(timeouts, "between_tokens", {})};
  const bj::object& breaker = object_in(spec, "breaker");
  out.breaker.error_rate = is_false(spec, "breaker") ? 2 : number_in(breaker, "errors", out.breaker.error_rate);
  out.breaker.calls = static_cast<int>(integer_in(breaker, "calls").value_or(out.breaker.calls));
  out.breaker.window = duration_in(breaker, "window", out.breaker.window);
  out.breaker.pause = duration_in(breaker, "pause", out.breaker.pause);
  out.breaker.longest_pause =
      std::max(out.breaker.pause, duration_in(breaker, "longest_pause", out.breaker.longest_pause));
  const bj::object& concurrency = object_in(spec, "concurrency");
  out.concurrency.max = static_cast<int>(integer_in(concurrency, "max").value_or(0));
  out.concurrency.queue = static_cast<int>(integer_in(concurrency, "queue").value_or(out.concurrency.queue));
  out.concurrency.wait = duration_in(concurrency, "wait", out.concurrency.wait);
  for (const auto& [tag, priority] : object_in(concurrency, "priorities"))
    if (priority.is_int64()) {
      std::string_view name = tag;
      const bool is_key = name.starts_with(kKeyPrefix);
      if (is_key) name.remove_prefix(kKeyPrefix.size());
      (is_key ? out.concurrency.key_priorities : out.concurrency.priorities)
          .emplace_back(name, static_cast<int>(priority.get_int64()));
    }
  out.continue_streams = !is_false(spec, "continue");
  out.continue_tool_calls = boolean_in(object_in(spec, "continue"), "tool_calls") == true;
  if (spec.contains("hedge")) {
    const bj::object& hedge = object_in(spec, "hedge");
    const std::string_view after = text_in(hedge, "after");
    out.hedge.share = number_in(hedge, "share", 0.05);
    if (int percent = 0; after.starts_with('p') &&
                         std::from_chars(after.data() + 1, after.data() + after.size(), percent).ec == std::errc())
      out.hedge.percentile = percent / 100.0;
    else
      out.hedge.after = duration_in(hedge, "after", {});
  }
  return out;
}

void read_route(const bj::object& from, llm::Route& to) {
  to.weight = number_in(from, "weight", 1);
  if (from.contains("prices")) {
    to.prices = prices_of(object_in(from, "prices"));
    to.prices_from = llm::PricesFrom::kRoute;
  }
  if (const std::string_view how = text_in(from, "continues"); how == "last-message")
    to.continues = llm::Prefill::kLastMessage;
  else if (how == "continue-final-message")
    to.continues = llm::Prefill::kContinueFinalMessage;
  else if (how == "prefix")
    to.continues = llm::Prefill::kPrefix;
  else if (is_false(from, "continues"))
    to.continues = llm::Prefill::kNone;
  to.instructs_schema = text_in(from, "schema") == "instructions";
  const bj::object& when = object_in(from, "when");
  to.when = {.stream = boolean_in(when, "stream"),
             .tools = boolean_in(when, "tools"),
             .images = boolean_in(when, "images"),
             .json_schema = boolean_in(when, "json_schema"),
             .tags = texts_in(when, "tags"),
             .min_input_tokens = integer_in(when, "min_input_tokens"),
             .max_input_tokens = integer_in(when, "max_input_tokens")};
}

std::vector<std::string> fallbacks_of(const bj::object& spec) {
  return texts_in(spec, "fallbacks");
}

}  // namespace fairlead::models::internal
