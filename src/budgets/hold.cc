#include "budgets/hold.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "budgets/internal/log.h"

namespace fairlead::budgets {
namespace {

constexpr std::int64_t kLogEvery_s = 10;

bool is_amount(Metric metric) {
  return metric != Metric::kRequests && metric != Metric::kConcurrency;
}

bool is_rate(const Budget& budget, Metric metric) {
  return metric == Metric::kConcurrency || budget.definition().period.kind == Period::Kind::kBucket;
}

// "`per-user` of user `u-17`"
std::string who(const Budget& budget, std::string_view subject) {
  std::string out = "`" + budget.definition().name + "`";
  if (!budget.definition().each) return out;
  const std::string_view scope = kScopeNames[static_cast<std::size_t>(*budget.definition().each)];
  return out +
         (subject.empty() ? fmt::format(" of calls without a {}", scope) : fmt::format(" of {} `{}`", scope, subject));
}

// "2026-12-01T00:00Z"
std::string minute_text(std::int64_t unix_micros) {
  return iso8601(unix_micros).substr(0, 16) + "Z";
}

std::string seconds_text(std::int64_t micros) {
  return fmt::format("{:.3g} s", std::max(0.001, static_cast<double>(micros) / 1e6));
}

}  // namespace

Hold::~Hold() {
  if (reserved_any_)
    settle(set_aside_, last_us_);
  else if (!steps_.empty())
    settle({}, last_us_);
  else
    give_back(0, 0);
  release();
}

void Hold::release() {
  for (const Charge& one : charges_)
    if (one.account != one.budget->shared()) Ledger::release(*one.account);
  charges_.clear();
}

Result<void> Hold::enter(const Book& book, const Caller& caller, Part part, int lane, std::int64_t now_us) {
  lane_ = lane;
  shared_ = book.shared();
  now_us = time(now_us);
  for (const auto& budget : book.budgets()) {
    if (!budget->covers(caller)) continue;
    if (const auto each = budget->definition().each; !each) {
      FAIRLEAD_CHECK(add(*budget, {}, lane));
    } else if (*each == Scope::kTag && !caller.tags.empty()) {
      for (auto tag = caller.tags.begin(); tag != caller.tags.end(); ++tag)
        if (std::find(caller.tags.begin(), tag, *tag) == tag) FAIRLEAD_CHECK(add(*budget, *tag, lane));
    } else {
      const std::string_view subject = *each == Scope::kKey      ? caller.key
                                       : *each == Scope::kUser   ? caller.user
                                       : *each == Scope::kModel  ? caller.model
                                       : *each == Scope::kPrompt ? caller.prompt
                                                                 : std::string_view();
      FAIRLEAD_CHECK(add(*budget, subject, lane));
    }
  }
  asks_ = shared_ != nullptr &&
          std::ranges::any_of(charges_, [](const Charge& one) { return one.budget->definition().hard; });
  requests_open_ = asks_;
  for (std::size_t i = 0; i < charges_.size(); ++i) {
    const Definition& definition = charges_[i].budget->definition();
    for (std::size_t l = 0; l < definition.limits.size(); ++l) {
      const Metric metric = definition.limits[l].metric;
      if (is_amount(metric)) {
        amounts_ = true;
        bounds_output_ |= definition.hard && (metric == Metric::kOutputTokens || metric == Metric::kTokens);
        bounds_cost_ |= definition.hard && metric == Metric::kCost;
      } else if (part == Part::kAll) {
        auto taken = take(i, l, 1, now_us);
        if (taken) continue;
        give_back(0, now_us);
        count_refusal();
        return taken;
      }
    }
  }
  if (!amounts_ && !asks_) count_request(now_us);
  return {};
}

// A rate gets it back from now on, and not from the end of the call on.
void Hold::count_request(std::int64_t now_us) {
  const auto spent = std::remove_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    const Charge& charge = charges_[entry.charge];
    const Definition::Limit& limit = charge.budget->definition().limits[entry.limit];
    if (limit.metric != Metric::kRequests) return false;
    // Redis has counted it, and said so.
    const std::int64_t more = is_shared(entry) ? 0 : 1;
    if (entry.here)
      charge.account->meter(limit.metric).settle(charge.budget->bound(limit, now_us), entry.taken, more, now_us);
    if (shared_ != nullptr && !is_shared(entry)) shared_->add(lane_, shared_limit(entry, 1, now_us));
    charge.budget->alert(limit, *charge.account, now_us);
    return true;
  });
  entries_.erase(spent, entries_.end());
}

void Hold::count_refusal() const {
  if (refused_by_ != nullptr) refused_by_->counters().refused.fetch_add(1, std::memory_order_relaxed);
}

