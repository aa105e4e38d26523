#include "capacity/upstream.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace fairlead::capacity {
namespace {

constexpr std::size_t kFewest = 30;
constexpr std::ptrdiff_t kNear = 16;  // donors on either side

// Ended by Fairlead or by who called, so that they say nothing of what the upstream would have done.
constexpr std::string_view kNotItsOwn[] = {
    "hedge_lost",  "cancelled",    "upstream_busy",   "first_token_timeout", "between_tokens_timeout",
    "try_timeout", "call_timeout", "shadow_displaced"};

// Solves a symmetric system of up to three unknowns by elimination; nothing if it has no one answer.
std::optional<std::array<double, 3>> solve(std::array<std::array<double, 4>, 3> rows, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    std::size_t best = i;
    for (std::size_t k = i + 1; k < size; ++k)
      if (std::abs(rows[k][i]) > std::abs(rows[best][i])) best = k;
    std::swap(rows[i], rows[best]);
    if (std::abs(rows[i][i]) < 1e-12) return std::nullopt;
    for (std::size_t k = 0; k < size; ++k) {
      if (k == i) continue;
      const double by = rows[k][i] / rows[i][i];
      for (std::size_t j = i; j < 4; ++j) rows[k][j] -= by * rows[i][j];
    }
  }
  std::array<double, 3> out{};
  for (std::size_t i = 0; i < size; ++i) out[i] = rows[i][3] / rows[i][i];
  return out;
}

std::array<double, 3> terms(double n) {
  return {1, n - 1, n * (n - 1)};
}

struct Candidate {
  std::array<double, 3> factors{};
  double criterion = HUGE_VAL;
};

// With these terms alone, weighted by what `now` says.
std::optional<Candidate> fit_terms(std::span<const Seen> seen, std::span<const std::size_t> which,
                                   const LatencyFit& now) {
  std::array<std::array<double, 4>, 3> rows{};
  for (const Seen& one : seen) {
    const double expected = now.at(one.in_flight), weight = 1 / (expected * expected);
    const auto x = terms(one.in_flight);
    for (std::size_t i = 0; i < which.size(); ++i) {
      for (std::size_t j = 0; j < which.size(); ++j) rows[i][j] += weight * x[which[i]] * x[which[j]];
      rows[i][3] += weight * x[which[i]] * one.us;
    }
  }
  // Eliminated columns end at size; the right side stays in column 3.
  const auto solved = solve(rows, which.size());
  if (!solved) return std::nullopt;
  Candidate out;
  for (std::size_t i = 0; i < which.size(); ++i) out.factors[which[i]] = (*solved)[i];
  if (out.factors[0] <= 0 || out.factors[1] < 0 || out.factors[2] < 0) return std::nullopt;
  double squares = 0;
  for (const Seen& one : seen) {
    const auto x = terms(one.in_flight);
    const double says = out.factors[0] * x[0] + out.factors[1] * x[1] + out.factors[2] * x[2];
    const double error = (one.us - says) / now.at(one.in_flight);
    squares += error * error;
  }
  const auto count = static_cast<double>(seen.size());
  out.criterion = count * std::log(squares / count + 1e-12) + 2 * static_cast<double>(which.size());
  return out;
}

}  // namespace

double LatencyFit::at(double in_flight) const {
  return alone_us * (1 + contention * (in_flight - 1) + coherency * in_flight * (in_flight - 1));
}

LatencyFit fit_latency(std::span<const Seen> seen) {
  LatencyFit out;
  for (const Seen& one : seen) out.alone_us += one.us / static_cast<double>(seen.size());
  if (seen.size() < kFewest || out.alone_us <= 0) return out;
  static constexpr std::size_t kWhich[4][3] = {{0}, {0, 1}, {0, 2}, {0, 1, 2}};
  static constexpr std::size_t kSizes[4] = {1, 2, 2, 3};
  static constexpr double kMoreThan[4] = {0, 0, 15, 15};  // lower than what came before
  for (int round = 0; round < 4; ++round) {               // the weights follow from the fit
    Candidate best;
    for (std::size_t i = 0; i < 4; ++i) {
      const auto one = fit_terms(seen, std::span(kWhich[i], kSizes[i]), out);
      if (one && one->criterion < best.criterion - kMoreThan[i]) best = *one;
    }
    if (best.criterion == HUGE_VAL) return out;
    out = {best.factors[0], best.factors[1] / best.factors[0], best.factors[2] / best.factors[0]};
  }
  return out;
}

