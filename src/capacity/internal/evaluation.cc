#include "capacity/internal/evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace fairlead::capacity {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

// Student's t for a two-sided interval of 95%, by degrees of freedom.
double student(std::size_t degrees) {
  constexpr double kT[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262};
  return degrees == 0 ? 0 : kT[std::min(degrees, std::size(kT)) - 1];
}

// Robust against the runs that happened to be beyond what can be borne.
double median(std::vector<double> values) {
  return quantile(values, 0.5);
}

}  // namespace

double quantile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const auto rank = static_cast<std::ptrdiff_t>(std::ceil(share * static_cast<double>(values.size()) - 1e-9));
  const auto at = values.begin() + std::clamp<std::ptrdiff_t>(rank - 1, 0, std::ssize(values) - 1);
  std::ranges::nth_element(values, at);
  return *at;
}

Result<std::vector<Run>> Evaluator::runs(double factor, const std::map<std::string, int>& concurrency,
                                         int count) const {
  std::vector<Run> out;
  for (int i = 0; i < count; ++i) {
    const std::uint64_t seed = seed_ * 1'000 + static_cast<std::uint64_t>(i);
    FAIRLEAD_TRY(Run run, simulate(scenario_, {.factor = factor, .seed = seed, .concurrency = concurrency}));
    out.push_back(std::move(run));
  }
  return out;
}

LoadPoint Evaluator::point(double factor, const std::vector<Run>& runs, const Covers& covers) const {
  LoadPoint out{.load = factor};
  std::vector<double> at_target, shares;
  std::vector<double> of_first[3], of_whole[3];
  constexpr double kShares[3] = {0.5, 0.95, 0.99};
  std::size_t calls = 0, turned_away = 0;
  for (const Run& run : runs) {
    std::vector<double> first, whole;
    for (const SimulatedCall& one : run.calls) {
      if (!covers(one)) continue;
      ++calls;
      turned_away += one.turned_away() ? 1 : 0;
      if (one.end == SimulatedCall::End::kFailed) continue;
      first.push_back(one.turned_away() ? kNever : one.first_token_us);
      whole.push_back(one.turned_away() ? kNever : one.duration_us);
    }
    for (std::size_t i = 0; i < 3; ++i) {
      of_first[i].push_back(quantile(first, kShares[i]));
      of_whole[i].push_back(quantile(whole, kShares[i]));
    }
    at_target.push_back(quantile(target_.metric == Metric::kFirstToken ? first : whole, target_.share));
  }
  out.first_token = {median(of_first[0]), median(of_first[1]), median(of_first[2])};
  out.duration = {median(of_whole[0]), median(of_whole[1]), median(of_whole[2])};
  std::size_t recorded = 0;
  for (std::size_t i = 0; i < scenario_.load.calls.size(); ++i)
    recorded += !scenario_.load.calls[i].is_shadow && covers({.call = i}) ? 1 : 0;
  out.calls_per_minute = factor * static_cast<double>(recorded) * 60e6 / static_cast<double>(scenario_.load.length_us);
  out.turned_away = calls == 0 ? 0 : static_cast<double>(turned_away) / static_cast<double>(calls);
  out.at_target = out.low = out.high = median(at_target);
  const auto finite = [](double one) { return std::isfinite(one) && one > 0; };
  if (std::ranges::all_of(at_target, finite) && at_target.size() > 1) {
    // Of the logarithms: what is drawn makes times longer by factors.
    const auto count = static_cast<double>(at_target.size());
    double sum = 0, squares = 0;
    for (const double one : at_target) sum += std::log(one);
    const double middle = sum / count;
    for (const double one : at_target) squares += (std::log(one) - middle) * (std::log(one) - middle);
    const double half = student(at_target.size() - 1) * std::sqrt(squares / (count - 1) * (1 + 1 / count));
    out.low = std::exp(middle - half);
    out.high = std::exp(middle + half);
  } else if (at_target.size() > 1) {
    out.low = std::ranges::min(at_target);
    out.high = kNever;
  }
  out.meets = out.at_target <= target_.most_us;
  return out;
}

std::pair<std::string, std::string> Evaluator::limit_of(const std::vector<Run>& runs, const Covers& covers) const {
  std::size_t calls = 0, refused = 0, busy = 0, late = 0;
  std::vector<double> own, waits;
  std::map<std::string, std::uint64_t> by_budget;
  std::map<std::string, double> waited_by_model;
  for (const Run& run : runs) {
    for (const auto& [name, count] : run.refused) by_budget[name] += count;
    for (const SimulatedCall& one : run.calls) {
      if (!covers(one)) continue;
      ++calls;
      refused += one.end == SimulatedCall::End::kRefused ? 1 : 0;
      busy += one.end == SimulatedCall::End::kBusy ? 1 : 0;
      late += one.end == SimulatedCall::End::kTooLate ? 1 : 0;
      waited_by_model[scenario_.load.calls[one.call].model] += one.waited_us;
      if (one.end != SimulatedCall::End::kAnswered) continue;
      own.push_back(metric_of(one) - one.waited_us);
      waits.push_back(one.waited_us);
    }
  }
  const auto share = [&](std::size_t count) {
    return 100.0 * static_cast<double>(count) / static_cast<double>(std::max<std::size_t>(1, calls));
  };
  const auto most = [](const auto& map) {
    return std::ranges::max_element(map, {}, [](const auto& one) { return one.second; })->first;
  };
  if (refused > 0 && refused >= busy && refused >= late && !by_budget.empty())
    return {"budget",
            fmt::format("budget `{}` refuses calls: {:.1f}% of all are refused", most(by_budget), share(refused))};
  const double p_own = quantile(own, target_.share), p_wait = quantile(waits, target_.share);
  const bool waits_matter = p_own <= target_.most_us && (p_wait > 0 || busy > 0);
  if (waits_matter && !waited_by_model.empty()) {
    const std::string model = most(waited_by_model);
    const int bound = scenario_.models.at(model)->routing.concurrency.max;
    return {"concurrency",
            fmt::format(
                "calls wait for a place: `concurrency` of model `{}` is {} at most. {} of the waits is {}, {:.1f}% of "
                "calls find none",
                model, bound, target_.percentile_text(), duration_text(p_wait), share(busy))};
  }
  if (late > 0 && p_own <= target_.most_us)
    return {"timeout", fmt::format("{:.1f}% of calls run into a timeout", share(late))};
  return {"upstream", fmt::format("the upstreams take too long by themselves: {} of {} is {} without any wait",
                                  target_.percentile_text(), to_string(target_.metric), duration_text(p_own))};
}

}  // namespace fairlead::capacity
