#include "budgets/budget.h"

#include <fmt/format.h>

#include <algorithm>

#include "budgets/internal/log.h"

namespace fairlead::budgets {
Budget::Budget(Definition definition, Ledger& ledger)
    : definition_(std::move(definition)),
      ledger_(ledger),
      id_(Ledger::id_of(definition_.project, definition_.name)),
      counters_(ledger.counters(id_)) {
  if (!definition_.each) shared_ = ledger_.acquire(Ledger::kNoLane, id_, {});
}

Budget::~Budget() {
  if (shared_ != nullptr) Ledger::release(*shared_);
}

bool Budget::covers(const Caller& caller) const {
  const auto has = [&caller](Scope scope, const std::string& one) {
    switch (scope) {
      case Scope::kKey:
        return caller.key == one;
      case Scope::kUser:
        return caller.user == one;
      case Scope::kModel:
        return caller.model == one;
      case Scope::kPrompt:
        return caller.prompt == one;
      case Scope::kTag:
        return std::ranges::find(caller.tags, one) != caller.tags.end();
    }
    return false;
  };
  return std::ranges::all_of(definition_.conditions, [&has](const Definition::Condition& condition) {
    return std::ranges::any_of(condition.any_of, [&](const std::string& one) { return has(condition.scope, one); });
  });
}

Bound Budget::bound(const Definition::Limit& limit, std::int64_t now_us) const {
  Bound out{.limit = limit.amount, .hard = definition_.hard};
  if (limit.metric == Metric::kConcurrency) return out;
  const Period& period = definition_.period;
  if (period.kind == Period::Kind::kBucket) out.refill_ns = period.refill_ns;
  if (period.kind != Period::Kind::kCalendar) return out;
  std::uint32_t end = window_end_.load(std::memory_order_relaxed);
  if (now_us >= unix_micros_of(end)) {
    end = quarter_of(window_of(period.unit, *period.zone, now_us / 1'000'000).end_s * 1'000'000);
    window_end_.store(end, std::memory_order_relaxed);
  }
  out.window_end = end;
  return out;
}

void Budget::adopt(std::int64_t now_us) const {
  ledger_.for_each(id_, [&](Account& account) {
    for (const Definition::Limit& limit : definition_.limits) {
      Meter& meter = account.meter(limit.metric);
      meter.move_window(bound(limit, now_us), now_us);
      if (ledger_.started()) continue;
      if (ledger_.shared() != nullptr && account.is_shared(limit.metric))
        ledger_.note_left(account, limit.metric, bound(limit, now_us));
      else
        meter.spend_reserved(bound(limit, now_us), now_us);
    }
  });
}

int Budget::alert(const Definition::Limit& limit, Account& account, std::int64_t now_us) const {
  // What comes back all the time, or is in flight, is no news.
  if (definition_.alerts.empty() || limit.metric == Metric::kConcurrency ||
      definition_.period.kind == Period::Kind::kBucket)
    return 0;
  const Bound bound = this->bound(limit, now_us);
  const Meter::Use use = account.meter(limit.metric).use(bound, now_us);
  std::uint8_t bits = 0;
  double reached = 0;
  for (std::size_t i = 0; i < definition_.alerts.size(); ++i) {
    if (static_cast<double>(use.spent) < definition_.alerts[i] * static_cast<double>(limit.amount)) break;
    bits = static_cast<std::uint8_t>(bits | (1U << i));
    reached = definition_.alerts[i];
  }
  if (bits == 0) return 0;
  const std::uint32_t window = use.resets_at_us == 0 ? kNever : quarter_of(use.resets_at_us);
  const std::uint8_t fresh = account.alert(limit.metric, window, bits);
  if (fresh == 0) return 0;
  const int count = __builtin_popcount(fresh);
  counters_->alerts.fetch_add(static_cast<std::uint64_t>(count), std::memory_order_relaxed);
  kLog.warning("budget_alert", {{"project", definition_.project},
                                {"budget", definition_.name},
                                {"limit", name_of(limit.metric)},
                                {"share", fmt::format("{:g}", reached)},
                                {"spent", amount_text(limit.metric, use.spent)},
                                {"of", amount_text(limit.metric, limit.amount)}});
  return count;
}

Book::Book(std::string project, std::vector<Definition> definitions, Ledger& ledger)
    : project_(std::move(project)), shared_(ledger.shared()) {
  for (Definition& one : definitions) budgets_.push_back(std::make_unique<const Budget>(std::move(one), ledger));
}

const Budget* Book::find(std::string_view name) const {
  for (const auto& one : budgets_)
    if (one->definition().name == name) return one.get();
  return nullptr;
}

void Book::adopt(std::int64_t now_us) const {
  for (const auto& one : budgets_) one->adopt(now_us);
}

std::string amount_text(Metric metric, std::int64_t amount) {
  if (metric != Metric::kCost) return std::to_string(amount);
  std::string out = fmt::format("{}.{:09}", amount / kNanosPerDollar, amount % kNanosPerDollar);
  while (out.back() == '0' && out[out.size() - 3] != '.') out.pop_back();  // two places at least
  return out;
}

std::string_view unit_text(Metric metric) {
  switch (metric) {
    case Metric::kRequests:
      return "requests";
    case Metric::kInputTokens:
      return "input tokens";
    case Metric::kOutputTokens:
      return "output tokens";
    case Metric::kTokens:
      return "tokens";
    case Metric::kCost:
      return "USD";
    case Metric::kConcurrency:
      return "calls at a time";
  }
  return "";
}

}  // namespace fairlead::budgets