UpstreamModel::UpstreamModel(std::vector<Sample> samples, std::map<std::string, int> failures, int tries)
    : samples_(std::move(samples)), failure_counts_(std::move(failures)), tries_(tries) {
  std::vector<Seen> first, rate, whole;
  const auto tokens = [](const Sample& one) { return static_cast<double>(std::max<std::int64_t>(1, one.output - 1)); };
  for (const Sample& one : samples_) {
    most_in_flight_ = std::max(most_in_flight_, one.in_flight);
    const double n = one.in_flight;
    if (one.stream) {
      first.push_back({n, one.first_us});
      rate.push_back({n, one.rest_us / tokens(one)});
    } else {
      whole.push_back({n, one.first_us});
    }
  }
  first_fit_ = fit_latency(first);
  rate_fit_ = fit_latency(rate);
  whole_fit_ = fit_latency(whole);
  const auto ratio = [](double us, const LatencyFit& fit, double n) { return fit.at(n) > 0 ? us / fit.at(n) : 1; };
  for (const Sample& one : samples_) {
    const double n = one.in_flight;
    if (one.stream) {
      streams_.push_back({one.input, ratio(one.first_us, first_fit_, n)});
      rates_.push_back({one.output, ratio(one.rest_us / tokens(one), rate_fit_, n)});
    } else {
      wholes_.push_back({one.output, ratio(one.first_us, whole_fit_, n)});
    }
  }
  for (auto* const donors : {&streams_, &rates_, &wholes_}) std::ranges::stable_sort(*donors, {}, &Donor::size);
  for (const auto& [code, count] : failure_counts_) {
    failing_ += static_cast<double>(count) / std::max(1, tries);
    failures_.emplace_back(failing_, code);
  }
}

UpstreamModel UpstreamModel::resampled(gateway::routing::Random& random) const {
  std::vector<Sample> drawn;
  drawn.reserve(samples_.size());
  for (std::size_t i = 0; i < samples_.size(); ++i) drawn.push_back(samples_[random.next() % samples_.size()]);
  return {std::move(drawn), failure_counts_, tries_};
}

double UpstreamModel::ratio_near(std::span<const Donor> by_size, std::int64_t size, gateway::routing::Random& random) {
  if (by_size.empty()) return 1;
  // Among many of one size any will do.
  const auto range = std::ranges::equal_range(by_size, size, {}, &Donor::size);
  const std::ptrdiff_t count = std::ssize(by_size);
  const std::ptrdiff_t from = std::max<std::ptrdiff_t>(0, range.begin() - by_size.begin() - kNear);
  const std::ptrdiff_t to = std::min(count, range.end() - by_size.begin() + kNear);
  const auto at = from + static_cast<std::ptrdiff_t>(random.unit() * static_cast<double>(to - from));
  return by_size[static_cast<std::size_t>(at)].ratio;
}

Drawn UpstreamModel::draw(bool stream, std::int64_t input, std::int64_t output, int in_flight,
                          gateway::routing::Random& random) const {
  Drawn out;
  const double n = in_flight;
  // Of a kind that was never seen here, the other one tells something.
  const bool as_stream = stream ? !streams_.empty() : wholes_.empty();
  if (as_stream) {
    const double tokens = static_cast<double>(std::max<std::int64_t>(1, output - 1));
    out.first_us = first_fit_.at(n) * ratio_near(streams_, input, random);
    out.rest_us = rate_fit_.at(n) * ratio_near(rates_, output, random) * tokens;
  } else {
    out.first_us = whole_fit_.at(n) * ratio_near(wholes_, output, random);
  }
  if (as_stream && !stream) out = {out.first_us + out.rest_us, 0, {}};
  const double chance = random.unit();
  for (const auto& [upto, code] : failures_) {
    if (chance >= upto) continue;
    out.error_code = code;
    break;
  }
  return out;
}

std::map<UpstreamName, UpstreamModel> learn_upstreams(const Load& load) {
  struct Edge {
    std::int64_t at_us;
    bool begins;
    std::size_t call, which;
  };
  std::map<UpstreamName, std::vector<Edge>> edges;
  for (std::size_t i = 0; i < load.calls.size(); ++i) {
    const auto& tries = load.calls[i].tries;
    for (std::size_t k = 0; k < tries.size(); ++k) {
      auto& of = edges[{tries[k].provider, tries[k].upstream_model}];
      of.push_back({tries[k].began_us, true, i, k});
      of.push_back({tries[k].began_us + tries[k].duration_us, false, i, k});
    }
  }
  std::map<UpstreamName, UpstreamModel> out;
  for (auto& [name, of] : edges) {
    // Who ends in the instant in which another one begins is gone by then.
    std::ranges::sort(of, {}, [](const Edge& edge) { return std::pair(edge.at_us, edge.begins); });
    std::vector<UpstreamModel::Sample> samples;
    std::map<std::string, int> failures;
    int in_flight = 0, tries = 0;
    for (const Edge& edge : of) {
      in_flight += edge.begins ? 1 : -1;
      if (!edge.begins) continue;
      ++tries;
      const RecordedCall& call = load.calls[edge.call];
      const RecordedTry& one = call.tries[edge.which];
      if (!one.error_code.empty()) {
        if (std::ranges::find(kNotItsOwn, one.error_code) == std::end(kNotItsOwn)) ++failures[one.error_code];
        continue;
      }
      if (call.error_code == "client_closed" || (call.stream && call.first_token_us < 0)) continue;
      UpstreamModel::Sample sample{call.stream, call.input, call.output, std::max(1, in_flight)};
      const auto whole = static_cast<double>(one.duration_us);
      if (call.stream) {
        // A record's first token is from the start of the call, which may have waited for a place or tried elsewhere.
        const auto before = static_cast<double>(one.began_us - call.at_us);
        sample.first_us = std::clamp(static_cast<double>(call.first_token_us) - before, 0.0, whole);
        sample.rest_us = whole - sample.first_us;
      } else {
        sample.first_us = whole;
      }
      samples.push_back(sample);
    }
    out.emplace(name, UpstreamModel(std::move(samples), std::move(failures), tries));
  }
  return out;
}

}  // namespace fairlead::capacity
