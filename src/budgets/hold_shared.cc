// Hold's part where several nodes share their budgets.
#include <algorithm>
#include <utility>

#include "budgets/hold.h"

namespace fairlead::budgets {

SharedLimit Hold::shared_limit(const Entry& entry, std::int64_t amount, std::int64_t now_us) const {
  const Charge& charge = charges_[entry.charge];
  const Definition& definition = charge.budget->definition();
  const Definition::Limit& limit = definition.limits[entry.limit];
  const Bound bound = charge.budget->bound(limit, now_us);
  return {.budget = charge.budget->id(),
          .subject = std::string(charge.account->subject()),
          .metric = limit.metric,
          .period = definition.period.text + " " + definition.zone_name,
          .window_end_us = unix_micros_of(bound.window_end),
          .refill_us = bound.refill_ns / 1'000,
          .limit = limit.amount,
          .amount = amount};
}

async::Task<Result<void>> Hold::ask(std::int64_t now_us) {
  const bool counts_requests = requests_open_ && (!amounts_ || reserved_any_);
  auto asked = co_await ask_once(counts_requests, false, time(now_us));
  if (!asked && asked.error().code == "window_over") {
    auto again = co_await ask_once(counts_requests, true, time(now_us));  // by the clock that is known now
    asked = std::move(again);
  }
  if (asked) {
    if (counts_requests) count_request(time(now_us));
    requests_open_ = requests_open_ && !counts_requests;
    co_return asked;
  }
  give_back(mark_.entries, time(now_us));
  set_aside_ = mark_.set_aside;
  reserved_any_ = mark_.reserved_any;
  co_return asked;
}

// All that was taken here since the last time.
async::Task<Result<void>> Hold::ask_once(bool counts_requests, bool is_last, std::int64_t now_us) {
  std::vector<SharedLimit> limits;
  boost::container::small_vector<std::size_t, 8> places;  // which entries they are
  for (std::size_t e = mark_.entries; e < entries_.size(); ++e) {
    if (!is_shared(entries_[e])) continue;
    limits.push_back(shared_limit(entries_[e], entries_[e].taken.amount, now_us));
    places.push_back(e);
  }
  const std::uint64_t before = counts_requests && !steps_.empty() ? steps_.front() : 0;
  if (limits.empty() && before == 0) co_return Result<void>{};
  const std::uint64_t id = shared_->new_id(lane_);
  auto asked = co_await shared_->take(lane_, id, before, counts_requests, std::move(limits));
  if (!asked) {
    Error error = std::move(asked).error();
    if (error.code == "window_over" && !is_last) co_return fail(std::move(error));
    const auto is_hard = [](const Charge& one) { return one.budget->definition().hard; };
    refused_by_ = std::ranges::find_if(charges_, is_hard)->budget;
    const std::int64_t retry_after_ms = error.retry_after_ms;
    error = {ErrorKind::kUnavailable, "budgets_unavailable",
             "Budget `" + refused_by_->definition().name + "` is shared with other nodes and cannot be checked now: " +
                 error.message + " Try again in a second or two; an operator finds more in the log and under /readyz."};
    error.retry_after_ms = retry_after_ms;
    co_return fail(std::move(error));
  }
  if (asked->refused) {
    const Entry& entry = entries_[places[*asked->refused]];
    const Charge& charge = charges_[entry.charge];
    refused_by_ = charge.budget;
    const Definition::Limit& limit = charge.budget->definition().limits[entry.limit];
    const bool never = charge.budget->definition().period.kind == Period::Kind::kEver;
    const Meter::Use use{asked->spent, asked->reserved, never ? 0 : asked->resets_at_us};
    co_return fail(refusal(charge, limit, entry.taken.amount, use, asked->retry_after_us));
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    Entry& entry = entries_[places[i]];
    entry.step = static_cast<std::uint16_t>(steps_.size());
    entry.place = static_cast<std::uint16_t>(i);
    take_here(entry);
    const Charge& charge = charges_[entry.charge];
    const Metric metric = charge.budget->definition().limits[entry.limit].metric;
    if (metric == Metric::kConcurrency) continue;
    const bool is_bucket = charge.budget->definition().period.kind == Period::Kind::kBucket;
    charge.account->meter(metric).raise(is_bucket, asked->seen[i].spent, asked->seen[i].end_us);
  }
  if (!places.empty()) steps_.push_back(id);
  co_return Result<void>{};
}

// What Redis has set aside is in this node's ledger too, until Redis has heard what it came to.
void Hold::take_here(Entry& entry) {
  const Charge& charge = charges_[entry.charge];
  const Definition::Limit& limit = charge.budget->definition().limits[entry.limit];
  const std::int64_t now_us = shared_->now_us();
  Bound bound = charge.budget->bound(limit, now_us);
  bound.hard = false;
  charge.account->mark_shared(limit.metric, true);
  Taken taken;
  std::int64_t ignored = 0;
  // Of more than a meter has room for, Redis alone knows.
  entry.here = charge.account->meter(limit.metric).take(bound, entry.taken.amount, now_us, taken, ignored);
  entry.taken.generation = taken.generation;
  charge.budget->ledger().touch();
}

void Hold::settle_shared(std::span<const std::int64_t> actual, std::int64_t now_us) {
  for (std::size_t e = 0; e < entries_.size(); ++e)
    if (!is_shared(entries_[e])) shared_->add(lane_, shared_limit(entries_[e], actual[e], now_us));
  std::vector<SharedLedger::Truth> truths;
  for (std::size_t step = 0; step < steps_.size(); ++step) {
    truths.clear();
    for (std::size_t e = 0; e < entries_.size(); ++e)
      if (entries_[e].step == step)
        truths.push_back({entries_[e].place, actual[e], entries_[e].here ? entries_[e].taken : Taken{}});
    shared_->settle(lane_, steps_[step], truths);
  }
  steps_.clear();
}

}  // namespace fairlead::budgets
