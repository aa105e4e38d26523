#include "capacity/records.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "base/clock.h"

namespace fairlead::capacity {
namespace {

namespace bj = boost::json;

constexpr std::int64_t kSecond_us = 1'000'000;
constexpr std::int64_t kSlots = 5'000;
constexpr std::int64_t kEnough = 1'000, kMost = 6'000, kRows = 8'000;
constexpr std::int64_t kShortest_us = 60 * kSecond_us, kLongest_us = 3'600 * kSecond_us;

// Calls that went to an upstream, or would have if they had been let in.
constexpr std::string_view kCalls =
    "(provider is not null or error_code in ('rate_limit_exceeded', 'budget_exceeded', 'upstream_busy')) and "
    "(cache is null or cache = 'miss') and operation <> 'count_tokens'";

Result<bj::array> rows_of(const Ask& ask, const std::string& query, std::int64_t limit) {
  FAIRLEAD_TRY(const std::string answer, ask(query, limit));
  boost::system::error_code error;
  bj::value value = bj::parse(answer, error);
  bj::object* const object = error ? nullptr : value.if_object();
  bj::value* const rows = object != nullptr ? object->if_contains("rows") : nullptr;
  if (rows == nullptr || !rows->is_array())
    return fail(ErrorKind::kInternal, "internal_error", "The records' answer could not be read.");
  return std::move(rows->get_array());
}

// A cell of a row, or a member of one; null where there is none.
const bj::value& cell(const bj::value& row, std::size_t at) {
  static const bj::value kNone;
  const bj::array* const cells = row.if_array();
  return cells != nullptr && at < cells->size() ? (*cells)[at] : kNone;
}
const bj::value& cell(const bj::value& row, std::string_view name) {
  static const bj::value kNone;
  const bj::object* const cells = row.if_object();
  const bj::value* const found = cells != nullptr ? cells->if_contains(name) : nullptr;
  return found != nullptr ? *found : kNone;
}

double number(const bj::value& value, double otherwise = 0) {
  return value.is_number() ? value.to_number<double>() : otherwise;
}
std::int64_t whole(const bj::value& value) {
  return static_cast<std::int64_t>(number(value));
}
std::int64_t micros(const bj::value& value, double otherwise_ms = 0) {
  return static_cast<std::int64_t>(number(value, otherwise_ms) * 1e3);
}
std::string text(const bj::value& value) {
  return value.is_string() ? std::string(value.get_string()) : std::string();
}

struct Stretch {
  std::int64_t from_us = 0, length_us = 0, calls = 0;
};

std::string between(std::int64_t from_us, std::int64_t to_us) {
  return fmt::format("started_at >= make_timestamp({}) and started_at < make_timestamp({})", from_us, to_us);
}

Result<std::vector<std::int64_t>> count_calls(const Ask& ask, std::int64_t from_us, std::int64_t to_us,
                                              std::int64_t slot_us) {
  const auto slots = static_cast<std::size_t>((to_us - from_us + slot_us - 1) / slot_us);
  FAIRLEAD_TRY(
      const bj::array rows,
      rows_of(ask,
              fmt::format("select (epoch_us(started_at) - {}) // {} as slot, count(*) from calls where {} and {} "
                          "and shadow_of is null group by slot",
                          from_us, slot_us, between(from_us, to_us), kCalls),
              10'000));
  std::vector<std::int64_t> out(slots);
  for (const bj::value& row : rows) {
    const std::int64_t slot = whole(cell(row, 0));
    if (slot >= 0 && slot < static_cast<std::int64_t>(slots)) out[static_cast<std::size_t>(slot)] = whole(cell(row, 1));
  }
  return out;
}

// The `length` slots in a row that hold most.
Stretch busiest(const std::vector<std::int64_t>& counts, std::int64_t from_us, std::int64_t slot_us,
                std::int64_t length_us) {
  const std::size_t length =
      std::clamp<std::size_t>(static_cast<std::size_t>((length_us + slot_us - 1) / slot_us), 1, counts.size());
  std::int64_t sum = 0;
  Stretch best;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    sum += counts[i];
    if (i >= length) sum -= counts[i - length];
    if (i + 1 < length || sum <= best.calls) continue;
    best = {from_us + static_cast<std::int64_t>(i + 1 - length) * slot_us, static_cast<std::int64_t>(length) * slot_us,
            sum};
  }
  return best;
}

Result<Stretch> find_peak(const Ask& ask, std::int64_t since_us, std::int64_t now_us) {
  const std::int64_t slot_us = std::max(kSecond_us, (now_us - since_us) / kSlots);
  FAIRLEAD_TRY(const std::vector<std::int64_t> counts, count_calls(ask, since_us, now_us, slot_us));
  Stretch out;
  for (std::int64_t length_us = kShortest_us; length_us <= kLongest_us; length_us *= 2) {
    out = busiest(counts, since_us, slot_us, length_us);
    if (out.calls >= kEnough || length_us >= now_us - since_us) break;
  }
  if (out.calls <= kMost) return out;
  const std::int64_t fine_us = std::clamp<std::int64_t>(out.length_us / kSlots, 10'000, kSecond_us);
  const std::int64_t part_us = std::max(fine_us, out.length_us * kMost / out.calls);
  FAIRLEAD_TRY(const std::vector<std::int64_t> finer,
               count_calls(ask, out.from_us, out.from_us + out.length_us, fine_us));
  return busiest(finer, out.from_us, fine_us, part_us);
}

// When each try began is not recorded: the last one ended with the call, the one before it a wait earlier. One that a
// hedge overtook ended with the other one's first token.
void place_tries(RecordedCall& call, const std::vector<std::int64_t>& waited_us) {
  std::int64_t end = call.at_us + call.duration_us;
  for (std::size_t i = call.tries.size(); i-- > 0;) {
    RecordedTry& one = call.tries[i];
    if (one.error_code == "hedge_lost") {
      one.began_us = call.at_us + std::max<std::int64_t>(0, call.first_token_us - one.duration_us);
      continue;
    }
    one.began_us = std::max(call.at_us, end - one.duration_us);
    end = one.began_us - waited_us[i];
  }
}

RecordedCall call_of(const bj::value& row, const Names& names) {
  RecordedCall out;
  out.at_us = whole(cell(row, 0));
  out.duration_us = micros(cell(row, 1));
  out.first_token_us = micros(cell(row, 2), -0.001);
  out.gateway_us = micros(cell(row, 3));
  out.input = whole(cell(row, 4));
  out.output = whole(cell(row, 5));
  out.stream = cell(row, 6).is_bool() && cell(row, 6).get_bool();
  out.target_kind = text(cell(row, 7));
  out.target = text(cell(row, 8));
  out.model = text(cell(row, 9));
  out.key = names.key(text(cell(row, 10)));
  out.user = text(cell(row, 11));
  if (const bj::array* const tags = cell(row, 12).if_array())
    for (const bj::value& tag : *tags) out.tags.push_back(text(tag));
  out.error_code = text(cell(row, 13));
  out.is_shadow = cell(row, 14).is_bool() && cell(row, 14).get_bool();
  std::vector<std::int64_t> waited_us;
  bool fell_back = false;
  if (const bj::array* const tries = cell(row, 15).if_array())
    for (const bj::value& one : *tries) {
      out.tries.push_back({text(cell(one, "provider")), text(cell(one, "asked")), 0, micros(cell(one, "ms")),
                           text(cell(one, "error"))});
      fell_back = !text(cell(one, "model")).empty();
      waited_us.push_back(micros(cell(one, "waited")));
    }
  // The record names the model that answered.
  if (out.target_kind == "model")
    out.model = out.target;
  else if (fell_back)
    out.model.clear();
  if (!names.is_model(out.model)) out.model.clear();
  place_tries(out, waited_us);
  return out;
}

// Of a prompt's call that fell back, or was refused before its model was known: what its other calls asked.
void complete_models(std::vector<RecordedCall>& calls) {
  std::map<std::string, std::string> usual;
  for (const RecordedCall& one : calls)
    if (!one.model.empty()) usual[one.target_kind + ":" + one.target] = one.model;
  for (RecordedCall& one : calls)
    if (one.model.empty()) one.model = usual[one.target_kind + ":" + one.target];
  std::erase_if(calls, [](const RecordedCall& one) { return one.model.empty(); });
}

// Who was refused has no size: as the middle of the model's others.
void complete_sizes(std::vector<RecordedCall>& calls) {
  std::map<std::string, std::pair<std::vector<std::int64_t>, std::vector<std::int64_t>>> sizes;
  for (const RecordedCall& one : calls) {
    if (one.tries.empty()) continue;
    sizes[one.model].first.push_back(one.input);
    sizes[one.model].second.push_back(one.output);
  }
  const auto middle = [](std::vector<std::int64_t>& values) {
    if (values.empty()) return std::int64_t{0};
    const auto at = values.begin() + std::ssize(values) / 2;
    std::ranges::nth_element(values, at);
    return *at;
  };
  for (auto& [model, of] : sizes) {
    const std::int64_t input = middle(of.first), output = middle(of.second);
    for (RecordedCall& one : calls)
      if (one.tries.empty() && one.model == model) one.input = input, one.output = output;
  }
}

}  // namespace

Result<Load> read_load(const Ask& ask, const Names& names, std::int64_t since_us, std::int64_t now_us) {
  FAIRLEAD_TRY(const Stretch peak, find_peak(ask, since_us, now_us));
  const std::int64_t to_us = peak.from_us + peak.length_us;
  Load out{peak.from_us, peak.length_us, {}};
  if (peak.calls > 0) {
    const std::string query = fmt::format(
        "select epoch_us(c.started_at) - {0}, c.duration_ms, c.first_token_ms, c.gateway_ms, c.input_tokens, "
        "c.output_tokens, c.stream, c.target_kind, c.target, c.model, c.key_id, c.user_id, c.tags, c.error_code, "
        "c.shadow_of is not null, t.tries from (select * from calls where {1} and {2}) c left join (select call_id, "
        "list(struct_pack(provider := provider, asked := upstream_model, ms := duration_ms, error := error_code, model "
        ":= model, waited := waited_ms) order by number) as tries "
        "from attempts where {1} and coalesce(reason, '') <> 'embedding' group by call_id) t on t.call_id = c.id order "
        "by c.started_at",
        peak.from_us, between(peak.from_us, to_us), kCalls);
    FAIRLEAD_TRY(const bj::array rows, rows_of(ask, query, kRows));
    for (const bj::value& row : rows) out.calls.push_back(call_of(row, names));
  }
  complete_models(out.calls);
  complete_sizes(out.calls);
  const auto has_tries = [](const RecordedCall& one) { return !one.tries.empty(); };
  if (out.calls.size() < 2 || std::ranges::none_of(out.calls, has_tries))
    return fail(ErrorKind::kInvalid, "no_records",
                "No calls to upstreams are recorded since " + iso8601(since_us).substr(0, 16) +
                    "Z. A plan needs some: give a longer --since, or come back when there was traffic.",
                "since");
  // What lies outside of the calls is no part of the stretch: they may all be of its last seconds.
  const std::int64_t first = out.calls.front().at_us, last = out.calls.back().at_us;
  out.from_us += first;
  out.length_us = std::max<std::int64_t>(1, (last - first) * std::ssize(out.calls) / (std::ssize(out.calls) - 1));
  for (RecordedCall& one : out.calls) {
    one.at_us -= first;
    for (RecordedTry& tried : one.tries) tried.began_us -= first;
  }
  return out;
}

Result<std::map<std::string, BudgetUse>> read_budget_use(const Ask& ask, std::int64_t since_us, std::int64_t now_us) {
  FAIRLEAD_TRY(const bj::array rows,
               rows_of(ask,
                       fmt::format("select budget, count(*), sum(input_tokens), sum(output_tokens), sum(cost_usd) from "
                                   "(select unnest(budgets) as budget, * from calls where {}) group by budget",
                                   between(since_us, now_us)),
                       10'000));
  std::map<std::string, BudgetUse> out;
  for (const bj::value& row : rows) {
    out[text(cell(row, 0))] = {number(cell(row, 1)), number(cell(row, 2)), number(cell(row, 3)), number(cell(row, 4))};
  }
  return out;
}

}  // namespace fairlead::capacity