Result<void> Hold::add(const Budget& budget, std::string_view subject, int lane) {
  // The shared one is kept by its budget.
  Account* const shared = budget.shared();
  Account* const account = shared != nullptr ? shared : budget.ledger().acquire(lane, budget.id(), subject);
  if (account != nullptr) {
    charges_.push_back({&budget, account});
    return {};
  }
  if (!budget.definition().hard) {
    budget.counters().over.fetch_add(1, std::memory_order_relaxed);
    return {};
  }
  budget.counters().refused.fetch_add(1, std::memory_order_relaxed);
  return fail(ErrorKind::kUnavailable, "budget_ledger_full",
              "Budget " + who(budget, subject) +
                  " cannot be counted: the ledger has no room for one more. An operator can raise `budgets.accounts`.");
}

Result<void> Hold::take(std::size_t charge, std::size_t limit, std::int64_t amount, std::int64_t now_us) {
  const Charge& from = charges_[charge];
  const Definition::Limit& what = from.budget->definition().limits[limit];
  const Bound bound = from.budget->bound(what, now_us);
  Meter& meter = from.account->meter(what.metric);
  Taken taken;
  std::int64_t retry_after_us = 0;
  last_us_ = now_us;
  // Else the file had what Redis has not granted, and told it as spent after a kill.
  if (asks_ && from.budget->definition().hard) {
    entries_.push_back({.charge = static_cast<std::uint16_t>(charge),
                        .limit = static_cast<std::uint16_t>(limit),
                        .taken = {.amount = amount},
                        .here = false});
    return {};
  }
  if (shared_ != nullptr) from.account->mark_shared(what.metric, false);
  from.budget->ledger().touch();
  if (!meter.take(bound, amount, now_us, taken, retry_after_us)) {
    refused_by_ = from.budget;
    return fail(refusal(from, what, amount, meter.use(bound, now_us), retry_after_us));
  }
  if (!from.budget->definition().hard && what.metric != Metric::kConcurrency &&
      meter.use(bound, now_us).left(bound) == 0)
    from.budget->counters().over.fetch_add(1, std::memory_order_relaxed);
  entries_.push_back({static_cast<std::uint16_t>(charge), static_cast<std::uint16_t>(limit), taken});
  return {};
}

// All that was taken since, as if it had not been.
void Hold::give_back(std::size_t from, std::int64_t now_us) {
  while (entries_.size() > from) {
    const Entry& entry = entries_.back();
    const Charge& charge = charges_[entry.charge];
    const Definition::Limit& limit = charge.budget->definition().limits[entry.limit];
    if (entry.here)
      charge.account->meter(limit.metric).settle(charge.budget->bound(limit, now_us), entry.taken, 0, now_us);
    entries_.pop_back();
  }
}

Result<void> Hold::reserve(const Amounts& needed, std::int64_t now_us) {
  now_us = time(now_us);
  const std::size_t before = entries_.size();
  if (asks_) mark_ = {before, set_aside_, reserved_any_};
  for (std::size_t i = 0; i < charges_.size(); ++i) {
    const Definition& definition = charges_[i].budget->definition();
    for (std::size_t l = 0; l < definition.limits.size(); ++l) {
      const auto metric = static_cast<std::size_t>(definition.limits[l].metric);
      if (!is_amount(definition.limits[l].metric)) continue;
      const std::int64_t missing = needed[metric] - set_aside_[metric];
      // Of nothing too, so that a truth that is more has an entry to be settled by.
      if (missing <= 0 && reserved_any_) continue;
      auto taken = take(i, l, std::max<std::int64_t>(missing, 0), now_us);
      if (taken) continue;
      give_back(before, now_us);
      return taken;
    }
  }
  for (std::size_t m = 0; m < kMetrics; ++m) set_aside_[m] = std::max(set_aside_[m], needed[m]);
  if (!reserved_any_ && !asks_) count_request(now_us);
  reserved_any_ = true;
  return {};
}

void Hold::settle(const Amounts& used, std::int64_t now_us) {
  now_us = time(now_us);
  boost::container::small_vector<std::int64_t, 8> truths;  // of each entry
  for (std::size_t e = 0; e < entries_.size(); ++e) {
    const Entry& entry = entries_[e];
    const Charge& charge = charges_[entry.charge];
    const Definition::Limit& limit = charge.budget->definition().limits[entry.limit];
    // Of several entries of one limit each but the last has at most what it took.
    std::int64_t actual = limit.metric == Metric::kConcurrency ? 0 : used[static_cast<std::size_t>(limit.metric)];
    std::int64_t taken = entry.taken.amount;
    bool is_last = true;
    for (std::size_t other = 0; other < entries_.size(); ++other) {
      if (other == e || entries_[other].charge != entry.charge || entries_[other].limit != entry.limit) continue;
      if (other < e) {
        actual = std::max<std::int64_t>(actual - entries_[other].taken.amount, 0);
        taken += entries_[other].taken.amount;
      } else {
        is_last = false;
      }
    }
    if (!is_last) actual = std::min(actual, entry.taken.amount);
    if (shared_ != nullptr) truths.push_back(actual);
    if (entry.step == kNoStep && entry.here)  // else when Redis has heard it
      charge.account->meter(limit.metric).settle(charge.budget->bound(limit, now_us), entry.taken, actual, now_us);
    charge.budget->alert(limit, *charge.account, now_us);
    if (actual <= entry.taken.amount) continue;
    Counters& counters = charge.budget->counters();
    counters.overruns.fetch_add(1, std::memory_order_relaxed);
    std::int64_t logged_s = counters.logged_at_s.load(std::memory_order_relaxed);
    if (now_us / 1'000'000 - logged_s < kLogEvery_s) continue;
    if (!counters.logged_at_s.compare_exchange_strong(logged_s, now_us / 1'000'000)) continue;
    kLog.warning("budget_overrun",
                 {{"budget", charge.budget->definition().name},
                  {"limit", name_of(limit.metric)},
                  {"reserved", amount_text(limit.metric, taken)},
                  {"reported", amount_text(limit.metric, used[static_cast<std::size_t>(limit.metric)])}});
  }
  if (!charges_.empty()) charges_.front().budget->ledger().touch();
  if (shared_ != nullptr) settle_shared(truths, now_us);
  entries_.clear();
}

