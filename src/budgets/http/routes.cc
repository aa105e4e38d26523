#include "budgets/http/routes.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "access/control_plane.h"
#include "base/suggest.h"

namespace fairlead::budgets {
namespace {

namespace bj = boost::json;
using Limit = Definition::Limit;

constexpr std::size_t kSubjects = 20, kMostSubjects = 10'000;

// Dollars as dollars, the rest as it is.
bj::value number(Metric metric, std::int64_t amount) {
  if (metric == Metric::kCost) return static_cast<double>(amount) / kNanosPerDollar;
  return amount;
}

bj::array limits_json(const Budget& budget, Account& account, std::int64_t now_us) {
  bj::array out;
  for (const Limit& limit : budget.definition().limits) {
    const Bound bound = budget.bound(limit, now_us);
    const Meter::Use use = account.meter(limit.metric).use(bound, now_us);
    bj::object one;
    one["limit"] = name_of(limit.metric);
    one["amount"] = number(limit.metric, limit.amount);
    one["spent"] = number(limit.metric, use.spent);
    one["reserved"] = number(limit.metric, use.reserved);
    one["left"] = number(limit.metric, use.left(bound));
    if (limit.metric != Metric::kConcurrency && use.resets_at_us != 0) one["resets_at"] = iso8601(use.resets_at_us);
    out.push_back(std::move(one));
  }
  return out;
}

// How near the nearest of its limits is.
double share_of(const Budget& budget, Account& account, std::int64_t now_us) {
  double most = 0;
  for (const Limit& limit : budget.definition().limits) {
    const Meter::Use use = account.meter(limit.metric).use(budget.bound(limit, now_us), now_us);
    most = std::max(most, static_cast<double>(use.spent + use.reserved) / static_cast<double>(limit.amount));
  }
  return most;
}

struct Subject {
  std::string name;
  double share = 0;
};

// Of all that have used anything: looks at every account.
std::vector<Subject> subjects_of(const Budget& budget, std::int64_t now_us) {
  std::vector<Subject> out;
  budget.ledger().for_each(budget.id(), [&](Account& account) {
    if (account.subject().empty() && !budget.definition().each) return;
    const double share = share_of(budget, account, now_us);
    if (share > 0) out.push_back({std::string(account.subject()), share});
  });
  std::ranges::sort(
      out, [](const Subject& a, const Subject& b) { return a.share != b.share ? a.share > b.share : a.name < b.name; });
  return out;
}

bj::object budget_json(const Budget& budget, std::int64_t now_us, std::size_t subjects) {
  const Definition& definition = budget.definition();
  bj::object out;
  out["name"] = definition.name;
  out["version"] = definition.version;
  bj::object conditions;
  for (const Definition::Condition& one : definition.conditions) {
    bj::array words(one.any_of.begin(), one.any_of.end());
    conditions[kScopeNames[static_cast<std::size_t>(one.scope)]] = std::move(words);
  }
  out["for"] = std::move(conditions);
  if (definition.each) out["each"] = kScopeNames[static_cast<std::size_t>(*definition.each)];
  if (!definition.period.text.empty()) out["per"] = definition.period.text;
  if (definition.period.kind == Period::Kind::kCalendar) out["time_zone"] = definition.zone_name;
  out["hard"] = definition.hard;
  out["alert"] = bj::array(definition.alerts.begin(), definition.alerts.end());
  if (Account* const account = budget.shared()) {
    out["share"] = share_of(budget, *account, now_us);
    out["limits"] = limits_json(budget, *account, now_us);
  } else {
    std::vector<Subject> all = subjects_of(budget, now_us);
    bj::array amounts;
    for (const Limit& limit : definition.limits)
      amounts.push_back(bj::object{{"limit", name_of(limit.metric)}, {"amount", number(limit.metric, limit.amount)}});
    out["share"] = all.empty() ? 0 : all.front().share;
    out["limits"] = std::move(amounts);
    out["subject_count"] = all.size();
    if (all.size() > subjects) all.resize(subjects);
    bj::array list;
    for (const Subject& one : all) {
      Account* const account = budget.ledger().acquire(Ledger::kNoLane, budget.id(), one.name);
      if (account == nullptr) continue;
      list.push_back(
          bj::object{{"subject", one.name}, {"share", one.share}, {"limits", limits_json(budget, *account, now_us)}});
      Ledger::release(*account);
    }
    out["subjects"] = std::move(list);
  }
  const Counters& counters = budget.counters();
  out["refused"] = counters.refused.load();
  out["over"] = counters.over.load();
  return out;
}

std::shared_ptr<const Book> book_of(const Books& books, const std::string& project) {
  for (auto& one : books())
    if (one->project() == project) return one;
  return nullptr;
}

struct Context {
  Books books;
  const Clock* clock;
  async::BlockingPool* blocking;
};

bj::object list(const Context& context, const std::string& project) {
  bj::array data;
  if (const auto book = book_of(context.books, project))
    for (const auto& budget : book->budgets()) data.push_back(budget_json(*budget, context.clock->unix_micros(), 1));
  bj::object answer;
  answer["data"] = std::move(data);
  answer["has_more"] = false;
  return answer;
}

Result<bj::object> show(const Context& context, const std::string& project, const std::string& name,
                        std::size_t limit) {
  const auto book = book_of(context.books, project);
  if (const Budget* const budget = book ? book->find(name) : nullptr)
    return budget_json(*budget, context.clock->unix_micros(), limit);
  std::vector<std::string> names;
  if (book)
    for (const auto& one : book->budgets()) names.push_back(one->definition().name);
  return fail(ErrorKind::kNotFound, "budget_not_found",
              "There is no budget `" + name.substr(0, 63) + "`." + did_you_mean(name, names));
}

// Accounts are many: they are looked at off the loop.
async::Task<void> answer_list(http::Exchange& exchange, Context context, std::string project) {
  auto listing = context.blocking->run([context, project]() -> Result<bj::object> { return list(context, project); });
  auto listed = co_await std::move(listing);
  if (!listed) co_return co_await access::refuse(exchange, std::move(listed).error());
  co_await access::respond_json(exchange, 200, *std::move(listed));
}

async::Task<void> answer_show(http::Exchange& exchange, Context context, std::string project) {
  const auto limit = access::limit_of(exchange, kSubjects, kMostSubjects);
  if (!limit) co_return co_await access::refuse(exchange, limit.error());
  const std::string name(exchange.path_parameter("name"));
  auto showing = context.blocking->run(
      [context, project, name, most = *limit]() -> Result<bj::object> { return show(context, project, name, most); });
  auto shown = co_await std::move(showing);
  if (!shown) co_return co_await access::refuse(exchange, std::move(shown).error());
  co_await access::respond_json(exchange, 200, *std::move(shown));
}

}  // namespace

void add_routes(http::Router& router, const access::Guard& guard, Books books, const Clock& clock,
                async::BlockingPool& blocking) {
  const Context context{std::move(books), &clock, &blocking};
  router.add(
      http::Method::kGet, "/api/v1/budgets",
      guard.protect(access::Scope::kRead, [context](http::Exchange& exchange, const access::Principal& principal) {
        return answer_list(exchange, context, principal.project);
      }));
  router.add(
      http::Method::kGet, "/api/v1/budgets/{name}",
      guard.protect(access::Scope::kRead, [context](http::Exchange& exchange, const access::Principal& principal) {
        return answer_show(exchange, context, principal.project);
      }));
}

void add_metrics(telemetry::Metrics& metrics, const Ledger& ledger, Books books, const Clock& clock) {
  using enum telemetry::Metrics::Type;
  using Sample = telemetry::Metrics::Sample;
  metrics.add("fairlead_budget_accounts", kGauge, "Places of the budgets' ledger that are taken.",
              [&ledger] { return static_cast<double>(ledger.used()); });
  metrics.add("fairlead_budget_accounts_limit", kGauge, "Places that the budgets' ledger has.",
              [&ledger] { return static_cast<double>(ledger.capacity()); });
  metrics.add("fairlead_budget_sync_errors_total", kCounter, "Writes of the budgets' ledger to the disk that failed.",
              [&ledger] { return static_cast<double>(ledger.sync_errors()); });
  const auto scaled = [](Metric metric, std::int64_t amount) {
    return static_cast<double>(amount) / (metric == Metric::kCost ? static_cast<double>(kNanosPerDollar) : 1);
  };
  // Of the budgets that all their calls share.
  const auto add_gauge = [&](std::string name, std::string help, auto value_of) {
    metrics.add(std::move(name), kGauge, std::move(help), [books, &clock, scaled, value_of] {
      std::vector<Sample> out;
      const std::int64_t now_us = clock.unix_micros();
      for (const auto& book : books())
        for (const auto& budget : book->budgets()) {
          Account* const account = budget->shared();
          if (account == nullptr) continue;
          for (const Limit& limit : budget->definition().limits) {
            const Meter::Use use = account->meter(limit.metric).use(budget->bound(limit, now_us), now_us);
            out.push_back({{{"project", book->project()},
                            {"budget", budget->definition().name},
                            {"limit", std::string(name_of(limit.metric))}},
                           scaled(limit.metric, value_of(limit, use))});
          }
        }
      return out;
    });
  };
  add_gauge("fairlead_budget_limit", "What a budget allows, cost in US dollars.",
            [](const Limit& limit, const Meter::Use&) { return limit.amount; });
  add_gauge("fairlead_budget_spent", "What is spent of a budget in its window, cost in US dollars.",
            [](const Limit&, const Meter::Use& use) { return use.spent; });
  add_gauge("fairlead_budget_reserved", "What calls in flight have set aside of a budget, cost in US dollars.",
            [](const Limit&, const Meter::Use& use) { return use.reserved; });
  const auto add_counter = [&](std::string name, std::string help, auto counter) {
    metrics.add(std::move(name), kCounter, std::move(help), [books, counter] {
      std::vector<Sample> out;
      for (const auto& book : books())
        for (const auto& budget : book->budgets())
          out.push_back({{{"project", book->project()}, {"budget", budget->definition().name}},
                         static_cast<double>((budget->counters().*counter).load(std::memory_order_relaxed))});
      return out;
    });
  };
  add_counter("fairlead_budget_refusals_total", "Calls that a hard budget refused.", &Counters::refused);
  add_counter("fairlead_budget_over_total", "Calls that went out over a soft budget.", &Counters::over);
  add_counter("fairlead_budget_alerts_total", "Shares named by `alert` that were reached.", &Counters::alerts);
  add_counter("fairlead_budget_overruns_total", "Calls that used more than had been set aside for them.",
              &Counters::overruns);
}

void add_metrics(telemetry::Metrics& metrics, const SharedLedger& shared) {
  metrics.add("fairlead_redis_connected", telemetry::Metrics::Type::kGauge,
              "Whether every event loop has its connection to Redis.",
              [&shared] { return shared.connected() ? 1.0 : 0.0; });
  metrics.add("fairlead_redis_errors_total", telemetry::Metrics::Type::kCounter,
              "Connections to Redis that failed or broke.", [&shared] { return static_cast<double>(shared.errors()); });
}

}  // namespace fairlead::budgets
