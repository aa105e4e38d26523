#include "gateway/internal/admission.h"

#include <fmt/compile.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "gateway/routing/instructed.h"
#include "llm/tokens/count.h"

namespace fairlead::gateway::internal {
namespace {

using budgets::Amounts;
using budgets::Metric;

constexpr std::int64_t kMostTokens = 1'000'000'000;  // nobody answers with more

std::int64_t& at(Amounts& amounts, Metric metric) {
  return amounts[static_cast<std::size_t>(metric)];
}

Amounts amounts_of(std::int64_t input, std::int64_t output, llm::NanoUsd cost) {
  Amounts out{};
  at(out, Metric::kRequests) = 1;
  at(out, Metric::kInputTokens) = input;
  at(out, Metric::kOutputTokens) = output;
  at(out, Metric::kTokens) = input + output;
  at(out, Metric::kCost) = cost;
  return out;
}

void add(Amounts& sum, const Amounts& one) {
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += one[i];
}

const llm::Member* find(std::span<const llm::Member> members, std::string_view name) {
  const auto found = std::ranges::find(members, name, &llm::Member::name);
  return found == members.end() ? nullptr : &*found;
}

// A number, if that is what it is; "1e3" is one too. What is none the upstream refuses.
std::optional<std::int64_t> number(std::span<const llm::Member> members, std::string_view name) {
  const llm::Member* const member = find(members, name);
  if (member == nullptr) return std::nullopt;
  double value = 0;
  const std::string_view json = member->json;
  const auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), value);
  if (error != std::errc() || !(value >= 0)) return std::nullopt;
  return static_cast<std::int64_t>(std::min(std::ceil(value), static_cast<double>(kMostTokens)));
}

// Of `prompt`: one, or as many as its list has strings or lists of tokens. No fewer than there are.
std::int64_t prompts_of(std::span<const llm::Member> members) {
  const llm::Member* const prompt = find(members, "prompt");
  if (prompt == nullptr || !prompt->json.starts_with('[')) return 1;
  const std::string_view inside = prompt->json.substr(1);
  const std::size_t first = inside.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || (inside[first] != '"' && inside[first] != '[')) return 1;
  // A comma within a text counts as one between two.
  return 1 + std::ranges::count(inside, ',');
}

using Text = std::array<char, 64>;