Error Hold::refusal(const Charge& charge, const Definition::Limit& limit, std::int64_t amount, const Meter::Use& use,
                    std::int64_t retry_after_us) const {
  const Budget& budget = *charge.budget;
  const Bound bound{.limit = limit.amount};
  const std::string name = "Budget " + who(budget, charge.account->subject());
  const std::string of = amount_text(limit.metric, limit.amount);
  const std::string_view unit = unit_text(limit.metric);
  Error error{ErrorKind::kExhausted, "rate_limit_exceeded", {}};
  if (limit.metric == Metric::kConcurrency) {
    error.message =
        fmt::format("{} allows {} {}, and as many are in flight. Try again when one has ended.", name, of, unit);
    return error;
  }
  if (is_rate(budget, limit.metric)) {
    error.retry_after_ms = (retry_after_us + 999) / 1'000;
    error.message = fmt::format("{} allows {} {} per {}", name, of, unit, budget.definition().period.text);
    if (retry_after_us == 0)
      error.message +=
          fmt::format(", and this call may need {}: it will never fit.", amount_text(limit.metric, amount));
    else
      error.message += fmt::format("; {} are left. Try again in {}.", amount_text(limit.metric, use.left(bound)),
                                   seconds_text(retry_after_us));
    return error;
  }
  error.code = "budget_exceeded";
  error.message = fmt::format("{} is spent: {} of {} {}", name, amount_text(limit.metric, use.spent), of, unit);
  if (use.reserved > 0)
    error.message += fmt::format(", and {} are held by calls in flight", amount_text(limit.metric, use.reserved));
  error.message += '.';
  if (use.left(bound) > 0)
    error.message += fmt::format(" This call may need {} more.", amount_text(limit.metric, amount));
  error.message +=
      use.resets_at_us == 0 ? " It does not reset." : " It resets on " + minute_text(use.resets_at_us) + ".";
  return error;
}

std::optional<Hold::Left> Hold::tightest(bool requests, std::int64_t now_us) const {
  now_us = time(now_us);
  std::optional<Left> out;
  for (const Charge& charge : charges_) {
    for (const Definition::Limit& limit : charge.budget->definition().limits) {
      const bool fits =
          requests ? limit.metric == Metric::kRequests : is_amount(limit.metric) && limit.metric != Metric::kCost;
      if (!fits) continue;
      const Bound bound = charge.budget->bound(limit, now_us);
      const Meter::Use use = charge.account->meter(limit.metric).use(bound, now_us);
      const std::int64_t left = use.left(bound);
      if (out && out->left <= left) continue;
      out = {limit.amount, left, use.resets_at_us == 0 ? -1 : std::max<std::int64_t>(use.resets_at_us - now_us, 0)};
    }
  }
  return out;
}

std::string Hold::alerts(std::int64_t now_us) const {
  now_us = time(now_us);
  std::string out;
  for (const Charge& charge : charges_) {
    const Definition& definition = charge.budget->definition();
    if (definition.alerts.empty() || definition.period.kind == Period::Kind::kBucket) continue;
    for (const Definition::Limit& limit : definition.limits) {
      if (limit.metric == Metric::kConcurrency) continue;
      const Meter::Use use = charge.account->meter(limit.metric).use(charge.budget->bound(limit, now_us), now_us);
      const double share = static_cast<double>(use.spent) / static_cast<double>(limit.amount);
      if (share < definition.alerts.front()) continue;
      if (!out.empty()) out += ", ";
      out += fmt::format("{} {} {}%", definition.name, name_of(limit.metric), static_cast<int>(share * 100));
    }
  }
  return out;
}

std::vector<std::string> Hold::names() const {
  std::vector<std::string> out;
  out.reserve(charges_.size());
  for (const Charge& one : charges_)
    if (out.empty() || out.back() != one.budget->definition().name) out.push_back(one.budget->definition().name);
  return out;
}

}  // namespace fairlead::budgets