std::string_view duration_text(Text& out, std::int64_t micros) {
  const auto written = [&out](char* end) { return std::string_view(out.data(), end); };
  if (micros < 1'000'000) return written(fmt::format_to(out.data(), FMT_COMPILE("{}ms"), (micros + 999) / 1'000));
  const std::int64_t seconds = (micros + 999'999) / 1'000'000;
  if (seconds < 60) return written(fmt::format_to(out.data(), FMT_COMPILE("{}s"), seconds));
  if (seconds < 3'600) return written(fmt::format_to(out.data(), FMT_COMPILE("{}m{}s"), seconds / 60, seconds % 60));
  return written(
      fmt::format_to(out.data(), FMT_COMPILE("{}h{}m{}s"), seconds / 3'600, seconds / 60 % 60, seconds % 60));
}

struct RateHeaders {
  std::string_view limit, remaining, reset;
};
constexpr RateHeaders kRequestHeaders{"x-ratelimit-limit-requests", "x-ratelimit-remaining-requests",
                                      "x-ratelimit-reset-requests"};
constexpr RateHeaders kTokenHeaders{"x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens",
                                    "x-ratelimit-reset-tokens"};

void add_rate_headers(http::Exchange& exchange, const RateHeaders& names,
                      const std::optional<budgets::Hold::Left>& left) {
  if (!left) return;
  Text text;
  const auto number_text = [&text](std::int64_t number) {
    return std::string_view(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
  };
  exchange.add_header(names.limit, number_text(left->limit));
  exchange.add_header(names.remaining, number_text(left->left));
  if (left->resets_in_us >= 0) exchange.add_header(names.reset, duration_text(text, left->resets_in_us));
}

}  // namespace

OutputBound output_bound(llm::Format format, std::span<const llm::Member> members) {
  OutputBound out;
  const auto larger = [](std::optional<std::int64_t> a, std::optional<std::int64_t> b) {
    return a && b ? std::max(a, b) : a ? a : b;
  };
  switch (format) {
    case llm::Format::kChat:
      out.factor = std::clamp<std::int64_t>(number(members, "n").value_or(1), 1, 1'000);
      out.tokens = larger(number(members, "max_completion_tokens"), number(members, "max_tokens"));
      break;
    case llm::Format::kCompletions:
      out.factor = std::max(number(members, "n").value_or(1), number(members, "best_of").value_or(1));
      out.factor = std::clamp<std::int64_t>(out.factor, 1, 1'000) * prompts_of(members);
      out.tokens = number(members, "max_tokens").value_or(16);  // OpenAI's own default
      break;
    case llm::Format::kResponses:
      out.tokens = number(members, "max_output_tokens");
      break;
    case llm::Format::kMessages:
      out.tokens = number(members, "max_tokens");
      break;
    case llm::Format::kEmbeddings:
    case llm::Format::kModerations:
    case llm::Format::kCountTokens:
      out.tokens = 0;
      break;
  }
  if (out.tokens) out.tokens = std::min(*out.tokens * out.factor, kMostTokens);
  return out;
}

Result<void> Admission::enter(const budgets::Book* book, const llm::Call& call, std::string_view key_name,
                              budgets::Hold::Part part) {
  if (book == nullptr) return {};
  const budgets::Caller caller{.key = key_name,
                               .user = call.options.user,
                               .model = call.model->name,
                               .prompt = call.target_kind == "prompt" ? std::string_view(call.target_name) : "",
                               .tags = call.options.tags};
  auto entered = hold_.emplace().enter(*book, caller, part, call.loop->index(), clock_.unix_micros());
  refused_ = !entered;
  return entered;
}

Result<Amounts> Admission::worst_of(const RoutedRequest& request, const routing::Candidate& candidate,
                                    bool count_closely) const {
  const llm::Route& route = *candidate.route;
  const bool native = !request.native.empty() && route.provider->speaks(request.format);
  const auto instructed = native ? nullptr : routing::instructed(request.chat, route);
  const std::span<const llm::Member> chat = instructed ? instructed->chat.members : request.chat.members;
  const llm::CountedRequest counted{native ? request.format : llm::Format::kChat, native ? request.native : chat};
  // Nobody bills a count.
  if (request.format == llm::Format::kCountTokens) return amounts_of(0, 0, 0);
  const OutputBound bound = output_bound(counted.format, counted.members);
  std::int64_t output = bound.tokens.value_or(0);
  if (!bound.tokens) {
    const std::int64_t most = route.max_output_tokens > 0 ? route.max_output_tokens : route.context_length;
    // Where output costs nothing, a budget of cost does not ask how much it is.
    const bool matters = hold_->bounds_output() ||
                         (hold_->bounds_cost() && route.prices && llm::most_cost_of(0, 1'000'000, *route.prices) > 0);
    if (most == 0 && matters)
      return fail(ErrorKind::kInvalid, "max_tokens_required",
                  "This call falls under a budget, and nothing says how long its answer may be: give the request "
                  "`max_tokens`, or the card of model `" +
                      candidate.model->name + "` its `max_output_tokens`.",
                  counted.format == llm::Format::kResponses ? "max_output_tokens" : "max_tokens");
    output = std::min(most * bound.factor, kMostTokens);
  }
  if (!route.prices && hold_->bounds_cost())
    return fail(ErrorKind::kInvalid, "price_unknown",
                "This call falls under a budget of cost, and no price is known of `" + route.upstream_model +
                    "` at provider `" + std::string(route.provider->name()) + "`: give model `" +
                    candidate.model->name + "` its `prices`.",
                "model");
  const llm::TokenCount count = count_closely ? llm::count_input(counted, route) : llm::estimate_input(counted, route);
  return amounts_of(count.most, output, route.prices ? llm::most_cost_of(count.most, output, *route.prices) : 0);
}

Result<Amounts> Admission::worst_of(const RoutedRequest& request, std::span<const routing::Candidate> plan,
                                    bool count_closely) const {
  Amounts worst{};
  for (const routing::Candidate& one : plan) {
    FAIRLEAD_TRY(const Amounts amounts, worst_of(request, one, count_closely));
    for (std::size_t i = 0; i < worst.size(); ++i) worst[i] = std::max(worst[i], amounts[i]);
  }
  return worst;
}

// Counting takes longer than estimating; it is done for who would be refused otherwise.
Result<void> Admission::begin(const RoutedRequest& request, std::span<const routing::Candidate> plan) {
  if (!hold_ || !hold_->counts_amounts()) return {};
  FAIRLEAD_TRY(Amounts estimated, worst_of(request, plan, false));
  add(estimated, beside_);
  auto reserved = hold_->reserve(estimated, clock_.unix_micros());
  if (!reserved) {
    FAIRLEAD_TRY(Amounts counted, worst_of(request, plan, true));
    add(counted, beside_);
    if (counted != estimated) reserved = hold_->reserve(counted, clock_.unix_micros());
  }
  if (!reserved) refuse();
  return reserved;
}

// A further try that is refused does not unmake what the call has used.
void Admission::refuse() {
  refused_ = beside_ == Amounts{};
  hold_->count_refusal();
}

void Admission::add_used(const llm::Usage& usage, llm::NanoUsd cost) {
  add(beside_, amounts_of(usage.input, usage.output, cost));
}

Result<Amounts> Admission::needed_with(const RoutedRequest& request, const routing::Candidate& next,
                                       const routing::Candidate* beside, const llm::Usage& usage, llm::NanoUsd cost,
                                       bool count_closely) const {
  Amounts needed = amounts_of(usage.input, usage.output, cost);
  add(needed, beside_);
  for (const routing::Candidate* const one : {&next, beside}) {
    if (one == nullptr) continue;
    FAIRLEAD_TRY(const Amounts worst, worst_of(request, *one, count_closely));
    add(needed, worst);
  }
  return needed;
}

bool Admission::allows(const RoutedRequest& request, const routing::Candidate& next, const routing::Candidate* beside,
                       const llm::Usage& usage, llm::NanoUsd cost) {
  if (!hold_ || !hold_->counts_amounts()) return true;
  for (const bool count_closely : {false, true}) {
    const auto needed = needed_with(request, next, beside, usage, cost, count_closely);
    if (!needed) return false;
    if (hold_->reserve(*needed, clock_.unix_micros())) return true;
  }
  return false;
}

async::Task<Result<void>> Admission::ask() {
  auto asked = co_await hold_->ask(clock_.unix_micros());
  refused_ = !asked;
  if (refused_) hold_->count_refusal();
  co_return asked;
}

async::Task<Result<void>> Admission::begin_asking(const RoutedRequest& request,
                                                  std::span<const routing::Candidate> plan) {
  if (!hold_->counts_amounts()) co_return Result<void>{};
  Result<void> reserved;
  Amounts before{};
  for (const bool count_closely : {false, true}) {
    FAIRLEAD_CO_TRY(Amounts worst, worst_of(request, plan, count_closely));
    add(worst, beside_);
    if (count_closely && worst == before) break;
    before = worst;
    reserved = hold_->reserve(worst, clock_.unix_micros());
    if (reserved) {
      auto asked = co_await hold_->ask(clock_.unix_micros());
      reserved = std::move(asked);
    }
    if (reserved || reserved.error().kind != ErrorKind::kExhausted) break;
  }
  if (!reserved) refuse();
  co_return reserved;
}

async::Task<bool> Admission::allows_asking(const RoutedRequest& request, const routing::Candidate& next,
                                           const routing::Candidate* beside, llm::Usage usage, llm::NanoUsd cost) {
  if (!hold_->counts_amounts()) co_return true;
  for (const bool count_closely : {false, true}) {
    const auto needed = needed_with(request, next, beside, usage, cost, count_closely);
    if (!needed) co_return false;
    if (!hold_->reserve(*needed, clock_.unix_micros())) continue;
    const auto asked = co_await hold_->ask(clock_.unix_micros());
    if (asked) co_return true;
    if (asked.error().kind != ErrorKind::kExhausted) co_return false;
  }
  co_return false;
}

void Admission::settle(const telemetry::CallRecord& record) {
  if (!hold_ || settled_) return;
  settled_ = true;
  Amounts used = amounts_of(record.usage.input, record.usage.output, std::llround(record.cost_usd * 1e9));
  if (refused_) used = {};
  hold_->settle(used, clock_.unix_micros());
}

void Admission::add_headers(http::Exchange& exchange) const {
  if (!hold_) return;
  const std::int64_t now_us = clock_.unix_micros();
  add_rate_headers(exchange, kRequestHeaders, hold_->tightest(true, now_us));
  add_rate_headers(exchange, kTokenHeaders, hold_->tightest(false, now_us));
  if (const std::string alerts = hold_->alerts(now_us); !alerts.empty())
    exchange.add_header("x-fairlead-budget-alert", alerts);
}

}  // namespace fairlead::gateway::internal
